import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkedArray } from '../../src/mm/chunkedArray.ts';
import { type Folio, FolioTable } from '../../src/mm/frames.ts';

const step = fc.oneof(
  fc.record({ op: fc.constant('add' as const), slot: fc.nat(400), order: fc.nat(5) }),
  fc.record({ op: fc.constant('get' as const), pfn: fc.nat(3200) }),
  fc.record({ op: fc.constant('put' as const), which: fc.nat(), offset: fc.nat(31) }),
);
/** Several steps make a version; `from` says which of the versions before it begins with, mostly the last. */
const edits = fc.array(
  fc.record({
    steps: fc.array(step, { maxLength: 6 }),
    from: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(30)),
    isGivenUp: fc.boolean(),
  }),
  { maxLength: 40 },
);

/** A version of the table, and its folios by first frame. */
interface Kept {
  table: FolioTable;
  model: ReadonlyMap<number, Folio>;
}

const holds = (folio: Folio, pfn: number) => pfn >= folio.pfn && pfn < folio.pfn + 2 ** folio.order;

function edited(from: Kept, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Kept {
  const edit = from.table.edit();
  const model = new Map(from.model);
  const folioOf = (pfn: number) => [...model.values()].find((folio) => holds(folio, pfn)) ?? null;
  for (const each of steps) {
    if (each.op === 'add') {
      const pfn = each.slot * 8 - ((each.slot * 8) % 2 ** each.order);
      const { order } = each;
      const added = {
        pfn,
        order,
        refs: 1,
        pins: 0,
        owner: 'zone',
        kind: 'anon',
        lazyFree: false,
        large: null,
      } as const;
      const isTaken = [...model.values()].some((folio) => holds(folio, pfn) || holds(added, folio.pfn));
      if (isTaken) expect(() => edit.add(added)).toThrow('one folio at most');
      else model.set(pfn, edit.add(added));
    } else if (each.op === 'get') {
      const folio = edit.find(each.pfn);
      expect(folio).toEqual(folioOf(each.pfn));
      if (folio !== null) model.set(folio.pfn, edit.getPages(folio, each.pfn, 1));
    } else if (model.size > 0) {
      const head = [...model.values()][each.which % model.size];
      if (head === undefined) continue;
      const pfn = head.pfn + (each.offset % 2 ** head.order);
      const after = edit.putPages(head, pfn, 1);
      expect(after).toEqual(head.refs > 1 ? { ...head, refs: head.refs - 1 } : null);
      if (after !== null) model.set(head.pfn, after);
      else model.delete(head.pfn);
    }
  }
  return { table: edit.done(), model };
}

describe('versions of the folio table', () => {
  test('are what a plain map says, whichever of them is edited, and whenever they are looked at', () => {
    fc.assert(
      fc.property(edits, (list) => {
        const versions: Kept[] = [{ table: FolioTable.empty(), model: new Map() }];
        for (const { steps, from, isGivenUp } of list) {
          const before = versions[versions.length - 1 - (from % versions.length)] ?? versions[0];
          if (before === undefined) continue;
          const next = edited(before, steps);
          if (!isGivenUp) versions.push(next);
        }
        for (const { table, model } of versions) {
          const folios = [...model.values()].sort((a, b) => a.pfn - b.pfn);
          expect(table.toPlain()).toEqual(folios);
          expect(table.count).toBe(folios.length);
          expect(table.framesByKind.anon).toBe(folios.reduce((sum, { order }) => sum + 2 ** order, 0));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('are made again after the journal was left behind for a copy', () => {
    let table = FolioTable.empty();
    const versions = [table];
    const plains = [FolioTable.empty().toPlain()];
    for (let round = 1; round < 5000; round++) {
      const edit = table.edit();
      if (round % 2 === 0) edit.remove((round - 1) % 1000);
      else edit.add({ pfn: round % 1000, order: 0, owner: 'zone', kind: 'file' });
      table = edit.done();
      if (round % 501 !== 0) continue;
      versions.push(table);
      plains.push(table.toPlain());
    }
    expect(versions.map((version) => version.toPlain())).toEqual(plains);
  });

  test('are not written by an edit that was sealed', () => {
    const edit = FolioTable.empty().edit();
    const folio = edit.add({ pfn: 8, order: 0, owner: 'zone', kind: 'file' });
    edit.done();
    expect(() => edit.putPages(folio, 8, 1)).toThrow('after done()');
    expect(() => edit.done()).toThrow('sealed once');
    expect(edit.find(8)).toEqual(folio);
  });
});

describe('a chunked array', () => {
  test('keeps copies apart, however they are copied in turn, and finds what is set', () => {
    const write = fc.record({ array: fc.nat(20), index: fc.nat(2000), item: fc.nat(3), isCopied: fc.boolean() });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 60 }), fc.nat(2100), (writes, from) => {
        const arrays = [{ array: new ChunkedArray<number>(0), model: new Map<number, number>() }];
        for (const { array: which, index, item, isCopied } of writes) {
          const written = arrays[which % arrays.length];
          if (written === undefined) continue;
          if (isCopied) arrays.push({ array: written.array.copy(), model: new Map(written.model) });
          written.array.set(index, item);
          written.model.set(index, item);
        }
        for (const { array, model } of arrays) {
          for (const index of [...model.keys(), 2 ** 30]) expect(array.get(index)).toBe(model.get(index) ?? 0);
          const set = [...model].filter(([index, item]) => item !== 0 && index >= from && index < 2000);
          expect(array.next(from, 2000)).toBe(set.length === 0 ? -1 : Math.min(...set.map(([index]) => index)));
        }
      }),
    );
    expect(() => new ChunkedArray(0).set(-1, 1)).toThrow('an index is');
  });
});
