/** The property that a process cannot tell its kernel from one built for its page size, in batches. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callLists } from './callLists.ts';
import { FOUND } from './found.ts';
import { Pair } from './sameAnswers.ts';

/** Calls and accesses in every random list. */
const STEPS = 60;
/** Sequences of one test: some seconds, so that the test runner hears of them. */
const BATCH = 250;
/** Seeds of batches are far enough apart that `PROPERTY_SEED` looks elsewhere. */
const BASE_SEED = Number(process.env['PROPERTY_SEED'] ?? 20_261_123);

/** Batches `first` to `last` of sequences for one page size; each batch has a seed of its own, which a failure names. */
export function sameAnswers(pageBytes: number, batches: { first: number; last: number }): void {
  const pair = new Pair(pageBytes);
  const size = `${pageBytes / 1024}K`;
  const found = FOUND.filter((list) => list.pageBytes === pageBytes);

  describe(`a process of ${size} pages on a 4K kernel`, () => {
    it.each(found.map((list) => [list.what, list] as const))(
      'still sees what it would see elsewhere: %s',
      (_what, list) => {
        expect(pair.differs(list.calls, list.shared)).toBeNull();
      },
    );

    const numbers = Array.from({ length: batches.last - batches.first + 1 }, (_, at) => batches.first + at);
    it.each(numbers)(`sees what it would see on a ${size} kernel, ${BATCH} times ${STEPS} steps, batch %i`, (batch) => {
      const lists = fc.property(callLists(STEPS), fc.boolean(), (calls, shared) => {
        const difference = pair.differs(calls, shared);
        if (difference !== null) throw new Error(difference);
      });
      fc.assert(lists, { seed: BASE_SEED + batch, numRuns: BATCH });
    });
  });
}
