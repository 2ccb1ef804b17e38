/** GUPS: updates of random words of a table. */
import { z } from 'zod';
import { SeededRandom } from '../../mm/seededRandom.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { access, bytes, initialise, LETTERS, seed, times } from './operands.ts';
import { definePattern, loop, mapAnonymous, type PatternPlace, writeOnce } from './pattern.ts';

const WORD_BYTES = 8;

const operands = z.strictObject({
  lengthBytes: bytes('the table; 32G at most', WORD_BYTES).refine(
    (length) => length <= 2 ** 32 * WORD_BYTES,
    'a table is 32G at most',
  ),
  accesses: times('updates of the table', 1),
  access: access('modify'),
  initialise,
  seed,
});

function* steps({ lengthBytes, accesses, ...work }: z.output<typeof operands>, place: PatternPlace) {
  yield mapAnonymous(place, lengthBytes);
  if (work.initialise) yield* writeOnce(place.base, lengthBytes);
  const random = new SeededRandom(work.seed);
  const words = Math.floor(lengthBytes / WORD_BYTES);
  const letter = LETTERS[work.access];
  for (let at = 0; at < accesses; at += 1) {
    yield loop();
    yield { access: letter, addr: place.base + random.below(words) * WORD_BYTES, sizeBytes: 8 } satisfies TraceStep;
  }
}

/** Every page of the table is as likely as any other: no TLB, cache or prefetcher helps. */
export const random = definePattern({
  name: 'random',
  says: 'GUPS: loads and stores random 8-byte words of a table',
  source: 'the RandomAccess benchmark of the HPC Challenge (Luszczek et al., 2005), with sfc32 for its LFSR',
  operands,
  steps,
});
