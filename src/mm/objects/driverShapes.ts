/**
 * The shapes of interface by which drivers map memory (`docs/drivers.md`), and what each does with a process page that
 * the driver's memory does not fill. A shape that is told how long the memory is can be mended in one place; one that
 * is handed single frames cannot.
 *
 * @models S-29 S-30 S-47 T-10 D-20
 */
import { ERRNO } from '../abiRules.ts';
import { VM } from '../vma.ts';
import { type EnteredRequest, enterRequest, type ObjectRequest, refused, wholePages } from './mapping.ts';

/** How a driver maps its memory. */
export type DriverShape =
  | 'vm_iomap_memory'
  | 'remap_pfn_range'
  | 'remap_pfn_range_checked'
  | 'vm_map_pages'
  | 'dma_mmap_coherent'
  | 'vmf_insert_pfn'
  | 'fault_page'
  | 'dma_buf_mmap';

/** What the core does where memory and process page do not fit. `driver`: it leaves that to the driver, as an unmodified kernel does. */
export type SmallMemory = 'refuse' | 'pad' | 'leak' | 'driver';

/** What is known of one shape. */
export interface ShapeRow {
  /** Functions of Linux 6.12. */
  source: string;
  /** What the core is told, beside frames: how long the memory is, or only where the area begins. */
  told: 'length' | 'alignment' | 'one page';
  /** Whether there are counted pages behind the entries, or special entries. */
  special: boolean;
  entries: 'at-mmap' | 'at-fault';
  /** Where it can be mended: in the core, in the core for what it can see, or in the driver. */
  mended: 'core' | 'partly' | 'driver';
  note: string;
}

/** One row a shape. */
export const driverShapes: { readonly [S in DriverShape]: ShapeRow } = {
  vm_iomap_memory: {
    source: 'mm/memory.c:vm_iomap_memory',
    told: 'length',
    special: true,
    entries: 'at-mmap',
    mended: 'core',
    note: 'Rounds start and length outward to pages of the kernel; a kernel of larger pages shows what lies beside.',
  },
  remap_pfn_range: {
    source: 'mm/memory.c:remap_pfn_range',
    told: 'alignment',
    special: true,
    entries: 'at-mmap',
    mended: 'partly',
    note: 'The driver passes the length of the area: the core sees a misaligned start, and never where the memory ends.',
  },
  remap_pfn_range_checked: {
    source: 'drivers/uio/uio.c:uio_mmap_physical',
    told: 'alignment',
    special: true,
    entries: 'at-mmap',
    mended: 'partly',
    note: 'The driver compares the area with its memory first, so a small region is refused on kernels of larger pages too.',
  },
  vm_map_pages: {
    source: 'mm/memory.c:vm_map_pages,vm_insert_page,vm_insert_pages',
    told: 'length',
    special: false,
    entries: 'at-mmap',
    mended: 'core',
    note: 'vm_map_pages is told how many pages there are; vm_insert_page called in a loop of the driver is not.',
  },
  dma_mmap_coherent: {
    source: 'kernel/dma/direct.c:dma_direct_mmap',
    told: 'length',
    special: true,
    entries: 'at-mmap',
    mended: 'core',
    note: 'The core allocated the memory as well, so it can be made whole process pages from the start.',
  },
  vmf_insert_pfn: {
    source: 'mm/memory.c:vmf_insert_pfn_prot',
    told: 'one page',
    special: true,
    entries: 'at-fault',
    mended: 'driver',
    note: 'One frame a fault: whether the next fifteen belong to the driver, only the driver knows.',
  },
  fault_page: {
    source: 'include/linux/mm.h:vm_operations_struct.fault, mm/memory.c:finish_fault',
    told: 'one page',
    special: false,
    entries: 'at-fault',
    mended: 'driver',
    note: 'One page a fault, of whatever folio the driver has.',
  },
  dma_buf_mmap: {
    source: 'drivers/dma-buf/dma-buf.c:dma_buf_mmap_internal',
    told: 'length',
    special: false,
    entries: 'at-mmap',
    mended: 'partly',
    note: 'The length is checked in one place; how the exporter then maps is one of the other shapes.',
  },
};

/** The memory of a driver: registers at a physical address, or RAM that it allocated, in bytes. */
export interface DriverMemory {
  /** Physical address of registers; of RAM 0, the frames are the allocator's. */
  startBytes: number;
  lengthBytes: number;
}

/** A stretch of an area, in bytes of the driver's memory; negative or past its end where it is somebody else's. */
export interface DriverPiece {
  areaBytes: number;
  memoryBytes: number;
  lengthBytes: number;
}

/** How an area of a driver's memory comes out. */
export type DriverAnswer =
  | { errno: number; area: null }
  | { errno: 0; area: { lengthBytes: number; flags: number; pieces: DriverPiece[]; row: ShapeRow } };

/** The page sizes that a mapping of a driver's memory depends on. */
export interface DriverSizes {
  abiPageBytes: number;
  kernelPageBytes: number;
}

/** The driver's memory in whole pages, outward: where it begins in them and how long they are. */
function around(
  { startBytes, lengthBytes }: DriverMemory,
  pageBytes: number,
): { skipBytes: number; wholeBytes: number } {
  const skipBytes = startBytes % pageBytes;
  return { skipBytes, wholeBytes: wholePages(skipBytes + lengthBytes, pageBytes) };
}

const NO_ROOM: { readonly [S in DriverShape]: number } = {
  vm_iomap_memory: ERRNO.EINVAL,
  remap_pfn_range: 0,
  remap_pfn_range_checked: ERRNO.EINVAL,
  vm_map_pages: ERRNO.ENXIO,
  dma_mmap_coherent: ERRNO.ENXIO,
  // A fault handler is asked for no length: what lies behind the end is a SIGBUS when it is touched.
  vmf_insert_pfn: 0,
  fault_page: 0,
  dma_buf_mmap: ERRNO.EINVAL,
};

function areaOf(shape: DriverShape, request: EnteredRequest, pieces: DriverPiece[]): DriverAnswer {
  const row = driverShapes[shape];
  const special = VM.IO | VM.PFNMAP | VM.DONTEXPAND | VM.DONTDUMP;
  const flags = (VM.SHARED | (row.special ? special : VM.MIXEDMAP | VM.DONTEXPAND)) >>> 0;
  const kept = pieces.filter((piece) => piece.lengthBytes > 0);
  return { errno: 0, area: { lengthBytes: request.lengthBytes, flags, pieces: kept, row } };
}

/** What an unmodified driver on this kernel does: its rules are in pages of the kernel, the length in pages of the caller. */
function asDriver(
  shape: DriverShape,
  memory: DriverMemory,
  request: EnteredRequest,
  kernelPageBytes: number,
): DriverAnswer {
  const { skipBytes, wholeBytes } = around(memory, kernelPageBytes);
  const { offsetBytes, lengthBytes } = request;
  if (shape === 'remap_pfn_range_checked' && skipBytes !== 0) return refused('ENODEV');
  const room = shape === 'remap_pfn_range_checked' ? memory.lengthBytes : wholeBytes;
  const errno = NO_ROOM[shape];
  if (errno !== 0 && offsetBytes + lengthBytes > room) return { errno, area: null };
  // remap_pfn_range maps as long as it is told, whoever's frames those are.
  const shown = shape === 'remap_pfn_range' ? lengthBytes : Math.min(lengthBytes, wholeBytes - offsetBytes);
  return areaOf(shape, request, [{ areaBytes: 0, memoryBytes: offsetBytes - skipBytes, lengthBytes: shown }]);
}

/** Whether the memory is whole process pages, as far as the shape lets the core see. */
function seemsWhole(shape: DriverShape, memory: DriverMemory, pageBytes: number): boolean {
  if (memory.startBytes % pageBytes !== 0) return false;
  return driverShapes[shape].told !== 'length' || memory.lengthBytes % pageBytes === 0;
}

/**
 * mmap of a driver's memory. With `leak` the area is what a kernel of the process's page size shows where frames are
 * mapped by number: whole process pages of physical memory, with what else lies in them. With `pad` it has the same
 * layout and holes in the place of foreign frames. With `refuse` there is no area that would not be whole.
 *
 * @example
 * ```ts
 * const registers = { startBytes: 0xa003000, lengthBytes: 4096 };
 * const request = { addr: 0, lengthBytes: 4096, offsetBytes: 0, prot: 3, flags: 1 };
 * const sizes = { abiPageBytes: 65536, kernelPageBytes: 4096 };
 * mapDriver('vm_iomap_memory', registers, request, sizes, 'refuse').errno; // 22
 * const map = (shape: DriverShape, small: SmallMemory) => mapDriver(shape, registers, request, sizes, small);
 * map('vm_iomap_memory', 'pad').area?.pieces; // [{ areaBytes: 12288, memoryBytes: 0, lengthBytes: 4096 }]
 * map('vm_iomap_memory', 'leak').area?.pieces; // [{ areaBytes: 0, memoryBytes: -12288, lengthBytes: 65536 }]
 * map('remap_pfn_range', 'driver').area?.pieces; // [{ areaBytes: 0, memoryBytes: 0, lengthBytes: 65536 }]
 * ```
 */
export function mapDriver(
  shape: DriverShape,
  memory: DriverMemory,
  request: ObjectRequest,
  { abiPageBytes, kernelPageBytes }: DriverSizes,
  small: SmallMemory,
): DriverAnswer {
  const entered = enterRequest(request, abiPageBytes);
  if (typeof entered === 'number') return { errno: entered, area: null };
  if (!entered.shared) return refused('EINVAL');
  if (small === 'driver' || abiPageBytes === kernelPageBytes) return asDriver(shape, memory, entered, kernelPageBytes);
  if (seemsWhole(shape, memory, abiPageBytes)) return asDriver(shape, memory, entered, abiPageBytes);
  if (small === 'refuse') return refused('EINVAL');
  const { skipBytes, wholeBytes } = around(memory, abiPageBytes);
  const { offsetBytes, lengthBytes } = entered;
  if (offsetBytes + lengthBytes > wholeBytes) return { errno: NO_ROOM[shape] || ERRNO.EINVAL, area: null };
  const first = offsetBytes - skipBytes;
  // Foreign pages come in by frame numbers alone: what is counted or handed out one by one is the driver's.
  const { special, told } = driverShapes[shape];
  if (small === 'leak' && special && told !== 'one page')
    return areaOf(shape, entered, [{ areaBytes: 0, memoryBytes: first, lengthBytes }]);
  // `pad`: pages of the kernel that the memory touches, where they would be on a kernel of the larger page.
  const inner = around(memory, kernelPageBytes);
  const from = Math.max(first, -inner.skipBytes);
  const to = Math.min(first + lengthBytes, inner.wholeBytes - inner.skipBytes);
  return areaOf(shape, entered, [{ areaBytes: from - first, memoryBytes: from, lengthBytes: to - from }]);
}
