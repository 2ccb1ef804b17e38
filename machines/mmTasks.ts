/** fork, execve and exit on an address space, in steps (`kernel/fork.c:dup_mmap`, `fs/exec.c`, `mm/mmap.c:exit_mmap`). */
import { invariant } from '../src/errors.ts';
import { ERRNO } from '../src/mm/abiRules.ts';
import { emptySpace } from '../src/mm/calls/plan.ts';
import { kindOfEntry } from '../src/mm/nonPresent.ts';
import { hasFlags, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import { mmOf, mmuOf } from './addresses.ts';
import { leaveKsm } from './ksm/mmKsm.ts';
import type { ExecCall, Message, MessageOf, PteRun } from './messages.ts';
import {
  type CallJob,
  type CallOf,
  type CallStep,
  fails,
  mapFiles,
  returns,
  tableDone,
  tellUnmapped,
  VA_END,
  waits,
  zap,
} from './mmCallJob.ts';
import { settle } from './mmEffects.ts';
import { filesOf, isCounted, noteFallback, noteMapped, residentSet } from './mmEntries.ts';
import { ask, costsOf, type MmContext } from './mmState.ts';
import type { Send } from './support.ts';
import { withKernelMaps } from './objects/mmKernelMaps.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

type StepHandler = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

/**
 * `dup_mmap`: the child first. Areas that are not copied have no entries taken either; locks are not inherited.
 */
function fork(context: MmContext, job: CallJob, call: CallOf<'fork'>, send: Send): CallStep {
  const copied = context.vmas.list().filter((vma) => (vma.flags & VM.DONTCOPY) === 0);
  const unlocked = (flags: number): number => (flags & ~(VM.LOCKED | VM.LOCKONFAULT)) >>> 0;
  const message = (request: number): MessageOf<'DUP_MM'> => ({
    type: 'DUP_MM',
    parent: mmOf(context.pid),
    request,
    pageBytes: context.pageBytes,
    vmas: copied.map((vma) => ({ ...vma, flags: unlocked(vma.flags), ...wiped(vma) })),
    startBrk: context.startBrk,
    brk: context.brk,
    ...(context.hugeZero === undefined ? {} : { hugeZero: context.hugeZero }),
  });
  return waits(ask(context, job, 'childMapped', mmOf(call.childPid), message, send, costsOf(context).vmaOperation));
}

/** VM_WIPEONFORK gets a clean slate in the child (`dup_mmap`). */
function wiped(vma: Vma): { anonVma?: number; anonChain?: number } {
  return (vma.flags & VM.WIPEONFORK) === 0 ? {} : { anonVma: 0, anonChain: 0 };
}

/** Tables of huge pages that are shared are not any more, before everything goes. */
function leaveHuge(context: MmContext, job: CallJob, send: Send): CallStep {
  const { hugetlb } = context.resources.facilities;
  const shares = (vma: Vma): boolean => (vma.flags & VM.HUGETLB) !== 0 && (vma.flags & VM.SHARED) !== 0;
  const asks = hugetlb !== undefined && hugetlb.pmdSharing !== 'none' && context.vmas.list().some(shares);
  if (!asks) return tearDown(context, job, send);
  const sender = mmOf(context.pid);
  const message = (request: number): Message => ({ type: 'HUGE_UNSHARE', sender, request, file: '' });
  return waits(ask(context, job, 'hugeLeft', 'hugetlb', message, send));
}

/** execve and exit begin alike: everything that is mapped goes. The areas stay until the entries are gone. */
function tearDown(context: MmContext, job: CallJob, send: Send): CallStep {
  const ranges = context.vmas.list().map(({ startVa, endVa }) => ({ startVa, endVa }));
  const freeWithin = { startVa: 0, endVa: VA_END };
  const clearAll = (request: number) => ({ ...zap(ranges, freeWithin)(request), fullMm: true });
  return waits(ask(context, job, 'tornDown', mmuOf(context.pid), clearAll, send));
}

/**
 * Begins fork, execve or exit.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'exit' as const, status: 0 };
 * beginTask(mm, callJob(1, call), call, () => {}).context.job?.step; // 'tornDown'
 * ```
 */
export function beginTask(
  context: MmContext,
  job: CallJob,
  call: CallOf<'fork' | 'execve' | 'exit'>,
  send: Send,
): CallStep {
  if (call.op === 'fork') return fork(context, job, call, send);
  const { anonPages, filePages } = residentSet(context);
  const rssExitPages = anonPages + filePages;
  return leaveHuge(
    call.op === 'exit'
      ? reviseMm(context, (draft) => {
          draft.rssExitPages = rssExitPages;
        })
      : context,
    job,
    send,
  );
}

function readyErrno(event: Message): number {
  invariant(event.type === 'FORK_READY', 'a child answers with FORK_READY');
  return event.errno;
}

/** execve's image as VMAs (`fs/binfmt_elf.c:load_elf_binary`, already laid out by the trace). */
function imageVmas(call: ExecCall): VmaSet {
  let vmas = VmaSet.empty(call.pageBytes);
  for (const segment of call.image) {
    const stack = segment.kind === 'stack';
    const name = stack ? '[stack]' : segment.kind === 'heap' ? '[heap]' : undefined;
    // Private and writable: charged for (`accountable_mapping`; the stack by `setup_arg_pages`, VM_STACK_FLAGS).
    const accounted = (segment.prot & 2) !== 0 ? VM.ACCOUNT : 0;
    const vma: Vma = {
      startVa: segment.addr,
      endVa: segment.addr + segment.lengthBytes,
      prot: segment.prot,
      flags: accounted | (stack ? VM.GROWSDOWN : 0),
      file: segment.file,
      offsetBytes: segment.file === null ? segment.addr : segment.offsetBytes,
    };
    vmas = vmas.insert(name === undefined ? vma : { ...vma, name });
  }
  return vmas;
}

/**
 * Whether entries of an area are copied (`mm/memory.c:vma_needs_copy`): a child finds pages of files again by faulting, and
 * so it does where nothing private was ever written. Shared anonymous memory without an inode it could not find.
 */
function needsCopy(vma: Vma): boolean {
  if ((vma.flags & (VM.PFNMAP | VM.MIXEDMAP)) !== 0 || (vma.anonVma ?? 0) !== 0) return true;
  return vma.file === null && (vma.flags & VM.SHARED) !== 0;
}

/** Whether entries for a child are own pages of huge areas. */
function ownsHuge(context: MmContext, set: readonly PteRun[]): boolean {
  if (context.resources.facilities.hugetlb === undefined) return false;
  return set.some(({ va, flags }) => hasFlags(flags, PTE.ANON) && isHuge(context.vmas.find(va)));
}

function isHuge(vma: Vma | null): boolean {
  return vma !== null && (vma.flags & VM.HUGETLB) !== 0;
}

/** A reference for each present entry that the child gets. */
function getReferences(context: MmContext, job: CallJob, send: Send): CallStep {
  const present = job.runs.filter((run) => isCounted(context, run));
  const runs = present.map(({ pfn, nr }) => ({ pfn, nr }));
  const sender = mmOf(context.pid);
  const get = (request: number): Message => ({ type: 'GET', sender, request, runs });
  return waits(ask(context, job, 'gotRefs', 'zone', get, send));
}

/** `copy_nonpresent_pte`: slots of swap are counted before the child can give them up; then come the references. */
function duplicateSlots(context: MmContext, job: CallJob, send: Send): CallStep {
  const swapped = job.runs.filter(({ flags }) => kindOfEntry(flags) === 'swap');
  if (swapped.length === 0) return getReferences(context, job, send);
  const slots = swapped.map(({ pfn, nr }) => ({ offset: pfn, nr }));
  const sender = mmOf(context.pid);
  const duplicate = (request: number): Message => ({ type: 'SWAP_DUPLICATE', sender, request, slots });
  return waits(ask(context, job, 'slotsDuplicated', 'swap', duplicate, send));
}

/** The steps of fork, execve and exit, by the name that a job waits under. */
export const taskSteps: Partial<Record<string, StepHandler>> = {
  childMapped: (context, job, event, send) => {
    const errno = readyErrno(event);
    if (errno !== 0) return fails(context, errno);
    const ranges = context.vmas.list().flatMap((vma) => {
      if ((vma.flags & (VM.DONTCOPY | VM.WIPEONFORK)) !== 0 || !needsCopy(vma)) return [];
      return [{ startVa: vma.startVa, endVa: vma.endVa, always: true }];
    });
    const copy = (request: number): Message => ({ type: 'COPY_PTES', request, ranges });
    return waits(ask(context, job, 'copiedTables', mmuOf(context.pid), copy, send));
  },

  copiedTables: (context, job, event, send) => {
    const { set, fallback } = tableDone(event);
    if (ownsHuge(context, set)) {
      const child = mmOf((job.call as CallOf<'fork'>).childPid);
      const dup = (request: number): Message => ({ type: 'HUGE_DUP', sender: mmOf(context.pid), request, child });
      const copied = reviseJob(job, (draft) => {
        draft.runs = set;
      });
      return waits(ask(noteFallback(context, fallback), copied, 'hugeDuplicated', 'hugetlb', dup, send));
    }
    const state = noteFallback(context, fallback);
    const next = reviseJob(job, (draft) => {
      draft.runs = set;
    });
    return duplicateSlots(state, next, send);
  },

  /** hugetlb counts the child among the owners: then come the slots of swap and the references. */
  hugeDuplicated: (context, job, _event, send) => duplicateSlots(context, job, send),

  hugeLeft: (context, job, _event, send) => tearDown(context, job, send),

  slotsDuplicated: (context, job, _event, send) => getReferences(context, job, send),

  gotRefs: (context, job, _event, send) => {
    const { childPid } = job.call as CallOf<'fork'>;
    const message = (request: number): Message => ({ type: 'FORKED', request, runs: job.runs });
    return waits(
      ask(
        context,
        reviseJob(job, (draft) => {
          draft.runs = [];
        }),
        'forkReady',
        mmOf(childPid),
        message,
        send,
      ),
    );
  },

  forkReady: (context, job, event) => {
    const errno = readyErrno(event);
    return errno === 0 ? returns(context, (job.call as CallOf<'fork'>).childPid) : fails(context, errno);
  },

  tornDown: (context, job, event, send) => {
    const settled = leaveKsm(settle(context, tableDone(event), context.vmas, send), send);
    const none = VmaSet.empty(context.pageBytes || context.kernelPageBytes);
    const gone = reviseMm(settled, (draft) => {
      draft.vmas = none;
      draft.startBrk = 0;
      draft.brk = 0;
      draft.lockFuture = 0;
    });
    tellUnmapped(gone, context.vmas, send);
    // A second execve has tables to release, the first has none.
    const release = (request: number) => ({ type: 'RELEASE_TABLES' as const, request });
    return waits(ask(gone, job, 'released', mmuOf(gone.pid), release, send));
  },

  released: (context, job, _event, send) => {
    if (job.call.op === 'exit')
      return returns(
        reviseMm(context, (draft) => {
          draft.pageBytes = 0;
        }),
      );
    const call = job.call as ExecCall;
    const native = context.nativeTables && call.pageBytes > context.kernelPageBytes;
    const state = reviseMm(context, (draft) => {
      draft.pageBytes = call.pageBytes;
      draft.vmas = withKernelMaps(context, { ...emptySpace(call.pageBytes), vmas: imageVmas(call) });
    });
    const { pageBytes } = call;
    const configure = (request: number) => ({ type: 'CONFIGURE' as const, request, pageBytes, native });
    return waits(
      ask(
        state,
        reviseJob(job, (draft) => {
          draft.files = filesOf(state.vmas);
        }),
        'configured',
        mmuOf(state.pid),
        configure,
        send,
      ),
    );
  },

  configured: (context, job, event, send) => {
    if (tableDone(event).fallback !== 'no-memory') return mapImage(context, job, send);
    // Past the point of no return: nothing of the old program is left to go back to.
    const none = VmaSet.empty(context.kernelPageBytes);
    return fails(
      reviseMm(context, (draft) => {
        draft.vmas = none;
        draft.pageBytes = 0;
      }),
      ERRNO.ENOMEM,
    );
  },

  execFile: (context, job, event, send) => {
    return mapImage(event.type === 'MAPPED' ? noteMapped(context, event) : context, job, send);
  },
};

function mapImage(context: MmContext, job: CallJob, send: Send): CallStep {
  const asked = mapFiles(context, job, 'execFile', send);
  return asked === null ? returns(context) : waits(asked);
}
