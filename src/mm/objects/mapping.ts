/**
 * Kernel objects that a process maps: what a request is, and what an object's own mmap handler answers. An object is
 * made of pages, and every rule about it (lengths, offsets, powers of two) is written in terms of PAGE_SIZE. Whose page
 * size that is, is a choice of the design, so each rule takes two sizes: that of the caller's ABI, by which layer 1
 * rounds the request (`mm/mmap.c:do_mmap`), and that of the pages that the object is made of.
 *
 * @models S-33 D-13 D-20
 */
import { type ErrnoName, MAP } from '../abi/numbers.ts';
import { ERRNO, translateCall } from '../abiRules.ts';
import { VM } from '../vma.ts';

/** Whose page an object of the kernel is made of: the caller's, or the kernel's as an unmodified kernel has it. */
export type KernelObjects = 'process-page' | 'kernel-page';

/** The page sizes that a question about an object depends on. */
export interface ObjectSizes {
  /** The page of the caller's ABI. */
  abiPageBytes: number;
  /** The page that the object is made of, and that its rules are written in. */
  objectPageBytes: number;
}

/**
 * The sizes for a process on a kernel. On a kernel of the process's own page size there is nothing to choose.
 *
 * @example
 * ```ts
 * sizesOf(65536, 4096, 'process-page'); // { abiPageBytes: 65536, objectPageBytes: 65536 }
 * sizesOf(65536, 4096, 'kernel-page'); // { abiPageBytes: 65536, objectPageBytes: 4096 }
 * ```
 */
export function sizesOf(pageBytes: number, kernelPageBytes: number, kernelObjects: KernelObjects): ObjectSizes {
  return { abiPageBytes: pageBytes, objectPageBytes: kernelObjects === 'process-page' ? pageBytes : kernelPageBytes };
}

/** An mmap of an object, as the caller makes it: `addr` 0 for anywhere. */
export interface ObjectRequest {
  addr: number;
  lengthBytes: number;
  offsetBytes: number;
  /** PROT.READ and the like. */
  prot: number;
  /** Flags of mmap. */
  flags: number;
}

/** A stretch of an area that shows a stretch of an object. Both are whole pages of the object. */
export interface ObjectPiece {
  /** From the start of the area. */
  areaBytes: number;
  /** From the start of the object. */
  objectBytes: number;
  lengthBytes: number;
}

/** What a mapped object looks like in the address space. */
export interface ObjectArea {
  /** Length of the area, in whole pages of the ABI. */
  lengthBytes: number;
  /** Flags of the area (`src/mm/vma.ts`). */
  flags: number;
  /** What is there. An address of the area outside all pieces is a SIGBUS. */
  pieces: readonly ObjectPiece[];
  /** When the entries are made: by the mmap itself, or one by one by the fault handler. */
  entries: 'at-mmap' | 'at-fault';
  /** Entries are counted pages (`vm_insert_page`), or special ones without a page behind them (`vmf_insert_pfn`). */
  special: boolean;
  /** How many bytes from the start of the object may be written; a write elsewhere is a SIGBUS. */
  writableBytes: number;
}

/** An errno, or the area. */
export type ObjectAnswer = { errno: number; area: null } | { errno: 0; area: ObjectArea };

/**
 * The answer that refuses.
 *
 * @example
 * ```ts
 * refused('EINVAL'); // { errno: 22, area: null }
 * ```
 */
export function refused(name: ErrnoName): { errno: number; area: null } {
  return { errno: ERRNO[name], area: null };
}

/** Everything may be written that the protection allows. */
export const ALL_WRITABLE: number = Number.MAX_SAFE_INTEGER;

/**
 * The answer that maps an object's pages from the start of the area on, all of them counted pages that mmap itself
 * inserts: what most objects do. Fields given beside replace those.
 *
 * @example
 * ```ts
 * mapped(65536, [{ areaBytes: 0, objectBytes: 0, lengthBytes: 4096 }]).area.entries; // 'at-mmap'
 * ```
 */
export function mapped(
  lengthBytes: number,
  pieces: readonly ObjectPiece[],
  beside: Partial<ObjectArea> = {},
): { errno: 0; area: ObjectArea } {
  // `vm_insert_page` marks the area MIXEDMAP; nearly every handler forbids mremap to let it grow.
  const flags = (VM.SHARED | VM.MIXEDMAP | VM.DONTEXPAND) >>> 0;
  const area = { lengthBytes, flags, pieces, entries: 'at-mmap' as const, special: false, writableBytes: ALL_WRITABLE };
  return { errno: 0, area: { ...area, ...beside } };
}

/** A request that layer 1 has let pass: its length is in whole pages of the ABI. */
export interface EnteredRequest extends ObjectRequest {
  shared: boolean;
  write: boolean;
}

/**
 * What every mmap is asked first (`mm/mmap.c:do_mmap`): a length, a page-aligned offset, an address that can be.
 *
 * @returns the errno, or the request with its length in whole pages
 * @example
 * ```ts
 * const request = { addr: 0, lengthBytes: 1, offsetBytes: 4096, prot: 3, flags: 1 };
 * enterRequest(request, 65536); // 22
 * ```
 */
export function enterRequest(request: ObjectRequest, abiPageBytes: number): EnteredRequest | number {
  const answer = translateCall({ op: 'mmap', file: 'object', ...request }, abiPageBytes);
  if ('errno' in answer) return answer.errno;
  const call = 'call' in answer ? answer.call : null;
  if (call === null || call.op !== 'mmap') return ERRNO.EINVAL;
  const { addr, lengthBytes, offsetBytes, prot, flags } = call;
  const type = flags & MAP.TYPE;
  const shared = type === MAP.SHARED || type === MAP.SHARED_VALIDATE;
  return { addr, lengthBytes, offsetBytes, prot, flags, shared, write: (prot & 2) !== 0 };
}

/**
 * Whether a number is a power of two (`include/linux/log2.h:is_power_of_2`): 0 is none.
 *
 * @example
 * ```ts
 * isPowerOfTwo(4096); // true
 * isPowerOfTwo(0); // false
 * ```
 */
export function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/**
 * Rounds up to whole pages (PAGE_ALIGN).
 *
 * @example
 * ```ts
 * wholePages(1, 65536); // 65536
 * ```
 */
export function wholePages(bytes: number, pageBytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}
