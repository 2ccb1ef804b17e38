/** What a rule of layer 1 may ask of a call beside alignment and rounding: one named condition each, with its words. */
import { invariant } from '../../errors.ts';
import type { UserRange } from '../runs.ts';
import {
  ADVICE,
  FALLOC,
  FILE_END,
  HUGE_SHIFT,
  isHugeSizeUnknown,
  KNOWN_ADVICE,
  LEGACY_MAP_MASK,
  MAP,
  MFD,
  MLOCK,
  MMAP_MIN_ADDR,
  MPOL,
  MPOL_MODE_FLAGS,
  MREMAP,
  MSYNC,
  PROT_EXTRA,
  SHM,
  TASK_SIZE,
} from './numbers.ts';
import { UFFD, UFFD_FEATURE } from '../userfaultfd/numbers.ts';

/** Who calls. */
export interface Caller {
  /** The page size of its ABI. */
  pageBytes: number;
  /** It has every capability, as the programs of the oracle had. */
  privileged: boolean;
}

/** A call's arguments, as rules see them. */
export type Arguments = Readonly<Record<string, unknown>>;

interface Condition {
  says: string;
  holds(call: Arguments, caller: Caller): boolean;
}

/**
 * A numeric argument of a call.
 *
 * @example
 * ```ts
 * numberOf({ addr: 4096 }, 'addr'); // 4096
 * ```
 */
export function numberOf(call: Arguments, name: string): number {
  const value = call[name];
  invariant(typeof value === 'number', `the call has a number ${name}`);
  return value;
}

function has(call: Arguments, bits: number, name = 'flags'): boolean {
  return (numberOf(call, name) & bits) !== 0;
}

const isFile = (call: Arguments): boolean => call['file'] !== null;
const typeOf = (call: Arguments): number => numberOf(call, 'flags') & MAP.TYPE;
/** The nodes in the mask of mbind: those below `maxNode` - 1, which `get_nodes` reads. */
const nodesOf = (call: Arguments): number[] => {
  const nodes = (call['nodes'] as number[] | undefined) ?? [];
  return nodes.filter((node) => node < numberOf(call, 'maxNode') - 1);
};
const end = (call: Arguments, addr: string, length: string): number => numberOf(call, addr) + numberOf(call, length);

/** `process_madvise_behavior_valid`. */
const ADVICE_FOR_OTHERS: readonly number[] = [ADVICE.COLD, ADVICE.PAGEOUT, ADVICE.WILLNEED, ADVICE.COLLAPSE];
const UIO_MAXIOV = 1024;
const NAME_BYTES = 80;
const MEMFD_NAME_BYTES = 249;
const NAME_FORBIDS = /[^ -~]|[\\`$[\]]/;

const table = {
  fixed: { says: 'MAP_FIXED or MAP_FIXED_NOREPLACE', holds: (c) => has(c, MAP.FIXED | MAP.FIXED_NOREPLACE) },
  hint: { says: 'no MAP_FIXED', holds: (c) => !has(c, MAP.FIXED | MAP.FIXED_NOREPLACE) },
  hugeOfFile: { says: 'MAP_HUGETLB with a file', holds: (c) => has(c, MAP.HUGETLB) && isFile(c) },
  hugeSizeUnknown: {
    says: 'a huge page size that a kernel of this page size has not',
    holds: (c, caller) => has(c, MAP.HUGETLB) && isHugeSizeUnknown(numberOf(c, 'flags'), caller.pageBytes),
  },
  noHugePages: { says: 'MAP_HUGETLB (without hugetlb no huge page is reserved)', holds: (c) => has(c, MAP.HUGETLB) },
  belowMinimum: {
    says: 'below mmap_min_addr without CAP_SYS_RAWIO',
    holds: (c, caller) => numberOf(c, 'addr') < MMAP_MIN_ADDR && !caller.privileged,
  },
  startBelowMinimum: { says: 'start below mmap_min_addr', holds: (c) => numberOf(c, 'addr') < MMAP_MIN_ADDR },
  sourceBelowMinimum: { says: 'source below mmap_min_addr', holds: (c) => numberOf(c, 'src') < MMAP_MIN_ADDR },
  userfaultApiUnknown: { says: '`api` not UFFD_API', holds: (c) => numberOf(c, 'api') !== UFFD.API },
  userfaultForkUnprivileged: {
    says: 'UFFD_FEATURE_EVENT_FORK without CAP_SYS_PTRACE',
    holds: (c, caller) => has(c, UFFD_FEATURE.EVENT_FORK, 'features') && !caller.privileged,
  },
  userfaultProtectsAndWakes: {
    says: 'MODE_WP with MODE_DONTWAKE',
    holds: (c) => has(c, UFFD.WRITEPROTECT_WP, 'mode') && has(c, UFFD.WRITEPROTECT_DONTWAKE, 'mode'),
  },
  pastLargestFile: {
    says: 'past the largest file',
    holds: (c) => isFile(c) && end(c, 'offsetBytes', 'lengthBytes') > FILE_END - 1,
  },
  validatesUnknown: {
    says: 'MAP_SHARED_VALIDATE with a flag beyond LEGACY_MAP_MASK, file',
    holds: (c) =>
      isFile(c) && typeOf(c) === MAP.SHARED_VALIDATE && (numberOf(c, 'flags') & ~(LEGACY_MAP_MASK | MAP.TYPE)) !== 0,
  },
  typeOfFileUnknown: {
    says: 'neither shared nor private, file',
    holds: (c) => isFile(c) && ![MAP.SHARED, MAP.PRIVATE, MAP.SHARED_VALIDATE].includes(typeOf(c) as 1),
  },
  typeUnknown: {
    says: 'not MAP_SHARED, MAP_PRIVATE or MAP_DROPPABLE, anonymous',
    holds: (c) => !isFile(c) && ![MAP.SHARED, MAP.PRIVATE, MAP.DROPPABLE].includes(typeOf(c) as 1),
  },
  growsShared: {
    says: 'MAP_GROWSDOWN on anything but private anonymous memory',
    holds: (c) => has(c, MAP.GROWSDOWN) && (isFile(c) || typeOf(c) !== MAP.PRIVATE),
  },
  dropsLocked: {
    says: 'MAP_DROPPABLE with MAP_LOCKED or MAP_HUGETLB',
    holds: (c) => !isFile(c) && typeOf(c) === MAP.DROPPABLE && has(c, MAP.LOCKED | MAP.HUGETLB),
  },
  growsBothWays: {
    says: 'PROT_GROWSDOWN with PROT_GROWSUP',
    holds: (c) => has(c, PROT_EXTRA.GROWSDOWN, 'prot') && has(c, PROT_EXTRA.GROWSUP, 'prot'),
  },
  protUnknown: {
    says: 'a protection bit beyond read, write, execute, PROT_SEM (a CPU without BTI and MTE)',
    holds: (c) => has(c, ~(7 | PROT_EXTRA.SEM | PROT_EXTRA.GROWSDOWN | PROT_EXTRA.GROWSUP), 'prot'),
  },
  keyNotAllocated: { says: 'a key that is neither -1 nor 0', holds: (c) => ![-1, 0].includes(numberOf(c, 'pkey')) },
  fixedWithoutMayMove: {
    says: 'MREMAP_FIXED without MREMAP_MAYMOVE',
    holds: (c) => has(c, MREMAP.FIXED) && !has(c, MREMAP.MAYMOVE),
  },
  keepsAndResizes: {
    says: 'MREMAP_DONTUNMAP without MREMAP_MAYMOVE, or with another length (as given, not rounded)',
    holds: (c) =>
      has(c, MREMAP.DONTUNMAP) &&
      (!has(c, MREMAP.MAYMOVE) || numberOf(c, 'oldLengthBytes') !== numberOf(c, 'newLengthBytes')),
  },
  placed: { says: 'MREMAP_FIXED or MREMAP_DONTUNMAP', holds: (c) => has(c, MREMAP.FIXED | MREMAP.DONTUNMAP) },
  overlaps: {
    says: 'old and new range overlap',
    holds: (c) =>
      has(c, MREMAP.FIXED | MREMAP.DONTUNMAP) &&
      end(c, 'addr', 'oldLengthBytes') > numberOf(c, 'newAddr') &&
      end(c, 'newAddr', 'newLengthBytes') > numberOf(c, 'addr'),
  },
  protGiven: { says: '`prot` not 0', holds: (c) => numberOf(c, 'prot') !== 0 },
  pgoffWraps: {
    says: '`pgoff` plus the pages of the length is past 2^64',
    holds: (c, caller) => numberOf(c, 'pgoff') + numberOf(c, 'lengthBytes') / caller.pageBytes >= 2 ** 64,
  },
  flagsGiven: { says: '`flags` not 0', holds: (c) => numberOf(c, 'flags') !== 0 },
  adviceUnknown: {
    says: 'advice unknown (KSM and THP built in, memory failure not)',
    holds: (c) => !KNOWN_ADVICE.has(numberOf(c, 'advice')),
  },
  adviceNotForOthers: {
    says: 'advice other than COLD, PAGEOUT, WILLNEED, COLLAPSE',
    holds: (c) => !ADVICE_FOR_OTHERS.includes(numberOf(c, 'advice')),
  },
  syncsBothWays: {
    says: 'MS_ASYNC with MS_SYNC',
    holds: (c) => has(c, MSYNC.ASYNC) && has(c, MSYNC.SYNC),
  },
  vectorOutside: {
    says: 'the vector, one byte a page, ends beyond user memory',
    holds: (c, caller) => {
      const pages = Math.ceil(numberOf(c, 'lengthBytes') / caller.pageBytes);
      return c['vec'] !== undefined && numberOf(c, 'vec') + pages > TASK_SIZE;
    },
  },
  locksNothing: {
    says: 'neither MCL_CURRENT nor MCL_FUTURE, or a flag unknown',
    holds: (c) =>
      has(c, ~(MLOCK.MCL_CURRENT | MLOCK.MCL_FUTURE | MLOCK.MCL_ONFAULT)) ||
      !has(c, MLOCK.MCL_CURRENT | MLOCK.MCL_FUTURE),
  },
  policyUnknown: {
    says: 'mode or mode flags unknown, or both STATIC and RELATIVE',
    holds: (c) => {
      const mode = numberOf(c, 'mode');
      const both = MPOL.STATIC_NODES | MPOL.RELATIVE_NODES;
      const plain = mode & ~MPOL_MODE_FLAGS;
      const balances = (mode & MPOL.NUMA_BALANCING) !== 0 && plain !== MPOL.BIND && plain !== MPOL.PREFERRED_MANY;
      return plain < 0 || plain >= MPOL.MAX || (mode & both) === both || balances;
    },
  },
  maskTooLong: {
    says: '`maxNode` - 1 above 8 bits for each byte of a page',
    holds: (c, caller) => {
      const maxNode = numberOf(c, 'maxNode');
      return c['nodes'] !== undefined && maxNode !== 1 && (maxNode === 0 || maxNode - 1 > caller.pageBytes * 8);
    },
  },
  nodeBeyond: {
    says: 'a node beyond MAX_NUMNODES',
    holds: (c) => nodesOf(c).some((node) => node >= MPOL.MAX_NUMNODES),
  },
  movesAllUnprivileged: {
    says: 'MPOL_MF_MOVE_ALL without CAP_SYS_NICE',
    holds: (c, caller) => has(c, MPOL.MF_MOVE_ALL) && !caller.privileged,
  },
  nodesUnfit: { says: 'nodes that the mode does not take, or none where it wants some', holds: nodesUnfit },
  nodeWithoutMemory: {
    says: 'a node other than 0',
    holds: (c) => ((c['nodes'] as number[] | null) ?? []).some((node) => node !== 0),
  },
  vectorsUnfit: {
    says: 'more than 1024 ranges, or one of negative length',
    holds: (c) =>
      ['ranges', 'local', 'remote'].some((name) => {
        const ranges = (c[name] as UserRange[] | undefined) ?? [];
        return ranges.length > UIO_MAXIOV || ranges.some((range) => range.lengthBytes < 0);
      }),
  },
  homeUnknown: { says: '`homeNode` not online (one node)', holds: (c) => numberOf(c, 'homeNode') !== 0 },
  nameUnfit: {
    says: 'a name of 80 bytes or more, or with a character that /proc/PID/maps cannot show',
    holds: (c) => {
      const name = c['name'];
      return typeof name === 'string' && (name.length >= NAME_BYTES || NAME_FORBIDS.test(name));
    },
  },
  identifierNegative: { says: '`shmid` negative', holds: (c) => numberOf(c, 'shmid') < 0 },
  roundsAddress: { says: 'SHM_RND', holds: (c) => has(c, SHM.RND) },
  remapsNothing: {
    says: 'SHM_REMAP with address 0, as given or rounded',
    holds: (c) => has(c, SHM.REMAP) && numberOf(c, 'addr') === 0,
  },
  memfdHuge: { says: 'MFD_HUGETLB (without hugetlb)', holds: (c) => has(c, MFD.HUGETLB) },
  memfdHugeSizeUnknown: {
    says: 'a huge page size that a kernel of this page size has not',
    holds: (c, caller) => has(c, MFD.HUGETLB) && isHugeSizeUnknown(numberOf(c, 'flags'), caller.pageBytes),
  },
  memfdFlagsUnknown: {
    says: 'a flag unknown, or the size of a huge page without MFD_HUGETLB',
    holds: (c) => {
      const known = MFD.CLOEXEC | MFD.ALLOW_SEALING | MFD.HUGETLB | MFD.NOEXEC_SEAL | MFD.EXEC;
      const size = has(c, MFD.HUGETLB) ? 0x3f << HUGE_SHIFT : 0;
      return has(c, ~(known | size));
    },
  },
  memfdExecutesAndNot: {
    says: 'MFD_EXEC with MFD_NOEXEC_SEAL',
    holds: (c) => has(c, MFD.EXEC) && has(c, MFD.NOEXEC_SEAL),
  },
  memfdNameLong: {
    says: 'a name of more than 249 bytes',
    holds: (c) => typeof c['file'] === 'string' && c['file'].length > MEMFD_NAME_BYTES,
  },
  sizeNegative: { says: 'size negative', holds: (c) => numberOf(c, 'sizeBytes') < 0 },
  sizeTooLarge: { says: 'size past the largest file', holds: (c) => numberOf(c, 'sizeBytes') >= FILE_END },
  extentUnfit: {
    says: 'offset negative, or length not above 0',
    holds: (c) => numberOf(c, 'offsetBytes') < 0 || numberOf(c, 'lengthBytes') <= 0,
  },
  extentTooLarge: {
    says: 'end past the largest file',
    holds: (c) => end(c, 'offsetBytes', 'lengthBytes') >= FILE_END,
  },
  modeUnfit: {
    says: 'a mode beyond KEEP_SIZE and PUNCH_HOLE, or PUNCH_HOLE without KEEP_SIZE',
    holds: (c) =>
      has(c, ~(FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE), 'mode') ||
      (has(c, FALLOC.PUNCH_HOLE, 'mode') && !has(c, FALLOC.KEEP_SIZE, 'mode')),
  },
} satisfies Record<string, Condition>;

/** `mm/mempolicy.c:mpol_new` and `mpol_set_nodemask`, on a machine whose one node with memory is 0. */
function nodesUnfit(call: Arguments): boolean {
  const mode = numberOf(call, 'mode');
  const plain = mode & ~MPOL_MODE_FLAGS;
  const nodes = nodesOf(call);
  const bound = (mode & (MPOL.STATIC_NODES | MPOL.RELATIVE_NODES)) !== 0;
  if (plain === MPOL.DEFAULT) return nodes.length > 0;
  if (plain === MPOL.LOCAL) return nodes.length > 0 || bound;
  if (nodes.length === 0) return plain !== MPOL.PREFERRED || bound;
  return (mode & MPOL.RELATIVE_NODES) === 0 && !nodes.includes(0);
}

/** The name of a condition. */
export type ConditionName = keyof typeof table;

/** The conditions, by name. */
export const conditions: Readonly<Record<ConditionName, Condition>> = table;
