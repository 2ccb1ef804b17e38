/**
 * The rings of io_uring (`io_uring/io_uring.c`, `io_uring/memmap.c` of 6.12). Their memory is whole pages, found by
 * fixed offsets that are multiples of 64K. A mapping of the SQ or CQ ring shows as much as there is and may be longer:
 * the rest of the area is a hole. So mmap succeeds with any length on every kernel, and what differs is where SIGBUS
 * begins.
 *
 * @models S-33 S-29
 */
import { type ErrnoName } from '../abi/numbers.ts';
import { ERRNO } from '../abiRules.ts';
import {
  enterRequest,
  isPowerOfTwo,
  mapped,
  type ObjectAnswer,
  type ObjectRequest,
  type ObjectSizes,
  refused,
  wholePages,
} from './mapping.ts';

/** Offsets of mmap (`include/uapi/linux/io_uring.h`); a provided-buffer ring is at PBUF_RING with its group shifted by 16. */
export const IORING_OFF = {
  SQ_RING: 0,
  CQ_RING: 0x8000000,
  SQES: 0x10000000,
  PBUF_RING: 0x80000000,
  /** Offsets differ in these bits: what is below belongs to the same object. */
  MMAP_UNIT: 0x8000000,
  PBUF_UNIT: 0x10000,
} as const;

/** Flags of io_uring_setup that change sizes (`include/uapi/linux/io_uring.h`). */
export const IORING_SETUP = {
  CQSIZE: 1 << 3,
  CLAMP: 1 << 4,
  SQE128: 1 << 10,
  CQE32: 1 << 11,
  NO_MMAP: 1 << 14,
  NO_SQARRAY: 1 << 16,
} as const;

const ENTRIES_MAX = 32768;
const CQ_ENTRIES_MAX = 2 * ENTRIES_MAX;
const SQE_BYTES = 64;
const CQE_BYTES = 16;
/** `struct io_rings` up to its array, which begins on a cache line. */
const RINGS_HEAD_BYTES = 64;
const CACHE_LINE_BYTES = 64;
/** Entries of a provided-buffer ring are below this: head and tail are 16 bits. */
const PBUF_ENTRIES_END = 65536;

/** What io_uring_setup is asked for. The user addresses count with NO_MMAP. */
export interface IoUringSetup {
  entries: number;
  cqEntries: number;
  flags: number;
  ringAddr: number;
  sqesAddr: number;
}

/** One io_uring: the memory of its rings, in bytes as used and in pages as allocated. */
export interface IoUring {
  sqEntries: number;
  cqEntries: number;
  ringBytes: number;
  ringPages: number;
  sqesBytes: number;
  sqesPages: number;
  /** The rings are the caller's own memory: there is nothing to mmap. */
  noMmap: boolean;
  /** Pages of the provided-buffer rings that the kernel allocated, by group. */
  bufferRings: Readonly<Record<number, number>>;
}

function powerOfTwoAtLeast(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}

/** The entries of both rings, or EINVAL (`io_uring_create`). */
function entriesOf({ entries, cqEntries, flags }: IoUringSetup): { sqEntries: number; cqEntries: number } | null {
  const clamps = (flags & IORING_SETUP.CLAMP) !== 0;
  if (entries <= 0 || (entries > ENTRIES_MAX && !clamps)) return null;
  const sqEntries = powerOfTwoAtLeast(Math.min(entries, ENTRIES_MAX));
  if ((flags & IORING_SETUP.CQSIZE) === 0) return { sqEntries, cqEntries: 2 * sqEntries };
  if (cqEntries <= 0 || (cqEntries > CQ_ENTRIES_MAX && !clamps)) return null;
  const rounded = powerOfTwoAtLeast(Math.min(cqEntries, CQ_ENTRIES_MAX));
  return rounded < sqEntries ? null : { sqEntries, cqEntries: rounded };
}

/** `rings_size`: the head and the completions, then the index array of the submissions. */
function ringBytesOf(sqEntries: number, cqEntries: number, flags: number): number {
  const cqBytes = (RINGS_HEAD_BYTES + cqEntries * CQE_BYTES) * ((flags & IORING_SETUP.CQE32) === 0 ? 1 : 2);
  const arrayBytes = (flags & IORING_SETUP.NO_SQARRAY) === 0 ? sqEntries * 4 : 0;
  return Math.ceil(cqBytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES + arrayBytes;
}

/**
 * io_uring_setup, in pages of the object.
 *
 * @example
 * ```ts
 * const setup = { entries: 8, cqEntries: 0, flags: 0, ringAddr: 0, sqesAddr: 0 };
 * setUpIoUring(setup, 4096).ring?.ringBytes; // 352
 * setUpIoUring({ ...setup, entries: 32768 }, 4096).ring?.ringPages; // 289
 * setUpIoUring({ ...setup, flags: IORING_SETUP.NO_MMAP, ringAddr: 4096, sqesAddr: 8192 }, 65536).errno; // 22
 * ```
 */
export function setUpIoUring(setup: IoUringSetup, pageBytes: number): { errno: number; ring: IoUring | null } {
  const entries = entriesOf(setup);
  if (entries === null) return { errno: ERRNO.EINVAL, ring: null };
  const { sqEntries, cqEntries } = entries;
  const noMmap = (setup.flags & IORING_SETUP.NO_MMAP) !== 0;
  // `__io_uaddr_map`.
  const misplaced = setup.ringAddr % pageBytes !== 0 || setup.sqesAddr % pageBytes !== 0;
  if (noMmap && misplaced) return { errno: ERRNO.EINVAL, ring: null };
  const ringBytes = ringBytesOf(sqEntries, cqEntries, setup.flags);
  const sqesBytes = sqEntries * SQE_BYTES * ((setup.flags & IORING_SETUP.SQE128) === 0 ? 1 : 2);
  const ringPages = Math.ceil(ringBytes / pageBytes);
  const sqesPages = Math.ceil(sqesBytes / pageBytes);
  const ring = { sqEntries, cqEntries, ringBytes, ringPages, sqesBytes, sqesPages, noMmap, bufferRings: {} };
  return { errno: 0, ring };
}

/** IORING_REGISTER_PBUF_RING: `addr` is the caller's memory, or 0 with `mmaps` for memory of the kernel's. */
export interface BufferRingRequest {
  group: number;
  entries: number;
  addr: number;
  mmaps: boolean;
}

/**
 * Registers a provided-buffer ring (`io_uring/kbuf.c:io_register_pbuf_ring`).
 *
 * @example
 * ```ts
 * const { ring } = setUpIoUring({ entries: 8, cqEntries: 0, flags: 0, ringAddr: 0, sqesAddr: 0 }, 4096);
 * if (ring !== null) registerBufferRing(ring, { group: 1, entries: 512, addr: 0, mmaps: true }, 4096).ring.bufferRings[1]; // 2
 * ```
 */
export function registerBufferRing(
  ring: IoUring,
  { group, entries, addr, mmaps }: BufferRingRequest,
  pageBytes: number,
): { errno: number; ring: IoUring } {
  const errno = bufferRingErrno({ group, entries, addr, mmaps }, pageBytes);
  if (errno !== null) return { errno: ERRNO[errno], ring };
  if (group in ring.bufferRings) return { errno: ERRNO.EEXIST, ring };
  if (!mmaps) return { errno: 0, ring };
  const pages = Math.ceil((entries * 16) / pageBytes);
  return { errno: 0, ring: { ...ring, bufferRings: { ...ring.bufferRings, [group]: pages } } };
}

function bufferRingErrno({ entries, addr, mmaps }: BufferRingRequest, pageBytes: number): ErrnoName | null {
  if (!mmaps && addr === 0) return 'EFAULT';
  if (mmaps ? addr !== 0 : addr % pageBytes !== 0) return 'EINVAL';
  return !isPowerOfTwo(entries) || entries >= PBUF_ENTRIES_END ? 'EINVAL' : null;
}

/** Pages of what stands at an offset, with whether a shorter mapping shows a part of it; null where nothing does. */
function objectAt(ring: IoUring, offsetBytes: number): { pages: number; mayCut: boolean } | null {
  // IORING_OFF_MMAP_MASK is bits 27 to 31: what is above them is part of a buffer group's number, and of nothing else.
  const low = Math.floor((offsetBytes % 2 ** 32) / IORING_OFF.MMAP_UNIT) * IORING_OFF.MMAP_UNIT;
  if (low === IORING_OFF.PBUF_RING) {
    const pages = ring.bufferRings[Math.floor((offsetBytes - low) / IORING_OFF.PBUF_UNIT)];
    return pages === undefined ? null : { pages, mayCut: false };
  }
  if (ring.noMmap) return null;
  if (low === IORING_OFF.SQ_RING || low === IORING_OFF.CQ_RING) return { pages: ring.ringPages, mayCut: true };
  return low === IORING_OFF.SQES ? { pages: ring.sqesPages, mayCut: false } : null;
}

/**
 * mmap of an io_uring: `io_uring_get_unmapped_area` looks first, and says ENOMEM of what is not there.
 *
 * @example
 * ```ts
 * const { ring } = setUpIoUring({ entries: 8, cqEntries: 0, flags: 0, ringAddr: 0, sqesAddr: 0 }, 4096);
 * const request = { addr: 0, lengthBytes: 131072, offsetBytes: IORING_OFF.SQ_RING, prot: 3, flags: 1 };
 * const sizes = { abiPageBytes: 4096, objectPageBytes: 4096 };
 * if (ring !== null) mapIoUring(ring, request, sizes).area?.pieces; // [{ areaBytes: 0, objectBytes: 0, lengthBytes: 4096 }]
 * if (ring !== null) mapIoUring(ring, { ...request, addr: 0x200000 }, sizes).errno; // 22
 * ```
 */
export function mapIoUring(
  ring: IoUring,
  request: ObjectRequest,
  { abiPageBytes, objectPageBytes }: ObjectSizes,
): ObjectAnswer {
  const entered = enterRequest(request, abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  // A hint below one page is none by now (`mm/mmap.c:round_hint_to_min`).
  if (entered.addr !== 0) return refused('EINVAL');
  const object = objectAt(ring, entered.offsetBytes);
  if (object === null) return refused('ENOMEM');
  const areaPages = entered.lengthBytes / objectPageBytes;
  // `vm_insert_pages` refuses what passes the end of the area.
  if (object.pages > areaPages && !object.mayCut) return refused('EFAULT');
  const lengthBytes = Math.min(object.pages, areaPages) * objectPageBytes;
  return mapped(wholePages(entered.lengthBytes, objectPageBytes), [{ areaBytes: 0, objectBytes: 0, lengthBytes }]);
}
