/** A server that forks a child for each request, and the child. */
import { z } from 'zod';
import { SeededRandom } from '../../mm/seededRandom.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { bytes, percent, seed, times } from './operands.ts';
import { called, definePattern, loop, mapAnonymous, type PatternPlace, TOUCH_BYTES, writeOnce } from './pattern.ts';
import { shuffled } from './zipf.ts';

const heapBytes = bytes('the heap that is resident before the first fork', TOUCH_BYTES);

const serverOperands = z.strictObject({
  heapBytes,
  forks: times('children: as many as the process lists', 1),
  pauseCycles: z
    .int()
    .positive()
    .meta({ description: 'between two forks the server waits for a request' })
    .default(3_000_000),
  writesBetween: times('pages of the heap that the server writes to itself after each fork').default(16),
  seed,
});

function* serve(
  { heapBytes: heap, forks, pauseCycles, ...work }: z.output<typeof serverOperands>,
  place: PatternPlace,
) {
  yield mapAnonymous(place, heap);
  yield* writeOnce(place.base, heap);
  const draw = new SeededRandom(work.seed);
  const pages = Math.ceil(heap / TOUCH_BYTES);
  for (let fork = 0; fork < forks; fork += 1) {
    yield called();
    // The process puts the pid of its next child in.
    yield { op: 'fork', childPid: -1 } satisfies TraceStep;
    for (let at = 0; at < work.writesBetween; at += 1) {
      yield loop();
      yield { access: 'W', addr: place.base + draw.below(pages) * TOUCH_BYTES, sizeBytes: 8 } satisfies TraceStep;
    }
    yield called();
    yield { op: 'nanosleep', cycles: pauseCycles } satisfies TraceStep;
  }
}

/**
 * Redis that saves, PostgreSQL's postmaster, Apache's prefork: what it and its children write to is copied, so what a copy
 * is a page of decides what forking costs.
 */
export const forkServer = definePattern({
  name: 'fork-server',
  says: 'a parent with a resident heap that forks children, one after the other, and writes to some of it meanwhile',
  source:
    'the shape of PostgreSQL (src/backend/postmaster/postmaster.c) and of the background save of Redis (src/rdb.c:rdbSaveBackground)',
  operands: serverOperands,
  steps: serve,
  alone: 'its children have its memory and run patterns of their own',
  forks: ({ forks }) => forks,
});

const childOperands = z.strictObject({
  heapBytes: bytes('the heap of its parent', TOUCH_BYTES),
  touchedPercent: percent('share of the heap that it touches').default(25),
  writtenPercent: percent('share of what it touches that it writes to').default(50),
  laps: times('how often it does so', 1).default(1),
  seed,
});

function* request({ heapBytes: heap, laps, ...work }: z.output<typeof childOperands>, place: PatternPlace) {
  const pages = Math.ceil(heap / TOUCH_BYTES);
  const order = shuffled(pages, new SeededRandom(work.seed));
  const touched = Math.ceil((pages * work.touchedPercent) / 100);
  const written = Math.ceil((touched * work.writtenPercent) / 100);
  yield loop();
  for (let lap = 0; lap < laps; lap += 1) {
    for (let at = 0; at < touched; at += 1) {
      yield loop();
      const access = at < written ? 'W' : 'R';
      yield { access, addr: place.base + order[at] * TOUCH_BYTES, sizeBytes: 8 } satisfies TraceStep;
    }
  }
}

/** What a child of `fork-server` does with the memory that it has from its parent. */
export const forkChild = definePattern({
  name: 'fork-child',
  says: 'a child of `fork-server`: touches a share of the heap of its parent, each page in random order, and exits',
  source: 'as `fork-server`',
  operands: childOperands,
  steps: request,
  alone: 'it has the memory of its parent',
});
