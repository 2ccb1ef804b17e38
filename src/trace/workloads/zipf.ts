/** A few places are hot, and many are rare: Zipf's law. */
import { z } from 'zod';
import { SeededRandom } from '../../mm/seededRandom.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { access, bytes, initialise, LETTERS, seed, times } from './operands.ts';
import { definePattern, loop, mapAnonymous, type PatternPlace, writeOnce } from './pattern.ts';
import { drawRank, zipfSums } from './zipfTable.ts';

const WORD_BYTES = 8;
const RANKS_MAX = 2 ** 22;
const PARTS = 1000;

const operands = z
  .strictObject({
    lengthBytes: bytes('the memory that is used', WORD_BYTES),
    accesses: times('accesses', 1),
    exponent: z
      .number()
      .min(0)
      .max(10)
      .refine((value) => Math.abs(value * PARTS - Math.round(value * PARTS)) < 1e-6, 'an exponent has three places')
      .meta({ description: 's of k^-s, in thousandths: 0 is uniform' })
      .default(0.99),
    unitBytes: bytes('what has one rank', WORD_BYTES).default(4096),
    scattered: z
      .boolean()
      .meta({ description: 'ranks lie anywhere; else the hottest lie together at the start' })
      .default(true),
    access: access('read'),
    initialise,
    seed,
  })
  .refine(
    ({ lengthBytes, unitBytes }) => lengthBytes >= unitBytes && lengthBytes / unitBytes <= RANKS_MAX,
    `there are 1 to ${RANKS_MAX} ranks`,
  );

/**
 * Which unit has each rank: all orders are as likely (Fisher and Yates).
 *
 * @example
 * ```ts
 * [...shuffled(3, new SeededRandom(1))].sort(); // [0, 1, 2]
 * ```
 */
export function shuffled(count: number, random: SeededRandom): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    const held = order[at];
    order[at] = order[other];
    order[other] = held;
  }
  return order;
}

function* steps({ lengthBytes, accesses, unitBytes, ...work }: z.output<typeof operands>, place: PatternPlace) {
  yield mapAnonymous(place, lengthBytes);
  if (work.initialise) yield* writeOnce(place.base, lengthBytes);
  const draw = new SeededRandom(work.seed);
  const units = Math.floor(lengthBytes / unitBytes);
  const sums = zipfSums(units, Math.round(work.exponent * PARTS));
  const order = work.scattered ? shuffled(units, draw) : null;
  const words = Math.floor(unitBytes / WORD_BYTES);
  const letter = LETTERS[work.access];
  for (let at = 0; at < accesses; at += 1) {
    const rank = drawRank(sums, draw);
    const offset = (order?.[rank] ?? rank) * unitBytes + draw.below(words) * WORD_BYTES;
    yield loop();
    yield { access: letter, addr: place.base + offset, sizeBytes: 8 } satisfies TraceStep;
  }
}

/** Keys of stores, words of texts, objects of a web server. */
export const zipf = definePattern({
  name: 'zipf',
  says: 'places whose frequency falls with their rank k as k^-s',
  source:
    'Breslau et al., Web caching and Zipf-like distributions, INFOCOM 1999; 0.99 is the exponent of YCSB (Cooper et al., 2010)',
  operands,
  steps,
});
