/**
 * The child's half of fork (`kernel/fork.c:dup_mmap`), in two parts. First it gets page size and VMAs and becomes a mapper
 * of their files, so that a file that drops pages asks it as well; then come the entries that the parent has copied.
 * Where memory for its tables is short, it gives everything back and the parent's fork fails.
 */
import { invariant } from '../src/errors.ts';
import { ERRNO } from '../src/mm/abiRules.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import { mmOf, mmuOf, processOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import type { Message, MessageOf } from './messages.ts';
import { enterKsm } from './ksm/mmKsm.ts';
import { mapFiles } from './mmCallJob.ts';
import { account, filesOf, putEntries, noteFallback, noteMapped } from './mmEntries.ts';
import { stillMapped } from './mmRmap.ts';
import { ask, type Job, type MmContext } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

type ForkedJob = Extract<Job, { kind: 'forked' }>;

function begin(context: MmContext, event: MessageOf<'DUP_MM'>, send: Send): MmContext {
  const { parent, request, pageBytes, startBrk, brk } = event;
  const vmas = VmaSet.fromPlain({ pageBytes, vmas: event.vmas }).forked();
  const files = filesOf(vmas);
  const base = { awaits: -1, step: '', asleep: false, ptesWritten: 0 };
  const job: ForkedJob = { ...base, kind: 'forked', parent, request, runs: [], files, unmapped: [] };
  const state = reviseMm(context, (draft) => {
    draft.pageBytes = pageBytes;
    draft.vmas = vmas;
    draft.startBrk = startBrk;
    draft.brk = brk;
    if (event.hugeZero !== undefined) draft.hugeZero = event.hugeZero;
    draft.job = job;
  });
  const native = context.nativeTables && pageBytes > context.kernelPageBytes;
  const configure = (number: number): Message => ({ type: 'CONFIGURE', request: number, pageBytes, native });
  return ask(state, job, 'configured', mmuOf(state.pid), configure, send);
}

function mapNext(context: MmContext, job: ForkedJob, send: Send): MmContext {
  const asked = mapFiles(context, job, 'fileMapped', send);
  if (asked !== null) return asked;
  send(job.parent, { type: 'FORK_READY', request: job.request, errno: 0 });
  return reviseMm(context, (mmDraft) => {
    mmDraft.job = reviseJob(job, (draft) => {
      draft.step = 'ready';
    });
  });
}

function enter(context: MmContext, job: ForkedJob, event: MessageOf<'FORKED'>, send: Send): MmContext {
  const runs = stillMapped(context, event.runs, job.unmapped, send);
  const lazily = context.resources.design.nativeFill === 'lazy' ? { lazily: true as const } : {};
  const set = (request: number): Message => ({ type: 'SET_PTES', request, runs, expects: -1, ...lazily });
  return ask(
    context,
    reviseJob(job, (draft) => {
      draft.request = event.request;
      draft.runs = runs;
    }),
    'entered',
    mmuOf(context.pid),
    set,
    send,
  );
}

function giveUp(context: MmContext, job: ForkedJob, send: Send): MmContext {
  const release = (request: number): Message => ({ type: 'RELEASE_TABLES', request });
  return ask(context, job, 'released', mmuOf(context.pid), release, send);
}

function go(context: MmContext, job: ForkedJob, event: Message, send: Send): MmContext {
  if (job.step === 'fileMapped') {
    return mapNext(event.type === 'MAPPED' ? noteMapped(context, event) : context, job, send);
  }
  invariant(event.type === 'TABLE_DONE', 'the tables of a child are made by its MMU');
  if (job.step === 'released') {
    // Files that were not mapped yet are still in the list.
    const mapped = filesOf(context.vmas).filter((file) => !job.files.includes(file));
    for (const file of mapped) send(actorOfFile(file), { type: 'UNMAP_FILE', file, mm: mmOf(context.pid) });
    send(job.parent, { type: 'FORK_READY', request: job.request, errno: ERRNO.ENOMEM });
    return reviseMm(context, (draft) => {
      draft.vmas = VmaSet.empty(context.kernelPageBytes);
      draft.pageBytes = 0;
      draft.job = null;
    });
  }
  putEntries(context, event.rejected, send);
  if (event.fallback === 'no-memory' || event.failed !== '') return giveUp(context, job, send);
  if (job.step === 'configured') return mapNext(context, job, send);
  send(job.parent, { type: 'FORK_READY', request: job.request, errno: 0 });
  send(processOf(context.pid), { type: 'WAKE' });
  const entered = enterKsm(context, Number(job.parent.slice('mm:'.length)), send);
  return { ...noteFallback(account(entered, event.set, []), event.fallback), job: null };
}

/** The steps of a child that is being forked. */
export const childSteps = { begin, enter, go };
