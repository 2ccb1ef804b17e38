/**
 * A kernel object as whoever owns it keeps it: what it was made as, the pages it has, and where in its file each page
 * stands. The file of a perf event, an io_uring, a BPF map or a socket has no page cache: an offset of mmap picks a
 * piece of the object.
 *
 * @models S-33 S-29 T-10
 */
import type { ObjectCall } from '../runs.ts';
import { setUpAioRing } from './aioRing.ts';
import {
  arrayErrno,
  type BpfArena,
  type BpfArray,
  type BpfRingbuf,
  makeArena,
  mapArena,
  mapArray,
  mapRingbuf,
  ringbufErrno,
} from './bpfMaps.ts';
import { IORING_OFF, type IoUring, mapIoUring, setUpIoUring } from './ioUring.ts';
import {
  enterRequest,
  mapped,
  type ObjectAnswer,
  type ObjectRequest,
  type ObjectSizes,
  refused,
  wholePages,
} from './mapping.ts';
import { mapPerfRing, newPerfEvent, type PerfLimits, rootPerfLimits } from './perfRing.ts';
import { VVAR_PAGES } from './specialMappings.ts';
import { mapPacketRings, type PacketRing, packetRingErrno } from './sockets.ts';

/** What an object was made as. */
export type ObjectShape =
  | { kind: 'perf'; dataPages: number | null }
  | { kind: 'uring'; ring: IoUring }
  | { kind: 'ringbuf'; ring: BpfRingbuf }
  | { kind: 'array'; array: BpfArray }
  | { kind: 'arena'; arena: BpfArena }
  | { kind: 'packet'; rings: PacketRing[] }
  | { kind: 'aio'; lengthBytes: number; events: number }
  /** vvar and vDSO: the kernel's own, mapped by execve. */
  | { kind: 'vdso'; codePages: number };

/** Of an arena any page of 4 GiB may be touched: `max_entries` bounds what the BPF program allocates, not what user space faults in. */
const ARENA_BYTES = 2 ** 32;

/** Where in its file the code of the vDSO stands, behind the data of every page size. */
export const VDSO_CODE_OFFSET: number = 2 ** 20;

/** A stretch of an object's file, and where in the object's memory it lies. */
export interface FilePiece {
  offsetBytes: number;
  lengthBytes: number;
  objectBytes: number;
}

/** An object that was made, or why not. */
export interface MadeObject {
  errno: number;
  shape: ObjectShape | null;
}

const no = (errno: number): MadeObject => ({ errno, shape: null });
const made = (shape: ObjectShape): MadeObject => ({ errno: 0, shape });

/** `BPF_MAP_CREATE` of the three kinds of map that can be mapped. */
function makeMap(call: Extract<ObjectCall, { op: 'bpf_map_create' }>, pageBytes: number): MadeObject {
  const { mapType, maxEntries, valueBytes, mapExtra } = call;
  switch (mapType) {
    case 'ringbuf':
    case 'user_ringbuf': {
      const errno = ringbufErrno(maxEntries, pageBytes);
      const ring = { dataBytes: maxEntries, user: mapType === 'user_ringbuf' };
      return errno === 0 ? made({ kind: 'ringbuf', ring }) : no(errno);
    }
    case 'array': {
      const array = { entries: maxEntries, valueBytes };
      const errno = arrayErrno(array);
      return errno === 0 ? made({ kind: 'array', array }) : no(errno);
    }
    default: {
      const { errno, arena } = makeArena({ entries: maxEntries, mapExtra }, pageBytes);
      return arena === null ? no(errno) : made({ kind: 'arena', arena });
    }
  }
}

/**
 * Makes an object by the call that asks for it, in pages of `objectPageBytes`.
 *
 * @example
 * ```ts
 * const call = { op: 'bpf_map_create' as const, file: 'map', mapType: 'ringbuf' as const, maxEntries: 4096, valueBytes: 0, mapExtra: 0 };
 * makeObject(call, { abiPageBytes: 65536, objectPageBytes: 65536 }).errno; // 22
 * makeObject(call, { abiPageBytes: 65536, objectPageBytes: 4096 }).shape?.kind; // 'ringbuf'
 * ```
 */
export function makeObject(call: ObjectCall, sizes: ObjectSizes): MadeObject {
  const pageBytes = sizes.objectPageBytes;
  switch (call.op) {
    case 'perf_event_open':
      return made({ kind: 'perf', dataPages: null });
    case 'io_uring_setup': {
      const { errno, ring } = setUpIoUring({ ...call, ringAddr: 0, sqesAddr: 0 }, pageBytes);
      return ring === null ? no(errno) : made({ kind: 'uring', ring });
    }
    case 'bpf_map_create':
      return makeMap(call, pageBytes);
    case 'packet_ring': {
      const errno = packetRingErrno({ version: 2, reserveBytes: 0, privateBytes: 0, ...call }, pageBytes);
      const rings = [{ blockBytes: call.blockBytes, blocks: call.blocks }];
      return errno === 0 ? made({ kind: 'packet', rings }) : no(errno);
    }
    default: {
      const { errno, ring } = setUpAioRing(call.requests, sizes);
      if (ring === null) return no(errno);
      return made({ kind: 'aio', lengthBytes: ring.pages * pageBytes, events: ring.events });
    }
  }
}

/**
 * Pages that the object has, of `pageBytes` each; an arena those that it may come to have, a perf event none before its
 * first mmap.
 *
 * @example
 * ```ts
 * objectPages({ kind: 'ringbuf', ring: { dataBytes: 65536, user: false } }, 4096); // 18
 * objectPages({ kind: 'perf', dataPages: null }, 4096); // 0
 * ```
 */
export function objectPages(shape: ObjectShape, pageBytes: number): number {
  switch (shape.kind) {
    case 'perf':
      return shape.dataPages === null ? 0 : shape.dataPages + 1;
    case 'uring':
      return shape.ring.noMmap ? 0 : shape.ring.ringPages + shape.ring.sqesPages;
    case 'ringbuf':
      return 2 + shape.ring.dataBytes / pageBytes;
    case 'array':
      return wholePages(shape.array.entries * wholePages(shape.array.valueBytes, 8), pageBytes) / pageBytes;
    case 'arena':
      return ARENA_BYTES / pageBytes;
    case 'packet':
      return shape.rings.reduce((sum, ring) => sum + (ring.blockBytes / pageBytes) * ring.blocks, 0);
    case 'vdso':
      return VVAR_PAGES + shape.codePages;
    default:
      return shape.lengthBytes / pageBytes;
  }
}

/**
 * Where in the object's file its pages stand.
 *
 * @example
 * ```ts
 * filePieces({ kind: 'ringbuf', ring: { dataBytes: 4096, user: false } }, 4096);
 * // [{ offsetBytes: 0, lengthBytes: 12288, objectBytes: 0 }, { offsetBytes: 12288, lengthBytes: 4096, objectBytes: 8192 }]
 * ```
 */
export function filePieces(shape: ObjectShape, pageBytes: number): FilePiece[] {
  const lengthBytes = objectPages(shape, pageBytes) * pageBytes;
  const whole = { offsetBytes: 0, lengthBytes, objectBytes: 0 };
  if (shape.kind === 'ringbuf') {
    const { dataBytes } = shape.ring;
    return [whole, { offsetBytes: lengthBytes, lengthBytes: dataBytes, objectBytes: 2 * pageBytes }];
  }
  if (shape.kind === 'vdso') {
    const dataBytes = VVAR_PAGES * pageBytes;
    const code = { offsetBytes: VDSO_CODE_OFFSET, lengthBytes: lengthBytes - dataBytes, objectBytes: dataBytes };
    return [{ ...whole, lengthBytes: dataBytes }, code];
  }
  if (shape.kind !== 'uring') return [whole];
  const ringBytes = shape.ring.ringPages * pageBytes;
  const sqesBytes = shape.ring.sqesPages * pageBytes;
  return [
    { offsetBytes: IORING_OFF.SQ_RING, lengthBytes: ringBytes, objectBytes: 0 },
    { offsetBytes: IORING_OFF.CQ_RING, lengthBytes: ringBytes, objectBytes: 0 },
    { offsetBytes: IORING_OFF.SQES, lengthBytes: sqesBytes, objectBytes: ringBytes },
  ];
}

/**
 * mmap of an object by its own handler. The place of the area is the address asked for, where an object wants to know
 * it.
 *
 * @example
 * ```ts
 * const request = { addr: 0, lengthBytes: 65536, offsetBytes: 0, prot: 3, flags: 1 };
 * mapObject({ kind: 'perf', dataPages: null }, request, { abiPageBytes: 65536, objectPageBytes: 4096 }).errno; // 22
 * ```
 */
export function mapObject(
  shape: ObjectShape,
  request: ObjectRequest,
  sizes: ObjectSizes,
  limits: PerfLimits = rootPerfLimits,
): ObjectAnswer {
  switch (shape.kind) {
    case 'perf':
      return mapPerfRing({ ...newPerfEvent, dataPages: shape.dataPages }, request, sizes, limits);
    case 'uring':
      return mapIoUring(shape.ring, request, sizes);
    case 'ringbuf':
      return mapRingbuf(shape.ring, request, sizes);
    case 'array':
      return mapArray(shape.array, request, sizes);
    case 'arena':
      return mapArena(shape.arena, request, sizes, request.addr);
    case 'packet':
      return mapPacketRings(shape.rings, request, sizes);
    case 'vdso':
      return refused('EINVAL');
    default:
      return mapAio(shape.lengthBytes, request, sizes);
  }
}

/** The file of an AIO ring is nowhere to be opened: nobody but the kernel maps it, once. */
function mapAio(lengthBytes: number, request: ObjectRequest, { abiPageBytes }: ObjectSizes): ObjectAnswer {
  const entered = enterRequest(request, abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  if (entered.lengthBytes !== wholePages(lengthBytes, abiPageBytes)) return refused('EINVAL');
  return mapped(entered.lengthBytes, [{ areaBytes: 0, objectBytes: 0, lengthBytes }], { entries: 'at-fault' });
}

/**
 * The object after a first mmap: a perf event has a ring from then on.
 *
 * @example
 * ```ts
 * afterMap({ kind: 'perf', dataPages: null }, 36864, 4096); // { kind: 'perf', dataPages: 8 }
 * ```
 */
export function afterMap(shape: ObjectShape, lengthBytes: number, pageBytes: number): ObjectShape {
  return shape.kind === 'perf' ? { kind: 'perf', dataPages: lengthBytes / pageBytes - 1 } : shape;
}

/**
 * Pages from the start of a perf event's file that a program may write; of other objects all.
 *
 * @example
 * ```ts
 * writablePages({ kind: 'perf', dataPages: 8 }); // 1
 * ```
 */
export function writablePages(shape: ObjectShape): number {
  return shape.kind === 'perf' ? 1 : Number.MAX_SAFE_INTEGER;
}
