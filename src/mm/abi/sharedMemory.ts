/** The registry of System V shared memory (`ipc/shm.c`) and of the names that programs gave to memfds. */
import { IntRecord } from '../intRecord.ts';
import { ERRNO, isHugeSizeUnknown, SHM, WORD_END } from './numbers.ts';

/** One segment. */
export interface Segment {
  key: number;
  /** Its inode on the kernel's internal tmpfs mount. */
  file: string;
  /** As shmget was given it; mapped in whole pages of whoever attaches. */
  sizeBytes: number;
  /** IPC_RMID came: it goes with its last attachment (SHM_DEST). */
  removed: boolean;
}

/** An attachment: where in which process. */
export interface Attachment {
  pid: number;
  addr: number;
  id: number;
}

/** All shared memory that has a name. */
export interface SharedMemory {
  segments: Record<number, Segment>;
  attached: Attachment[];
  /** The segment that a process means with an identifier of its recording. */
  identifiers: IntRecord<Record<number, number>>;
  /** The inode that a process means with the name of a memfd. */
  memfds: IntRecord<Record<string, string>>;
  /** Inodes made so far. */
  made: number;
}

/**
 * No shared memory.
 *
 * @example
 * ```ts
 * noSharedMemory().made; // 0
 * ```
 */
export function noSharedMemory(): SharedMemory {
  return { segments: {}, attached: [], identifiers: IntRecord.empty(), memfds: IntRecord.empty(), made: 0 };
}

/** What shmget found, made or refused. */
export type GetResult = { errno: number } | { id: number; created: Segment | null };

const SHM_MAX_BYTES = WORD_END - 2 ** 24 - 2048;

/** The errno that `newseg` refuses a size or flag with, or 0. */
function newErrno(call: { lengthBytes: number; flags: number }, pageBytes: number, hasHuge: boolean): number {
  if (call.lengthBytes < 1 || call.lengthBytes > SHM_MAX_BYTES) return ERRNO.EINVAL;
  if ((call.flags & SHM.HUGETLB) === 0) return 0;
  // Without hugetlb no huge page is reserved, so the strict accounting of `hugetlb_file_setup` refuses the rest.
  if (isHugeSizeUnknown(call.flags, pageBytes)) return ERRNO.EINVAL;
  return hasHuge ? 0 : ERRNO.ENOMEM;
}

/**
 * shmget (`ipc/util.c:ipcget`): the segment of a key, or a new one.
 *
 * @example
 * ```ts
 * const call = { key: 7, lengthBytes: 70000, flags: 0, shmid: 0 };
 * getSegment(noSharedMemory(), call, 4096); // { errno: 2 }
 * ```
 */
export function getSegment(
  shared: SharedMemory,
  call: { key: number; lengthBytes: number; flags: number },
  pageBytes: number,
  hasHuge = false,
): GetResult {
  const { key, flags } = call;
  const found = Object.entries(shared.segments).find(([, segment]) => segment.key === key && !segment.removed);
  if (key === SHM.IPC_PRIVATE || found === undefined) {
    if (key !== SHM.IPC_PRIVATE && (flags & SHM.IPC_CREAT) === 0) return { errno: ERRNO.ENOENT };
    const errno = newErrno(call, pageBytes, hasHuge);
    if (errno !== 0) return { errno };
    const id = shared.made;
    return { id, created: { key, file: `shmem:sysv.${id}`, sizeBytes: call.lengthBytes, removed: false } };
  }
  if ((flags & (SHM.IPC_CREAT | SHM.IPC_EXCL)) === (SHM.IPC_CREAT | SHM.IPC_EXCL)) return { errno: ERRNO.EEXIST };
  return found[1].sizeBytes < call.lengthBytes ? { errno: ERRNO.EINVAL } : { id: Number(found[0]), created: null };
}

/**
 * The segment that a process means, null for none.
 *
 * @example
 * ```ts
 * segmentOf(noSharedMemory(), 1, 0); // null
 * ```
 */
export function segmentOf(shared: SharedMemory, pid: number, shmid: number): { id: number; segment: Segment } | null {
  const id = shared.identifiers.get(pid)?.[shmid];
  const segment = id === undefined ? undefined : shared.segments[id];
  return id === undefined || segment === undefined ? null : { id, segment };
}

/**
 * Without the segments that are removed and attached nowhere (`shm_may_destroy`).
 *
 * @example
 * ```ts
 * destroyUnused(noSharedMemory()).segments; // {}
 * ```
 */
export function destroyUnused(shared: SharedMemory): SharedMemory {
  if (!Object.values(shared.segments).some(({ removed }) => removed)) return shared;
  const used = new Set(shared.attached.map(({ id }) => id));
  const kept = Object.entries(shared.segments).filter(([id, segment]) => !segment.removed || used.has(Number(id)));
  return { ...shared, segments: Object.fromEntries(kept) };
}

/**
 * A child has what its parent had (`shm_open`, `dup_fd`).
 *
 * @example
 * ```ts
 * const memfds = IntRecord.fromPlain({ 1: { x: 'shmem:memfd.0' } });
 * inherit({ ...noSharedMemory(), memfds }, 1, 2).memfds.get(2); // { x: 'shmem:memfd.0' }
 * ```
 */
export function inherit(shared: SharedMemory, pid: number, childPid: number): SharedMemory {
  const own = shared.attached.filter((attachment) => attachment.pid === pid);
  const attached = own.map((attachment) => ({ ...attachment, pid: childPid }));
  return {
    ...shared,
    attached: own.length === 0 ? shared.attached : [...shared.attached, ...attached],
    identifiers: shared.identifiers.with(childPid, shared.identifiers.get(pid) ?? {}),
    memfds: shared.memfds.with(childPid, shared.memfds.get(pid) ?? {}),
  };
}

/**
 * execve: what was attached goes with the memory (`shm_close`); descriptors stay.
 *
 * @example
 * ```ts
 * detachAll({ ...noSharedMemory(), attached: [{ pid: 1, addr: 65536, id: 0 }] }, 1).attached; // []
 * ```
 */
export function detachAll(shared: SharedMemory, pid: number): SharedMemory {
  const attached = shared.attached.filter((attachment) => attachment.pid !== pid);
  return attached.length === shared.attached.length ? shared : destroyUnused({ ...shared, attached });
}

function isOpen(memfds: SharedMemory['memfds'], inode: string): boolean {
  for (const [, names] of memfds.entries()) if (Object.values(names).includes(inode)) return true;
  return false;
}

/**
 * What is left when a process is gone, and the memfds that nobody has open any more.
 *
 * @example
 * ```ts
 * const memfds = IntRecord.fromPlain({ 1: { x: 'shmem:memfd.0' } });
 * leave({ ...noSharedMemory(), memfds }, 1).closed; // ['shmem:memfd.0']
 * ```
 */
export function leave(shared: SharedMemory, pid: number): { shared: SharedMemory; closed: string[] } {
  const open = Object.values(shared.memfds.get(pid) ?? {});
  const memfds = shared.memfds.without(pid);
  const identifiers = shared.identifiers.without(pid);
  const closed = open.length === 0 ? [] : open.filter((file) => !isOpen(memfds, file));
  const attached = shared.attached.filter((attachment) => attachment.pid !== pid);
  return { shared: destroyUnused({ ...shared, attached, identifiers, memfds }), closed };
}
