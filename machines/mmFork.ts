/** The child's half of fork (`kernel/fork.c:dup_mmap`): VMAs, tables, entries and files of the parent, step by step. */
import { invariant } from '../src/errors.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { Message, MessageOf } from './messages.ts';
import { noteFallback } from './mmFault.ts';
import {
  account,
  ask,
  fileActor,
  filesOf,
  type Job,
  type MmContext,
  mmuOf,
  processOrder,
  putEntries,
} from './mmState.ts';
import type { Send } from './support.ts';

type ForkedJob = Extract<Job, { kind: 'forked' }>;

function begin(context: MmContext, event: MessageOf<'FORKED'>, send: Send): MmContext {
  const { parent, request, pageBytes, runs, startBrk, brk } = event;
  let vmas = VmaSet.empty(pageBytes);
  for (const vma of event.vmas) vmas = vmas.map(vma);
  const job: ForkedJob = {
    kind: 'forked',
    awaits: -1,
    step: '',
    asleep: false,
    parent,
    request,
    runs,
    files: filesOf(vmas),
  };
  const state = { ...context, pageBytes, vmas, startBrk, brk, job };
  const native = context.nativeTables && pageBytes > context.kernelPageBytes;
  const configure = (number: number): Message => ({ type: 'CONFIGURE', request: number, pageBytes, native });
  return ask(state, job, 'configured', mmuOf(state), configure, send);
}

function mapNext(context: MmContext, job: ForkedJob, send: Send): MmContext {
  const [file, ...files] = job.files;
  if (file === undefined) {
    send(job.parent, { type: 'FORK_READY', request: job.request });
    send(`process:${context.pid}`, { type: 'WAKE' });
    return { ...context, job: null };
  }
  const mm = `mm:${context.pid}`;
  const orderPages = processOrder(context);
  const message = (request: number): Message => ({ type: 'MAP_FILE', request, mm, orderPages });
  return ask(context, { ...job, files }, 'fileMapped', fileActor(file), message, send);
}

function go(context: MmContext, job: ForkedJob, event: Message, send: Send): MmContext {
  if (job.step === 'configured') {
    const { runs } = job;
    const set = (request: number): Message => ({ type: 'SET_PTES', request, runs, onlyNone: true });
    return ask(context, job, 'entered', mmuOf(context), set, send);
  }
  if (job.step === 'fileMapped') {
    const droppedPages = event.type === 'MAPPED' ? event.droppedPages : 0;
    return mapNext({ ...context, droppedPages: context.droppedPages + droppedPages }, job, send);
  }
  invariant(event.type === 'TABLE_DONE', 'the entries of a child are set by its MMU');
  putEntries(event.rejected, send);
  return mapNext(noteFallback(account(context, event.set, []), event.fallback), job, send);
}

/** The steps of a child that is being forked. */
export const childSteps = { begin, go };
