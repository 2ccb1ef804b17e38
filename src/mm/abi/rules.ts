/**
 * Layer 1 as a table: what each call asks of its arguments, in the caller's page size, in the order in which Linux 6.12
 * asks it. `docs/abi.md` is this table in words. Addresses and lengths are bytes; the top byte of an address is not used as a
 * tag. What depends on what is mapped, on limits or on files is not here: the mm, the files and the zone answer that.
 *
 * @models S-01 S-20 S-22 X-01 D-13 D-19
 */
import type { AdviceCall, FileCall, MappingCall, OtherProcessCall, SharedMemoryCall } from '../runs.ts';
import { MLOCK, MPOL, MREMAP, MSYNC } from './numbers.ts';
import type { ResolvedUserfaultCall } from '../userfaultfd/calls.ts';
import { userfaultRules } from '../userfaultfd/rules.ts';
import type { Step } from './steps.ts';

/** The calls whose arguments layer 1 translates and an mm then does. */
export type MemoryCall = Exclude<MappingCall | AdviceCall, { op: 'pkey_mprotect' }>;

/** The calls that have a rule. */
export type RuledCall =
  | MappingCall
  | AdviceCall
  | FileCall
  | SharedMemoryCall
  | OtherProcessCall
  | ResolvedUserfaultCall;

/** The rule of one call. */
export interface AbiRule {
  /** Files and functions of Linux 6.12 that it follows. */
  source: string;
  /** What is asked before anything is looked up. */
  steps: readonly Step[];
  /** What is asked later, after what `after` names; `lateErrno` checks it. */
  late?: readonly Step[];
  after?: string;
  /** What a reader has to know beside. */
  note?: string;
}

const aligned = (argument: string): Step => ({ do: 'aligned', argument, errno: 'EINVAL' });
const known = (mask: number, argument = 'flags'): Step => ({ do: 'known', argument, mask, errno: 'EINVAL' });
const lengthUp: Step = { do: 'up', argument: 'lengthBytes', wrapped: 'EINVAL' };
const anyLengthUp: Step = { do: 'up', argument: 'lengthBytes', wrapped: null };
const emptyLength: Step = { do: 'empty', argument: 'lengthBytes' };
const rangeWraps: Step = { do: 'wraps', addr: 'addr', length: 'lengthBytes', errno: 'EINVAL' };
const protect: Step[] = [
  { do: 'refuse', when: 'growsBothWays', errno: 'EINVAL' },
  aligned('addr'),
  emptyLength,
  { do: 'up', argument: 'lengthBytes', wrapped: 'ENOMEM' },
  { do: 'wraps', addr: 'addr', length: 'lengthBytes', errno: 'ENOMEM', empty: true },
  { do: 'refuse', when: 'protUnknown', errno: 'EINVAL' },
];
const lock: Step[] = [{ do: 'outward', addr: 'addr', length: 'lengthBytes' }, rangeWraps, emptyLength];
const transfer: AbiRule = {
  source: 'fs/read_write.c:vfs_read,vfs_write, include/linux/fs.h:MAX_RW_COUNT',
  steps: [{ do: 'cap', argument: 'lengthBytes' }],
};
const resize: AbiRule = {
  source: 'fs/open.c:do_truncate, mm/truncate.c, fs/attr.c:inode_newsize_ok',
  steps: [
    { do: 'refuse', when: 'sizeNegative', errno: 'EINVAL' },
    { do: 'refuse', when: 'sizeTooLarge', errno: 'EFBIG' },
  ],
  note: 'The size is in bytes; a mapping ends with the process page that holds the last one.',
};
const vectors: AbiRule = {
  source: 'mm/process_vm_access.c:process_vm_rw_core, lib/iov_iter.c:import_iovec',
  steps: [{ do: 'refuse', when: 'vectorsUnfit', errno: 'EINVAL' }],
  note: 'No alignment; the remote range is pinned page by page, in pages of the target.',
};

/** One row for each call. */
export const abiRules: { readonly [O in RuledCall['op']]: AbiRule } = {
  mmap: {
    source: 'arch/arm64/kernel/sys.c:mmap, mm/mmap.c:ksys_mmap_pgoff,do_mmap,__get_unmapped_area, security/commoncap.c',
    steps: [
      aligned('offsetBytes'),
      { do: 'refuse', when: 'hugeOfFile', errno: 'EINVAL' },
      { do: 'refuse', when: 'hugeSizeUnknown', errno: 'EINVAL' },
      { do: 'nonzero', argument: 'lengthBytes', errno: 'EINVAL' },
      { do: 'hint', argument: 'addr', only: 'hint' },
      { do: 'up', argument: 'lengthBytes', wrapped: 'ENOMEM' },
      { do: 'below', addr: null, length: 'lengthBytes', errno: 'ENOMEM' },
      { do: 'below', addr: 'addr', length: 'lengthBytes', errno: 'ENOMEM', only: 'fixed' },
      { do: 'aligned', argument: 'addr', errno: 'EINVAL', only: 'fixed' },
      { do: 'refuse', when: 'belowMinimum', errno: 'EPERM' },
    ],
    after:
      'a place is found (ENOMEM), MAP_FIXED_NOREPLACE finds it free (EEXIST), and memory may be locked (EPERM, EAGAIN)',
    late: [
      { do: 'refuse', when: 'pastLargestFile', errno: 'EOVERFLOW' },
      { do: 'refuse', when: 'validatesUnknown', errno: 'EOPNOTSUPP' },
      { do: 'refuse', when: 'typeOfFileUnknown', errno: 'EINVAL' },
      { do: 'refuse', when: 'typeUnknown', errno: 'EINVAL' },
      { do: 'refuse', when: 'dropsLocked', errno: 'EINVAL' },
      { do: 'refuse', when: 'growsShared', errno: 'EINVAL' },
      { do: 'refuse', when: 'noHugePages', errno: 'ENOMEM' },
    ],
    note: 'EOVERFLOW of a page index cannot come about with an offset in bytes.',
  },
  munmap: {
    source: 'mm/vma.c:do_vmi_munmap',
    steps: [
      aligned('addr'),
      { do: 'below', addr: 'addr', length: 'lengthBytes', errno: 'EINVAL' },
      anyLengthUp,
      { do: 'nonzero', argument: 'lengthBytes', errno: 'EINVAL' },
    ],
  },
  mprotect: {
    source: 'mm/mprotect.c:do_mprotect_pkey, arch/arm64/include/asm/mman.h:arch_validate_prot',
    steps: protect,
  },
  pkey_mprotect: {
    source: 'mm/mprotect.c:do_mprotect_pkey, arch/arm64/include/asm/pkeys.h:mm_pkey_is_allocated',
    steps: [...protect, { do: 'refuse', when: 'keyNotAllocated', errno: 'EINVAL' }],
    note: 'No CPU of the model has permission overlays, so pkey_alloc never gives a key.',
  },
  mremap: {
    source: 'mm/mremap.c:mremap,mremap_to',
    steps: [
      known(MREMAP.MAYMOVE | MREMAP.FIXED | MREMAP.DONTUNMAP),
      { do: 'refuse', when: 'fixedWithoutMayMove', errno: 'EINVAL' },
      { do: 'refuse', when: 'keepsAndResizes', errno: 'EINVAL' },
      aligned('addr'),
      { do: 'up', argument: 'oldLengthBytes', wrapped: null },
      { do: 'up', argument: 'newLengthBytes', wrapped: null },
      { do: 'nonzero', argument: 'newLengthBytes', errno: 'EINVAL' },
    ],
    after: 'the old range is found mapped (EFAULT) and not sealed (EPERM)',
    late: [
      { do: 'aligned', argument: 'newAddr', errno: 'EINVAL', only: 'placed' },
      { do: 'below', addr: 'newAddr', length: 'newLengthBytes', errno: 'EINVAL', only: 'placed' },
      { do: 'refuse', when: 'overlaps', errno: 'EINVAL' },
    ],
  },
  brk: {
    source: 'mm/mmap.c:brk',
    steps: [],
    note: 'Rounded up for the mapping, kept as given; a refusal returns the old break.',
  },
  remap_file_pages: {
    source: 'mm/mmap.c:remap_file_pages',
    steps: [
      { do: 'refuse', when: 'protGiven', errno: 'EINVAL' },
      { do: 'down', argument: 'addr' },
      { do: 'down', argument: 'lengthBytes' },
      { do: 'wraps', addr: 'addr', length: 'lengthBytes', errno: 'EINVAL', empty: true },
      { do: 'refuse', when: 'pgoffWraps', errno: 'EINVAL' },
    ],
    note: '`pgoff` counts pages of the caller.',
  },
  mseal: {
    source: 'mm/mseal.c:do_mseal',
    steps: [{ do: 'refuse', when: 'flagsGiven', errno: 'EINVAL' }, aligned('addr'), lengthUp, rangeWraps, emptyLength],
  },
  madvise: {
    source: 'mm/madvise.c:madvise_behavior_valid,do_madvise',
    steps: [
      { do: 'refuse', when: 'adviceUnknown', errno: 'EINVAL' },
      aligned('addr'),
      lengthUp,
      rangeWraps,
      emptyLength,
    ],
  },
  msync: {
    source: 'mm/msync.c:msync',
    steps: [
      known(MSYNC.ASYNC | MSYNC.INVALIDATE | MSYNC.SYNC),
      aligned('addr'),
      { do: 'refuse', when: 'syncsBothWays', errno: 'EINVAL' },
      anyLengthUp,
      { do: 'wraps', addr: 'addr', length: 'lengthBytes', errno: 'ENOMEM' },
      emptyLength,
    ],
  },
  mincore: {
    source: 'mm/mincore.c:mincore',
    steps: [
      aligned('addr'),
      { do: 'below', addr: 'addr', length: 'lengthBytes', errno: 'ENOMEM' },
      { do: 'refuse', when: 'vectorOutside', errno: 'EFAULT' },
      anyLengthUp,
      emptyLength,
    ],
    note: 'One byte of the vector for each page of the caller.',
  },
  mlock: { source: 'mm/mlock.c:do_mlock,apply_vma_lock_flags', steps: lock },
  mlock2: { source: 'mm/mlock.c:mlock2,do_mlock', steps: [known(MLOCK.ONFAULT), ...lock] },
  munlock: { source: 'mm/mlock.c:munlock,apply_vma_lock_flags', steps: lock },
  mlockall: { source: 'mm/mlock.c:mlockall', steps: [{ do: 'refuse', when: 'locksNothing', errno: 'EINVAL' }] },
  munlockall: { source: 'mm/mlock.c:munlockall', steps: [] },
  mbind: {
    source: 'mm/mempolicy.c:sanitize_mpol_flags,get_nodes,do_mbind,mpol_new',
    steps: [
      { do: 'refuse', when: 'policyUnknown', errno: 'EINVAL' },
      { do: 'refuse', when: 'maskTooLong', errno: 'EINVAL' },
      { do: 'refuse', when: 'nodeBeyond', errno: 'EINVAL' },
      known(MPOL.MF_STRICT | MPOL.MF_MOVE | MPOL.MF_MOVE_ALL),
      { do: 'refuse', when: 'movesAllUnprivileged', errno: 'EPERM' },
      aligned('addr'),
      anyLengthUp,
      rangeWraps,
      emptyLength,
      { do: 'refuse', when: 'nodesUnfit', errno: 'EINVAL' },
    ],
    note: 'One node, number 0.',
  },
  set_mempolicy_home_node: {
    source: 'mm/mempolicy.c:set_mempolicy_home_node',
    steps: [
      aligned('addr'),
      { do: 'refuse', when: 'flagsGiven', errno: 'EINVAL' },
      { do: 'refuse', when: 'homeUnknown', errno: 'EINVAL' },
      anyLengthUp,
      rangeWraps,
      emptyLength,
    ],
  },
  set_vma_anon_name: {
    source: 'kernel/sys.c:prctl_set_vma, mm/madvise.c:madvise_set_anon_name',
    steps: [{ do: 'refuse', when: 'nameUnfit', errno: 'EINVAL' }, aligned('addr'), lengthUp, rangeWraps, emptyLength],
  },
  read: transfer,
  write: transfer,
  truncate: resize,
  ftruncate: resize,
  fallocate: {
    source: 'fs/open.c:vfs_fallocate, mm/shmem.c:shmem_fallocate',
    steps: [
      { do: 'refuse', when: 'extentUnfit', errno: 'EINVAL' },
      { do: 'refuse', when: 'modeUnfit', errno: 'EOPNOTSUPP' },
      { do: 'refuse', when: 'extentTooLarge', errno: 'EFBIG' },
    ],
    note: 'In bytes. Modes that ext4 and XFS have beyond these two are not modelled.',
  },
  memfd_create: {
    source: 'mm/memfd.c:memfd_create',
    steps: [
      { do: 'refuse', when: 'memfdFlagsUnknown', errno: 'EINVAL' },
      { do: 'refuse', when: 'memfdExecutesAndNot', errno: 'EINVAL' },
      { do: 'refuse', when: 'memfdNameLong', errno: 'EINVAL' },
      { do: 'refuse', when: 'memfdHugeSizeUnknown', errno: 'ENODEV' },
      { do: 'refuse', when: 'memfdHuge', errno: 'ENOSYS' },
    ],
  },
  shmget: {
    source: 'ipc/shm.c:newseg,shm_more_checks',
    steps: [],
    note: 'The size is kept in bytes, and mapped in whole pages of the caller.',
  },
  shmat: {
    source: 'ipc/shm.c:do_shmat, include/asm-generic/shmparam.h:SHMLBA',
    steps: [
      { do: 'refuse', when: 'identifierNegative', errno: 'EINVAL' },
      { do: 'down', argument: 'addr', only: 'roundsAddress' },
      { do: 'refuse', when: 'remapsNothing', errno: 'EINVAL' },
      aligned('addr'),
    ],
    note: 'Then as mmap of the segment; what is mapped at the address already is EINVAL without SHM_REMAP.',
  },
  shmdt: { source: 'ipc/shm.c:ksys_shmdt', steps: [aligned('addr')] },
  shmctl: {
    source: 'ipc/shm.c:shmctl_down,do_shm_rmid',
    steps: [{ do: 'refuse', when: 'identifierNegative', errno: 'EINVAL' }],
  },
  move_pages: {
    source: 'mm/migrate.c:kernel_move_pages,do_pages_move,do_pages_stat',
    steps: [known(MPOL.MF_MOVE | MPOL.MF_MOVE_ALL), { do: 'refuse', when: 'movesAllUnprivileged', errno: 'EPERM' }],
    after: 'the process is found (ESRCH)',
    late: [{ do: 'refuse', when: 'nodeWithoutMemory', errno: 'ENODEV' }],
    note: 'Any byte address; one status each. One node, number 0.',
  },
  process_madvise: {
    source: 'mm/madvise.c:process_madvise',
    steps: [
      { do: 'refuse', when: 'vectorsUnfit', errno: 'EINVAL' },
      { do: 'refuse', when: 'adviceNotForOthers', errno: 'EINVAL' },
    ],
    note: 'Each range by the rule of madvise, in pages of the caller; then outward to pages of the target.',
  },
  process_vm_readv: vectors,
  process_vm_writev: vectors,
  ...userfaultRules,
};
