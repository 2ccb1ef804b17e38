/**
 * The trees of ksmd against a plain list of who shares what.
 *
 * @models S-48
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptied, filled, keyOf, valuesOf } from '../../src/mm/ksm/contents.ts';
import {
  countersOf,
  emptyTrees,
  joined,
  type KsmItem,
  type KsmTrees,
  mmIn,
  stableMatch,
  takenOut,
  withItem,
  withMm,
  withoutMm,
  withoutUnseen,
} from '../../src/mm/ksm/trees.ts';
import '../support/propertySeed.ts';

const PIDS = [1, 2, 3];
const NODES = [
  { pfn: 64, nr: 1, value: 7 },
  { pfn: 128, nr: 16, value: 8 },
];

const itemOf = (trees: KsmTrees, pid: number, va: number, nr: number): KsmItem =>
  mmIn(trees, pid)?.items[va] ?? { va, nr, checksum: '', seen: 0, tree: 'none', node: -1 };

const step = fc.record({
  does: fc.constantFrom('join', 'join', 'leave', 'exit', 'unseen'),
  pid: fc.constantFrom(...PIDS),
  page: fc.integer({ min: 0, max: 5 }),
  node: fc.constantFrom(...NODES),
});

describe('the trees', () => {
  it('count the sharers of each node, and give a node up with the last', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let trees: KsmTrees = emptyTrees();
        for (const pid of PIDS) trees = withMm(trees, { pid, contents: {}, items: {} });
        const model = new Map<string, number>();
        const freed: number[] = [];
        const take = (out: { trees: KsmTrees; freed: { pfn: number; nr: number }[] }): void => {
          trees = out.trees;
          freed.push(...out.freed.map(({ pfn }) => pfn));
        };
        for (const { does, pid, page, node } of steps) {
          const va = (page + 100 * node.nr) * 4096;
          const key = `${pid}:${va}`;
          if (mmIn(trees, pid) === null) continue;
          if (does === 'join' && !model.has(key)) {
            const known = trees.stable.some(({ pfn }) => pfn === node.pfn);
            const { pfn, nr, value } = node;
            const fresh = { pfn, nr, values: Array<number>(nr).fill(value), checksum: `${nr}*${value}` };
            if (!known) trees = { ...trees, stable: [...trees.stable, { ...fresh, mappedPages: 0, sharers: 0 }] };
            trees = joined(trees, pid, itemOf(trees, pid, va, nr), pfn);
            model.set(key, pfn);
          } else if (does === 'leave' && model.has(key)) {
            take(takenOut(trees, pid, itemOf(trees, pid, va, node.nr)));
            model.delete(key);
          } else if (does === 'exit' || does === 'unseen') {
            // Nothing was met in this pass, so all of it is gone.
            const out = does === 'exit' ? withoutMm(trees, pid) : withoutUnseen({ ...trees, pass: 1 }, pid);
            take({ ...out, trees: { ...out.trees, pass: 0 } });
            for (const each of model.keys()) if (each.startsWith(`${pid}:`)) model.delete(each);
          }
          for (const { pfn, sharers, mappedPages, nr } of trees.stable) {
            const shared = [...model.values()].filter((each) => each === pfn).length;
            expect([sharers, mappedPages]).toEqual([shared, shared * nr]);
            expect(sharers).toBeGreaterThan(0);
          }
        }
        const lived = new Set(trees.stable.map(({ pfn }) => pfn));
        for (const pfn of new Set(model.values())) expect(lived.has(pfn)).toBe(true);
        const counters = countersOf(trees, 0, 4096);
        const mapped = trees.stable.reduce((sum, node) => sum + node.mappedPages, 0);
        expect(counters.pagesShared + counters.pagesSharing).toBe(mapped);
      }),
      { numRuns: 200 },
    );
  });

  it('find a page of a larger node for a small one only where that is allowed, and no node that is full', () => {
    const node = { pfn: 128, nr: 16, values: Array<number>(16).fill(8), checksum: '16*8', mappedPages: 32, sharers: 2 };
    const trees = { ...emptyTrees(), stable: [node] };
    const match = (maxPageSharing: number, subPages: boolean, nr = 1) =>
      stableMatch(trees, Array<number>(nr).fill(8), `${nr}*8`, { maxPageSharing, subPages })?.pfn ?? null;
    expect(match(256, true)).toBe(128);
    expect(match(256, false)).toBeNull();
    expect(match(2, true)).toBeNull();
    expect(match(256, false, 16)).toBe(128);
    expect(match(256, true, 4)).toBeNull();
  });

  it('keep an unstable item only until its pass is over', () => {
    const item = { va: 4096, nr: 1, checksum: '1*7', seen: 0, tree: 'unstable' as const, node: -1 };
    const unstable = { '1*7': { pid: 1, va: 4096, nr: 1, pfn: 5 } };
    const trees = { ...withItem(withMm(emptyTrees(), { pid: 1, contents: {}, items: {} }), 1, item), unstable };
    expect(takenOut(trees, 1, item).trees.unstable).toEqual({});
  });
});

describe('contents', () => {
  it('are what was said last of each page, until it goes', () => {
    const range = fc.record({
      first: fc.integer({ min: 0, max: 20 }),
      nr: fc.integer({ min: 1, max: 6 }),
      value: fc.option(fc.integer({ min: 0, max: 3 })),
    });
    fc.assert(
      fc.property(fc.array(range), (ranges) => {
        let contents = {};
        const model = new Map<number, number>();
        for (const { first, nr, value } of ranges) {
          contents = value === null ? emptied(contents, [{ first, nr }]) : filled(contents, first, first + nr, value);
          for (let page = first; page < first + nr; page++) {
            if (value === null) model.delete(page);
            else model.set(page, value);
          }
        }
        expect(valuesOf(contents, 0, 30)).toEqual(Array.from({ length: 30 }, (_, page) => model.get(page) ?? null));
      }),
    );
  });

  it('that are not known are like nothing else', () => {
    expect(keyOf([null], '1:0')).not.toBe(keyOf([null], '2:0'));
    expect(keyOf([1, 2], 'a')).toBe(keyOf([1, 2], 'b'));
    expect(keyOf([1, 1], 'a')).not.toBe(keyOf([1], 'a'));
    expect(keyOf([1, 2], 'a')).not.toBe(keyOf([2, 1], 'a'));
  });
});
