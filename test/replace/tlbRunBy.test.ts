import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noCounts, type Stretch } from '../../src/mm/stretch.ts';
import { Tlb } from '../../src/mm/tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE } from '../../src/mm/tlbArray.ts';
import { leafKey } from '../../src/mm/tlbKeys.ts';
import { HIT_L2, lookup, MISS } from '../../src/mm/tlbLookup.ts';
import { accessAt, runStretch } from '../../src/mm/tlbRun.ts';
import { runStretchBy, type Translate } from '../../src/mm/tlbRunBy.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { traceFromSteps } from '../../src/trace/memoryTrace.ts';

const SHAPE = {
  l1i: { entries: 4, ways: 2, indexFromBit: 'page' },
  l1d: { entries: 4, ways: 4, indexFromBit: 'page' },
  l2: { entries: 16, ways: 4, indexFromBit: 'page' },
  walkCache: 'none',
} as const;
const ASID = 3;
const L2_HIT = 7;

/** The built-in arrays, asked page by page. */
const translateBy =
  (tlb: Tlb): Translate =>
  (page, right, counts) => {
    const found = lookup(tlb, right === MAY_FETCH, leafKey(ASID, page), page, right, counts);
    if (found === MISS) return -1;
    return found === HIT_L2 ? L2_HIT : 0;
  };

type Work = (tlb: Tlb, stretch: Stretch) => string;

/** Works through a trace, filling what is walked for: a read gets a translation for reads, as a clean page has it. */
function worked(trace: RunSource, pageShift: number, cyclesMax: number, work: Work) {
  const tlb = Tlb.empty(SHAPE);
  const ends: unknown[] = [];
  const counts = noCounts();
  let [at, counted, cycles] = [0, false, 0];
  while (at < trace.runs) {
    const stretch = { at, end: trace.runs, counted, lastFetchPage: -1, lastDataPage: -1, cycles: 0, cyclesMax, counts };
    let stop = work(tlb, stretch);
    for (; stop === 'walk'; stop = work(tlb, stretch)) {
      const { va, access } = accessAt(trace, stretch.at);
      const right = access === 'fetch' ? MAY_FETCH : access === 'read' ? MAY_READ : MAY_READ | MAY_WRITE;
      const page = Math.floor(va / 2 ** pageShift);
      tlb.fill(access === 'fetch', ASID, page, page, right);
      ends.push(['walk', stretch.at, stretch.cycles]);
    }
    ends.push([stop, stretch.at, stretch.cycles]);
    cycles += stretch.cycles;
    ({ at, counted } = stretch);
    if (stop === 'call') at++;
  }
  return { ends, counts, cycles };
}

it('a stretch that is worked through by a function counts and stops as the hot path does', () => {
  const access = fc.record({
    access: fc.constantFrom('X' as const, 'R' as const, 'W' as const, 'M' as const),
    addr: fc.tuple(fc.nat(40), fc.constantFrom(0, 100, 4094)).map(([page, offset]) => page * 4096 + offset),
    sizeBytes: fc.constantFrom(1, 4, 8),
  });
  const call = fc.constant({ op: 'other' as const, name: 'getpid' });
  const step = fc.oneof({ arbitrary: access, weight: 9 }, { arbitrary: call, weight: 1 });
  const property = fc.property(
    fc.array(step, { minLength: 1, maxLength: 120 }),
    fc.constantFrom(12, 14, 16),
    fc.constantFrom(3, 50, 100_000),
    (steps, pageShift, cyclesMax) => {
      const trace = traceFromSteps([{ access: 'X', addr: 0x1000 }, ...steps]);
      const context = { asid: ASID, pageShift, l2HitCycles: L2_HIT, instructionCycles: 1 };
      const quick = worked(trace, pageShift, cyclesMax, (tlb, stretch) => runStretch(tlb, trace, stretch, context));
      const plain = worked(trace, pageShift, cyclesMax, (tlb, stretch) =>
        runStretchBy(trace, stretch, context, translateBy(tlb)),
      );
      expect(plain).toEqual(quick);
    },
  );
  fc.assert(property, { numRuns: 150 });
});
