/** The steps that answers take a call through, after `mmCalls.ts` began it. */
import { invariant } from '../src/errors.ts';
import { ERRNO } from '../src/mm/abiRules.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { ExecCall, Message, MessageOf } from './messages.ts';
import {
  type CallJob,
  type CallOf,
  type CallStep,
  fails,
  mapFiles,
  returns,
  tellDirty,
  tellUnmapped,
  waits,
} from './mmCallJob.ts';
import { finishMmap, newMapping } from './mmCalls.ts';
import { account, filesOf, isZeroFrame, noteFallback, putEntries } from './mmEntries.ts';
import { move } from './mmRemap.ts';
import { ask, fileActor, type MmContext, mmuOf } from './mmState.ts';
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
  putEntries(context, cleared, send);
  return noteFallback(account(context, [], cleared), fallback);
}

/** The result of a call that may have found holes on its way. */
function ended(context: MmContext, job: CallJob, result = 0): CallStep {
  return job.errno === 0 ? returns(context, result) : fails(context, job.errno);
}

function readyErrno(event: Message): number {
  invariant(event.type === 'FORK_READY', 'a child answers with FORK_READY');
  return event.errno;
}

function range(call: { addr: number; lengthBytes: number }): [number, number] {
  return [call.addr, call.addr + call.lengthBytes];
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
      offsetBytes: segment.file === null ? segment.addr : segment.offsetBytes,
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

  mmapFile: (context, job, event, send) => {
    invariant(event.type === 'MAPPED', 'a file answers a mapping with MAPPED');
    const droppedPages = context.droppedPages + event.droppedPages;
    return finishMmap({ ...context, droppedPages }, job, job.call as CallOf<'mmap'>, send);
  },

  /** The job goes on page by page: the mm machine sees that there is a range to populate. */
  populateRead: (context, job, event) => {
    const { populate } = job;
    invariant(populate !== null, 'a table that is read is read for populating');
    return waits({ ...context, job: { ...job, populate: { ...populate, present: tableDone(event).set } } });
  },

  unmapped: (context, job, event, send) => {
    const settled = settle(context, job, event, send);
    const { unmaps, call } = job;
    invariant(unmaps !== null, 'a call that has cleared a range knows which');
    const state = withoutRange(settled, unmaps.startVa, unmaps.endVa);
    tellUnmapped(state, job.before, send);
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
    const { fallback } = tableDone(event);
    // No memory for tables at the target: everything is as it was (`move_vma` moves back what it had moved).
    if (fallback === 'no-memory') {
      const { startVa, endVa } = { startVa: call.newAddr, endVa: call.newAddr + call.newLengthBytes };
      return fails({ ...context, vmas: job.before.unmap(startVa, endVa).set }, ERRNO.ENOMEM);
    }
    const state = noteFallback(context, fallback);
    tellUnmapped(state, job.before, send);
    if (call.newLengthBytes >= call.oldLengthBytes) return returns(state, call.newAddr);
    // The tail that was not moved goes.
    const ranges = [{ startVa: call.addr + call.newLengthBytes, endVa: call.addr + call.oldLengthBytes }];
    const zap = (request: number) => ({
      type: 'CLEAR_PTES' as const,
      request,
      ranges,
      freeWithin: null,
      fileOnly: false,
      fullMm: false,
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

  childMapped: (context, job, event, send) => {
    const errno = readyErrno(event);
    if (errno !== 0) return fails(context, errno);
    const ranges = context.vmas.list().flatMap((vma) => {
      if ((vma.flags & (VM.DONTCOPY | VM.WIPEONFORK)) !== 0) return [];
      const always = vma.file === null && (vma.flags & VM.SHARED) !== 0;
      return [{ startVa: vma.startVa, endVa: vma.endVa, always }];
    });
    const copy = (request: number): Message => ({ type: 'COPY_PTES', request, ranges });
    return waits(ask(context, job, 'copiedTables', mmuOf(context), copy, send));
  },

  copiedTables: (context, job, event, send) => {
    const { set, fallback } = tableDone(event);
    const runs = set.filter(({ pfn }) => !isZeroFrame(context, pfn)).map(({ pfn, nr }) => ({ pfn, nr }));
    const state = noteFallback(context, fallback);
    const sender = `mm:${context.pid}`;
    const get = (request: number): Message => ({ type: 'GET', sender, request, runs });
    return waits(ask(state, { ...job, runs: set }, 'gotRefs', 'zone', get, send));
  },

  gotRefs: (context, job, _event, send) => {
    const { childPid } = job.call as CallOf<'fork'>;
    const message = (request: number): Message => ({ type: 'FORKED', request, runs: job.runs });
    return waits(ask(context, { ...job, runs: [] }, 'forkReady', `mm:${childPid}`, message, send));
  },

  forkReady: (context, job, event) => {
    const errno = readyErrno(event);
    return errno === 0 ? returns(context, (job.call as CallOf<'fork'>).childPid) : fails(context, errno);
  },

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
    return waits(ask(state, { ...job, files: filesOf(state.vmas) }, 'configured', mmuOf(state), configure, send));
  },

  configured: (context, job, event, send) => {
    if (tableDone(event).fallback !== 'no-memory') return callSteps['execFile'](context, job, event, send);
    // Past the point of no return: nothing of the old program is left to go back to.
    const none = VmaSet.empty(context.kernelPageBytes);
    return fails({ ...context, vmas: none, pageBytes: 0 }, ERRNO.ENOMEM);
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
  const message = (request: number) => ({ type: 'SYNC_FILE' as const, file, sender, request });
  return waits(ask(context, { ...job, files }, 'syncedFile', fileActor(file), message, send));
}
