/** Random lists of calls, once on a kernel of a page size and once as a process of it on 4K: what a process sees is the same. */
import fc from 'fast-check';
import { callLists } from '../../validate/support/callLists.ts';
import { FOUND } from '../../validate/support/found.ts';
import { Pair } from '../../validate/support/sameAnswers.ts';
import { oneLine, type Verdict, verdictOf } from './verdict.ts';

const STEPS = 60;
const SEED = 20_261_126;

/** The first difference in so many lists of each page size, and in the short lists that were found before. */
export function sameAsKernel(lists: number): Verdict | null {
  for (const pageBytes of [65536, 16384]) {
    const pair = new Pair(pageBytes);
    const run = `random calls at ${pageBytes / 1024}K`;
    const known = FOUND.filter((list) => list.pageBytes === pageBytes).map(({ calls, shared }) => ({ calls, shared }));
    const made = fc.sample(callLists(STEPS), { seed: SEED, numRuns: lists }).map((calls, at) => {
      return { calls, shared: at % 2 === 0 };
    });
    for (const [at, { calls, shared }] of [...known, ...made].entries()) {
      try {
        const text = pair.differs(calls, shared);
        if (text !== null) return { by: 'same as kernel', run: `${run}, list ${at}`, at: null, text: oneLine(text) };
      } catch (error) {
        return verdictOf(error, run);
      }
    }
  }
  return null;
}
