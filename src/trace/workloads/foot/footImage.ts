/**
 * The program that the footprint workloads ran in: a static arm64 executable linked for 64K pages (`-z max-page-size=65536`),
 * started without address randomisation. Addresses are those that GNU ld and glibc 2.36 give it; what of them is mapped
 * depends on the page size, as in `fs/binfmt_elf.c:load_elf_binary`.
 */
import type { ImageSegment } from '../../../mm/runs.ts';
import type { TraceStep } from '../../memoryTrace.ts';

/** The program's file. */
export const PROGRAM_PATH = '/bin/foot';
/** Its size. */
export const PROGRAM_BYTES = 0xb_2000;
/** First byte of the text segment. */
export const TEXT_START = 0x40_0000;
const TEXT_END = 0x48_04fa;
const DATA_START = 0x49_c7d0;
const DATA_FILE_OFFSET = 0x8_c7d0;
/** Where the bytes of the file end and the zeroed ones begin. */
const BSS_START = 0x4a_20e8;
const BSS_END = 0x4d_7df8;
/** One past the stack: the top of a 48-bit address space but for a page, in the largest page size. */
const STACK_TOP = 2 ** 48 - 65_536;
/** The stack that execve maps: 128K and a page, in whole pages of every size. */
const STACK_BYTES = 0x3_0000;

/** The buffer that the tree walk reads files into: 64K in .bss. */
export const TREE_BUFFER = 0x4a_2180;
/** The buffer that warms the cache for file mappings, in .bss too. */
export const WARM_BUFFER = 0x4b_2180;
/** The stack pointer of `main`. */
export const STACK_POINTER = STACK_TOP - 0xc00;

/** What malloc has got from brk() when it first runs. */
const HEAP_BYTES = 0x2_2000;

function up(address: number, pageBytes: number): number {
  return Math.ceil(address / pageBytes) * pageBytes;
}

function down(address: number, pageBytes: number): number {
  return Math.floor(address / pageBytes) * pageBytes;
}

/**
 * Where the heap begins: right behind .bss, since nothing is randomised.
 *
 * @example
 * ```ts
 * heapStart(4096); // 0x4d8000
 * heapStart(65536); // 0x4e0000
 * ```
 */
export function heapStart(pageBytes: number): number {
  return up(BSS_END, pageBytes);
}

/**
 * What execve maps of the program for a page size.
 *
 * @example
 * ```ts
 * workloadImage(65536).map(({ addr }) => addr.toString(16)); // ['400000', '490000', '4b0000', 'fffffffc0000']
 * ```
 */
export function workloadImage(pageBytes: number): ImageSegment[] {
  const file = PROGRAM_PATH;
  const dataStart = down(DATA_START, pageBytes);
  const bssStart = up(BSS_START, pageBytes);
  const dataOffset = DATA_FILE_OFFSET - (DATA_START - dataStart);
  const anonymous = { file: null, offsetBytes: 0, prot: 3 };
  return [
    {
      kind: 'program',
      addr: TEXT_START,
      lengthBytes: up(TEXT_END, pageBytes) - TEXT_START,
      prot: 5,
      file,
      offsetBytes: 0,
    },
    { kind: 'program', addr: dataStart, lengthBytes: bssStart - dataStart, prot: 3, file, offsetBytes: dataOffset },
    { kind: 'other', addr: bssStart, lengthBytes: heapStart(pageBytes) - bssStart, ...anonymous },
    { kind: 'stack', addr: STACK_TOP - STACK_BYTES, lengthBytes: STACK_BYTES, ...anonymous },
  ];
}

/**
 * Where it ends when malloc has first got memory.
 *
 * @example
 * ```ts
 * heapEnd(4096) - heapStart(4096); // 0x22000
 * ```
 */
export function heapEnd(pageBytes: number): number {
  return up(heapStart(pageBytes) + HEAP_BYTES, pageBytes);
}

/** Data and .bss that start-up and stdio have written before anything is measured. */
const WRITTEN_AT_START = [
  DATA_START,
  0x49_d000,
  0x49_e000,
  0x49_f000,
  0x4a_0050,
  0x4a_1958,
  BSS_START,
  0x4d_2180,
  0x4d_7000,
];

/**
 * What the program does until it measures: it starts, sets up its heap and reads /proc with stdio.
 *
 * @example
 * ```ts
 * [...startSteps(4096)].filter((step) => 'op' in step && step.op === 'brk').length; // 2
 * ```
 */
export function* startSteps(pageBytes: number): Generator<TraceStep> {
  const heap = heapStart(pageBytes);
  yield { access: 'X', addr: TEXT_START, sizeBytes: 4 };
  yield { access: 'W', addr: STACK_TOP - 16, sizeBytes: 8 };
  yield { access: 'W', addr: STACK_POINTER, sizeBytes: 8 };
  for (const addr of WRITTEN_AT_START) yield { access: 'W', addr, sizeBytes: 8 };
  yield { op: 'brk', addr: heap };
  yield { op: 'brk', addr: heapEnd(pageBytes) };
  yield { access: 'W', addr: heap, sizeBytes: 8 };
  yield { access: 'W', addr: heap + 0x1558, sizeBytes: 8 };
}
