/**
 * What the owner of the kernel's objects keeps: each object with its pages, who maps it, and what it still waits for.
 * Objects of perf, io_uring, BPF and sockets differ in their rules (`src/mm/objects`), not in how they hold memory.
 *
 * @models S-33 S-29 T-10
 */
import type { KernelObjects, ObjectSizes } from '../../src/mm/objects/mapping.ts';
import { type FilePiece, filePieces, objectPages, type ObjectShape } from '../../src/mm/objects/kernelObject.ts';
import { vdsoBytes } from '../../src/mm/objects/specialMappings.ts';
import type { FileRun, FrameRun, MessageOf } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';

/** What the owner is built with. */
export interface ObjectInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  kernelObjects: KernelObjects;
}

/** One object. */
export interface HeldObject {
  file: string;
  shape: ObjectShape;
  /** The pages that the object is made of, and those of the ABI of who made it. */
  sizes: ObjectSizes;
  /** The first kernel frame of each page of the object; null, or not yet in the list, where nobody has touched an arena. */
  pages: (number | null)[];
  /** Whether anybody has it open. */
  open: boolean;
  mappers: string[];
}

/** What is to be done when the zone answers. */
export type ObjectWait =
  | { do: 'created'; file: string; request: number }
  | { do: 'mapped'; file: string; answer: MessageOf<'OBJECT_MAPPED'> }
  | { do: 'page'; file: string; page: number; wish: MessageOf<'GET_PAGES'> }
  | { do: 'referred'; mm: string; answer: MessageOf<'PAGES'> };

/** The owner's state. */
export interface ObjectContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  kernelObjects: KernelObjects;
  objects: Record<string, HeldObject>;
  waits: Record<number, ObjectWait>;
  nextRequest: number;
  /** Objects made so far, and those that a rule refused. */
  made: number;
  refused: number;
}

/**
 * An owner without objects.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * initialObjects({ resources, kernelPageBytes: 4096, kernelObjects: 'process-page' }).made; // 0
 * ```
 */
export function initialObjects(input: ObjectInput): ObjectContext {
  return { ...input, objects: {}, waits: {}, nextRequest: 1, made: 0, refused: 0 };
}

/**
 * An object that was just made, before it has pages.
 *
 * @example
 * ```ts
 * const sizes = { abiPageBytes: 4096, objectPageBytes: 4096 };
 * heldObject('object:0', { kind: 'perf', dataPages: null }, sizes).pages; // []
 * ```
 */
export function heldObject(file: string, shape: ObjectShape, sizes: ObjectSizes): HeldObject {
  return { file, shape, sizes, pages: [], open: true, mappers: [] };
}

/**
 * Whether pages of the object come when somebody touches them: those of an arena, and of what the kernel's image has,
 * which is not among the frames of the zone before.
 *
 * @example
 * ```ts
 * isLazy({ kind: 'perf', dataPages: 8 }); // false
 * ```
 */
export function isLazy(shape: ObjectShape): boolean {
  return shape.kind === 'arena' || shape.kind === 'vdso';
}

/**
 * The vDSO of a page size, which is there from the start.
 *
 * @returns null for a name that is none of a vDSO
 * @example
 * ```ts
 * vdsoOf('object:vdso.65536')?.shape; // { kind: 'vdso', codePages: 1 }
 * vdsoOf('object:7'); // null
 * ```
 */
export function vdsoOf(file: string): HeldObject | null {
  const match = /^object:vdso\.(\d+)$/.exec(file);
  if (match === null) return null;
  const objectPageBytes = Number(match[1]);
  const sizes = { abiPageBytes: objectPageBytes, objectPageBytes };
  return heldObject(file, { kind: 'vdso', codePages: vdsoBytes(sizes) / objectPageBytes }, sizes);
}

/**
 * Pages that have to be allocated before the object can be used.
 *
 * @example
 * ```ts
 * const sizes = { abiPageBytes: 4096, objectPageBytes: 4096 };
 * missingPages(heldObject('object:0', { kind: 'ringbuf', ring: { dataBytes: 8192, user: false } }, sizes)); // 4
 * ```
 */
export function missingPages({ shape, sizes, pages }: HeldObject): number {
  return isLazy(shape) ? 0 : objectPages(shape, sizes.objectPageBytes) - pages.length;
}

/**
 * Every kernel frame that an object holds.
 *
 * @example
 * ```ts
 * const sizes = { abiPageBytes: 65536, objectPageBytes: 65536 };
 * const object = { ...heldObject('object:0', { kind: 'perf', dataPages: 1 }, sizes), pages: [64, 96] };
 * objectFrames(object, 4096); // [{ pfn: 64, nr: 16 }, { pfn: 96, nr: 16 }]
 * ```
 */
export function objectFrames({ pages, sizes }: HeldObject, kernelPageBytes: number): FrameRun[] {
  const nr = sizes.objectPageBytes / kernelPageBytes;
  return pages.flatMap((pfn) => (pfn === null ? [] : [{ pfn, nr }]));
}

/** The page of an object that stands at a kernel page of its file, -1 for none. */
function pageAt(pieces: readonly FilePiece[], offsetBytes: number, pageBytes: number): number {
  const piece = pieces.find((each) => {
    return offsetBytes >= each.offsetBytes && offsetBytes < each.offsetBytes + each.lengthBytes;
  });
  return piece === undefined ? -1 : Math.floor((piece.objectBytes + offsetBytes - piece.offsetBytes) / pageBytes);
}

/**
 * The page of an object behind an index of its file; -1 where there is none.
 *
 * @example
 * ```ts
 * const sizes = { abiPageBytes: 65536, objectPageBytes: 65536 };
 * const object = { ...heldObject('object:0', { kind: 'perf', dataPages: 1 }, sizes), pages: [64, 96] };
 * pageOfIndex(object, 17, 4096); // 1
 * ```
 */
export function pageOfIndex(object: HeldObject, index: number, kernelPageBytes: number): number {
  const { shape, sizes } = object;
  return pageAt(filePieces(shape, sizes.objectPageBytes), index * kernelPageBytes, sizes.objectPageBytes);
}

/**
 * The kernel pages of a window of the file that there are, in runs of consecutive frames.
 *
 * @example
 * ```ts
 * const sizes = { abiPageBytes: 65536, objectPageBytes: 65536 };
 * const object = { ...heldObject('object:0', { kind: 'perf', dataPages: 1 }, sizes), pages: [64, 96] };
 * fileRuns(object, 0, 40, 4096); // [{ index: 0, pfn: 64, nr: 16 }, { index: 16, pfn: 96, nr: 16 }]
 * ```
 */
export function fileRuns(object: HeldObject, firstIndex: number, endIndex: number, kernelPageBytes: number): FileRun[] {
  const { shape, sizes, pages } = object;
  const { objectPageBytes } = sizes;
  const pieces = filePieces(shape, objectPageBytes);
  const runs: FileRun[] = [];
  for (let index = firstIndex; index < endIndex; index++) {
    const offsetBytes = index * kernelPageBytes;
    const first = pages[pageAt(pieces, offsetBytes, objectPageBytes)] ?? null;
    if (first === null) continue;
    // Pieces begin with a page of the object, so the place inside the page is that inside the file's.
    const pfn = first + (offsetBytes % objectPageBytes) / kernelPageBytes;
    const last = runs.at(-1);
    if (last !== undefined && last.index + last.nr === index && last.pfn + last.nr === pfn) last.nr++;
    else runs.push({ index, pfn, nr: 1 });
  }
  return runs;
}
