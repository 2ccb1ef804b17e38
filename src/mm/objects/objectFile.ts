/**
 * Names of what is mapped like a file and has no page cache, and what `/proc/PID/maps` shows for it.
 *
 * @models S-33 D-13
 */

/**
 * Whether a name in a program's mmap is that of an object that the program made (`object:`), or of a device
 * (`driver:`).
 *
 * @example
 * ```ts
 * isObjectFile('object:3'); // true
 * isObjectFile('/etc/passwd'); // false
 * ```
 */
export function isObjectFile(file: string): boolean {
  return file.startsWith('object:') || file.startsWith('driver:');
}

/** Names that the kernel gives to the files of objects (`anon_inode_getfile`, `sock_alloc_file`, `aio_private_file`). */
const SHOWN: Readonly<Record<string, string>> = {
  perf: 'anon_inode:[perf_event]',
  uring: 'anon_inode:[io_uring]',
  ringbuf: 'anon_inode:bpf-map',
  array: 'anon_inode:bpf-map',
  arena: 'anon_inode:bpf-map',
  packet: 'socket:[0]',
  aio: '/[aio] (deleted)',
};

/**
 * What the last column of /proc/PID/maps has for an object of a kind; the inode of a socket is not modelled.
 *
 * @example
 * ```ts
 * shownName('uring'); // 'anon_inode:[io_uring]'
 * ```
 */
export function shownName(kind: string): string {
  return SHOWN[kind] ?? kind;
}
