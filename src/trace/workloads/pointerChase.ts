/** A list that runs through memory in random order: each load gives the address of the next. */
import { z } from 'zod';
import { SeededRandom } from '../../mm/seededRandom.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { bytes, initialise, seed, times } from './operands.ts';
import { definePattern, loop, mapAnonymous, type PatternPlace, writeOnce } from './pattern.ts';

/** Elements at most: the list is in memory while it is followed, 4 bytes each. */
const ELEMENTS_MAX = 2 ** 26;

const operands = z
  .strictObject({
    lengthBytes: bytes('the memory that the list lies in', 64),
    accesses: times('loads', 1),
    lineBytes: bytes('one element of the list', 8).default(64),
    initialise,
    seed,
  })
  .refine(
    ({ lengthBytes, lineBytes }) => lengthBytes >= lineBytes && lengthBytes / lineBytes <= ELEMENTS_MAX,
    `a list has 1 to ${ELEMENTS_MAX} elements`,
  );

/**
 * The successor of each of `count` elements: one cycle through all of them, each such cycle as likely as any other (Sattolo's
 * algorithm: a shuffle that exchanges an element only with one before it).
 *
 * @example
 * ```ts
 * [...randomCycle(4, 1)].sort(); // [0, 1, 2, 3]
 * ```
 */
export function randomCycle(count: number, seedOfCycle: number): Uint32Array {
  const draw = new SeededRandom(seedOfCycle);
  const next = Uint32Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = draw.below(at);
    const held = next[at];
    next[at] = next[other];
    next[other] = held;
  }
  return next;
}

function* steps({ lengthBytes, accesses, lineBytes, ...work }: z.output<typeof operands>, place: PatternPlace) {
  yield mapAnonymous(place, lengthBytes);
  if (work.initialise) yield* writeOnce(place.base, lengthBytes);
  const next = randomCycle(Math.floor(lengthBytes / lineBytes), work.seed);
  let line = 0;
  for (let at = 0; at < accesses; at += 1) {
    yield loop();
    yield { access: 'R', addr: place.base + line * lineBytes, sizeBytes: 8 } satisfies TraceStep;
    line = next[line];
  }
}

/** What lat_mem_rd measures: nothing overlaps, and each lap visits each element once. */
export const pointerChase = definePattern({
  name: 'pointer-chase',
  says: 'follows a list through all cache lines of an area in random order: a random Hamiltonian cycle',
  source:
    'lat_mem_rd of lmbench (McVoy and Staelin, USENIX 1996); the cycle by Sattolo, An algorithm to generate a random cyclic ' +
    'permutation, Information Processing Letters 22, 1986',
  operands,
  steps,
});
