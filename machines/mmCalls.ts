/**
 * The calls on an address space: mmap, munmap, mprotect, mremap, brk, madvise, msync, mlock, fork, execve and exit, each
 * in steps like a fault. Arguments are in whole process pages already; the ABI adapter has seen to that.
 */
import { ERRNO, MAP, MREMAP, MSYNC } from '../src/mm/abiRules.ts';
import { PROT, PTE, protectionFlags } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { MessageOf, MmCall } from './messages.ts';
import { ADVICE, canAdvise, vmaFlagsOfAdvice } from './mmAdvice.ts';
import { beginPopulate } from './mmPopulate.ts';
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

/**
 * The job that a call begins as.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * callJob(mm, 1, { op: 'exit', status: 0 }).awaits; // -1
 * ```
 */
export function callJob(context: MmContext, request: number, call: MmCall): CallJob {
  return {
    kind: 'call',
    awaits: -1,
    step: '',
    asleep: false,
    ptesWritten: 0,
    request,
    call,
    before: context.vmas,
    files: [],
    unmaps: null,
    populate: null,
    fault: null,
    errno: 0,
    runs: [],
  };
}

/** What a step of a call gives: the context, and result and errno where the call came to its end. */
export interface CallStep {
  context: MmContext;
  done: { result: number; errno: number } | null;
}

/**
 * The call waits for an answer.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * waits(mm).done; // null
 * ```
 */
export const waits = (context: MmContext): CallStep => ({ context, done: null });
/**
 * The call succeeds.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * returns(mm, 7).done; // { result: 7, errno: 0 }
 * ```
 */
export const returns = (context: MmContext, result = 0): CallStep => ({ context, done: { result, errno: 0 } });
/**
 * The call fails.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * fails(mm, ERRNO.ENOMEM).done; // { result: -1, errno: 12 }
 * ```
 */
export const fails = (context: MmContext, errno: number): CallStep => ({ context, done: { result: -1, errno } });

/** One past the highest address: ranges for everything. */
const VA_END = 2 ** 48;

/** The arguments of one call. */
export type CallOf<O extends MmCall['op']> = Extract<MmCall, { op: O }>;
type Starter<O extends MmCall['op']> = (context: MmContext, job: CallJob, call: CallOf<O>, send: Send) => CallStep;

/** Zaps a range and frees the tables that no neighbour needs (`unmap_region`, `free_pgtables`). */
function clear(context: MmContext, job: CallJob, step: string, startVa: number, endVa: number, send: Send): MmContext {
  // An area across a border of the range is split there, and what is left of it is the neighbour.
  const before = context.vmas.find(startVa - 1) === null ? (context.vmas.endingBefore(startVa)?.endVa ?? 0) : startVa;
  const freeWithin = { startVa: before, endVa: Math.max(endVa, context.vmas.atOrAfter(endVa)?.startVa ?? VA_END) };
  const unmaps = { startVa, endVa };
  const next = { ...job, unmaps };
  return ask(context, next, step, mmuOf(context), zap([unmaps], freeWithin), send, costsOf(context).vmaOperation);
}

/** Clears ranges of every kind of page. */
function zap(ranges: { startVa: number; endVa: number }[], freeWithin: { startVa: number; endVa: number } | null) {
  return (request: number): MessageOf<'CLEAR_PTES'> => {
    return { type: 'CLEAR_PTES', request, ranges, freeWithin, fileOnly: false, fullMm: false };
  };
}

/**
 * Tells files that their last mapping here is gone.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).map(vma);
 * const sent: string[] = [];
 * const send = (to: string, message: { type: string }) => void sent.push(`${to} ${message.type}`);
 * tellUnmapped(mm, vmas, send);
 * sent; // ['file:a UNMAP_FILE']
 * ```
 */
export function tellUnmapped(context: MmContext, before: VmaSet, send: Send): void {
  const left = new Set(filesOf(context.vmas));
  for (const file of filesOf(before)) {
    if (!left.has(file)) send(fileActor(file), { type: 'UNMAP_FILE', mm: `mm:${context.pid}` });
  }
}

/**
 * Gives dirty pages of shared mappings back to their files.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).map(vma);
 * const sent: string[] = [];
 * const send = (to: string, message: { type: string }) => void sent.push(`${to} ${message.type}`);
 * tellDirty(mm, [{ va: 0x10000, pfn: 9, nr: 1, flags: PTE.VALID | PTE.DIRTY }], vmas, send);
 * sent; // ['file:a DIRTIED']
 * ```
 */
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

/**
 * Asks the next file to get ready for this mm; done when none is left.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'munmap' as const, addr: 0x10000, lengthBytes: 0x1000 };
 * const job = callJob(mm, 1, call);
 * mapFiles({ ...mm, pageBytes: 4096 }, job, 'mmapFile', () => {}); // null
 * ```
 */
export function mapFiles(context: MmContext, job: CallJob, step: string, send: Send): MmContext | null {
  const [file, ...files] = job.files;
  if (file === undefined) return null;
  const mm = `mm:${context.pid}`;
  const orderPages = processOrder(context);
  const next = { ...job, files };
  return ask(context, next, step, fileActor(file), (request) => ({ type: 'MAP_FILE', request, mm, orderPages }), send);
}

/**
 * The mapping itself, once its place is free (`mm/mmap.c:mmap_region`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mmap' as const, addr: 0x10000, lengthBytes: 0x10000, prot: 3, flags: 0x22, file: null, offsetBytes: 0 };
 * const job = callJob(mm, 1, call);
 * newMapping({ ...mm, pageBytes: 4096 }, job, call, () => {}).done; // { result: 65536, errno: 0 }
 * ```
 */
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
  return asked === null ? finishMmap(mapped, job, call, send) : waits(asked);
}

/**
 * The mapping is there; MAP_POPULATE and MAP_LOCKED fault it in at once (`vm_mmap_pgoff`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mmap' as const, addr: 0x10000, lengthBytes: 0x10000, prot: 3, flags: 0x22, file: null, offsetBytes: 0 };
 * const job = callJob(mm, 1, call);
 * finishMmap({ ...mm, pageBytes: 4096 }, job, call, () => {}).done; // { result: 65536, errno: 0 }
 * ```
 */
export function finishMmap(context: MmContext, job: CallJob, call: CallOf<'mmap'>, send: Send): CallStep {
  const populates = (call.flags & (MAP.POPULATE | MAP.LOCKED)) !== 0 && (call.flags & MAP.NONBLOCK) === 0;
  if (!populates) return returns(context, call.addr);
  return beginPopulate(context, job, { va: call.addr, endVa: call.addr + call.lengthBytes, access: 'lock' }, send);
}

/** Reports ENOMEM where a range has holes, after the rest is done. */
function holes(context: MmContext, startVa: number, endVa: number): number {
  return context.vmas.covered(startVa, endVa) ? 0 : ERRNO.ENOMEM;
}

function protect(context: MmContext, job: CallJob, call: CallOf<'mprotect'>, send: Send): CallStep {
  const endVa = call.addr + call.lengthBytes;
  // Linux changes what comes before the first hole and then fails (`do_mprotect_pkey`).
  let reach = call.addr;
  const ranges: { startVa: number; endVa: number; protection: number; anonProtection: number }[] = [];
  for (const vma of context.vmas.overlapping(call.addr, endVa)) {
    if (vma.startVa > reach) break;
    const startVa = Math.max(vma.startVa, call.addr);
    reach = Math.min(vma.endVa, endVa);
    const protection = protectionFlags(call.prot, (vma.flags & VM.SHARED) !== 0);
    // Pages that are known to be exclusive get their write permission at once (`can_change_pte_writable`).
    const writable = !context.forked && (call.prot & PROT.WRITE) !== 0 ? PTE.WRITE : 0;
    ranges.push({ startVa, endVa: reach, protection, anonProtection: protection | writable });
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
  // A length of 0 asks for a second mapping of the same shared memory (`vma_to_resize`).
  if (oldLengthBytes === 0 && (vma.flags & VM.SHARED) === 0) return fails(context, ERRNO.EINVAL);
  if (addr + oldLengthBytes > vma.endVa) return fails(context, ERRNO.EFAULT);
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

/**
 * move_vma, once its target is free.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).map(vma);
 * const call = { op: 'mremap' as const, addr: 0x10000, oldLengthBytes: 4096, newLengthBytes: 8192, flags: 1, newAddr: 0x40000 };
 * const job = callJob(mm, 1, call);
 * move({ ...mm, pageBytes: 4096, vmas }, job, call, () => {}).context.vmas.count; // 2
 * ```
 */
export function move(context: MmContext, job: CallJob, call: CallOf<'mremap'>, send: Send): CallStep {
  const { addr, oldLengthBytes, newLengthBytes, newAddr } = call;
  const vma = context.vmas.find(addr) as Vma;
  const target = { ...clipped(vma, addr), startVa: newAddr, endVa: newAddr + newLengthBytes };
  const stays = oldLengthBytes === 0 || (call.flags & MREMAP.DONTUNMAP) !== 0;
  const left = stays ? context.vmas : context.vmas.unmap(addr, addr + oldLengthBytes).set;
  const lengthBytes = Math.min(oldLengthBytes, newLengthBytes);
  const message = (request: number) =>
    ({ type: 'MOVE_PTES' as const, request, fromVa: addr, toVa: newAddr, lengthBytes }) as const;
  return waits(ask({ ...context, vmas: left.map(target) }, job, 'moved', mmuOf(context), message, send));
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
  if (flags !== null) {
    const change = (vma: Vma): Vma => ({ ...vma, flags: (vma.flags & ~flags.clear) | flags.set });
    const state = { ...context, vmas: context.vmas.change(addr, endVa, change) };
    return errno === 0 ? returns(state) : fails(state, errno);
  }
  return adviseOnPages(context, { ...job, errno }, call, send);
}

/** Advice that acts on pages; the first area that it is not for ends it (`madvise_walk_vmas`). */
function adviseOnPages(context: MmContext, job: CallJob, call: CallOf<'madvise'>, send: Send): CallStep {
  const { addr, advice } = call;
  const vmas = context.vmas.overlapping(addr, addr + call.lengthBytes);
  const { errno } = job;
  if (advice === ADVICE.POPULATE_READ || advice === ADVICE.POPULATE_WRITE) {
    if (errno !== 0) return fails(context, errno);
    const access = advice === ADVICE.POPULATE_WRITE ? 'write' : 'read';
    return beginPopulate(context, job, { va: addr, endVa: addr + call.lengthBytes, access }, send);
  }
  const refused = vmas.find((vma) => !canAdvise(vma, advice));
  const endVa = refused === undefined ? addr + call.lengthBytes : Math.max(addr, refused.startVa);
  const next = refused === undefined ? job : { ...job, errno: ERRNO.EINVAL };
  if (endVa === addr) return fails(context, ERRNO.EINVAL);
  if (advice === ADVICE.DONTNEED || advice === ADVICE.DONTNEED_LOCKED) {
    return waits(ask(context, next, 'zapped', mmuOf(context), zap([{ startVa: addr, endVa }], null), send));
  }
  if (advice === ADVICE.FREE || advice === ADVICE.COLD || advice === ADVICE.PAGEOUT) {
    const dirty = advice === ADVICE.FREE;
    const age = (request: number) => ({ type: 'AGE_PTES' as const, request, startVa: addr, endVa, young: true, dirty });
    return waits(ask(context, next, 'aged', mmuOf(context), age, send));
  }
  if (advice !== ADVICE.WILLNEED) return fails(context, ERRNO.EINVAL);
  return errno === 0 ? returns(context) : fails(context, errno);
}

function sync(context: MmContext, job: CallJob, call: CallOf<'msync'>, send: Send): CallStep {
  const endVa = call.addr + call.lengthBytes;
  const vmas = context.vmas.overlapping(call.addr, endVa);
  const errno = holes(context, call.addr, endVa);
  const shared = vmas.filter((vma) => vma.file !== null && (vma.flags & VM.SHARED) !== 0);
  if ((call.flags & MSYNC.INVALIDATE) !== 0 && vmas.some((vma) => (vma.flags & VM.LOCKED) !== 0))
    return fails(context, ERRNO.EBUSY);
  if ((call.flags & MSYNC.SYNC) === 0 || shared.length === 0)
    return errno === 0 ? returns(context) : fails(context, errno);
  const files = [...new Set(shared.map((vma) => vma.file as string))].sort();
  // Write-back cleans the entries and leaves their age (`mm/rmap.c:page_mkclean_one`).
  const range = { startVa: call.addr, endVa };
  const age = (request: number) => ({ type: 'AGE_PTES' as const, request, ...range, young: false, dirty: true });
  return waits(ask(context, { ...job, errno, files }, 'synced', mmuOf(context), age, send));
}

function lock(context: MmContext, job: CallJob, call: CallOf<'mlock' | 'munlock'>, send: Send): CallStep {
  const endVa = call.addr + call.lengthBytes;
  const locks = call.op === 'mlock';
  const change = (vma: Vma): Vma => ({ ...vma, flags: locks ? vma.flags | VM.LOCKED : vma.flags & ~VM.LOCKED });
  const state = { ...context, vmas: context.vmas.change(call.addr, endVa, change) };
  const errno = holes(context, call.addr, endVa);
  if (errno !== 0) return fails(state, errno);
  if (!locks) return returns(state);
  return beginPopulate(state, job, { va: call.addr, endVa, access: 'lock' }, send);
}

/**
 * `dup_mmap`: the child first. Shared anonymous memory has no file here: a page of it that was touched before the fork is
 * shared by its entries, one that was not is a page of its own on each side.
 */
function fork(context: MmContext, job: CallJob, call: CallOf<'fork'>, send: Send): CallStep {
  const copied = context.vmas.list().filter((vma) => (vma.flags & VM.DONTCOPY) === 0);
  const message = (request: number): MessageOf<'DUP_MM'> => ({
    type: 'DUP_MM',
    parent: `mm:${context.pid}`,
    request,
    pageBytes: context.pageBytes,
    vmas: copied.map((vma) => ({ ...vma, flags: vma.flags & ~VM.LOCKED })),
    startBrk: context.startBrk,
    brk: context.brk,
  });
  const state = { ...context, forked: true };
  return waits(ask(state, job, 'childMapped', `mm:${call.childPid}`, message, send, costsOf(context).vmaOperation));
}

/** execve and exit begin alike: everything that is mapped goes. */
function tearDown(context: MmContext, job: CallJob, send: Send): CallStep {
  const ranges = context.vmas.list().map(({ startVa, endVa }) => ({ startVa, endVa }));
  const freeWithin = { startVa: 0, endVa: VA_END };
  const clearAll = (request: number) => ({ ...zap(ranges, freeWithin)(request), fullMm: true });
  const none = VmaSet.empty(context.pageBytes || context.kernelPageBytes);
  const gone = { ...context, vmas: none, startBrk: 0, brk: 0, forked: false };
  return waits(ask(gone, job, 'tornDown', mmuOf(context), clearAll, send));
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
  fork,
  execve: (context, job, _call, send) => tearDown(context, job, send),
  exit: (context, job, _call, send) => tearDown(context, job, send),
};

/**
 * Begins a call.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'munmap' as const, addr: 0x10000, lengthBytes: 0x1000 };
 * const job = callJob(mm, 1, call);
 * beginCall({ ...mm, pageBytes: 4096 }, job, () => {}).done; // { result: 0, errno: 0 }
 * ```
 */
export function beginCall(context: MmContext, job: CallJob, send: Send): CallStep {
  return (starters[job.call.op] as Starter<MmCall['op']>)(context, job, job.call, send);
}
