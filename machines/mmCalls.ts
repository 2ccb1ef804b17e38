/**
 * The calls on an address space: mmap, munmap, mprotect, mremap, brk, madvise, msync, mlock, fork, execve and exit, each
 * in steps like a fault. Arguments are in whole process pages already; the ABI adapter has seen to that.
 */
import { ERRNO, MAP, MSYNC } from '../src/mm/abiRules.ts';
import { PROT, protectionFlags, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { MessageOf, MmCall } from './messages.ts';
import { advise } from './mmAdvise.ts';
import {
  type CallJob,
  type CallOf,
  type CallStep,
  clear,
  fails,
  holes,
  mapFiles,
  returns,
  tellUnmapped,
  VA_END,
  waits,
  zap,
} from './mmCallJob.ts';
import { filesOf } from './mmEntries.ts';
import { beginPopulate } from './mmPopulate.ts';
import { remap } from './mmRemap.ts';
import { ask, costsOf, type MmContext, mmuOf } from './mmState.ts';
import type { Send } from './support.ts';

type Starter<O extends MmCall['op']> = (context: MmContext, job: CallJob, call: CallOf<O>, send: Send) => CallStep;

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
    offsetBytes: call.file === null ? call.addr : call.offsetBytes,
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
    const writable = (call.prot & PROT.WRITE) !== 0 ? PTE.WRITE : 0;
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
  const heap = {
    startVa: oldEnd,
    endVa: newEnd,
    prot: PROT.READ | PROT.WRITE,
    flags: 0,
    file: null,
    offsetBytes: oldEnd,
  };
  return returns({ ...state, vmas: state.vmas.map({ ...heap, name: '[heap]' }) }, call.addr);
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

const starters: { [O in MmCall['op']]?: Starter<O> } = {
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
  exit: (context, job, _call, send) => {
    const rssExitPages = context.rssAnonPages + context.rssFilePages;
    return tearDown({ ...context, rssExitPages }, job, send);
  },
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
  const starter = starters[job.call.op] as Starter<MmCall['op']> | undefined;
  return starter === undefined ? fails(context, ERRNO.ENOSYS) : starter(context, job, job.call, send);
}
