/** One virtual memory area, and its line in /proc/PID/maps. */
import { invariant } from '../errors.ts';
import { isShmem } from './calls/shmem.ts';
import { isObjectFile } from './objects/objectFile.ts';
import { PROT } from './pte.ts';

/**
 * Flags of a VMA, with Linux's bits and meaning [include/linux/mm.h]. READ, WRITE and EXEC are in `prot` instead.
 *
 * @example
 * ```ts
 * (VM.SHARED | VM.LOCKED) === 0x2008; // true
 * ```
 */
export const VM = {
  SHARED: 0x8,
  MAYREAD: 0x10,
  MAYWRITE: 0x20,
  MAYEXEC: 0x40,
  MAYSHARE: 0x80,
  GROWSDOWN: 0x100,
  PFNMAP: 0x400,
  LOCKED: 0x2000,
  IO: 0x4000,
  SEQ_READ: 0x8000,
  RAND_READ: 0x10000,
  DONTCOPY: 0x20000,
  DONTEXPAND: 0x40000,
  LOCKONFAULT: 0x80000,
  ACCOUNT: 0x100000,
  NORESERVE: 0x200000,
  HUGETLB: 0x400000,
  WIPEONFORK: 0x2000000,
  DONTDUMP: 0x4000000,
  MIXEDMAP: 0x10000000,
  HUGEPAGE: 0x20000000,
  NOHUGEPAGE: 0x40000000,
  MERGEABLE: 0x80000000,
} as const;

/** Column at which the path stands in /proc/PID/maps: 25 + 6 * sizeof(void *) [fs/proc/task_mmu.c:show_map_vma]. */
const PATH_COLUMN = 73;

/**
 * One virtual memory area (`struct vm_area_struct`). Plain data; treat it as immutable.
 *
 * @example
 * ```ts
 * const vma: Vma = { startVa: 0x10000, endVa: 0x20000, prot: PROT.READ, flags: 0, file: null, offsetBytes: 0x10000 };
 * ```
 */
export interface Vma {
  startVa: number;
  /** Exclusive. */
  endVa: number;
  /** PROT.READ | PROT.WRITE | PROT.EXEC. */
  prot: number;
  /** Bits of VM. */
  flags: number;
  /** The file mapped, null for anonymous memory; shared anonymous memory is a file `shmem:PID.N`. */
  file: string | null;
  /**
   * `vm_pgoff` in bytes: what stands at `startVa`. With a file the offset in it; in private anonymous memory the address,
   * which mremap leaves as it was once the memory has been written.
   */
  offsetBytes: number;
  /** `anon_vma`: what private pages written here belong to; 0 before the first such page. A VMA set never leaves it out. */
  anonVma?: number;
  /** Length of the `anon_vma_chain`: 1, or more after a fork; absent where there is no `anon_vma`. */
  anonChain?: number;
  /** Memory policy of mbind (`vm_policy`) as text; absent for the default. */
  policy?: string;
  /** Which opening of the file this is (`vm_file`), where one path has been opened more than once. */
  vmFile?: number;
  /** Which userfaultfd it is registered with and for what (`src/mm/userfaultfd/areas.ts`); absent for none. */
  uffd?: string;
  /** Memory protection key, absent for 0. */
  pkey?: number;
  /** VM_SEALED. */
  sealed?: boolean;
  /** `vm_ops->may_split` refuses: the area goes as a whole or stays. */
  noSplit?: boolean;
  /** Whether the area has `vm_ops->close`, as SysV shared memory has: such an area does not vanish in a merge. */
  hasClose?: boolean;
  /**
   * What /proc/PID/maps shows besides the file: `[heap]`, `[stack]`, `[vdso]`; the name that the process gave,
   * `[anon:NAME]` or `[anon_shmem:NAME]`; `/SYSV0000002a (deleted)` or `/memfd:NAME (deleted)` of a `shmem:` file.
   */
  name?: string;
}

/**
 * The part of an area that lies in [startVa, endVa), with the offset to match.
 *
 * @throws GranuleError INVARIANT when the two have nothing in common
 * @example
 * ```ts
 * const vma: Vma = { startVa: 0, endVa: 16384, prot: 1, flags: 0, file: 'a', offsetBytes: 0 };
 * clipVma(vma, 4096, 8192).offsetBytes; // 4096
 * ```
 */
export function clipVma(vma: Vma, startVa: number, endVa: number): Vma {
  const start = Math.max(vma.startVa, startVa);
  const end = Math.min(vma.endVa, endVa);
  invariant(start < end, 'a clipped area is not empty');
  if (start === vma.startVa && end === vma.endVa) return vma;
  return { ...vma, startVa: start, endVa: end, offsetBytes: vma.offsetBytes + (start - vma.startVa) };
}

/**
 * The fields of one line of /proc/PID/maps, as text.
 *
 * @example
 * ```ts
 * const fields: MapsFields = { address: '00010000-00020000', perms: 'r--p', offset: '00000000', path: '', isFile: false };
 * fields.perms; // 'r--p'
 * ```
 */
export interface MapsFields {
  address: string;
  perms: string;
  offset: string;
  path: string;
  /** Whether the line has the inode of a file; that of a `shmem:` file is one of the kernel's own mount. */
  isFile: boolean;
}

/** What stands in the last column [fs/proc/task_mmu.c:get_vma_name]. */
function pathOf({ file, name }: Vma): string {
  if (file === null || (name ?? '').startsWith('[')) return name ?? '';
  if (isObjectFile(file)) return name ?? `/dev/${file.slice(file.indexOf(':') + 1)}`;
  return isShmem(file) ? (name ?? '/dev/zero (deleted)') : file;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/**
 * What /proc/PID/maps shows of an area [fs/proc/task_mmu.c:show_map_vma]; the offset of anonymous memory is 0.
 *
 * @example
 * ```ts
 * mapsFields({ startVa: 65536, endVa: 131072, prot: 3, flags: 0, file: null, offsetBytes: 0, name: '[heap]' }).perms; // 'rw-p'
 * ```
 */
export function mapsFields(vma: Vma): MapsFields {
  const perms = [
    (vma.prot & PROT.READ) === 0 ? '-' : 'r',
    (vma.prot & PROT.WRITE) === 0 ? '-' : 'w',
    (vma.prot & PROT.EXEC) === 0 ? '-' : 'x',
    (vma.flags & (VM.SHARED | VM.MAYSHARE)) === 0 ? 'p' : 's',
  ].join('');
  const address = `${hex(vma.startVa)}-${hex(vma.endVa)}`;
  // What the kernel maps by itself has a name in brackets and no file.
  const isFile = vma.file !== null && !(isObjectFile(vma.file) && (vma.name ?? '').startsWith('['));
  return { address, perms, offset: hex(isFile ? vma.offsetBytes : 0), path: pathOf(vma), isFile };
}

/**
 * The line of /proc/PID/maps. Device and inode numbers, which the model does not have, are 00:00 and 0.
 *
 * @example
 * ```ts
 * formatMapsLine({ startVa: 65536, endVa: 131072, prot: 1, flags: 0, file: null, offsetBytes: 0 });
 * // '00010000-00020000 r--p 00000000 00:00 0 '
 * ```
 */
export function formatMapsLine(vma: Vma): string {
  const { address, perms, offset, path } = mapsFields(vma);
  const line = `${address} ${perms} ${offset} 00:00 0 `;
  return path === '' ? line : `${line.padEnd(PATH_COLUMN)}${path}`;
}
