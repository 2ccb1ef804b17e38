/**
 * The ring buffer of a perf event (`kernel/events/core.c:perf_mmap`): one page for the header, and a power of two of
 * pages for data, in the pages of whoever made the rule. The length of a mapping counts them, so a caller that rounds
 * to 64K and a kernel that counts in 4K never agree: 16 * (1 + 2^n) - 1 pages are odd, and no power of two but one.
 *
 * @models S-33 S-29 T-10
 */
import { pageSizeLimits } from '../../arch/granule.ts';
import { ERRNO } from '../abiRules.ts';
import { VM } from '../vma.ts';
import {
  enterRequest,
  isPowerOfTwo,
  mapped,
  type ObjectAnswer,
  type ObjectRequest,
  type ObjectSizes,
  refused,
} from './mapping.ts';

/** A perf event, as its mmap handler sees it. */
export interface PerfEvent {
  /** `attr.inherit` of an event of a task on any CPU: such an event has no ring. */
  inherited: boolean;
  /** Pages of data of the ring that is there already; null before the first mmap. */
  dataPages: number | null;
  /** What the program wrote into `aux_offset` and `aux_size` of the header. */
  aux: { offsetBytes: number; sizeBytes: number };
  /** Whether the event's PMU fills an AUX area (`has_aux`), as SPE and CoreSight do. */
  hasAux: boolean;
}

/** What a user may have in rings. */
export interface PerfLimits {
  /** `kernel.perf_event_mlock_kb`; null for its default of 512 KiB and one page. */
  mlockKb: number | null;
  onlineCpus: number;
  /** RLIMIT_MEMLOCK. */
  memlockBytes: number;
  /** CAP_IPC_LOCK, or `kernel.perf_event_paranoid` of -1: no limit. */
  unlimited: boolean;
  /** Pages that the user has in rings (`perf_mlock`), and pages beyond that which the mm has pinned (`pinned_vm`). */
  userPages: number;
  pinnedPages: number;
}

/**
 * An event that was just opened.
 *
 * @example
 * ```ts
 * newPerfEvent.dataPages; // null
 * ```
 */
export const newPerfEvent: PerfEvent = {
  inherited: false,
  dataPages: null,
  aux: { offsetBytes: 0, sizeBytes: 0 },
  hasAux: false,
};

/**
 * The limits of root.
 *
 * @example
 * ```ts
 * rootPerfLimits.unlimited; // true
 * ```
 */
export const rootPerfLimits: PerfLimits = {
  mlockKb: null,
  onlineCpus: 1,
  memlockBytes: 8 * 2 ** 20,
  unlimited: true,
  userPages: 0,
  pinnedPages: 0,
};

/** What an mmap of a ring is charged, in pages of the object: to the user, and beyond the user's share to the mm. */
export interface PerfCharge {
  userPages: number;
  pinnedPages: number;
}

/**
 * What so many more pages are charged, or null where they are too many (`perf_mmap`, from `accounting:` on). The free
 * share is counted in pages and the default grows with the page, so a kernel of 64K grants 576 KiB a CPU where one of
 * 4K grants 516.
 *
 * @example
 * ```ts
 * perfCharge(129, 4096, rootPerfLimits); // { userPages: 129, pinnedPages: 0 }
 * perfCharge(257, 4096, { ...rootPerfLimits, unlimited: false, memlockBytes: 65536 }); // null
 * ```
 */
export function perfCharge(pages: number, pageBytes: number, limits: PerfLimits): PerfCharge | null {
  const shareKb = limits.mlockKb ?? 512 + pageBytes / 1024;
  const sharePages = Math.floor((shareKb * 1024) / pageBytes) * limits.onlineCpus;
  const userBefore = Math.min(limits.userPages, sharePages);
  const beyond = Math.max(0, userBefore + pages - sharePages);
  const lockedPages = limits.pinnedPages + beyond;
  if (lockedPages > Math.floor(limits.memlockBytes / pageBytes) && !limits.unlimited) return null;
  return { userPages: pages - beyond, pinnedPages: beyond };
}

/** Whether the array of page pointers, which has a small head before it, fits the largest buddy block (`rb_alloc`). */
function fitsSlab(pages: number, pageBytes: number): boolean {
  return pages * 8 < pageBytes * 2 ** pageSizeLimits(pageBytes).maxPageOrder;
}

/** The mapping of the ring itself, at offset 0. */
function mapData(event: PerfEvent, lengthBytes: number, pageBytes: number, limits: PerfLimits): ObjectAnswer {
  const dataPages = lengthBytes / pageBytes - 1;
  if (dataPages !== 0 && !isPowerOfTwo(dataPages)) return refused('EINVAL');
  if (event.dataPages !== null && event.dataPages !== dataPages) return refused('EINVAL');
  if (event.dataPages === null) {
    if (perfCharge(dataPages + 1, pageBytes, limits) === null) return refused('EPERM');
    if (!fitsSlab(dataPages, pageBytes)) return refused('ENOMEM');
  }
  return ringArea(lengthBytes, 0, pageBytes);
}

function ringArea(lengthBytes: number, objectBytes: number, writableBytes: number): ObjectAnswer {
  const pieces = [{ areaBytes: 0, objectBytes, lengthBytes }];
  // `perf_mmap_fault` gives any page to a reader, and only the header's to a writer.
  const flags = VM.SHARED | VM.DONTCOPY | VM.DONTEXPAND | VM.DONTDUMP;
  return mapped(lengthBytes, pieces, { flags, entries: 'at-fault', writableBytes });
}

/** The mapping of an AUX area, behind the ring. */
function mapAux(
  event: PerfEvent,
  { offsetBytes, lengthBytes }: { offsetBytes: number; lengthBytes: number },
  pageBytes: number,
  limits: PerfLimits,
): ObjectAnswer {
  if (event.dataPages === null) return refused('EINVAL');
  const ringBytes = (event.dataPages + 1) * pageBytes;
  const { aux } = event;
  if (aux.offsetBytes < ringBytes || aux.offsetBytes !== offsetBytes) return refused('EINVAL');
  const pages = lengthBytes / pageBytes;
  if (aux.sizeBytes !== lengthBytes || !isPowerOfTwo(pages)) return refused('EINVAL');
  if (perfCharge(pages, pageBytes, limits) === null) return refused('EPERM');
  if (!event.hasAux) return refused('EOPNOTSUPP');
  if (!fitsSlab(pages, pageBytes)) return refused('ENOMEM');
  return ringArea(lengthBytes, offsetBytes, offsetBytes + lengthBytes);
}

/**
 * mmap of a perf event.
 *
 * @example
 * ```ts
 * const request = { addr: 0, lengthBytes: 65536, offsetBytes: 0, prot: 3, flags: 1 };
 * mapPerfRing(newPerfEvent, request, { abiPageBytes: 4096, objectPageBytes: 4096 }).errno; // 22
 * mapPerfRing(newPerfEvent, request, { abiPageBytes: 65536, objectPageBytes: 65536 }).errno; // 0
 * mapPerfRing(newPerfEvent, request, { abiPageBytes: 65536, objectPageBytes: 4096 }).errno; // 22
 * ```
 */
export function mapPerfRing(
  event: PerfEvent,
  request: ObjectRequest,
  { abiPageBytes, objectPageBytes }: ObjectSizes,
  limits: PerfLimits = rootPerfLimits,
): ObjectAnswer {
  const entered = enterRequest(request, abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  if (event.inherited || !entered.shared) return { errno: ERRNO.EINVAL, area: null };
  const { lengthBytes, offsetBytes } = entered;
  if (offsetBytes !== 0) return mapAux(event, { offsetBytes, lengthBytes }, objectPageBytes, limits);
  return mapData(event, lengthBytes, objectPageBytes, limits);
}
