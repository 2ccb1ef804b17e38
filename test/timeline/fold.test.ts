import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LogRecord } from '../../src/log/record.ts';
import { LiveState } from '../../src/runtime/liveState.ts';
import type { ActorSnapshot } from '../../src/runtime/xstateInternals.ts';
import { Fold } from '../../src/timeline/fold.ts';

const BEFORE_SEQ = 99;
const END_SEQ = 4000;
/** The actor receives every third record. */
const EVERY = 3;

/** An actor that adds up the seqs it received; the snapshot is the sum. */
function summing(): { fold: Fold; folded: () => number } {
  let folded = 0;
  const add = (snapshot: ActorSnapshot, seq: number): ActorSnapshot => {
    folded++;
    return { context: Number(snapshot.context) + seq, status: 'active' } as never;
  };
  const seqsOf = (from: number, to: number): number[] => {
    const seqs: number[] = [];
    for (let seq = from; seq <= to; seq++) if (seq % EVERY === 0) seqs.push(seq);
    return seqs;
  };
  const fold = new Fold({
    beforeSeq: BEFORE_SEQ,
    endSeq: END_SEQ,
    base: () => ({ context: 0, status: 'active' }) as never,
    live: (snapshot) => new LiveState(null, snapshot),
    foldInto: (state, from, to, after) => {
      for (const seq of seqsOf(from, to)) {
        state.snapshot = add(state.snapshot, seq);
        if (!after(seq)) return;
      }
    },
    records: (from, to) => seqsOf(from, to).map((seq) => ({ seq }) as LogRecord),
    handle: (snapshot, { seq }) => add(snapshot, seq),
  });
  return { fold, folded: () => folded };
}

function sumUpTo(seq: number): number {
  let sum = 0;
  for (let at = BEFORE_SEQ + 1; at <= seq; at++) if (at % EVERY === 0) sum += at;
  return sum;
}

const seq = fc.integer({ min: BEFORE_SEQ, max: END_SEQ });
const walk = fc.oneof(
  seq.map((to) => ({ to })),
  fc.integer({ min: -300, max: 300 }).map((by) => ({ by })),
  fc.constant('mark'),
);

it('is what folding from the beginning gives, wherever one went before', () => {
  fc.assert(
    fc.property(fc.array(walk, { maxLength: 60 }), (steps) => {
      const { fold } = summing();
      let at = BEFORE_SEQ;
      for (const step of steps) {
        if (step === 'mark') fold.markOn();
        if (typeof step !== 'object') continue;
        at = 'to' in step ? step.to : Math.min(END_SEQ, Math.max(BEFORE_SEQ, at + step.by));
        const { snapshot, recordSeq } = fold.at(at);
        expect(snapshot.context).toBe(sumUpTo(at));
        const last = Math.floor(at / EVERY) * EVERY;
        if (recordSeq !== null || last > BEFORE_SEQ) expect(recordSeq).toBe(last > BEFORE_SEQ ? last : null);
      }
    }),
  );
});

it('folds no more than what lies before a place that is far back, and steps back within a block', () => {
  const { fold, folded } = summing();
  fold.at(END_SEQ);
  let before = folded();
  fold.at(1000);
  expect(folded() - before).toBeLessThanOrEqual((1000 - BEFORE_SEQ) / EVERY + 1);
  fold.at(999);
  before = folded();
  for (let at = 998; at > 980; at--) fold.at(at);
  expect(folded() - before).toBe(0);
});
