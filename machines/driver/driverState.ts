/**
 * What a driver keeps: its memory, registers or RAM, how it maps it, what each mm has been shown, and what of that was
 * not its own.
 *
 * @models S-29 S-30 S-47 D-20
 */
import {
  type DriverMemory,
  type DriverPiece,
  type DriverShape,
  driverShapes,
  type SmallMemory,
} from '../../src/mm/objects/driverShapes.ts';
import type { Exposure, OwnedRange } from '../../src/mm/objects/exposure.ts';
import type { KernelObjects } from '../../src/mm/objects/mapping.ts';
import { PTE } from '../../src/mm/pte.ts';
import type { FileRun, MessageOf } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';

/** A stretch of a driver's memory, in bytes from its start. */
export interface MemoryRange {
  offsetBytes: number;
  lengthBytes: number;
}

/** What a driver is built with. */
export interface DriverInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  name: string;
  shape: DriverShape;
  /** Physical address of registers; null for RAM, which is allocated at the first mmap. */
  registersBytes: number | null;
  lengthBytes: number;
  small: SmallMemory;
  /** RAM that the core allocates is whole pages of this size where small memory is padded. */
  padBytes: number;
  /** What is mapped as Device-nGnRE; the rest is Normal memory. */
  deviceMemory: MemoryRange[];
  /** Whose pages ioctls count in. */
  ioctlPages: KernelObjects;
  /** Registers of every device of the system. */
  owners: OwnedRange[];
}

/** A stretch of the driver's file that an mm has mapped. */
export interface ShownPiece {
  fileBytes: number;
  memoryBytes: number;
  lengthBytes: number;
}

/** Foreign memory that an mm was shown. */
export interface ForeignMemory extends Exposure {
  mm: string;
}

/** What is to be done when the zone answers. */
export type DriverWait =
  | { do: 'map'; event: MessageOf<'MAP_OBJECT'> }
  | { do: 'owners'; exposed: ForeignMemory[]; answer: MessageOf<'OBJECT_MAPPED'> }
  | { do: 'referred'; mm: string; answer: MessageOf<'PAGES'> };

/** A driver's state. */
export interface DriverContext extends DriverInput {
  /** Frames of RAM, one a kernel page; of registers none, their frames are reckoned. */
  frames: number[];
  /** What each mm has mapped. */
  areas: Record<string, ShownPiece[]>;
  mappers: string[];
  exposed: ForeignMemory[];
  /** Bytes that ioctls wrote, or would have, behind the end of the caller's buffers. */
  overrunBytes: number;
  refused: number;
  waits: Record<number, DriverWait>;
  nextRequest: number;
}

/**
 * A driver whose memory nobody has mapped.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const base = { resources, kernelPageBytes: 4096, name: 'nic', shape: 'vm_iomap_memory' as const, registersBytes: 0xa003000 };
 * const rest = { lengthBytes: 4096, small: 'refuse' as const, padBytes: 65536, deviceMemory: [], ioctlPages: 'process-page' as const };
 * initialDriver({ ...base, ...rest, owners: [] }).mappers; // []
 * ```
 */
export function initialDriver(input: DriverInput): DriverContext {
  const nothing = { frames: [], areas: {}, mappers: [], exposed: [], waits: {} };
  return { ...input, ...nothing, overrunBytes: 0, refused: 0, nextRequest: 1 };
}

/**
 * The bytes that a driver has: RAM of the core's allocator is whole process pages where small memory is padded, because
 * the core knows how long it is (`dma_alloc_coherent`).
 *
 * @example
 * ```ts
 * const driver = { shape: 'dma_mmap_coherent' as const, registersBytes: null, lengthBytes: 4096, small: 'pad' as const, padBytes: 65536 };
 * memoryBytes(driver); // 65536
 * memoryBytes({ ...driver, small: 'refuse' }); // 4096
 * ```
 */
export function memoryBytes(
  driver: Pick<DriverInput, 'shape' | 'registersBytes' | 'lengthBytes' | 'small' | 'padBytes'>,
): number {
  const { shape, registersBytes, lengthBytes, small, padBytes } = driver;
  const isPadded = registersBytes === null && shape === 'dma_mmap_coherent' && small === 'pad';
  return isPadded ? Math.ceil(lengthBytes / padBytes) * padBytes : lengthBytes;
}

/** Whether the frames of RAM follow one another: what is mapped by frame number must. */
function isContiguous(shape: DriverShape): boolean {
  return driverShapes[shape].special || shape === 'dma_buf_mmap';
}

/**
 * How the driver asks for its RAM: one block, or a page at a time.
 *
 * @example
 * ```ts
 * ramWish({ shape: 'vm_map_pages', kernelPageBytes: 4096 }, 12288); // { orderPages: 0, count: 3 }
 * ramWish({ shape: 'dma_mmap_coherent', kernelPageBytes: 4096 }, 12288); // { orderPages: 2, count: 1 }
 * ```
 */
export function ramWish(
  { shape, kernelPageBytes }: Pick<DriverInput, 'shape' | 'kernelPageBytes'>,
  lengthBytes: number,
): { orderPages: number; count: number } {
  const pages = Math.ceil(lengthBytes / kernelPageBytes);
  return isContiguous(shape) ? { orderPages: Math.ceil(Math.log2(pages)), count: 1 } : { orderPages: 0, count: pages };
}

/**
 * Where the memory is: an address of registers, or of contiguous RAM; of single pages 0, since none lies beside
 * another.
 *
 * @example
 * ```ts
 * const pages = { shape: 'vm_map_pages' as const, registersBytes: null, lengthBytes: 4096, kernelPageBytes: 4096, frames: [9] };
 * memoryOf({ ...pages, small: 'refuse', padBytes: 4096 });
 * // { startBytes: 0, lengthBytes: 4096 }
 * ```
 */
export function memoryOf(
  driver: Pick<
    DriverContext,
    'shape' | 'registersBytes' | 'lengthBytes' | 'small' | 'padBytes' | 'frames' | 'kernelPageBytes'
  >,
): DriverMemory {
  const lengthBytes = memoryBytes(driver);
  if (driver.registersBytes !== null) return { startBytes: driver.registersBytes, lengthBytes };
  const [first = 0] = driver.frames;
  return { startBytes: isContiguous(driver.shape) ? first * driver.kernelPageBytes : 0, lengthBytes };
}

/** The kernel frame at a byte of the memory, and whether it may lie beside it. */
function frameAt(context: DriverContext, bytes: number): number | null {
  const { kernelPageBytes, registersBytes, shape, frames } = context;
  if (registersBytes === null && !isContiguous(shape)) return frames[bytes / kernelPageBytes] ?? null;
  return Math.floor((memoryOf(context).startBytes + bytes) / kernelPageBytes);
}

/** What lies beside the memory has the attribute of its end: `vm_page_prot` is one for the whole area. */
function isDeviceMemory(context: DriverContext, at: number): boolean {
  const bytes = Math.min(Math.max(at, 0), context.lengthBytes - 1);
  const within = ({ offsetBytes, lengthBytes }: MemoryRange): boolean =>
    bytes >= offsetBytes && bytes < offsetBytes + lengthBytes;
  return context.deviceMemory.some(within);
}

/**
 * What stands in a window of the driver's file as an mm has mapped it: runs of frames of one attribute.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const base = { resources, kernelPageBytes: 4096, name: 'nic', shape: 'vm_iomap_memory' as const, registersBytes: 0xa003000 };
 * const rest = { lengthBytes: 4096, small: 'refuse' as const, padBytes: 65536, deviceMemory: [], ioctlPages: 'process-page' as const };
 * const pieces = [{ fileBytes: 0, memoryBytes: 0, lengthBytes: 4096 }];
 * shownRuns(initialDriver({ ...base, ...rest, owners: [] }), pieces, 0, 16); // [{ index: 0, pfn: 40963, nr: 1, pteFlags: 128 }]
 * ```
 */
export function shownRuns(
  context: DriverContext,
  pieces: readonly ShownPiece[],
  firstIndex: number,
  endIndex: number,
): FileRun[] {
  const page = context.kernelPageBytes;
  const special = driverShapes[context.shape].special ? PTE.SPECIAL : 0;
  const runs: FileRun[] = [];
  for (let index = firstIndex; index < endIndex; index++) {
    const at = index * page;
    const piece = pieces.find(({ fileBytes, lengthBytes }) => at >= fileBytes && at < fileBytes + lengthBytes);
    if (piece === undefined) continue;
    const bytes = piece.memoryBytes + at - piece.fileBytes;
    const pfn = frameAt(context, bytes);
    if (pfn === null) continue;
    const pteFlags = special | (special !== 0 && isDeviceMemory(context, bytes) ? PTE.DEVICE : 0);
    const last = runs.at(-1);
    const follows = last !== undefined && last.index + last.nr === index && last.pfn + last.nr === pfn;
    if (follows && last.pteFlags === pteFlags) last.nr++;
    else runs.push({ index, pfn, nr: 1, pteFlags });
  }
  return runs;
}

/**
 * The pieces of an area in bytes of the file that was mapped.
 *
 * @example
 * ```ts
 * const piece = { areaBytes: 0, memoryBytes: 4096, lengthBytes: 4096 };
 * shownPieces([piece], 4096); // [{ fileBytes: 4096, memoryBytes: 4096, lengthBytes: 4096 }]
 * ```
 */
export function shownPieces(pieces: readonly DriverPiece[], offsetBytes: number): ShownPiece[] {
  return pieces.map(({ areaBytes, memoryBytes: memory, lengthBytes }) => {
    return { fileBytes: offsetBytes + areaBytes, memoryBytes: memory, lengthBytes };
  });
}
