/**
 * Filling pages in for a fault that waits (`mm/userfaultfd.c:mfill_atomic`), and moving them in (`move_pages`): what is
 * asked of the areas, then page by page, and what the call returns when it stops half-way.
 *
 * @models L-08 X-05 D-07
 */
import { ERRNO } from '../abi/numbers.ts';
import { PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { type AreaKinds, armingOf, isArmed, isShmemArea } from './areas.ts';
import type { FillKind } from './calls.ts';
import { UFFD } from './numbers.ts';

/** What a fill is asked for. */
export interface FillWish {
  kind: FillKind;
  startVa: number;
  lengthBytes: number;
  /** The pages come write-protected (`MFILL_ATOMIC_WP`). */
  writeProtect: boolean;
}

/**
 * What `mfill_atomic` asks of the area before it looks at pages: 0, or an errno.
 *
 * @example
 * ```ts
 * const area = { startVa: 0, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0, uffd: '1 0 monitor' };
 * const kinds = { vmas: VmaSet.empty(4096).map(area), writeNotify: [] };
 * const wish = { kind: 'copy' as const, startVa: 0, lengthBytes: 4096, writeProtect: false };
 * fillErrno(kinds, wish); // 0
 * fillErrno(kinds, { ...wish, startVa: 8192 }); // 2
 * fillErrno(kinds, { ...wish, kind: 'continue' }); // 22
 * ```
 */
export function fillErrno(kinds: AreaKinds, wish: FillWish): number {
  const { startVa, lengthBytes, kind, writeProtect } = wish;
  const vma = kinds.vmas.find(startVa);
  if (vma === null || startVa + lengthBytes > vma.endVa || armingOf(vma) === null) return ERRNO.ENOENT;
  const shmem = isShmemArea(kinds, vma);
  if (vma.file === null && (vma.flags & VM.SHARED) !== 0) return ERRNO.EINVAL;
  if (writeProtect && !isArmed(vma, UFFD.REGISTER_WP)) return ERRNO.EINVAL;
  if (vma.file !== null && !shmem) return ERRNO.EINVAL;
  return kind === 'continue' && !shmem ? ERRNO.EINVAL : 0;
}

/** What stands in the way of one page of a fill. */
export interface PageState {
  /** What the Linux table holds at any kernel page of it. */
  entry: 'none' | 'wp-marker' | 'any';
  /** In the page cache of a shared mapping; of a private one it does not matter. */
  cached: boolean;
  /** Past the end of the file. */
  beyond: boolean;
  /** The source could be read. */
  readable: boolean;
}

/** How far a call gets: units that it does, and the error that stopped it, 0 where nothing did. */
export interface Progress {
  units: number;
  errno: number;
}

/**
 * What stops the filling of one page, 0 for nothing: the order of checks of `mfill_atomic_pte_copy`, `_zeropage`,
 * `_continue`, `_poison` and of `mm/shmem.c:shmem_mfill_atomic_pte`.
 *
 * @example
 * ```ts
 * const page = { entry: 'none' as const, cached: false, beyond: false, readable: true };
 * pageErrno('copy', false, page); // 0
 * pageErrno('copy', false, { ...page, entry: 'any' }); // 17
 * pageErrno('continue', true, page); // 14
 * ```
 */
export function pageErrno(kind: FillKind, shared: boolean, page: PageState): number {
  if (kind === 'copy' && !page.readable) return ERRNO.EFAULT;
  if (kind === 'continue' && !page.cached) return ERRNO.EFAULT;
  if (page.beyond) return ERRNO.EFAULT;
  if (shared && (kind === 'copy' || kind === 'zeropage') && page.cached) return ERRNO.EEXIST;
  // A marker of write protection may be written over by a page, not by the zero page and not by poison.
  const overMarker = kind === 'copy' || kind === 'continue' || (kind === 'zeropage' && shared);
  return page.entry === 'none' || (page.entry === 'wp-marker' && overMarker) ? 0 : ERRNO.EEXIST;
}

/**
 * How many pages of a list are done before the first that cannot be.
 *
 * @example
 * ```ts
 * progressOf([0, 0, 17, 0]); // { units: 2, errno: 17 }
 * ```
 */
export function progressOf(errnos: readonly number[]): Progress {
  const at = errnos.findIndex((errno) => errno !== 0);
  return at < 0 ? { units: errnos.length, errno: 0 } : { units: at, errno: errnos[at] ?? 0 };
}

/**
 * What a call returns that did some units: the number of bytes it reports in its argument, and the errno of the ioctl.
 * Half-way is EAGAIN, and the caller asks again for the rest.
 *
 * @example
 * ```ts
 * resultOf({ units: 2, errno: 17 }, 4, 4096); // { doneBytes: 8192, errno: 11 }
 * resultOf({ units: 0, errno: 17 }, 4, 4096); // { doneBytes: -17, errno: 17 }
 * resultOf({ units: 4, errno: 0 }, 4, 4096); // { doneBytes: 16384, errno: 0 }
 * ```
 */
export function resultOf(
  { units, errno }: Progress,
  wanted: number,
  unitBytes: number,
): { doneBytes: number; errno: number } {
  if (units === 0) return { doneBytes: -errno, errno };
  return { doneBytes: units * unitBytes, errno: units === wanted ? 0 : ERRNO.EAGAIN };
}

/** What UFFDIO_MOVE is asked for. */
export interface MoveWish {
  fd: string;
  toVa: number;
  fromVa: number;
  lengthBytes: number;
}

function isMovable(vma: Vma): boolean {
  return (vma.flags & (VM.PFNMAP | VM.IO | VM.HUGETLB | VM.MIXEDMAP)) === 0;
}

/**
 * What `move_pages` and `validate_move_areas` ask of the two areas: 0, or an errno.
 *
 * @example
 * ```ts
 * const area = { startVa: 0, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0, uffd: '1 0 monitor' };
 * const kinds = { vmas: VmaSet.empty(4096).map(area), writeNotify: [] };
 * moveErrno(kinds, { fd: 'monitor', toVa: 0, fromVa: 4096, lengthBytes: 4096 }); // 0
 * moveErrno(kinds, { fd: 'monitor', toVa: 0, fromVa: 65536, lengthBytes: 4096 }); // 2
 * ```
 */
export function moveErrno({ vmas }: AreaKinds, { fd, toVa, fromVa, lengthBytes }: MoveWish): number {
  const to = vmas.find(toVa);
  const from = vmas.find(fromVa);
  if (to === null || from === null) return ERRNO.ENOENT;
  if (((to.flags | from.flags) & VM.SHARED) !== 0) return ERRNO.EINVAL;
  if (fromVa + lengthBytes > from.endVa || toVa + lengthBytes > to.endVa) return ERRNO.EINVAL;
  if (from.prot !== to.prot || (from.flags & VM.LOCKED) !== (to.flags & VM.LOCKED)) return ERRNO.EINVAL;
  if ((from.prot & PROT.WRITE) === 0 || !isMovable(from) || !isMovable(to)) return ERRNO.EINVAL;
  if (armingOf(to)?.fd !== fd) return ERRNO.EINVAL;
  return from.file === null && to.file === null ? 0 : ERRNO.EINVAL;
}

/** One page of a move. */
export interface MovedPage {
  /** Nothing is at its target. */
  targetFree: boolean;
  source: 'none' | 'zero-page' | 'exclusive' | 'shared' | 'marker';
}

/**
 * What stops the moving of one page, 0 for nothing (`move_pages_pte`). A large folio is split first, which takes nothing
 * away from this.
 *
 * @example
 * ```ts
 * movedErrno({ targetFree: true, source: 'shared' }, false); // 16
 * movedErrno({ targetFree: true, source: 'none' }, true); // 0
 * ```
 */
export function movedErrno({ targetFree, source }: MovedPage, allowHoles: boolean): number {
  if (!targetFree) return ERRNO.EEXIST;
  if (source === 'none') return allowHoles ? 0 : ERRNO.ENOENT;
  if (source === 'shared') return ERRNO.EBUSY;
  return source === 'marker' ? ERRNO.EFAULT : 0;
}
