/** Names of inodes of the kernel's internal tmpfs mount: shared anonymous memory, System V segments, memfds. */

/**
 * Whether a file is an inode of the internal tmpfs mount.
 *
 * @example
 * ```ts
 * isShmem('shmem:1.0'); // true
 * isShmem('/bin/true'); // false
 * ```
 */
export function isShmem(file: string): boolean {
  return file.startsWith('shmem:');
}
