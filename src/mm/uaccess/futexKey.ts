/**
 * What makes two futexes one (`kernel/futex/core.c:get_futex_key`): the address in its mm, or for shared memory the inode and
 * the place in it. The kernel names the place by a page index and an offset in that page, so it matters whose page.
 *
 * @models S-07
 */
import { VM, type Vma } from '../vma.ts';

/** Whose pages the index of a shared key counts; the first is the default. */
export type FutexKeys =
  /** The kernel's, as GUP returns them: processes of every page size agree. */
  | 'kernel-page'
  /** Those of the caller's ABI: a 64K process and a 4K one that map the same file do not meet. */
  | 'process-page';

/** Who uses a futex, and where. */
export interface FutexPlace {
  /** The process whose address space it is in. */
  mmPid: number;
  addr: number;
  /** FUTEX_PRIVATE_FLAG is not set. */
  shared: boolean;
  /** The page that an index counts, in bytes. */
  pageBytes: number;
}

/**
 * The key of a futex as one string; null where a shared one is in no mapping (EFAULT). Anonymous memory that others may share
 * by fork alone is keyed by its mm, as private futexes are.
 *
 * @param vma the area at the address; not looked at for a private futex
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x30000, prot: 3, flags: VM.SHARED, file: 'lock', offsetBytes: 0x20000 };
 * const place = { mmPid: 1, addr: 0x11008, shared: true };
 * futexKey({ ...place, pageBytes: 4096 }, vma); // 'lock 33+8'
 * futexKey({ ...place, pageBytes: 65536 }, vma); // 'lock 2+4104'
 * futexKey({ ...place, shared: false, pageBytes: 4096 }, null); // 'mm:1 69640'
 * ```
 */
export function futexKey({ mmPid, addr, shared, pageBytes }: FutexPlace, vma: Vma | null): string | null {
  if (!shared) return `mm:${mmPid} ${addr}`;
  if (vma === null || vma.prot === 0) return null;
  if (vma.file === null || (vma.flags & VM.SHARED) === 0) return `mm:${mmPid} ${addr}`;
  const at = addr - vma.startVa + vma.offsetBytes;
  return `${vma.file} ${Math.floor(at / pageBytes)}+${at % pageBytes}`;
}
