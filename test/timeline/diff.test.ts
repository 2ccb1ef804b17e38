import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { diff } from '../../src/timeline/diff.ts';
import { applyPatches, patchesBetween } from '../../src/timeline/patches.ts';
import { parsePath, valueAt } from '../../src/timeline/statePath.ts';
import { sameValue } from '../../src/timeline/values.ts';

const scalarArb = fc.oneof(
  fc.integer(),
  fc.nat(),
  fc.constantFrom(0, 0.5),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
);
const keyArb = fc.constantFrom('pfn', 'startVa', 'index', 'brk', 'a.b', 'runs', 'keys', 'values', '7');

const { plainArb } = fc.letrec<{ plainArb: unknown }>((tie) => ({
  plainArb: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalarArb,
    fc.array(tie('plainArb'), { maxLength: 5 }),
    fc.dictionary(keyArb, tie('plainArb'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

/** Two values that have much in common: the second is the first with something put in its place here and there. */
const pairArb = fc.tuple(plainArb, plainArb, plainArb, plainArb).map(([shared, other, left, right]) => ({
  before: { shared, left, list: [shared, left, shared] },
  after: { shared, right, left: right, list: [shared, right, other, shared] },
}));

const pageArb = fc.record({ page: fc.nat(40), pfn: fc.nat(60), flags: fc.nat(2) });

function tableOf(pages: readonly { page: number; pfn: number; flags: number }[]) {
  const byPage = new Map(pages.map((entry) => [entry.page, entry]));
  const runs = [...byPage.keys()]
    .sort((a, b) => a - b)
    .flatMap((page) => {
      const { pfn, flags } = byPage.get(page) ?? { pfn: 0, flags: 0 };
      return [page, pfn, 1, flags];
    });
  return { granuleBytes: 4096, vaBits: 48, tables: [[0]], runs };
}

describe('patches', () => {
  it('lead from one state to the other, and their inverse leads back', () => {
    fc.assert(
      fc.property(fc.oneof(pairArb, fc.record({ before: plainArb, after: plainArb })), ({ before, after }) => {
        const { forward, inverse } = patchesBetween(before, after);
        expect(sameValue(applyPatches<unknown>(before, forward), after)).toBe(true);
        expect(sameValue(applyPatches<unknown>(after, inverse), before)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('name the field that changed and nothing else', () => {
    const before = {
      vmas: [
        { startVa: 1, prot: 1 },
        { startVa: 9, prot: 1 },
      ],
      brk: 5,
    };
    const after = {
      vmas: [
        { startVa: 1, prot: 1 },
        { startVa: 9, prot: 3 },
      ],
      brk: 5,
    };
    expect(patchesBetween(before, after).forward).toEqual([{ op: 'replace', path: ['vmas', 1, 'prot'], value: 3 }]);
  });

  it('leave the states that went in as they were, unfrozen', () => {
    const before = { list: [{ n: 1 }] };
    patchesBetween(before, { list: [{ n: 2 }] });
    expect(before).toEqual({ list: [{ n: 1 }] });
    expect(Object.isFrozen(before.list)).toBe(false);
  });
});

describe('a diff of plain states', () => {
  it('is empty exactly when the two are equal', () => {
    fc.assert(
      fc.property(fc.oneof(pairArb, fc.record({ before: plainArb, after: plainArb })), ({ before, after }) => {
        expect(diff(before, after).length === 0).toBe(sameValue(before, after));
        expect(diff(before, before)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('gives paths that lead to the values it names', () => {
    fc.assert(
      fc.property(pairArb, ({ before, after }) => {
        for (const { path, kind, before: was, after: is } of diff(before, after)) {
          if (path.endsWith('..]')) continue;
          if (kind !== 'added') expect(sameValue(valueAt(before, path), was)).toBe(true);
          if (kind !== 'removed') expect(sameValue(valueAt(after, path), is)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('shows the pages of a page table that changed, in stretches, whatever the runs', () => {
    const before = { granuleBytes: 4096, vaBits: 48, tables: [[0]], runs: [16, 100, 16, 7] };
    const after = { ...before, runs: [16, 100, 4, 7, 20, 104, 1, 3, 21, 105, 11, 7, 64, 500, 2, 7] };
    expect(diff({ linux: before }, { linux: after })).toEqual([
      {
        path: 'linux[va=0x14000]',
        kind: 'changed',
        before: { pfn: 104, nr: 1, flags: 7 },
        after: { pfn: 104, nr: 1, flags: 3 },
      },
      { path: 'linux[va=0x40000]', kind: 'added', after: { pfn: 500, nr: 2, flags: 7 } },
    ]);
    expect(valueAt({ linux: after }, 'linux[va=0x14000].flags')).toBe(3);
  });

  it('accounts for every page of two page tables', () => {
    fc.assert(
      fc.property(fc.array(pageArb), fc.array(pageArb), (left, right) => {
        const [before, after] = [tableOf(left), tableOf(right)];
        const changed = new Set<number>();
        for (const { path, before: was, after: is } of diff(before, after)) {
          const [step] = parsePath(path);
          const stretch = (was ?? is) as { nr: number };
          if (step?.kind !== 'named') continue;
          for (let page = 0; page < stretch.nr; page++) changed.add(Number(step.value) / 4096 + page);
        }
        for (let page = 0; page <= 40; page++) {
          const path = `[va=${page * 4096}]`;
          expect(changed.has(page)).toBe(!sameValue(valueAt(before, path), valueAt(after, path)));
        }
      }),
    );
  });

  it('names areas and folios by address and frame', () => {
    const before = {
      vmas: [
        { startVa: 0x1000, prot: 1 },
        { startVa: 0x9000, prot: 1 },
      ],
    };
    const after = {
      vmas: [
        { startVa: 0x1000, prot: 1 },
        { startVa: 0x4000, prot: 2 },
        { startVa: 0x9000, prot: 1 },
      ],
    };
    expect(diff(before, after)).toEqual([
      { path: 'vmas[startVa=0x4000]', kind: 'added', after: { startVa: 0x4000, prot: 2 } },
    ]);
  });

  it('shows long lists of numbers only from where they differ', () => {
    expect(diff({ free: [1, 2, 3, 4, 5] }, { free: [1, 2, 9, 4, 5] })).toEqual([
      { path: 'free[2..]', kind: 'changed', before: [3], after: [9] },
    ]);
  });

  it('shows the set of a TLB that changed', () => {
    const before = {
      sets: [
        [0, [7, 1, 1]],
        [3, [9, 2, 1]],
      ],
    };
    expect(
      diff(before, {
        sets: [
          [0, [7, 1, 1]],
          [3, [9, 2, 3]],
        ],
      }),
    ).toEqual([{ path: 'sets[set=3][2..]', kind: 'changed', before: [1], after: [3] }]);
  });
});

describe('a path', () => {
  it('that is none is refused with the place', () => {
    expect(() => parsePath('context..brk')).toThrow(GranuleError);
    expect(() => parsePath('context.cpus[')).toThrow(/"\["/);
  });

  it('that leads nowhere gives undefined', () => {
    expect(valueAt({ a: 1 }, 'a.b[3]')).toBe(undefined);
  });
});
