/**
 * The calls on an address space: mmap, munmap, mprotect, mremap, brk, madvise, msync, mlock, fork, execve and exit, each
 * in steps like a fault. Arguments are in whole process pages already; the ABI adapter has seen to that.
 */
import { ERRNO, MAP, MSYNC } from '../src/mm/abiRules.ts';
import { PROT, protectionFlags } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { MessageOf, MmCall } from './messages.ts';
import { ADVICE, vmaFlagsOfAdvice } from './mmAdvice.ts';
import {
  ask,
  costsOf,
  dirtyPages,
  fileActor,
  filesOf,
  type Job,
  type MmContext,
  mmuOf,
  processOrder,
} from './mmState.ts';
import type { Send } from './support.ts';

/** A call job. */
export type CallJob = Extract<Job, { kind: 'call' }>;

/** What a step of a call gives: the context, and result and errno where the call came to its end. */
export interface CallStep {
  context: MmContext;
  done: { result: number; errno: number } | null;
}

/** The call waits for an answer. */
export const waits = (context: MmContext): CallStep => ({ context, done: null });
/** The call succeeds. */
export const returns = (context: MmContext, result = 0): CallStep => ({ context, done: { result, errno: 0 } });
/** The call fails. */
export const fails = (context: MmContext, errno: number): CallStep => ({ context, done: { result: -1, errno } });

/** One past the highest address: ranges for everything. */
const VA_END = 2 ** 48;

/** The arguments of one call. */
export type CallOf<O extends MmCall['op']> = Extract<MmCall, { op: O }>;
type Starter<O extends MmCall['op']> = (context: MmContext, job: CallJob, call: CallOf<O>, send: Send) => CallStep;

/** Zaps a range and frees the tables that no neighbour needs (`unmap_region`, `free_pgtables`). */
function clear(context: MmContext, job: CallJob, step: string, startVa: number, endVa: number, send: Send): MmContext {
  const freeWithin = {
    startVa: context.vmas.endingBefore(startVa)?.endVa ?? 0,
    endVa: context.vmas.atOrAfter(endVa)?.startVa ?? VA_END,
  };
  const ranges = [{ startVa, endVa }];
  const message = (request: number) => ({ type: 'CLEAR_PTES' as const, request, ranges, freeWithin, fileOnly: false });
  return ask(context, job, step, mmuOf(context), message, send, costsOf(context).vmaOperation);
}

/** Tells files that their last mapping here is gone. */
export function tellUnmapped(context: MmContext, before: VmaSet, send: Send): void {
  const left = new Set(filesOf(context.vmas));
  for (const file of filesOf(before)) {
    if (!left.has(file)) send(fileActor(file), { type: 'UNMAP_FILE', mm: `mm:${context.pid}` });
  }
}

/** Gives dirty pages of shared mappings back to their files. */
export function tellDirty(
  context: MmContext,
  cleared: MessageOf<'TABLE_DONE'>['cleared'],
  vmas: VmaSet,
  send: Send,
): void {
  for (const [file, runs] of dirtyPages(cleared, vmas, context.kernelPageBytes)) {
    send(fileActor(file), { type: 'DIRTIED', runs });
  }
}

/** Asks the next file to get ready for this mm; done when none is left. */
export function mapFiles(context: MmContext, job: CallJob, step: string, send: Send): MmContext | null {
  const [file, ...files] = job.files;
  if (file === undefined) return null;
  const mm = `mm:${context.pid}`;
  const orderPages = processOrder(context);
  const next = { ...job, files };
  return ask(context, next, step, fileActor(file), (request) => ({ type: 'MAP_FILE', request, mm, orderPages }), send);
}

/** The mapping itself, once its place is free (`mm/mmap.c:mmap_region`). */
export function newMapping(context: MmContext, job: CallJob, call: CallOf<'mmap'>, send: Send): CallStep {
  const flags = ((call.flags & MAP.SHARED) !== 0 ? VM.SHARED : 0) | ((call.flags & MAP.LOCKED) !== 0 ? VM.LOCKED : 0);
  const vma: Vma = {
    startVa: call.addr,
    endVa: call.addr + call.lengthBytes,
    prot: call.prot & (PROT.READ | PROT.WRITE | PROT.EXEC),
    flags: flags | ((call.flags & MAP.GROWSDOWN) !== 0 ? VM.GROWSDOWN : 0),
    file: call.file,
    offsetBytes: call.file === null ? 0 : call.offsetBytes,
  };
  const known = filesOf(context.vmas);
  const mapped = { ...context, vmas: context.vmas.map(vma) };
  tellUnmapped(mapped, job.before, send);
  const files = call.file === null || known.includes(call.file) ? [] : [call.file];
  const asked = mapFiles(mapped, { ...job, files }, 'mmapFile', send);
  return asked === null ? returns(mapped, call.addr) : waits(asked);
}

/** Reports ENOMEM where a range has holes, after the rest is done. */
function holes(context: MmContext, startVa: number, endVa: number): number {
  return context.vmas.covered(startVa, endVa) ? 0 : ERRNO.ENOMEM;
}

function protect(context: MmContext, job: CallJob, call: CallOf<'mprotect'>, send: Send): CallStep {
  const endVa = call.addr + call.lengthBytes;
  // Linux changes what comes before the first hole and then fails (`do_mprotect_pkey`).
  let reach = call.addr;
  const ranges: { startVa: number; endVa: number; protection: number }[] = [];
  for (const vma of context.vmas.overlapping(call.addr, endVa)) {
    if (vma.startVa > reach) break;
    const startVa = Math.max(vma.startVa, call.addr);
    reach = Math.min(vma.endVa, endVa);
    const protection = protectionFlags(call.prot, (vma.flags & VM.SHARED) !== 0);
    ranges.push({ startVa, endVa: reach, protection });
  }
  const errno = reach < endVa ? ERRNO.ENOMEM : 0;
  if (ranges.length === 0) return fails(context, ERRNO.ENOMEM);
  const prot = call.prot & (PROT.READ | PROT.WRITE | PROT.EXEC);
  const vmas = context.vmas.change(call.addr, reach, (vma) => ({ ...vma, prot }));
  const message = (request: number) => ({ type: 'PROTECT_PTES' as const, request, ranges });
  const delay = costsOf(context).vmaOperation;
  return waits(ask({ ...context, vmas }, { ...job, errno }, 'protected', mmuOf(context), message, send, delay));
}

function remap(context: MmContext, job: CallJob, call: CallOf<'mremap'>, send: Send): CallStep {
  const { addr, oldLengthBytes, newLengthBytes, newAddr } = call;
  const vma = context.vmas.find(addr);
  if (vma === null) return fails(context, ERRNO.EFAULT);
  if (addr + oldLengthBytes > vma.endVa || oldLengthBytes === 0) return fails(context, ERRNO.EFAULT);
  const moves = newAddr !== addr;
  if (!moves && newLengthBytes <= oldLengthBytes) {
    if (newLengthBytes === oldLengthBytes) return returns(context, addr);
    return waits(clear(context, job, 'unmapped', addr + newLengthBytes, addr + oldLengthBytes, send));
  }
  if (!moves) {
    if (context.vmas.overlapping(addr + oldLengthBytes, addr + newLengthBytes).length > 0)
      return fails(context, ERRNO.ENOMEM);
    const vmas = context.vmas.map({ ...clipped(vma, addr), endVa: addr + newLengthBytes });
    return returns({ ...context, vmas }, addr);
  }
  // mremap_to: whatever is at the target goes first.
  if (context.vmas.overlapping(newAddr, newAddr + newLengthBytes).length > 0) {
    return waits(clear(context, job, 'targetCleared', newAddr, newAddr + newLengthBytes, send));
  }
  return move(context, job, call, send);
}

function clipped(vma: Vma, startVa: number): Vma {
  return vma.file === null
    ? { ...vma, startVa }
    : { ...vma, startVa, offsetBytes: vma.offsetBytes + startVa - vma.startVa };
}

/** move_vma, once its target is free. */
export function move(context: MmContext, job: CallJob, call: CallOf<'mremap'>, send: Send): CallStep {
  const { addr, oldLengthBytes, newLengthBytes, newAddr } = call;
  const vma = context.vmas.find(addr) as Vma;
  const target = { ...clipped(vma, addr), startVa: newAddr, endVa: newAddr + newLengthBytes };
  const { set } = context.vmas.unmap(addr, addr + oldLengthBytes);
  const lengthBytes = Math.min(oldLengthBytes, newLengthBytes);
  const message = (request: number) =>
    ({ type: 'MOVE_PTES' as const, request, fromVa: addr, toVa: newAddr, lengthBytes }) as const;
  return waits(ask({ ...context, vmas: set.map(target) }, job, 'moved', mmuOf(context), message, send));
}

function changeBrk(context: MmContext, job: CallJob, call: CallOf<'brk'>, send: Send): CallStep {
  const { pageBytes } = context;
  if (context.startBrk === 0) return returns({ ...context, startBrk: call.addr, brk: call.addr }, call.addr);
  if (call.addr < context.startBrk) return returns(context, context.brk);
  const oldEnd = Math.ceil(context.brk / pageBytes) * pageBytes;
  const newEnd = Math.ceil(call.addr / pageBytes) * pageBytes;
  const state = { ...context, brk: call.addr };
  if (newEnd < oldEnd) return waits(clear(state, job, 'unmapped', newEnd, oldEnd, send));
  if (newEnd === oldEnd) return returns(state, call.addr);
  if (context.vmas.overlapping(oldEnd, newEnd).length > 0) return returns(context, context.brk);
  const heap = { startVa: oldEnd, endVa: newEnd, prot: PROT.READ | PROT.WRITE, flags: 0, file: null, offsetBytes: 0 };
  return returns({ ...state, vmas: state.vmas.map({ ...heap, name: '[heap]' }) }, call.addr);
}

function advise(context: MmContext, job: CallJob, call: CallOf<'madvise'>, send: Send): CallStep {
  const { addr, lengthBytes, advice } = call;
  const endVa = addr + lengthBytes;
  const flags = vmaFlagsOfAdvice(advice);
  const errno = holes(context, addr, endVa);
  const vmas = context.vmas.overlapping(addr, endVa);
  if (flags !== null) {
    const change = (vma: Vma): Vma => ({ ...vma, flags: (vma.flags & ~flags.clear) | flags.set });
    const state = { ...context, vmas: context.vmas.change(addr, endVa, change) };
    return errno === 0 ? returns(state) : fails(state, errno);
  }
  const next = { ...job, errno };
  if (advice === ADVICE.DONTNEED || advice === ADVICE.FREE) {
    if (vmas.some((vma) => (vma.flags & (VM.LOCKED | VM.PFNMAP)) !== 0)) return fails(context, ERRNO.EINVAL);
  }
  if (advice === ADVICE.DONTNEED) {
    const ranges = [{ startVa: addr, endVa }];
    const zap = (request: number) => ({
      type: 'CLEAR_PTES' as const,
      request,
      ranges,
      freeWithin: null,
      fileOnly: false,
    });
    return waits(ask(context, next, 'zapped', mmuOf(context), zap, send));
  }
  if (advice === ADVICE.FREE || advice === ADVICE.COLD || advice === ADVICE.PAGEOUT) {
    if (advice === ADVICE.FREE && vmas.some((vma) => vma.file !== null)) return fails(context, ERRNO.EINVAL);
    const clean = advice === ADVICE.FREE;
    const age = (request: number) => ({ type: 'AGE_PTES' as const, request, startVa: addr, endVa, clean });
    return waits(ask(context, next, 'aged', mmuOf(context), age, send));
  }
  if (advice === ADVICE.POPULATE_READ || advice === ADVICE.POPULATE_WRITE) {
    if (errno !== 0) return fails(context, errno);
    return populate(context, next, addr, endVa, advice === ADVICE.POPULATE_WRITE ? 'write' : 'read');
  }
  if (advice !== ADVICE.WILLNEED) return fails(context, ERRNO.EINVAL);
  return errno === 0 ? returns(context) : fails(context, errno);
}

/** Leaves the range in the job: the mm machine faults it in page by page. */
function populate(context: MmContext, job: CallJob, va: number, endVa: number, access: 'read' | 'write'): CallStep {
  return waits({ ...context, job: { ...job, populate: { va, endVa, access } } });
}

function sync(context: MmContext, job: CallJob, call: CallOf<'msync'>, send: Send): CallStep {
  const endVa = call.addr + call.lengthBytes;
  const vmas = context.vmas.overlapping(call.addr, endVa);
  const errno = holes(context, call.addr, endVa);
  const shared = vmas.filter((vma) => vma.file !== null && (vma.flags & VM.SHARED) !== 0);
  if ((call.flags & MSYNC.INVALIDATE) !== 0 && vmas.some((vma) => (vma.flags & VM.LOCKED) !== 0))
    return fails(context, 16);
  if ((call.flags & MSYNC.SYNC) === 0 || shared.length === 0)
    return errno === 0 ? returns(context) : fails(context, errno);
  const files = [...new Set(shared.map((vma) => vma.file as string))].sort();
  const age = (request: number) => ({ type: 'AGE_PTES' as const, request, startVa: call.addr, endVa, clean: true });
  return waits(ask(context, { ...job, errno, files }, 'synced', mmuOf(context), age, send));
}

function lock(context: MmContext, job: CallJob, call: CallOf<'mlock' | 'munlock'>): CallStep {
  const endVa = call.addr + call.lengthBytes;
  const locks = call.op === 'mlock';
  const change = (vma: Vma): Vma => ({ ...vma, flags: locks ? vma.flags | VM.LOCKED : vma.flags & ~VM.LOCKED });
  const state = { ...context, vmas: context.vmas.change(call.addr, endVa, change) };
  const errno = holes(context, call.addr, endVa);
  if (errno !== 0) return fails(state, errno);
  if (!locks) return returns(state);
  const writable = context.vmas.overlapping(call.addr, endVa).every((vma) => (vma.prot & PROT.WRITE) !== 0);
  return populate(state, job, call.addr, endVa, writable ? 'write' : 'read');
}

function fork(context: MmContext, job: CallJob, send: Send): CallStep {
  const vmas = context.vmas.list().filter((vma) => (vma.flags & VM.DONTCOPY) === 0);
  const ranges = vmas.map(({ startVa, endVa }) => ({ startVa, endVa }));
  const copy = (request: number) => ({ type: 'COPY_PTES' as const, request, ranges });
  return waits(ask(context, job, 'copiedTables', mmuOf(context), copy, send, costsOf(context).vmaOperation));
}

/** execve and exit begin alike: everything that is mapped goes. */
function tearDown(context: MmContext, job: CallJob, send: Send): CallStep {
  const ranges = context.vmas.list().map(({ startVa, endVa }) => ({ startVa, endVa }));
  const freeWithin = { startVa: 0, endVa: VA_END };
  const zap = (request: number) => ({ type: 'CLEAR_PTES' as const, request, ranges, freeWithin, fileOnly: false });
  const gone = { ...context, vmas: VmaSet.empty(context.pageBytes || context.kernelPageBytes), startBrk: 0, brk: 0 };
  return waits(ask(gone, job, 'tornDown', mmuOf(context), zap, send));
}

const starters: { [O in MmCall['op']]: Starter<O> } = {
  mmap: (context, job, call, send) => {
    const endVa = call.addr + call.lengthBytes;
    if (context.vmas.overlapping(call.addr, endVa).length === 0) return newMapping(context, job, call, send);
    return waits(clear(context, job, 'placeCleared', call.addr, endVa, send));
  },
  munmap: (context, job, call, send) => {
    const endVa = call.addr + call.lengthBytes;
    if (context.vmas.overlapping(call.addr, endVa).length === 0) return returns(context);
    return waits(clear(context, job, 'unmapped', call.addr, endVa, send));
  },
  mprotect: protect,
  mremap: remap,
  brk: changeBrk,
  madvise: advise,
  msync: sync,
  mlock: lock,
  munlock: lock,
  fork: (context, job, _call, send) => fork(context, job, send),
  execve: (context, job, _call, send) => tearDown(context, job, send),
  exit: (context, job, _call, send) => tearDown(context, job, send),
};

/** Begins a call. */
export function beginCall(context: MmContext, job: CallJob, send: Send): CallStep {
  return (starters[job.call.op] as Starter<MmCall['op']>)(context, job, job.call as never, send);
}
