/** The steps that answers take a call through, after `mmCalls.ts` began it. */
import { invariant } from '../src/errors.ts';
import { PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { ExecCall, Message, MessageOf } from './messages.ts';
import {
  type CallJob,
  type CallOf,
  type CallStep,
  fails,
  mapFiles,
  move,
  newMapping,
  returns,
  tellDirty,
  tellUnmapped,
  waits,
} from './mmCalls.ts';
import { noteFallback } from './mmFault.ts';
import { account, ask, fileActor, filesOf, hasFlagBits, type MmContext, mmuOf, putEntries } from './mmState.ts';
import type { Send } from './support.ts';

type StepHandler = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

function tableDone(event: Message): MessageOf<'TABLE_DONE'> {
  invariant(event.type === 'TABLE_DONE', `a table operation is answered with TABLE_DONE, not ${event.type}`);
  return event;
}

/** What every clearing of entries leads to: frames given back, dirty pages told, the resident set counted. */
function settle(context: MmContext, job: CallJob, event: Message, send: Send): MmContext {
  const { cleared, fallback } = tableDone(event);
  tellDirty(context, cleared, job.before, send);
  putEntries(cleared, send);
  return noteFallback(account(context, [], cleared), fallback);
}

/** The result of a call that may have found holes on its way. */
function ended(context: MmContext, job: CallJob, result = 0): CallStep {
  return job.errno === 0 ? returns(context, result) : fails(context, job.errno);
}

function range(call: { addr: number; lengthBytes: number }): [number, number] {
  return [call.addr, call.addr + call.lengthBytes];
}

/** The addresses that a clearing call takes out of the VMA set. */
function unmappedRange(context: MmContext, job: CallJob): [number, number] {
  const { call } = job;
  if (call.op === 'munmap' || call.op === 'mmap') return range(call);
  if (call.op === 'mremap') return [call.addr + call.newLengthBytes, call.addr + call.oldLengthBytes];
  invariant(call.op === 'brk', `${call.op} unmaps no range`);
  const end = (va: number): number => Math.ceil(va / context.pageBytes) * context.pageBytes;
  const before = job.before.list().findLast((vma) => vma.name === '[heap]' && vma.endVa > context.brk);
  return [end(context.brk), before?.endVa ?? end(context.brk)];
}

function withoutRange(context: MmContext, startVa: number, endVa: number): MmContext {
  return { ...context, vmas: context.vmas.unmap(startVa, endVa).set };
}

/** execve's image as VMAs (`fs/binfmt_elf.c:load_elf_binary`, already laid out by the trace). */
function imageVmas(call: ExecCall): VmaSet {
  let vmas = VmaSet.empty(call.pageBytes);
  for (const segment of call.image) {
    const stack = segment.kind === 'stack';
    const name = stack ? '[stack]' : segment.kind === 'heap' ? '[heap]' : undefined;
    const vma: Vma = {
      startVa: segment.addr,
      endVa: segment.addr + segment.lengthBytes,
      prot: segment.prot,
      flags: stack ? VM.GROWSDOWN : 0,
      file: segment.file,
      offsetBytes: segment.file === null ? 0 : segment.offsetBytes,
    };
    vmas = vmas.map(name === undefined ? vma : { ...vma, name });
  }
  return vmas;
}

/** The steps, by the name that a job waits under. */
export const callSteps: Record<string, StepHandler> = {
  placeCleared: (context, job, event, send) => {
    const call = job.call as CallOf<'mmap'>;
    return newMapping(withoutRange(settle(context, job, event, send), ...range(call)), job, call, send);
  },

  mmapFile: (context, job, event) => {
    invariant(event.type === 'MAPPED', 'a file answers a mapping with MAPPED');
    const droppedPages = context.droppedPages + event.droppedPages;
    return returns({ ...context, droppedPages }, (job.call as CallOf<'mmap'>).addr);
  },

  unmapped: (context, job, event, send) => {
    const settled = settle(context, job, event, send);
    const state = withoutRange(settled, ...unmappedRange(settled, job));
    tellUnmapped(state, job.before, send);
    const { call } = job;
    return returns(state, call.op === 'brk' || call.op === 'mremap' ? call.addr : 0);
  },

  protected: (context, job, event) => ended(noteFallback(context, tableDone(event).fallback), job),

  zapped: (context, job, event, send) => ended(settle(context, job, event, send), job),

  aged: (context, job, event) => ended(noteFallback(context, tableDone(event).fallback), job),

  targetCleared: (context, job, event, send) => {
    const call = job.call as CallOf<'mremap'>;
    const settled = settle(context, job, event, send);
    return move(withoutRange(settled, call.newAddr, call.newAddr + call.newLengthBytes), job, call, send);
  },

  moved: (context, job, event, send) => {
    const call = job.call as CallOf<'mremap'>;
    const state = noteFallback(context, tableDone(event).fallback);
    if (call.newLengthBytes >= call.oldLengthBytes) return returns(state, call.newAddr);
    // The tail that was not moved goes.
    const ranges = [{ startVa: call.addr + call.newLengthBytes, endVa: call.addr + call.oldLengthBytes }];
    const zap = (request: number) => ({
      type: 'CLEAR_PTES' as const,
      request,
      ranges,
      freeWithin: null,
      fileOnly: false,
    });
    return waits(ask(state, job, 'tailCleared', mmuOf(state), zap, send));
  },

  tailCleared: (context, job, event, send) => {
    return returns(settle(context, job, event, send), (job.call as CallOf<'mremap'>).newAddr);
  },

  synced: (context, job, event, send) => {
    tellDirty(context, tableDone(event).cleared, context.vmas, send);
    return syncNext(context, job, send);
  },

  syncedFile: (context, job, _event, send) => syncNext(context, job, send),

  copiedTables: (context, job, event, send) => {
    const { set, fallback } = tableDone(event);
    const runs = set.filter((run) => !hasFlagBits(run.flags, PTE.SPECIAL)).map(({ pfn, nr }) => ({ pfn, nr }));
    const state = noteFallback(context, fallback);
    const sender = `mm:${context.pid}`;
    const next = { ...job, child: { runs: set } };
    return waits(ask(state, next, 'gotRefs', 'zone', (request) => ({ type: 'GET', sender, request, runs }), send));
  },

  gotRefs: (context, job, _event, send) => {
    const { childPid } = job.call as CallOf<'fork'>;
    const copied = context.vmas.list().filter((vma) => (vma.flags & VM.DONTCOPY) === 0);
    const message = (request: number): Message => ({
      type: 'FORKED',
      parent: `mm:${context.pid}`,
      request,
      pageBytes: context.pageBytes,
      vmas: copied.map((vma) => ({ ...vma, flags: vma.flags & ~VM.LOCKED })),
      runs: job.child?.runs ?? [],
      startBrk: context.startBrk,
      brk: context.brk,
    });
    return waits(ask(context, job, 'forkReady', `mm:${childPid}`, message, send));
  },

  forkReady: (context, job) => returns(context, (job.call as CallOf<'fork'>).childPid),

  tornDown: (context, job, event, send) => {
    const settled = settle(context, job, event, send);
    tellUnmapped(settled, job.before, send);
    // A second execve has tables to release, the first has none.
    const release = (request: number) => ({ type: 'RELEASE_TABLES' as const, request });
    return waits(ask(settled, job, 'released', mmuOf(settled), release, send));
  },

  released: (context, job, _event, send) => {
    if (job.call.op === 'exit') return returns({ ...context, pageBytes: 0 });
    const call = job.call as ExecCall;
    const native = context.nativeTables && call.pageBytes > context.kernelPageBytes;
    const state = { ...context, pageBytes: call.pageBytes, vmas: imageVmas(call) };
    const { pageBytes } = call;
    const configure = (request: number) => ({ type: 'CONFIGURE' as const, request, pageBytes, native });
    return waits(ask(state, { ...job, files: filesOf(state.vmas) }, 'execFile', mmuOf(state), configure, send));
  },

  execFile: (context, job, event, send) => {
    const dropped = event.type === 'MAPPED' ? event.droppedPages : 0;
    const state = { ...context, droppedPages: context.droppedPages + dropped };
    const asked = mapFiles(state, job, 'execFile', send);
    return asked === null ? returns(state) : waits(asked);
  },
};

function syncNext(context: MmContext, job: CallJob, send: Send): CallStep {
  const [file, ...files] = job.files;
  if (file === undefined) return ended(context, job);
  const sender = `mm:${context.pid}`;
  const message = (request: number) => ({ type: 'SYNC_FILE' as const, sender, request });
  return waits(ask(context, { ...job, files }, 'syncedFile', fileActor(file), message, send));
}
