/**
 * BPF maps that a process maps: the ring buffer (`kernel/bpf/ringbuf.c`), the array with BPF_F_MMAPABLE
 * (`kernel/bpf/arraymap.c`) and the arena (`kernel/bpf/arena.c`). libbpf finds the producer's page and the data at
 * offsets that it reckons with sysconf(_SC_PAGESIZE), so a ring that the kernel lays out in other pages is refused or,
 * where the offset happens to be inside, shows something else than the program believes.
 *
 * @models S-33 S-29
 */
import { ERRNO } from '../abiRules.ts';
import { VM } from '../vma.ts';
import {
  type EnteredRequest,
  enterRequest,
  isPowerOfTwo,
  mapped,
  type ObjectAnswer,
  type ObjectPiece,
  type ObjectRequest,
  type ObjectSizes,
  refused,
  wholePages,
} from './mapping.ts';

/** A ring buffer: `user` for BPF_MAP_TYPE_USER_RINGBUF, where the program is the producer. */
export interface BpfRingbuf {
  dataBytes: number;
  user: boolean;
}

/** An array with BPF_F_MMAPABLE. */
export interface BpfArray {
  valueBytes: number;
  entries: number;
}

/** An arena: its area is where and as long as `map_extra` or the first mmap say. */
export interface BpfArena {
  entries: number;
  startVa: number;
  endVa: number;
}

const FOUR_GIB = 2 ** 32;
/** Elements are rounded up to this. */
const ELEMENT_BYTES = 8;
/** The largest value of an array: INT_MAX. */
const VALUE_BYTES_MAX = 2 ** 31 - 1;

/**
 * Whether a ring buffer may have so many bytes of data (`ringbuf_map_alloc`): 0, or EINVAL. `max_entries` is 32 bits
 * wide.
 *
 * @example
 * ```ts
 * ringbufErrno(4096, 4096); // 0
 * ringbufErrno(4096, 65536); // 22
 * ```
 */
export function ringbufErrno(maxEntries: number, pageBytes: number): number {
  return isPowerOfTwo(maxEntries) && maxEntries % pageBytes === 0 ? 0 : ERRNO.EINVAL;
}

/** What `bpf_map_mmap` asks of every map. */
function enterMap(request: ObjectRequest, abiPageBytes: number): EnteredRequest | number {
  const entered = enterRequest(request, abiPageBytes);
  return typeof entered === 'number' || entered.shared ? entered : ERRNO.EINVAL;
}

/** Flags of an area that `remap_vmalloc_range` has filled. */
const VMALLOC_FLAGS = (VM.SHARED | VM.MIXEDMAP | VM.DONTEXPAND | VM.DONTDUMP) >>> 0;

/**
 * The stretches of a ring that an area shows. As the process sees it there is a consumer's page, a producer's page, and
 * the data twice over; of the object's memory the second time is the first.
 */
function ringbufPieces(ring: BpfRingbuf, request: EnteredRequest, pageBytes: number): ObjectPiece[] {
  const onceBytes = 2 * pageBytes + ring.dataBytes;
  const { offsetBytes, lengthBytes } = request;
  const endBytes = offsetBytes + lengthBytes;
  const pieces: ObjectPiece[] = [];
  if (offsetBytes < onceBytes) {
    const length = Math.min(endBytes, onceBytes) - offsetBytes;
    pieces.push({ areaBytes: 0, objectBytes: offsetBytes, lengthBytes: length });
  }
  if (endBytes > onceBytes) {
    const from = Math.max(offsetBytes, onceBytes);
    const piece = { areaBytes: from - offsetBytes, objectBytes: from - ring.dataBytes, lengthBytes: endBytes - from };
    pieces.push(piece);
  }
  return pieces;
}

/**
 * mmap of a ring buffer (`ringbuf_map_mmap_kern`, `ringbuf_map_mmap_user`): only the consumer's page may be written,
 * alone; of a user's ring everything but it.
 *
 * @example
 * ```ts
 * const ring = { dataBytes: 65536, user: false };
 * const consumer = { addr: 0, lengthBytes: 65536, offsetBytes: 0, prot: 3, flags: 1 };
 * mapRingbuf(ring, consumer, { abiPageBytes: 65536, objectPageBytes: 65536 }).errno; // 0
 * mapRingbuf(ring, consumer, { abiPageBytes: 65536, objectPageBytes: 4096 }).errno; // 1
 * ```
 */
export function mapRingbuf(ring: BpfRingbuf, request: ObjectRequest, sizes: ObjectSizes): ObjectAnswer {
  const entered = enterMap(request, sizes.abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  const pageBytes = sizes.objectPageBytes;
  const { offsetBytes, lengthBytes, write } = entered;
  const isConsumer = offsetBytes === 0 && lengthBytes === pageBytes;
  if (write && (ring.user ? offsetBytes === 0 : !isConsumer)) return refused('EPERM');
  if (offsetBytes + lengthBytes > 2 * (pageBytes + ring.dataBytes)) return refused('EINVAL');
  return mapped(lengthBytes, ringbufPieces(ring, entered, pageBytes), { flags: VMALLOC_FLAGS });
}

/**
 * Where a program that reckons in its own pages finds something else than it looks for, though mmap succeeded: what it
 * takes for the producer's position, at offset 1 page, and for the data, at 2 pages.
 *
 * @returns the bytes from the start of the object at which it looks and at which it should
 * @example
 * ```ts
 * misreadRingbuf({ abiPageBytes: 65536, objectPageBytes: 4096 });
 * // [{ what: 'producer', looksAtBytes: 65536, isAtBytes: 4096 }, { what: 'data', looksAtBytes: 131072, isAtBytes: 8192 }]
 * misreadRingbuf({ abiPageBytes: 65536, objectPageBytes: 65536 }); // []
 * ```
 */
export function misreadRingbuf({
  abiPageBytes,
  objectPageBytes,
}: ObjectSizes): { what: 'producer' | 'data'; looksAtBytes: number; isAtBytes: number }[] {
  if (abiPageBytes === objectPageBytes) return [];
  return [
    { what: 'producer', looksAtBytes: abiPageBytes, isAtBytes: objectPageBytes },
    { what: 'data', looksAtBytes: 2 * abiPageBytes, isAtBytes: 2 * objectPageBytes },
  ];
}

/**
 * Whether an array may be made (`array_map_alloc_check`): 0, EINVAL or E2BIG.
 *
 * @example
 * ```ts
 * arrayErrno({ valueBytes: 8, entries: 100 }); // 0
 * ```
 */
export function arrayErrno({ valueBytes, entries }: BpfArray): number {
  if (entries <= 0 || valueBytes <= 0) return ERRNO.EINVAL;
  return valueBytes > VALUE_BYTES_MAX ? ERRNO.E2BIG : 0;
}

/**
 * mmap of an array (`array_map_mmap`): as far as its values reach, in whole pages.
 *
 * @example
 * ```ts
 * const request = { addr: 0, lengthBytes: 65536, offsetBytes: 0, prot: 3, flags: 1 };
 * const array = { valueBytes: 8, entries: 100 };
 * mapArray(array, request, { abiPageBytes: 4096, objectPageBytes: 4096 }).errno; // 22
 * mapArray(array, request, { abiPageBytes: 65536, objectPageBytes: 65536 }).errno; // 0
 * ```
 */
export function mapArray(array: BpfArray, request: ObjectRequest, sizes: ObjectSizes): ObjectAnswer {
  const entered = enterMap(request, sizes.abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  const { offsetBytes, lengthBytes } = entered;
  const valuesBytes = array.entries * wholePages(array.valueBytes, ELEMENT_BYTES);
  if (offsetBytes + lengthBytes > wholePages(valuesBytes, sizes.objectPageBytes)) return refused('EINVAL');
  const piece = { areaBytes: 0, objectBytes: offsetBytes, lengthBytes };
  return mapped(lengthBytes, [piece], { flags: VMALLOC_FLAGS });
}

/**
 * Makes an arena (`arena_map_alloc`): `map_extra` is where user space will have it, 0 for anywhere, and `max_entries`
 * counts pages.
 *
 * @example
 * ```ts
 * makeArena({ entries: 16, mapExtra: 4096 }, 65536).errno; // 22
 * makeArena({ entries: 2 ** 20, mapExtra: 0 }, 65536).errno; // 7
 * ```
 */
export function makeArena(
  { entries, mapExtra }: { entries: number; mapExtra: number },
  pageBytes: number,
): { errno: number; arena: BpfArena | null } {
  const rangeBytes = entries * pageBytes;
  if (entries <= 0 || mapExtra % pageBytes !== 0) return { errno: ERRNO.EINVAL, arena: null };
  if (rangeBytes > FOUR_GIB) return { errno: ERRNO.E2BIG, arena: null };
  const lastHigh = Math.floor((mapExtra + rangeBytes - 1) / FOUR_GIB);
  if (Math.floor(mapExtra / FOUR_GIB) !== lastHigh) return { errno: ERRNO.ERANGE, arena: null };
  return { errno: 0, arena: { entries, startVa: mapExtra, endVa: mapExtra === 0 ? 0 : mapExtra + rangeBytes } };
}

/**
 * mmap of an arena (`arena_get_unmapped_area`, `arena_map_mmap`). `va` is the place that the mm has for the area. Pages
 * come one by one at faults, one of the object's each, and such an area is never split.
 *
 * @example
 * ```ts
 * const { arena } = makeArena({ entries: 16, mapExtra: 0x200000000 }, 4096);
 * const request = { addr: 0x200000000, lengthBytes: 65536, offsetBytes: 0, prot: 3, flags: 0x11 };
 * const sizes = { abiPageBytes: 4096, objectPageBytes: 4096 };
 * if (arena !== null) mapArena(arena, request, sizes, 0x200000000).area?.entries; // 'at-fault'
 * if (arena !== null) mapArena(arena, { ...request, lengthBytes: 4096 }, sizes, 0x200000000).errno; // 22
 * ```
 */
export function mapArena(arena: BpfArena, request: ObjectRequest, sizes: ObjectSizes, va: number): ObjectAnswer {
  const entered = enterRequest(request, sizes.abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  const { addr, lengthBytes, offsetBytes } = entered;
  if (offsetBytes !== 0) return refused('EINVAL');
  if (lengthBytes > FOUR_GIB) return refused('E2BIG');
  if (arena.startVa !== 0) {
    const wantedBytes = arena.endVa - arena.startVa;
    if (lengthBytes > wantedBytes) return refused('E2BIG');
    if (lengthBytes !== wantedBytes || addr !== arena.startVa) return refused('EINVAL');
  }
  if (!entered.shared) return refused('EINVAL');
  if (arena.startVa !== 0 && arena.startVa !== va) return refused('EBUSY');
  const flags = VM.SHARED | VM.DONTEXPAND | VM.DONTCOPY;
  return mapped(lengthBytes, [{ areaBytes: 0, objectBytes: 0, lengthBytes }], { flags, entries: 'at-fault' });
}
