/**
 * Linux tables and the sections of the native table that they point to.
 *
 * @models S-50 T-18 X-09 D-03 D-04
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { geometryOf, tableIndex } from '../../src/arch/granule.ts';
import {
  linkedTables,
  linuxTablesPerNative,
  nativeTablesOf,
  sectionOf,
  unlinkedTables,
} from '../../src/mm/nativeSections.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { PTE } from '../../src/mm/pte.ts';
import { operate, type Tables } from '../../src/mm/tableOps.ts';

const M = 2 ** 20;
const G = 2 ** 30;
const linux = geometryOf(4096);

function mapped(granuleBytes: number, ...vas: number[]): Tables {
  let tables: Tables = { linux: PageTable.empty(4096), native: PageTable.empty(granuleBytes) };
  const nr = granuleBytes / 4096;
  for (const [at, va] of vas.entries()) {
    const runs = [{ va, pfn: nr * (at + 1), nr, flags: PTE.VALID }];
    tables = operate(tables, { op: 'set', runs, expects: -1 });
  }
  return tables;
}

describe('a section', () => {
  test('is 32 entries of 256 bytes of a 64K table, or 128 of 1 KiB of a 16K one, for each 2M table of PTEs', () => {
    expect(linuxTablesPerNative(linux, geometryOf(65536))).toBe(256);
    expect(linuxTablesPerNative(linux, geometryOf(16384))).toBe(16);
    expect(sectionOf(linux, geometryOf(65536), 512 * M + 6 * M)).toEqual({
      nativeTable: 1,
      firstEntry: 96,
      entries: 32,
      offsetBytes: 768,
    });
    expect(sectionOf(linux, geometryOf(16384), 2 * M)).toMatchObject({ entries: 128, offsetBytes: 1024 });
  });

  test('begins where a walk of the native table would arrive, for every address', () => {
    fc.assert(
      fc.property(fc.constantFrom(16384, 65536), fc.nat(2 ** 26), (granuleBytes, table) => {
        const va = table * 2 * M;
        const native = geometryOf(granuleBytes);
        expect(sectionOf(linux, native, va).firstEntry).toBe(tableIndex(native, va, 3));
      }),
    );
  });
});

describe('the list of a table of PMDs', () => {
  test('has at most 2 native tables at 64K and 32 at 16K', () => {
    const vas = Array.from({ length: 512 }, (_, at) => at * 2 * M);
    expect(vas.at(-1)).toBeLessThan(G);
    const large = mapped(65536, ...vas);
    expect(nativeTablesOf(large.linux, large.native as PageTable, 3 * M)).toEqual([0, 1]);
    const middle = mapped(16384, ...vas);
    expect(nativeTablesOf(middle.linux, middle.native as PageTable, 0).length).toBe(32);
  });

  test('is shared: the tables of PTEs of a span point into one native table', () => {
    const { linux: table, native } = mapped(65536, 0, 2 * M, 100 * M, 600 * M);
    expect(linkedTables(table, native as PageTable, 0)).toEqual([0, 1, 50]);
    expect(linkedTables(table, native as PageTable, 1)).toEqual([300]);
  });
});

describe('native tables', () => {
  test('are there for every Linux table of PTEs, whether it holds anything that hardware may use or not', () => {
    const tables: Tables = { linux: PageTable.empty(4096), native: PageTable.empty(65536) };
    const runs = [{ va: 0x10000, pfn: 16, nr: 16, flags: PTE.PROT_NONE | PTE.READONLY }];
    const after = operate(tables, { op: 'set', runs, expects: -1 });
    expect(after.native?.tableCount).toEqual([1, 1, 1]);
    expect(after.native?.entryCount).toBe(0);
  });

  test('go when nothing is mapped in their whole span, and not with the first Linux table', () => {
    const before = mapped(65536, 0, 4 * M);
    const clear = (startVa: number, endVa: number, floor: number, ceiling: number, tables: Tables) =>
      operate(tables, {
        op: 'clear',
        ranges: [{ startVa, endVa }],
        freeWithin: { startVa: floor, endVa: ceiling },
        fileOnly: false,
      });
    const one = clear(0, 65536, 0, 4 * M, before);
    expect([one.linux.tableCount.at(-1), one.native?.tableCount.at(-1)]).toEqual([1, 1]);
    const two = clear(4 * M, 4 * M + 65536, 0, 2 ** 48, one);
    expect([two.linux.tableCount, two.native?.tableCount]).toEqual([
      [1, 0, 0, 0],
      [1, 0, 0],
    ]);
  });

  test('are linked after any sequence of mapping, moving and unmapping', () => {
    const spot = fc.nat(40).map((at) => at * 8 * M);
    const step = fc.tuple(fc.constantFrom('map', 'unmap', 'move', 'none'), spot, spot);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(16384, 65536), (steps, granuleBytes) => {
        let tables = mapped(granuleBytes);
        const live = new Set<number>();
        const nr = granuleBytes / 4096;
        for (const [what, va, to] of steps) {
          if (what === 'move') {
            if (live.has(to) || !live.delete(va)) continue;
            live.add(to);
            tables = operate(tables, { op: 'move', fromVa: va, toVa: to, lengthBytes: granuleBytes });
          } else if (what === 'unmap') {
            live.delete(va);
            const others = [...live].sort((a, b) => a - b);
            const floor = (others.filter((each) => each < va).at(-1) ?? -granuleBytes) + granuleBytes;
            const ceiling = others.find((each) => each > va) ?? 2 ** 48;
            tables = operate(tables, {
              op: 'clear',
              ranges: [{ startVa: va, endVa: va + granuleBytes }],
              freeWithin: { startVa: floor, endVa: ceiling },
              fileOnly: false,
            });
          } else {
            live.add(va);
            const flags = what === 'none' ? PTE.PROT_NONE : PTE.VALID;
            tables = operate(tables, { op: 'set', runs: [{ va, pfn: nr * 7, nr, flags }], expects: -1 });
          }
          expect(unlinkedTables(tables.linux, tables.native as PageTable)).toEqual([]);
        }
      }),
    );
  });
});
