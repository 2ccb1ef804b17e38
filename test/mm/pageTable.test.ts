import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GRANULES, geometryOf } from '../../src/arch/granule.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { isPresent, packPte, PTE } from '../../src/mm/pte.ts';

const M = 2 ** 20;

/** Pages in a few far-off neighbourhoods, so that tables are shared, filled and left empty. */
const pages = fc
  .tuple(fc.constantFrom(0, 511, 2048, 8192, 2 ** 20, 2 ** 31), fc.nat(70))
  .map(([base, page]) => base + page);
const flagSets = fc.constantFrom(PTE.VALID, PTE.VALID | PTE.YOUNG, PTE.PROT_NONE, PTE.SWAP);
const operations = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('set' as const), page: pages, nr: fc.integer({ min: 1, max: 20 }), flags: flagSets }),
    fc.record({ op: fc.constant('clear' as const), page: pages, nr: fc.integer({ min: 1, max: 90 }) }),
    fc.record({ op: fc.constant('seal' as const) }),
  ),
  { maxLength: 40 },
);

/** Tables that the pages ever set need, from the geometry alone. */
function tablesFor(granule: number, everSet: Set<number>): number[] {
  return geometryOf(granule).levels.map((level, depth) =>
    depth === 0 ? 1 : new Set([...everSet].map((page) => Math.floor((page * granule) / level.tableSpanBytes))).size,
  );
}

describe('a page table', () => {
  test('holds what a plain map holds, counts its tables, and leaves every sealed version as it was', () => {
    fc.assert(
      fc.property(fc.constantFrom(...GRANULES), operations, (granule, list) => {
        const model = new Map<number, number>();
        const everSet = new Set<number>();
        const sealed: [PageTable, [number, number][]][] = [];
        let edit = PageTable.empty(granule).edit();
        for (const each of list) {
          if (each.op === 'set') {
            edit.setRange(each.page * granule, 1000, each.nr, each.flags);
            for (let at = 0; at < each.nr; at++) {
              model.set((each.page + at) * granule, packPte(1000 + at, each.flags));
              everSet.add(each.page + at);
            }
          } else if (each.op === 'clear') {
            const gone = [...model.keys()].filter(
              (va) => va >= each.page * granule && va < (each.page + each.nr) * granule,
            );
            expect(edit.clearRange(each.page * granule, (each.page + each.nr) * granule)).toBe(gone.length);
            for (const va of gone) model.delete(va);
          } else {
            const table = edit.done();
            sealed.push([table, [...model].sort((a, b) => a[0] - b[0])]);
            edit = table.edit();
          }
        }
        const table = edit.done();
        sealed.push([table, [...model].sort((a, b) => a[0] - b[0])]);
        expect(table.tableCount).toEqual(tablesFor(granule, everSet));
        for (const [version, entries] of sealed) {
          const found: [number, number][] = [];
          version.forEach(0, 2 ** 48, (va, pte) => {
            found.push([va, pte]);
          });
          expect(found).toEqual(entries);
          expect(version.entryCount).toBe(entries.length);
          expect(version.presentCount).toBe(entries.filter(([, pte]) => isPresent(pte)).length);
          expect(entries.every(([va, pte]) => version.get(va + granule - 1) === pte)).toBe(true);
          expect(PageTable.fromPlain(version.toPlain()).toPlain()).toEqual(version.toPlain());
          expect(PageTable.fromPlain(version.toPlain()).tableCount).toEqual(version.tableCount);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('says beforehand which tables a range needs', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...GRANULES),
        fc.array(pages, { maxLength: 6 }),
        pages,
        fc.integer({ min: 1, max: 3000 }),
        (granule, set, page, nr) => {
          const edit = PageTable.empty(granule).edit();
          for (const each of set) edit.set(each * granule, packPte(1, PTE.VALID));
          const before = edit.tableCount;
          const missing = edit.tablesMissing(page * granule, (page + nr) * granule);
          edit.setRange(page * granule, 0, nr, PTE.VALID);
          expect(edit.tableCount).toEqual(before.map((count, depth) => count + (missing[depth] ?? 0)));
          expect(edit.tablesMissing(page * granule, (page + nr) * granule).every((count) => count === 0)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([
    [4096, 48, 4],
    [16384, 48, 4],
    [16384, 47, 3],
    [65536, 48, 3],
    [4096, 39, 3],
  ])('of %i bytes and %i bits is walked in %i reads, and in one when it is empty', (granule, bits, reads) => {
    const empty = PageTable.empty(granule, bits);
    expect(empty.walk(granule).levelsRead).toBe(1);
    const edit = empty.edit();
    edit.set(granule, packPte(9, PTE.VALID));
    const table = edit.done();
    expect(table.walk(granule)).toEqual({ pte: packPte(9, PTE.VALID), levelsRead: reads, endLevel: 3 });
    // A neighbour in the same table costs the whole walk to find nothing; one in another table ends a level early.
    expect(table.walk(0)).toEqual({ pte: 0, levelsRead: reads, endLevel: 3 });
    const span = geometryOf(granule, bits).levels.at(-1)?.tableSpanBytes ?? 0;
    expect(table.walk(span)).toEqual({ pte: 0, levelsRead: reads - 1, endLevel: 2 });
  });

  test('keeps empty tables until the room around them is free, as free_pgtables does', () => {
    const edit = PageTable.empty(4096).edit();
    edit.set(2 * M, packPte(1, PTE.VALID));
    edit.set(6 * M, packPte(2, PTE.VALID));
    edit.clear(2 * M);
    expect(edit.tableCount).toEqual([1, 1, 1, 2]);
    expect(edit.freeEmptyTables(3 * M, 6 * M)).toEqual([0, 0, 0, 0]);
    expect(edit.freeEmptyTables(0, 6 * M)).toEqual([0, 0, 0, 1]);
    expect(edit.walk(2 * M).levelsRead).toBe(3);
    edit.clear(6 * M);
    expect(edit.freeEmptyTables(0, 2 ** 48)).toEqual([0, 1, 1, 1]);
    expect(edit.walk(6 * M).levelsRead).toBe(1);
    expect(edit.tableBytes).toBe(4096);
  });

  test('needs 2M, 512K and 128K of leaf tables for 1G at 4K, 16K and 64K', () => {
    const leafBytes = GRANULES.map((granule) => {
      const missing = PageTable.empty(granule).tablesMissing(0, 2 ** 30);
      return (missing.at(-1) ?? 0) * granule;
    });
    expect(leafBytes).toEqual([2 * M, M / 2, M / 8]);
  });

  test('counts its root at the bytes it has: 16 at 16K and 512 at 64K with 48 bits', () => {
    expect([4096, 16384, 65536].map((granule) => PageTable.empty(granule).tableBytes)).toEqual([4096, 16, 512]);
  });

  test('refuses addresses that are unaligned or out of range, and writes after it was sealed', () => {
    const edit = PageTable.empty(65536).edit();
    expect(() => edit.set(4096, packPte(1, PTE.VALID))).toThrow('page of the address space');
    expect(() => edit.set(2 ** 48, packPte(1, PTE.VALID))).toThrow('page of the address space');
    edit.set(0, packPte(1, PTE.VALID));
    edit.done();
    expect(() => edit.set(0, packPte(2, PTE.VALID))).toThrow('after done');
  });
});
