/** Queries on random logs agree with what they mean, told the slow way; segments and what is remembered are kept small for it. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { compileQuery } from '../../src/query/query.ts';
import { type Hit, runQuery } from '../../src/query/run.ts';
import { logArb, logOf, meaning, queryArb, textOf } from './reference.ts';

vi.mock('../../src/log/segmentHeader.ts', async (original) => ({
  ...(await original<typeof import('../../src/log/segmentHeader.ts')>()),
  SEGMENT_RECORDS: 16,
}));
vi.mock('../../src/query/keys.ts', async (original) => ({
  ...(await original<typeof import('../../src/query/keys.ts')>()),
  KEYS_KEPT: 3,
}));

const RUNS = 1500;

function seqs(hits: Iterable<Hit>): [number, number[]][] {
  return Array.from(hits, (hit) => [hit.seq, hit.with.map(({ record }) => record.seq)]);
}

describe('a query on a random log', () => {
  it('finds the events that it means, with those before and after that made them so', () => {
    fc.assert(
      fc.property(logArb, queryArb, (records, model) => {
        const hits = seqs(runQuery(logOf(records), null, compileQuery(textOf(model))));
        expect(hits, textOf(model)).toEqual(meaning(records, model));
      }),
      { numRuns: RUNS },
    );
  });

  it('finds backwards the same, backwards', () => {
    fc.assert(
      fc.property(logArb, queryArb, (records, model) => {
        const hits = seqs(runQuery(logOf(records), null, compileQuery(textOf(model)), { backwards: true }));
        expect(hits.reverse(), textOf(model)).toEqual(meaning(records, model));
      }),
      { numRuns: RUNS },
    );
  });

  it('finds the part that is asked for: from, to, limit, first, last and nth', () => {
    const partArb = fc.record({
      from: fc.nat(160),
      length: fc.nat(160),
      limit: fc.integer({ min: 1, max: 20 }),
      backwards: fc.boolean(),
      choice: fc.constantFrom('', 'first', 'first 3', 'last', 'last 4', 'nth 1', 'nth 2'),
    });
    fc.assert(
      fc.property(logArb, queryArb, partArb, (records, model, { from, length, limit, backwards, choice }) => {
        const options = { from, to: from + length, limit, backwards };
        const text = `${choice} ${textOf(model)}`;
        const all = meaning(records, model).filter(([seq]) => seq >= from && seq <= from + length);
        const count = Number(choice.split(' ')[1] ?? 1);
        const chosen = {
          '': all,
          first: all.slice(0, count),
          last: all.slice(-count),
          nth: all.slice(count - 1, count),
        }[choice.split(' ')[0] ?? ''];
        const ordered = backwards ? chosen?.toReversed() : chosen;
        const hits = seqs(runQuery(logOf(records), null, compileQuery(text), options));
        expect(hits, text).toEqual(ordered?.slice(0, limit));
      }),
      { numRuns: RUNS },
    );
  });
});
