/** The workloads of foot.c under their names, in the program that validation plays them in. */
import { z } from 'zod';
import type { RunSource, TraceFile } from '../../mm/runs.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { PROGRAM_BYTES, PROGRAM_PATH } from './foot/footImage.ts';
import { footPart, type Workload } from './foot/footSteps.ts';
import { workloadTraces } from './foot/footTraces.ts';
import { bytes, times } from './operands.ts';
import { definePattern, type Pattern, type PatternPlace } from './pattern.ts';

/** A part of a mixture reads into the first pages of its heap. */
const BUFFER = 0x50_0000;
const SOURCE = 'foot.c of the footprint answers (fixtures/oracle)';
const DONE_BY_ITS_PROGRAM = 'it uses the heap and the stack of its own program';

const lengthBytes = bytes('the memory that it maps', 4096);
const strideBytes = bytes('how far each access lies behind the one before');

interface FootPattern<N extends string, S extends z.ZodObject> {
  name: N;
  says: string;
  operands: S;
  work: (operands: z.output<S>) => Workload;
  alone?: string;
  forks?: number;
  /** It is what the forked child does. */
  isChild?: boolean;
}

function filesOf(work: Workload): TraceFile[] {
  const program = { path: PROGRAM_PATH, sizeBytes: PROGRAM_BYTES };
  if (work.kind === 'fmap' || work.kind === 'fmapw') return [program, work.file];
  return [program];
}

function foot<N extends string, S extends z.ZodObject>(pattern: FootPattern<N, S>): Pattern<N, S> {
  const { name, says, operands, work, alone, forks, isChild } = pattern;
  function trace(given: z.output<S>, pageBytes: number, traceName: string): RunSource {
    const { parent, child } = workloadTraces(work(given), pageBytes, traceName);
    return isChild === true && child !== null ? child : parent;
  }
  function* steps(given: z.output<S>, place: PatternPlace): Generator<TraceStep> {
    const does = work(given);
    if (does.kind !== 'cow') yield* footPart(does, place.pageBytes, { arena: place.base, buffer: BUFFER });
  }
  return definePattern({
    name,
    says,
    source: SOURCE,
    operands,
    steps,
    files: (given) => filesOf(work(given)).slice(1),
    trace,
    ...(alone === undefined ? {} : { alone }),
    ...(forks === undefined ? {} : { forks: () => forks }),
  });
}

const touched = { lengthBytes, touches: times('places, which may repeat', 1) };
const copied = { lengthBytes, strideBytes };
const mapped = {
  path: z.string().min(1).meta({ description: 'the file' }).default('/data/file'),
  lengthBytes: bytes('its size'),
  strideBytes,
};

/** One for each mode of foot.c that touches memory; `limits` touches none. */
export const footPatterns = {
  seq: foot({
    name: 'seq',
    says: 'maps memory and writes to each 4K in order',
    operands: z.strictObject({ lengthBytes }),
    work: (given) => ({ kind: 'seq', ...given }),
  }),
  sparse: foot({
    name: 'sparse',
    says: 'maps memory and writes to a byte every stride',
    operands: z.strictObject({ lengthBytes, strideBytes }),
    work: (given) => ({ kind: 'sparse', ...given }),
  }),
  rand: foot({
    name: 'rand',
    says: 'maps memory and writes to random 4K of it',
    operands: z.strictObject(touched),
    work: (given) => ({ kind: 'rand', ...given }),
  }),
  randread: foot({
    name: 'randread',
    says: 'maps memory and reads random 4K of it, which nobody wrote to',
    operands: z.strictObject(touched),
    work: (given) => ({ kind: 'randread', ...given }),
  }),
  cow: foot({
    name: 'cow',
    says: 'writes to each 4K and forks a child, which runs `cow-child`; waits for it',
    operands: z.strictObject(copied),
    work: (given) => ({ kind: 'cow', ...given }),
    alone: 'its child has its memory',
    forks: 1,
  }),
  'cow-child': foot({
    name: 'cow-child',
    says: 'the child of `cow`, with the same operands: writes to a byte every stride',
    operands: z.strictObject(copied),
    work: (given) => ({ kind: 'cow', ...given }),
    alone: 'it has the memory of its parent',
    isChild: true,
  }),
  tree: foot({
    name: 'tree',
    says: 'walks a folder tree and reads every file with read()',
    operands: z.strictObject({
      name: z
        .string()
        .min(1)
        .meta({ description: 'of the tree; the files are /data/NAME/0 and so on' })
        .default('tree'),
      sizesBytes: z.array(z.int().nonnegative()).min(1).meta({ description: 'the size of each file' }),
      entriesBytes: z
        .array(z.int().nonnegative())
        .min(1)
        .meta({ description: 'bytes of entries of the largest folder at each level, from the top' })
        .default([4096]),
    }),
    work: (tree) => ({ kind: 'tree', tree }),
    alone: DONE_BY_ITS_PROGRAM,
  }),
  fmap: foot({
    name: 'fmap',
    says: 'maps a file to read and loads a byte every stride',
    operands: z.strictObject({
      ...mapped,
      warm: z.boolean().meta({ description: 'read() it before, so that the page cache has it' }).default(false),
    }),
    work: ({ path, lengthBytes: sizeBytes, ...given }) => ({ kind: 'fmap', file: { path, sizeBytes }, ...given }),
  }),
  fmapw: foot({
    name: 'fmapw',
    says: 'maps a file that the page cache has, private, and stores a byte every stride',
    operands: z.strictObject(mapped),
    work: ({ path, lengthBytes: sizeBytes, ...given }) => ({ kind: 'fmapw', file: { path, sizeBytes }, ...given }),
  }),
  heap: foot({
    name: 'heap',
    says: 'malloc and free of random sizes, each block filled: 4096 at most are alive',
    operands: z.strictObject({ ops: times('calls of malloc', 1).default(50_000) }),
    work: (given) => ({ kind: 'heap', ...given }),
    alone: DONE_BY_ITS_PROGRAM,
  }),
  dontneed: foot({
    name: 'dontneed',
    says: 'writes to each 4K, and gives a stretch every stride back with MADV_DONTNEED',
    operands: z.strictObject({ lengthBytes, strideBytes, adviseBytes: bytes('each stretch that is given back') }),
    work: (given) => ({ kind: 'dontneed', ...given }),
  }),
};
