/**
 * The completion ring of Linux AIO (`fs/aio.c:aio_setup_ring`): the kernel itself maps it into the caller of io_setup,
 * at a place of its own choosing, in whole pages.
 *
 * @models S-29 D-13
 */
import { ERRNO } from '../abiRules.ts';
import { VM } from '../vma.ts';
import { mapped, type ObjectArea, type ObjectSizes, wholePages } from './mapping.ts';

/** `struct aio_ring` without its events. */
const RING_HEAD_BYTES = 32;
const EVENT_BYTES = 32;
/** One event is lost between head and tail, and a second "for good luck". */
const SPARE_EVENTS = 2;
/** `0x10000000U / sizeof(struct io_event)`. */
const EVENTS_MAX = 0x10000000 / EVENT_BYTES;

/** What there is of AIO in the system. */
export interface AioLimits {
  possibleCpus: number;
  /** `fs.aio-max-nr`, and how much of it is taken. */
  maxRequests: number;
  requests: number;
}

/**
 * The limits of a fresh system with four possible CPUs.
 *
 * @example
 * ```ts
 * defaultAioLimits.maxRequests; // 65536
 * ```
 */
export const defaultAioLimits: AioLimits = { possibleCpus: 4, maxRequests: 0x10000, requests: 0 };

/** A ring: how many events it holds, which `struct aio_ring` tells the process, and its pages. */
export interface AioRing {
  events: number;
  pages: number;
  area: ObjectArea;
}

/**
 * io_setup. The ring is filled up with events to the end of its last page, so larger pages give more of them.
 *
 * @example
 * ```ts
 * setUpAioRing(128, { abiPageBytes: 4096, objectPageBytes: 4096 }).ring?.events; // 383
 * setUpAioRing(128, { abiPageBytes: 65536, objectPageBytes: 65536 }).ring?.events; // 2047
 * setUpAioRing(0, { abiPageBytes: 4096, objectPageBytes: 4096 }).errno; // 22
 * ```
 */
export function setUpAioRing(
  requests: number,
  { objectPageBytes }: ObjectSizes,
  limits: AioLimits = defaultAioLimits,
): { errno: number; ring: AioRing | null } {
  const events = 2 * Math.max(requests, 4 * limits.possibleCpus);
  if (requests <= 0 || events > EVENTS_MAX) return { errno: ERRNO.EINVAL, ring: null };
  if (limits.requests + requests > limits.maxRequests) return { errno: ERRNO.EAGAIN, ring: null };
  const lengthBytes = wholePages(RING_HEAD_BYTES + (events + SPARE_EVENTS) * EVENT_BYTES, objectPageBytes);
  const pieces = [{ areaBytes: 0, objectBytes: 0, lengthBytes }];
  // Layer 1 is not asked: the kernel calls `do_mmap` itself, with a length in pages of the object.
  const { area } = mapped(lengthBytes, pieces, { flags: VM.SHARED | VM.DONTEXPAND, entries: 'at-fault' });
  const ring = { events: (lengthBytes - RING_HEAD_BYTES) / EVENT_BYTES, pages: lengthBytes / objectPageBytes, area };
  return { errno: 0, ring };
}
