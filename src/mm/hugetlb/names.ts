/**
 * Inodes of the kernel's internal hugetlbfs mounts: there is one mount for each size, and a name says which (`mm/hugetlb.c`,
 * `fs/hugetlbfs/inode.c:hugetlb_file_setup`).
 */
import { VM, type Vma } from '../vma.ts';

/**
 * The name of an inode on the mount of a size.
 *
 * @example
 * ```ts
 * hugeFile(2 ** 21, '7.0'); // 'hugetlb:2048kB:7.0'
 * ```
 */
export function hugeFile(hugeBytes: number, name: string): string {
  return `hugetlb:${hugeBytes / 1024}kB:${name}`;
}

/**
 * The size of the huge pages of an inode; null for a file that is none of hugetlbfs.
 *
 * @example
 * ```ts
 * hugeBytesOfFile('hugetlb:2048kB:7.0'); // 2097152
 * hugeBytesOfFile('shmem:7.0'); // null
 * ```
 */
export function hugeBytesOfFile(file: string | null): number | null {
  const kib = file === null ? undefined : /^hugetlb:(\d+)kB:/.exec(file)?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/**
 * The size of the huge pages of an area, null for an ordinary one (`is_vm_hugetlb_page`).
 *
 * @example
 * ```ts
 * hugeBytesOf({ startVa: 0, endVa: 4096, prot: 3, flags: 0, file: null, offsetBytes: 0 }); // null
 * ```
 */
export function hugeBytesOf(vma: Vma): number | null {
  return (vma.flags & VM.HUGETLB) === 0 ? null : hugeBytesOfFile(vma.file);
}
