import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FolioTable } from '../../src/mm/frames.ts';
import { type CachedFolio, PageCacheIndex } from '../../src/mm/pageCache.ts';

describe('the folio table', () => {
  test('finds the folio of every frame and counts frames by kind as a plain list does', () => {
    const folios = fc.array(
      fc.record({ slot: fc.nat(30), order: fc.nat(3), kind: fc.constantFrom('anon' as const, 'file' as const) }),
      {
        maxLength: 25,
      },
    );
    fc.assert(
      fc.property(folios, fc.array(fc.nat(120), { maxLength: 10 }), (list, puts) => {
        const owner = new Map<number, number>();
        let table = FolioTable.empty();
        const add = (pfn: number, order: number, kind: 'anon' | 'file') => {
          const edit = table.edit();
          const frames = Array.from({ length: 2 ** order }, (_, at) => pfn + at);
          if (frames.some((frame) => owner.has(frame))) {
            expect(() => edit.add({ pfn, order, kind, owner: 'zone' })).toThrow('one folio at most');
            return;
          }
          edit.add({ pfn, order, kind, owner: 'zone' });
          for (const frame of frames) owner.set(frame, pfn);
          table = edit.done();
        };
        for (const { slot, order, kind } of list) add(slot * 4 - ((slot * 4) % 2 ** order), order, kind);
        const before = table.toPlain();
        const full = table;
        for (const pfn of puts) {
          if (!owner.has(pfn)) continue;
          const edit = table.edit();
          const gone = edit.put(pfn);
          expect(gone?.pfn).toBe(owner.get(pfn));
          for (const [frame, head] of owner) if (head === gone?.pfn) owner.delete(frame);
          table = edit.done();
        }
        for (let pfn = 0; pfn < 140; pfn++) expect(table.headOf(pfn)).toBe(owner.get(pfn) ?? null);
        expect(table.frames).toBe(owner.size);
        expect(full.toPlain()).toEqual(before);
        expect(FolioTable.fromPlain(table.toPlain()).framesByKind).toEqual(table.framesByKind);
      }),
    );
  });

  test('keeps a folio until its last reference is dropped, and never lets a count go below zero', () => {
    const edit = FolioTable.empty().edit();
    edit.add({ pfn: 16, order: 4, owner: 'mm:1', kind: 'anon' });
    expect(edit.get(20, 15).refs).toBe(16);
    expect(edit.put(31, 15)).toBeNull();
    expect(() => edit.put(16, 2)).toThrow('above zero');
    expect(edit.put(16)).toMatchObject({ pfn: 16, order: 4, refs: 0 });
    expect(() => edit.get(16)).toThrow('lies in a folio');
  });

  test('splits a folio into parts that hold the same frames', () => {
    const edit = FolioTable.empty().edit();
    edit.add({ pfn: 16, order: 4, owner: 'file:a', kind: 'file' });
    expect(edit.split(20, 2, 3).map(({ pfn, order, refs }) => [pfn, order, refs])).toEqual([
      [16, 2, 3],
      [20, 2, 3],
      [24, 2, 3],
      [28, 2, 3],
    ]);
    expect(edit.done().framesByKind.file).toBe(16);
  });
});

describe('the page-cache index', () => {
  const folio = fc.record({ place: fc.nat(12), order: fc.nat(3), dirty: fc.boolean() });
  const steps = fc.array(
    fc.oneof(
      fc.record({ op: fc.constant('insert' as const), folio }),
      fc.record({ op: fc.constant('remove' as const), index: fc.nat(100) }),
      fc.record({ op: fc.constant('dirty' as const), index: fc.nat(100), dirty: fc.boolean() }),
    ),
    { maxLength: 40 },
  );

  test('answers for every page what a page-by-page model does, and earlier versions stay as they were', () => {
    fc.assert(
      fc.property(steps, fc.nat(100), fc.nat(100), (list, from, to) => {
        const model = new Map<number, CachedFolio>();
        const pagesOf = (each: CachedFolio) => Array.from({ length: 2 ** each.order }, (_, at) => each.index + at);
        const place = (each: CachedFolio) => {
          for (const page of pagesOf(each)) model.set(page, each);
        };
        let cache = PageCacheIndex.empty(4096);
        const versions: [PageCacheIndex, CachedFolio[]][] = [];
        for (const step of list) {
          const edit = cache.edit();
          if (step.op === 'insert') {
            const { place: slot, order, dirty } = step.folio;
            const fresh = { index: slot * 2 ** order, pfn: 1024 + slot * 2 ** order, order, dirty, uptodate: true };
            const isThere = pagesOf(fresh).some((page) => model.has(page));
            expect(edit.insert(fresh)).toBe(!isThere);
            if (!isThere) place(fresh);
          } else if (step.op === 'remove') {
            const gone = edit.remove(step.index);
            expect(gone).toEqual(model.get(step.index) ?? null);
            for (const page of gone === null ? [] : pagesOf(gone)) model.delete(page);
          } else if (model.has(step.index)) place(edit.setDirty(step.index, step.dirty));
          cache = edit.done();
          versions.push([cache, [...new Set(model.values())].sort((a, b) => a.index - b.index)]);
        }
        for (const [version, folios] of versions) {
          expect(version.toPlain().folios).toEqual(folios);
          expect(PageCacheIndex.fromPlain(version.toPlain()).counts).toEqual(version.counts);
        }
        for (let page = 0; page < 110; page++) {
          const at = model.get(page);
          expect(cache.frameOf(page)).toBe(at === undefined ? null : at.pfn + page - at.index);
        }
        expect(cache.counts.pages).toBe(model.size);
        expect(cache.bytes).toBe(model.size * 4096);
        expect(cache.counts.dirtyPages).toBe([...model.values()].filter((each) => each.dirty).length);
        const inRange = [...model].filter(([page]) => page >= from && page < to).map(([, each]) => each);
        expect(cache.range(from, to)).toEqual([...new Set(inRange)].sort((a, b) => a.index - b.index));
      }),
    );
  });

  test('refuses a large folio over a small one that is left there, and a folio off its alignment', () => {
    const edit = PageCacheIndex.empty(4096).edit();
    expect(edit.insert({ index: 7, pfn: 1, order: 0, dirty: false, uptodate: true })).toBe(true);
    expect(edit.insert({ index: 0, pfn: 16, order: 4, dirty: false, uptodate: true })).toBe(false);
    expect(() => edit.insert({ index: 4, pfn: 16, order: 4, dirty: false, uptodate: true })).toThrow(
      'multiple of its pages',
    );
    expect(edit.get(7)?.order).toBe(0);
  });
});
