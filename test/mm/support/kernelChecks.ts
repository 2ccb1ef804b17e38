/**
 * What the functions of Linux 6.12 ask of their arguments before anything is looked up, written down line by line in 64-bit words: a
 * second source beside the table of layer 1, for calls that no kernel was asked. Each gives an errno, 0 for nothing to do, or
 * the arguments as the function goes on with them. P is the page size of the kernel.
 */
import { ADVICE, ERRNO, isHugeSizeUnknown, KNOWN_ADVICE } from '../../../src/mm/abi/numbers.ts';

type Call = Readonly<Record<string, unknown>>;
/** A negative errno, 0, or arguments. */
export type Checked = number | Readonly<Record<string, bigint>>;

const WORD = 2n ** 64n;
const TASK_SIZE = 2n ** 48n;
const { EINVAL, ENOMEM, EPERM, EFAULT, EFBIG, EOPNOTSUPP, ENODEV, ENOSYS } = ERRNO;
const u64 = (value: bigint): bigint => ((value % WORD) + WORD) % WORD;
const big = (call: Call, name: string): bigint => u64(BigInt(call[name] as number));
const bits = (call: Call, name: string): number => call[name] as number;
const pageAlign = (value: bigint, page: bigint): bigint => u64(value + page - 1n) & u64(~(page - 1n));
const inPage = (value: bigint, page: bigint): bigint => value & (page - 1n);

/** One function: the call, the page size as a word, whether the caller has every capability. */
export type Check = (call: Call, page: bigint, privileged: boolean) => Checked;

/** `end = start + len`, as most of them have it: refused where it wraps, done where it is empty. */
function endOf(addr: bigint, lengthBytes: bigint, errno: number): Checked {
  const end = u64(addr + lengthBytes);
  if (end < addr) return -errno;
  return end === addr ? 0 : { addr, lengthBytes };
}

/** `if (len_in && !len) return -EINVAL`, then the end. */
function roundedFromSmallNegative(call: Call, page: bigint): Checked {
  const len = pageAlign(big(call, 'lengthBytes'), page);
  if (big(call, 'lengthBytes') !== 0n && len === 0n) return -EINVAL;
  return endOf(big(call, 'addr'), len, EINVAL);
}

/** `mm/mprotect.c:do_mprotect_pkey`. */
const mprotect: Check = (call, page) => {
  const prot = bits(call, 'prot');
  if ((prot & 0x3000000) === 0x3000000) return -EINVAL;
  const addr = big(call, 'addr');
  if (inPage(addr, page) !== 0n) return -EINVAL;
  if (big(call, 'lengthBytes') === 0n) return 0;
  const lengthBytes = pageAlign(big(call, 'lengthBytes'), page);
  if (u64(addr + lengthBytes) <= addr) return -ENOMEM;
  // arch_validate_prot of a CPU without BTI and MTE.
  if ((prot & ~0x3000000 & ~(1 | 2 | 4 | 8)) !== 0) return -EINVAL;
  return { addr, lengthBytes };
};

/** `mm/mlock.c:do_mlock`, then `apply_vma_lock_flags`. */
const lock: Check = (call, page) => {
  const addr = big(call, 'addr') - inPage(big(call, 'addr'), page);
  const lengthBytes = pageAlign(u64(big(call, 'lengthBytes') + inPage(big(call, 'addr'), page)), page);
  return endOf(addr, lengthBytes, EINVAL);
};

/** `mm/mremap.c:mremap`. */
const mremap: Check = (call, page) => {
  const flags = bits(call, 'flags');
  if ((flags & ~7) !== 0) return -EINVAL;
  if ((flags & 2) !== 0 && (flags & 1) === 0) return -EINVAL;
  const oldLen = big(call, 'oldLengthBytes');
  const newLen = big(call, 'newLengthBytes');
  if ((flags & 4) !== 0 && ((flags & 1) === 0 || oldLen !== newLen)) return -EINVAL;
  if (inPage(big(call, 'addr'), page) !== 0n) return -EINVAL;
  const newLengthBytes = pageAlign(newLen, page);
  if (newLengthBytes === 0n) return -EINVAL;
  return { addr: big(call, 'addr'), oldLengthBytes: pageAlign(oldLen, page), newLengthBytes };
};

/** `mm/mempolicy.c:sanitize_mpol_flags`, `get_nodes`, `do_mbind`, `mpol_new`; node 0 alone has memory. */
const mbind: Check = (call, page, privileged) => {
  const mode = bits(call, 'mode') & ~0xe000;
  const modeFlags = bits(call, 'mode') & 0xe000;
  if (mode < 0 || mode >= 7 || (modeFlags & 0xc000) === 0xc000) return -EINVAL;
  if ((modeFlags & 0x2000) !== 0 && mode !== 2 && mode !== 5) return -EINVAL;
  const maxNode = u64(big(call, 'maxNode') - 1n);
  const given = call['nodes'] as number[] | undefined;
  if (given !== undefined && maxNode !== 0n && maxNode > page * 8n) return -EINVAL;
  const nodes = (given ?? []).filter((node) => BigInt(node) < maxNode);
  if (nodes.some((node) => node >= 16)) return -EINVAL;
  const flags = bits(call, 'flags');
  if ((flags & ~7) !== 0) return -EINVAL;
  if ((flags & 4) !== 0 && !privileged) return -EPERM;
  if (inPage(big(call, 'addr'), page) !== 0n) return -EINVAL;
  const end = endOf(big(call, 'addr'), pageAlign(big(call, 'lengthBytes'), page), EINVAL);
  if (typeof end === 'number') return end;
  return newPolicy(mode, modeFlags, nodes) ? end : -EINVAL;
};

/** `mpol_new` and `mpol_set_nodemask`. */
function newPolicy(mode: number, flags: number, nodes: readonly number[]): boolean {
  const bound = (flags & 0xc000) !== 0;
  if (mode === 0) return nodes.length === 0;
  if (mode === 4) return nodes.length === 0 && !bound;
  if (nodes.length === 0) return mode === 1 && !bound;
  return (flags & 0x4000) !== 0 || nodes.includes(0);
}

/** `fs/userfaultfd.c:validate_unaligned_range`. */
function unalignedRange(start: bigint, length: bigint, page: bigint): number {
  if (inPage(length, page) !== 0n || length === 0n) return -EINVAL;
  // Later stable releases of 6.12 no longer refuse what lies below mmap_min_addr.
  if (start < 4096n || start >= TASK_SIZE || length > TASK_SIZE - start) return -EINVAL;
  return 0;
}

/** `validate_range`. */
function alignedRange(start: bigint, length: bigint, page: bigint): number {
  return inPage(start, page) !== 0n ? -EINVAL : unalignedRange(start, length, page);
}

/** A request on one range with modes, as most of userfaultfd's are. */
function request(modes: number, before: Check = () => ({}), after: Check = () => ({})): Check {
  return (call, page, privileged) => {
    const first = before(call, page, privileged);
    if (typeof first === 'number') return first;
    const ret = alignedRange(big(call, 'addr'), big(call, 'lengthBytes'), page);
    if (ret !== 0) return ret;
    const then = after(call, page, privileged);
    if (typeof then === 'number') return then;
    if (call['mode'] !== undefined && (bits(call, 'mode') & ~modes) !== 0 && call['op'] !== 'uffdio_register')
      return -EINVAL;
    return { addr: big(call, 'addr'), lengthBytes: big(call, 'lengthBytes') };
  };
}

const sourceOf =
  (range: typeof alignedRange): Check =>
  (call, page) => {
    const ret = range(big(call, 'src'), big(call, 'lengthBytes'), page);
    return ret === 0 ? {} : ret;
  };

/** The functions by the calls that they check. */
export const kernelChecks: Readonly<Record<string, Check>> = {
  mprotect,
  // mm_pkey_is_allocated of a CPU without permission overlays: key 0 alone.
  pkey_mprotect: (call, page, privileged) => {
    const ret = mprotect(call, page, privileged);
    return typeof ret === 'number' || [-1, 0].includes(bits(call, 'pkey')) ? ret : -EINVAL;
  },
  mremap,
  // mm/mmap.c:remap_file_pages
  remap_file_pages: (call, page) => {
    if (bits(call, 'prot') !== 0) return -EINVAL;
    const addr = big(call, 'addr') - inPage(big(call, 'addr'), page);
    const lengthBytes = big(call, 'lengthBytes') - inPage(big(call, 'lengthBytes'), page);
    if (u64(addr + lengthBytes) <= addr) return -EINVAL;
    const pgoff = big(call, 'pgoff');
    return u64(pgoff + lengthBytes / page) < pgoff ? -EINVAL : { addr, lengthBytes };
  },
  // mm/vma.c:do_vmi_munmap
  munmap: (call, page) => {
    const addr = big(call, 'addr');
    if (inPage(addr, page) !== 0n || addr > TASK_SIZE || big(call, 'lengthBytes') > TASK_SIZE - addr) return -EINVAL;
    const lengthBytes = pageAlign(big(call, 'lengthBytes'), page);
    return lengthBytes === 0n ? -EINVAL : { addr, lengthBytes };
  },
  // mm/mseal.c:do_mseal
  mseal: (call, page) => {
    if (bits(call, 'flags') !== 0 || inPage(big(call, 'addr'), page) !== 0n) return -EINVAL;
    return roundedFromSmallNegative(call, page);
  },
  // mm/madvise.c:do_madvise
  madvise: (call, page) => {
    if (!KNOWN_ADVICE.has(bits(call, 'advice')) || inPage(big(call, 'addr'), page) !== 0n) return -EINVAL;
    return roundedFromSmallNegative(call, page);
  },
  // mm/msync.c:msync
  msync: (call, page) => {
    const flags = bits(call, 'flags');
    if ((flags & ~7) !== 0 || inPage(big(call, 'addr'), page) !== 0n || (flags & 5) === 5) return -EINVAL;
    return endOf(big(call, 'addr'), pageAlign(big(call, 'lengthBytes'), page), ENOMEM);
  },
  // mm/mincore.c:mincore
  mincore: (call, page) => {
    const addr = big(call, 'addr');
    const length = big(call, 'lengthBytes');
    if (inPage(addr, page) !== 0n) return -EINVAL;
    if (length > TASK_SIZE || addr > TASK_SIZE - length) return -ENOMEM;
    const pages = length / page + (inPage(length, page) !== 0n ? 1n : 0n);
    if (pages > TASK_SIZE || big(call, 'vec') > TASK_SIZE - pages) return -EFAULT;
    return pages === 0n ? 0 : { addr, lengthBytes: pages * page };
  },
  mlock: lock,
  munlock: lock,
  mlock2: (call, page, privileged) => ((bits(call, 'flags') & ~1) !== 0 ? -EINVAL : lock(call, page, privileged)),
  mlockall: (call) => {
    const flags = bits(call, 'flags');
    return flags === 0 || (flags & ~7) !== 0 || flags === 4 ? -EINVAL : {};
  },
  mbind,
  // mm/mempolicy.c:set_mempolicy_home_node, one node online
  set_mempolicy_home_node: (call, page) => {
    if (inPage(big(call, 'addr'), page) !== 0n) return -EINVAL;
    if (bits(call, 'flags') !== 0 || bits(call, 'homeNode') !== 0) return -EINVAL;
    return endOf(big(call, 'addr'), pageAlign(big(call, 'lengthBytes'), page), EINVAL);
  },
  // kernel/sys.c:prctl_set_vma, mm/madvise.c:madvise_set_anon_name
  set_vma_anon_name: (call, page) => {
    const name = call['name'] as string | null;
    if (name !== null && (name.length >= 80 || /[^ -~]|[\\`$[\]]/.test(name))) return -EINVAL;
    return inPage(big(call, 'addr'), page) !== 0n ? -EINVAL : roundedFromSmallNegative(call, page);
  },
  // fs/open.c:do_truncate and inode_newsize_ok; vfs_fallocate
  truncate: (call) => sizeChecked(call),
  ftruncate: (call) => sizeChecked(call),
  fallocate: (call) => {
    const [offset, length, mode] = [bits(call, 'offsetBytes'), bits(call, 'lengthBytes'), bits(call, 'mode')];
    if (offset < 0 || length <= 0) return -EINVAL;
    if ((mode & ~3) !== 0 || (mode & 3) === 2) return -EOPNOTSUPP;
    return BigInt(offset) + BigInt(length) > 2n ** 63n - 1n ? -EFBIG : {};
  },
  // mm/memfd.c:memfd_create without hugetlb
  memfd_create: (call, page) => {
    const flags = bits(call, 'flags');
    const huge = (flags & 4) !== 0;
    if ((flags & ~(0x1f | (huge ? 0x3f << 26 : 0))) !== 0 || (flags & 0x18) === 0x18) return -EINVAL;
    if ((call['file'] as string).length > 249) return -EINVAL;
    if (huge && isHugeSizeUnknown(flags, Number(page))) return -ENODEV;
    return huge ? -ENOSYS : {};
  },
  // ipc/shm.c:do_shmat, SHMLBA is PAGE_SIZE
  shmat: (call, page): Checked => {
    if (bits(call, 'shmid') < 0) return -EINVAL;
    const flags = bits(call, 'flags');
    let addr = big(call, 'addr');
    if (addr === 0n) return (flags & 0o40000) !== 0 ? -EINVAL : {};
    if (inPage(addr, page) === 0n) return { addr };
    if ((flags & 0o20000) === 0) return -EINVAL;
    addr -= inPage(addr, page);
    return addr === 0n && (flags & 0o40000) !== 0 ? -EINVAL : { addr };
  },
  shmdt: (call, page) => (inPage(big(call, 'addr'), page) !== 0n ? -EINVAL : {}),
  // mm/migrate.c:kernel_move_pages
  move_pages: (call, _page, privileged) => {
    if ((bits(call, 'flags') & ~6) !== 0) return -EINVAL;
    return (bits(call, 'flags') & 4) !== 0 && !privileged ? -EPERM : {};
  },
  // mm/madvise.c:process_madvise
  process_madvise: (call) => {
    if (vectorsUnfit(call, 'ranges')) return -EINVAL;
    const { COLD, PAGEOUT, WILLNEED, COLLAPSE } = ADVICE;
    return [COLD, PAGEOUT, WILLNEED, COLLAPSE].includes(bits(call, 'advice') as 3) ? {} : -EINVAL;
  },
  process_vm_readv: (call) => (vectorsUnfit(call, 'local', 'remote') ? -EINVAL : {}),
  process_vm_writev: (call) => (vectorsUnfit(call, 'local', 'remote') ? -EINVAL : {}),
  // fs/userfaultfd.c
  userfaultfd: (call) => ((bits(call, 'flags') & ~(1 | 0o4000 | 0o2000000)) !== 0 ? -EINVAL : {}),
  uffdio_api: (call, _page, privileged) => {
    if (bits(call, 'api') !== 0xaa) return -EINVAL;
    if ((bits(call, 'features') & 2) !== 0 && !privileged) return -EPERM;
    return (bits(call, 'features') & ~0x1ffff) !== 0 ? -EINVAL : {};
  },
  uffdio_register: request(7, (call) => (bits(call, 'mode') === 0 || (bits(call, 'mode') & ~7) !== 0 ? -EINVAL : {})),
  uffdio_unregister: request(0),
  uffdio_wake: request(0),
  uffdio_copy: request(3, sourceOf(unalignedRange)),
  uffdio_zeropage: request(1),
  uffdio_writeprotect: request(3, undefined, (call) => ((bits(call, 'mode') & 3) === 3 ? -EINVAL : {})),
  uffdio_continue: request(3),
  uffdio_poison: request(1),
  uffdio_move: request(3, undefined, sourceOf(alignedRange)),
};

function sizeChecked(call: Call): Checked {
  if (bits(call, 'sizeBytes') < 0) return -EINVAL;
  return BigInt(bits(call, 'sizeBytes')) > 2n ** 63n - 1n ? -EFBIG : {};
}

function vectorsUnfit(call: Call, ...names: string[]): boolean {
  return names.some((name) => {
    const ranges = call[name] as { lengthBytes: number }[];
    return ranges.length > 1024 || ranges.some(({ lengthBytes }) => lengthBytes < 0);
  });
}
