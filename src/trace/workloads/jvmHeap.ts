/** A Java heap with two generations: bump allocation, copying collections, a card table. */
import { z } from 'zod';
import type { TraceStep } from '../memoryTrace.ts';
import { JavaHeap } from './javaHeap.ts';
import { bytes, percent, seed, times } from './operands.ts';
import { called, definePattern, loop, type PatternPlace } from './pattern.ts';

const MEGABYTE = 2 ** 20;
/** Each generation at most: with the card table they fit into the range of a pattern. */
const GENERATION_MAX = 2 ** 38;
/** An object is at most one and a half of the mean, and eden at least a fifth of the young generation. */
const OBJECTS_IN_YOUNG = 8;

const operands = z
  .strictObject({
    youngBytes: bytes('the young generation: eden and two survivor spaces', MEGABYTE, GENERATION_MAX).default(
      16 * MEGABYTE,
    ),
    oldBytes: bytes('the old generation; at least what the young one may hold', MEGABYTE, GENERATION_MAX).default(
      32 * MEGABYTE,
    ),
    survivorRatio: z
      .int()
      .min(1)
      .max(64)
      .meta({ description: 'eden is so many times as large as a survivor space' })
      .default(8),
    allocatedBytes: bytes('what is allocated until the program ends', 1, Number.MAX_SAFE_INTEGER).default(
      64 * MEGABYTE,
    ),
    objectBytes: bytes('the mean size of an object; each is half to one and a half of it', 32).default(256),
    survivingPercent: percent('of what a collection of the young generation finds in eden lives on').default(6),
    tenuringAge: z.int().min(1).max(15).meta({ description: 'collections after which an object is old' }).default(3),
    dyingPercent: percent('of what survived before dies until the next collection').default(30),
    oldStoresEvery: times(
      'one of so many allocations is stored in an old object, which makes its card dirty',
      1,
    ).default(32),
    loadsPerAllocation: times('loads of objects that are alive, for each allocation').default(2),
    cardBytes: bytes('heap that one byte of the card table stands for', 64).default(512),
    preTouched: z
      .boolean()
      .meta({ description: '-XX:+AlwaysPreTouch: every page is written to at start' })
      .default(false),
    seed,
  })
  .refine(
    ({ youngBytes, objectBytes }) => objectBytes * OBJECTS_IN_YOUNG <= youngBytes,
    'a mean object (objectBytes) is an eighth of the young generation (youngBytes) at most',
  );

function* steps(given: z.output<typeof operands>, place: PatternPlace): Generator<TraceStep> {
  const heap = new JavaHeap(given, place);
  yield called();
  yield* heap.reserve();
  let allocated = 0;
  while (allocated < given.allocatedBytes) {
    yield loop();
    allocated += yield* heap.allocate();
    yield loop(1);
    yield* heap.use();
  }
}

/** The program walks up eden again and again, and each collection copies what lives: new pages at every moment. */
export const jvmHeap = definePattern({
  name: 'jvm-heap',
  says:
    'objects allocated one behind the other in eden, copied by collections to survivor spaces and to an old generation that is ' +
    'compacted when it is full, with a card table',
  source:
    'the parallel collector of HotSpot (HotSpot Virtual Machine Garbage Collection Tuning Guide; psScavenge.cpp, ' +
    'psParallelCompact.cpp), after Ungar, Generation scavenging, 1984; cards after Hölzle, A fast write barrier for ' +
    'generational garbage collectors, 1993',
  operands,
  steps,
});

/** What the pattern is given. */
export type JvmHeapOperands = z.output<typeof operands>;
