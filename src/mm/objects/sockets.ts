/**
 * Memory that sockets share with a process: the rings of AF_PACKET (`net/packet/af_packet.c`), the rings and the memory
 * of AF_XDP (`net/xdp/xsk.c`, `net/xdp/xdp_umem.c`).
 *
 * @models S-29 T-10
 */
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
  wholePages,
} from './mapping.ts';

/** PACKET_RX_RING or PACKET_TX_RING, as `struct tpacket_req3` asks for it. */
export interface PacketRingRequest {
  version: 1 | 2 | 3;
  blockBytes: number;
  blocks: number;
  frameBytes: number;
  frames: number;
  /** PACKET_RESERVE. */
  reserveBytes: number;
  /** `tp_sizeof_priv`, of version 3. */
  privateBytes: number;
}

/** A ring that is there: blocks, one behind the other in a mapping. */
export interface PacketRing {
  blockBytes: number;
  blocks: number;
}

/** TPACKET_HDRLEN, TPACKET2_HDRLEN and TPACKET3_HDRLEN: a header rounded to 16, and a `struct sockaddr_ll`. */
const HEADER_BYTES = { 1: 32 + 20, 2: 32 + 20, 3: 48 + 20 } as const;
/** `struct tpacket_block_desc`. */
const BLOCK_HEADER_BYTES = 48;
const FRAME_ALIGNMENT_BYTES = 16;
const UINT_MAX = 2 ** 32 - 1;
const INT_MAX = 2 ** 31 - 1;

/**
 * Whether a ring may be made (`packet_set_ring`): 0, or EINVAL. Blocks are whole pages of whoever makes the rule.
 *
 * @example
 * ```ts
 * const request = { version: 2 as const, blockBytes: 4096, blocks: 16, frameBytes: 2048, frames: 32, reserveBytes: 0, privateBytes: 0 };
 * packetRingErrno(request, 4096); // 0
 * packetRingErrno(request, 65536); // 22
 * ```
 */
export function packetRingErrno(request: PacketRingRequest, pageBytes: number): number {
  const { version, blockBytes, blocks, frameBytes, frames, reserveBytes, privateBytes } = request;
  if (blocks === 0) return frames === 0 ? 0 : ERRNO.EINVAL;
  if (blockBytes <= 0 || blockBytes > INT_MAX || blockBytes % pageBytes !== 0) return ERRNO.EINVAL;
  const leastBytes = HEADER_BYTES[version] + reserveBytes;
  const blockHeadBytes = BLOCK_HEADER_BYTES + wholePages(privateBytes, 8);
  if (version === 3 && blockBytes < blockHeadBytes + leastBytes) return ERRNO.EINVAL;
  if (frameBytes < leastBytes || frameBytes % FRAME_ALIGNMENT_BYTES !== 0) return ERRNO.EINVAL;
  const perBlock = Math.floor(blockBytes / frameBytes);
  if (perBlock === 0 || perBlock > Math.floor(UINT_MAX / blocks)) return ERRNO.EINVAL;
  return perBlock * blocks === frames ? 0 : ERRNO.EINVAL;
}

/**
 * mmap of a packet socket (`packet_mmap`): all rings at once, receive before transmit, to the byte.
 *
 * @example
 * ```ts
 * const request = { addr: 0, lengthBytes: 81920, offsetBytes: 0, prot: 3, flags: 1 };
 * mapPacketRings([{ blockBytes: 4096, blocks: 20 }], request, { abiPageBytes: 4096, objectPageBytes: 4096 }).errno; // 0
 * mapPacketRings([{ blockBytes: 4096, blocks: 20 }], request, { abiPageBytes: 65536, objectPageBytes: 4096 }).errno; // 22
 * ```
 */
export function mapPacketRings(
  rings: readonly PacketRing[],
  request: ObjectRequest,
  { abiPageBytes }: ObjectSizes,
): ObjectAnswer {
  const entered = enterRequest(request, abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  const { lengthBytes, offsetBytes } = entered;
  const ringsBytes = rings.reduce((sum, ring) => sum + ring.blockBytes * ring.blocks, 0);
  if (offsetBytes !== 0 || ringsBytes === 0 || lengthBytes !== ringsBytes) return refused('EINVAL');
  const flags = (VM.SHARED | VM.MIXEDMAP) >>> 0;
  return mapped(lengthBytes, [{ areaBytes: 0, objectBytes: 0, lengthBytes }], { flags });
}

/** XDP_UMEM_REG. */
export interface UmemRequest {
  addr: number;
  lengthBytes: number;
  chunkBytes: number;
  headroomBytes: number;
  /** XDP_UMEM_UNALIGNED_CHUNK_FLAG. */
  unaligned: boolean;
}

const CHUNK_BYTES_MIN = 2048;
/** XDP_PACKET_HEADROOM, an aligned `struct skb_shared_info` of 17 fragments, and 128. */
const CHUNK_OVERHEAD_BYTES = 256 + 320 + 128;
const U32_MAX = 2 ** 32 - 1;

/**
 * Registers memory for AF_XDP (`xdp_umem_reg`): chunks are no larger than a page, since a chunk must be contiguous and
 * pages are pinned one by one.
 *
 * @returns 0 with the pages to pin, EINVAL, or ENOBUFS where that is more than RLIMIT_MEMLOCK
 * @example
 * ```ts
 * const request = { addr: 0x200000, lengthBytes: 1048576, chunkBytes: 16384, headroomBytes: 0, unaligned: false };
 * registerUmem(request, 65536).pages; // 16
 * registerUmem(request, 4096).errno; // 22
 * ```
 */
export function registerUmem(
  request: UmemRequest,
  pageBytes: number,
  memlockBytes: number | null = null,
): { errno: number; pages: number } {
  const pages = Math.ceil(request.lengthBytes / pageBytes);
  if (!isUmemFit(request, pages, pageBytes)) return { errno: ERRNO.EINVAL, pages: 0 };
  const tooMany = memlockBytes !== null && pages > Math.floor(memlockBytes / pageBytes);
  return tooMany ? { errno: ERRNO.ENOBUFS, pages: 0 } : { errno: 0, pages };
}

function isUmemFit(request: UmemRequest, pages: number, pageBytes: number): boolean {
  const { addr, lengthBytes, chunkBytes, headroomBytes, unaligned } = request;
  if (chunkBytes < CHUNK_BYTES_MIN || chunkBytes > pageBytes) return false;
  if (!unaligned && !isPowerOfTwo(chunkBytes)) return false;
  if (addr % pageBytes !== 0 || pages > U32_MAX) return false;
  const chunks = Math.floor(lengthBytes / chunkBytes);
  if (chunks === 0 || chunks > U32_MAX) return false;
  if (!unaligned && lengthBytes % chunkBytes !== 0) return false;
  return headroomBytes <= chunkBytes - CHUNK_OVERHEAD_BYTES;
}

/** Offsets of the rings of AF_XDP (`include/uapi/linux/if_xdp.h`). */
export const XDP_PGOFF = { RX: 0, TX: 0x80000000, FILL: 0x100000000, COMPLETION: 0x180000000 } as const;

/** Entries of the four rings of an AF_XDP socket; 0 where there is none. */
export interface XdpRings {
  rx: number;
  tx: number;
  fill: number;
  completion: number;
}

/** `struct xdp_ring`: producer, consumer and flags on cache lines of their own. */
const XDP_RING_HEAD_BYTES = 320;
const XDP_DESCRIPTOR_BYTES = 16;
const UMEM_DESCRIPTOR_BYTES = 8;

/**
 * mmap of an AF_XDP socket (`xsk_mmap`): a ring by its offset, no longer than its pages.
 *
 * @example
 * ```ts
 * const request = { addr: 0, lengthBytes: 33088, offsetBytes: XDP_PGOFF.RX, prot: 3, flags: 1 };
 * const rings = { rx: 2048, tx: 0, fill: 0, completion: 0 };
 * mapXdpRing(rings, request, { abiPageBytes: 4096, objectPageBytes: 4096 }).area?.lengthBytes; // 36864
 * mapXdpRing(rings, request, { abiPageBytes: 65536, objectPageBytes: 4096 }).errno; // 22
 * ```
 */
export function mapXdpRing(rings: XdpRings, request: ObjectRequest, sizes: ObjectSizes): ObjectAnswer {
  const entered = enterRequest(request, sizes.abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  const byOffset = new Map<number, [entries: number, descriptorBytes: number]>([
    [XDP_PGOFF.RX, [rings.rx, XDP_DESCRIPTOR_BYTES]],
    [XDP_PGOFF.TX, [rings.tx, XDP_DESCRIPTOR_BYTES]],
    [XDP_PGOFF.FILL, [rings.fill, UMEM_DESCRIPTOR_BYTES]],
    [XDP_PGOFF.COMPLETION, [rings.completion, UMEM_DESCRIPTOR_BYTES]],
  ]);
  const [entries, descriptorBytes] = byOffset.get(entered.offsetBytes) ?? [0, 0];
  if (entries === 0) return refused('EINVAL');
  const ringBytes = wholePages(XDP_RING_HEAD_BYTES + entries * descriptorBytes, sizes.objectPageBytes);
  const { lengthBytes } = entered;
  if (lengthBytes > ringBytes) return refused('EINVAL');
  const flags = (VM.SHARED | VM.MIXEDMAP | VM.DONTEXPAND | VM.DONTDUMP) >>> 0;
  return mapped(lengthBytes, [{ areaBytes: 0, objectBytes: 0, lengthBytes }], { flags });
}
