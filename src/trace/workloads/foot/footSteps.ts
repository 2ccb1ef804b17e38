/**
 * The workloads of the footprint answers: how each touches memory, call by call and byte by byte, as the steps of a trace.
 * A step list begins with what the program does before it measures, and two calls of the name MEASURE_BEGIN and
 * MEASURE_END stand where it reads its counters.
 */
import { invariant } from '../../../errors.ts';
import type { TraceStep } from '../../memoryTrace.ts';
import { heapSteps } from './footHeap.ts';
import { heapEnd, heapStart, STACK_POINTER, startSteps, TEXT_START, TREE_BUFFER, WARM_BUFFER } from './footImage.ts';
import { randomNumbers } from './footRandom.ts';

/** The call at whose entry the counters are read for the first time. */
export const MEASURE_BEGIN = 'measure-begin';
/** The call at whose entry they are read again. */
export const MEASURE_END = 'measure-end';
/** Where every workload maps its memory. */
export const ARENA = 0x3_0000_0000;

/** Where a workload has its memory: that of the program itself, unless it is a part of something larger. */
export interface FootPlace {
  /** The first byte of what it maps. */
  arena: number;
  /** 64K that it reads a file into to warm the cache. */
  buffer: number;
}

const OF_THE_PROGRAM: FootPlace = { arena: ARENA, buffer: WARM_BUFFER };

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_FIXED = 0x12;
const MAP_ANONYMOUS = 0x20;
const MADV_DONTNEED = 4;
/** Bytes that the program asks of each read(). */
const READ_BYTES = 65_536;
/** The grid on which the program fills its memory, and places random touches, whatever the page size. */
const GRID_BYTES = 4096;
/** A directory stream of glibc: its buffer of 32 KiB, what it notes beside it, and malloc's header. */
const DIRECTORY_STREAM_BYTES = 0x8040;
/** The stack that one level of the walk takes, and the most that the functions take that it calls. */
const LEVEL_STACK_BYTES = 0x4e0;
const CALLED_STACK_BYTES = 0x600;
/** First directory stream, from the start of the heap: what comes before it is in use by then. */
const FIRST_STREAM_OFFSET = 0x1560;

/** One file that a workload uses. */
export interface WorkloadFile {
  path: string;
  sizeBytes: number;
}

/** A folder tree: sizes of its files, and the bytes of entries of the largest folder at each level from the top. */
export interface WorkloadTree {
  name: string;
  sizesBytes: readonly number[];
  entriesBytes: readonly number[];
}

/** What a workload does, with its numbers: all in bytes, but for `touches` and `ops`. */
export type Workload =
  | { kind: 'seq'; lengthBytes: number }
  | { kind: 'sparse'; lengthBytes: number; strideBytes: number }
  | { kind: 'rand' | 'randread'; lengthBytes: number; touches: number }
  | { kind: 'cow'; lengthBytes: number; strideBytes: number }
  | { kind: 'dontneed'; lengthBytes: number; strideBytes: number; adviseBytes: number }
  | { kind: 'fmap'; file: WorkloadFile; strideBytes: number; warm: boolean }
  | { kind: 'fmapw'; file: WorkloadFile; strideBytes: number }
  | { kind: 'heap'; ops: number }
  | { kind: 'tree'; tree: WorkloadTree };

/** The steps of a workload's process, and of the child that it forks where it does: then the child is measured. */
export interface WorkloadSteps {
  parent: Iterable<TraceStep>;
  child: Iterable<TraceStep> | null;
  files: WorkloadFile[];
}

const begin: TraceStep = { op: 'other', name: MEASURE_BEGIN };
const end: TraceStep = { op: 'other', name: MEASURE_END };

function fetch(): TraceStep {
  return { access: 'X', addr: TEXT_START, sizeBytes: 4 };
}

function* touch(access: 'R' | 'W', arena: number, lengthBytes: number, strideBytes: number): Generator<TraceStep> {
  invariant(strideBytes > 0, 'a stride is not nothing');
  for (let at = 0; at < lengthBytes; at += strideBytes) {
    yield fetch();
    yield { access, addr: arena + at };
  }
}

/**
 * The random touches: Marsaglia's xorshift 13/7/17 on 64 bits, of which bits 16 to 47 are the number
 * that chooses a multiple of 4096 below the length.
 *
 * @example
 * ```ts
 * randomOffsets(3, 64 * 2 ** 20); // [62775296, 48414720, 41230336]
 * ```
 */
export function randomOffsets(touches: number, lengthBytes: number): number[] {
  const numbers = randomNumbers();
  return Array.from({ length: touches }, () => randomOffset(numbers.next().value, lengthBytes));
}

function randomOffset(number: number, lengthBytes: number): number {
  return (number * GRID_BYTES) % lengthBytes;
}

function mapAnonymous(arena: number, lengthBytes: number): TraceStep {
  const flags = MAP_PRIVATE_FIXED | MAP_ANONYMOUS;
  return { op: 'mmap', addr: arena, lengthBytes, prot: PROT_READ_WRITE, flags, file: null, offsetBytes: 0 };
}

function mapFile(arena: number, { path, sizeBytes }: WorkloadFile, prot: number): TraceStep {
  return {
    op: 'mmap',
    addr: arena,
    lengthBytes: sizeBytes,
    prot,
    flags: MAP_PRIVATE_FIXED,
    file: path,
    offsetBytes: 0,
  };
}

function* readFile({ path, sizeBytes }: WorkloadFile, buffer: number): Generator<TraceStep> {
  for (let offsetBytes = 0; offsetBytes < sizeBytes; offsetBytes += READ_BYTES) {
    const lengthBytes = Math.min(READ_BYTES, sizeBytes - offsetBytes);
    yield fetch();
    yield { op: 'read', file: path, offsetBytes, buffer, lengthBytes };
  }
}

function* random(arena: number, lengthBytes: number, touches: number, access: 'R' | 'W'): Generator<TraceStep> {
  const numbers = randomNumbers();
  for (let at = 0; at < touches; at += 1) {
    yield fetch();
    yield { access, addr: arena + randomOffset(numbers.next().value, lengthBytes) };
  }
}

function* advise(arena: number, lengthBytes: number, strideBytes: number, adviseBytes: number): Generator<TraceStep> {
  for (let at = 0; at < lengthBytes; at += strideBytes) {
    yield fetch();
    yield { op: 'madvise', addr: arena + at, lengthBytes: adviseBytes, advice: MADV_DONTNEED };
  }
}

/** The files of a tree. */
function filesOf({ name, sizesBytes }: WorkloadTree): WorkloadFile[] {
  return sizesBytes.map((sizeBytes, at) => ({ path: `/data/${name}/${at}`, sizeBytes }));
}

/**
 * The walk itself: at each level a directory stream on the heap, the entries that fill it, the header of the free memory
 * behind it, and the stack of the function that walks. Then the files, one after the other.
 */
function* walk(tree: WorkloadTree, pageBytes: number): Generator<TraceStep> {
  const heap = heapStart(pageBytes);
  for (const [level, entriesBytes] of tree.entriesBytes.entries()) {
    const stream = heap + FIRST_STREAM_OFFSET + level * DIRECTORY_STREAM_BYTES;
    yield fetch();
    for (let at = 0; at < entriesBytes; at += GRID_BYTES) yield { access: 'W', addr: stream + at };
    yield { access: 'W', addr: stream + entriesBytes };
    yield { access: 'W', addr: stream + DIRECTORY_STREAM_BYTES };
    yield { access: 'W', addr: STACK_POINTER - (level + 1) * LEVEL_STACK_BYTES - CALLED_STACK_BYTES };
  }
  for (const file of filesOf(tree)) yield* readFile(file, TREE_BUFFER);
}

/** What comes between the two readings, and what the program does before. */
interface FootParts {
  before: Iterable<TraceStep>;
  measured: Iterable<TraceStep>;
  files: WorkloadFile[];
}

function partsOf(work: Exclude<Workload, { kind: 'cow' }>, pageBytes: number, place: FootPlace): FootParts {
  const { arena, buffer } = place;
  switch (work.kind) {
    case 'seq':
    case 'sparse': {
      const strideBytes = work.kind === 'seq' ? GRID_BYTES : work.strideBytes;
      const map = mapAnonymous(arena, work.lengthBytes);
      return { before: [], measured: steps(map, touch('W', arena, work.lengthBytes, strideBytes)), files: [] };
    }
    case 'rand':
    case 'randread': {
      const access = work.kind === 'rand' ? 'W' : 'R';
      const map = mapAnonymous(arena, work.lengthBytes);
      return { before: [], measured: steps(map, random(arena, work.lengthBytes, work.touches, access)), files: [] };
    }
    case 'dontneed': {
      const map = mapAnonymous(arena, work.lengthBytes);
      const before = steps(map, touch('W', arena, work.lengthBytes, GRID_BYTES));
      return { before, measured: advise(arena, work.lengthBytes, work.strideBytes, work.adviseBytes), files: [] };
    }
    case 'heap':
      return { ...heapSteps(work.ops, pageBytes, heapEnd(pageBytes)), files: [] };
    case 'tree':
      return { before: [], measured: walk(work.tree, pageBytes), files: filesOf(work.tree) };
    default: {
      const { file, strideBytes } = work;
      const writes = work.kind === 'fmapw';
      const before = writes || work.warm ? readFile(file, buffer) : [];
      const map = mapFile(arena, file, writes ? PROT_READ_WRITE : PROT_READ);
      const measured = steps(map, touch(writes ? 'W' : 'R', arena, file.sizeBytes, strideBytes));
      return { before, measured, files: [file] };
    }
  }
}

/**
 * What a workload does in another program than its own, which is not measured there.
 *
 * @example
 * ```ts
 * const steps = [...footPart({ kind: 'seq', lengthBytes: 4096 }, 4096, { arena: 0x10000, buffer: 0 })];
 * steps.length; // 3
 * ```
 */
export function* footPart(
  work: Exclude<Workload, { kind: 'cow' }>,
  pageBytes: number,
  place: FootPlace,
): Generator<TraceStep> {
  const { before, measured } = partsOf(work, pageBytes, place);
  yield* before;
  yield* measured;
}

function* steps(first: TraceStep, rest: Iterable<TraceStep>): Generator<TraceStep> {
  yield first;
  yield* rest;
}

function* measure(measured: Iterable<TraceStep>): Generator<TraceStep> {
  yield begin;
  yield* measured;
  yield end;
}

/**
 * The steps of a workload for a process of a page size.
 *
 * @example
 * ```ts
 * const { parent, child } = workloadSteps({ kind: 'seq', lengthBytes: 8192 }, 4096);
 * [...parent].filter((step) => 'access' in step && step.addr - ARENA >= 0 && step.addr - ARENA < 8192).length; // 2
 * child; // null
 * ```
 */
export function workloadSteps(work: Workload, pageBytes: number): WorkloadSteps {
  if (work.kind === 'cow') return copyOnWrite(work.lengthBytes, work.strideBytes, pageBytes);
  const { before, measured, files } = partsOf(work, pageBytes, OF_THE_PROGRAM);
  function* parent(): Generator<TraceStep> {
    yield* startSteps(pageBytes);
    yield* before;
    yield* measure(measured);
  }
  return { parent: parent(), child: null, files };
}

function copyOnWrite(lengthBytes: number, strideBytes: number, pageBytes: number): WorkloadSteps {
  function* parent(): Generator<TraceStep> {
    yield* startSteps(pageBytes);
    yield mapAnonymous(ARENA, lengthBytes);
    yield* touch('W', ARENA, lengthBytes, GRID_BYTES);
    yield { op: 'fork', childPid: 1 };
    yield fetch();
  }
  function* child(): Generator<TraceStep> {
    yield fetch();
    yield { access: 'W', addr: STACK_POINTER };
    yield* measure(touch('W', ARENA, lengthBytes, strideBytes));
  }
  return { parent: parent(), child: child(), files: [] };
}
