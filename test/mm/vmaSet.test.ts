import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROT } from '../../src/mm/pte.ts';
import { clipVma, formatMapsLine, VM, type Vma } from '../../src/mm/vma.ts';
import { findGapIn } from '../../src/mm/vmaGap.ts';
import { VmaSet } from '../../src/mm/vmaSet.ts';
import { splitTree, treeOf, type VmaTree } from '../../src/mm/vmaTree.ts';

const PAGE = 4096;
const PAGES = 64;

/** What one page of a model address space is mapped to, or null. The offset is that of the page itself. */
type ModelPage = { prot: number; flags: number; file: string | null; offsetBytes: number } | null;

const attributes = fc.record({
  prot: fc.constantFrom(1, 3),
  flags: fc.constantFrom(0, VM.LOCKED),
  file: fc.constantFrom(null, 'a'),
});
const ranges = fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 12 })).map(([start, length]) => ({
  start,
  end: Math.min(PAGES, start + length),
}));
const operations = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('map' as const), range: ranges, attributes, shift: fc.nat(2) }),
    fc.record({ op: fc.constant('unmap' as const), range: ranges }),
    fc.record({ op: fc.constant('protect' as const), range: ranges, prot: fc.constantFrom(1, 3) }),
  ),
  { maxLength: 30 },
);

/** As mprotect does: every area of a range, where something changes. */
function protect(set: VmaSet, startVa: number, endVa: number, prot: number): VmaSet {
  return set.overlapping(startVa, endVa).reduce((now: VmaSet, vma) => {
    if (vma.prot === prot) return now;
    const { set: next } = now.modify(Math.max(vma.startVa, startVa), Math.min(vma.endVa, endVa), (part) => ({
      ...part,
      prot,
    }));
    return next;
  }, set);
}

/** The pages of a set, each as an area of its own: what is mapped, whatever merged. */
function pagesOf(set: VmaSet): Vma[] {
  return set.list().flatMap((vma) => {
    const pages: Vma[] = [];
    for (let va = vma.startVa; va < vma.endVa; va += PAGE) pages.push(clipVma(vma, va, va + PAGE));
    return pages;
  });
}

function pagesOfModel(model: readonly ModelPage[]): Vma[] {
  return model.flatMap((mapped, page) =>
    mapped === null ? [] : [{ ...mapped, startVa: page * PAGE, endVa: (page + 1) * PAGE, anonVma: 0 }],
  );
}

function heightOf(tree: VmaTree): number {
  if (tree === null) return 0;
  const [left, right] = [heightOf(tree.left), heightOf(tree.right)];
  expect(Math.abs(left - right)).toBeLessThanOrEqual(1);
  expect(tree.height).toBe(1 + Math.max(left, right));
  return tree.height;
}

describe('a VMA set', () => {
  test('is what a page-by-page model of the same calls is, and no call changes an earlier set', () => {
    fc.assert(
      fc.property(operations, (list) => {
        const model: ModelPage[] = Array.from({ length: PAGES }, () => null);
        let set = VmaSet.empty(PAGE);
        const versions: [VmaSet, Vma[]][] = [];
        for (const each of list) {
          const { start, end } = each.range;
          if (each.op === 'map') {
            const { file } = each.attributes;
            const offset = (file === null ? start : start + each.shift) * PAGE;
            set = set.map({ ...each.attributes, offsetBytes: offset, startVa: start * PAGE, endVa: end * PAGE });
            for (let page = start; page < end; page++) {
              model[page] = { ...each.attributes, offsetBytes: offset + (page - start) * PAGE };
            }
          } else if (each.op === 'unmap') {
            const { set: next, removed } = set.remove(start * PAGE, end * PAGE);
            set = next;
            const gone = removed.reduce((sum, vma) => sum + (vma.endVa - vma.startVa) / PAGE, 0);
            expect(gone).toBe(model.slice(start, end).filter((page) => page !== null).length);
            model.fill(null, start, end);
          } else {
            set = protect(set, start * PAGE, end * PAGE, each.prot);
            for (let page = start; page < end; page++) {
              const mapped = model[page] ?? null;
              model[page] = mapped === null ? null : { ...mapped, prot: each.prot };
            }
          }
          versions.push([set, pagesOfModel(model)]);
        }
        for (const [version, pages] of versions) {
          expect(pagesOf(version)).toEqual(pages);
          expect(version.count).toBe(version.list().length);
          expect(VmaSet.fromPlain(version.toPlain()).list()).toEqual(version.list());
        }
        const areas = set.list();
        for (let page = 0; page < PAGES; page++) {
          const found = set.find(page * PAGE + 5);
          expect(found !== null).toBe(model[page] !== null);
          expect(set.atOrAfter(page * PAGE)).toEqual(areas.find((vma) => vma.endVa > page * PAGE) ?? null);
          expect(set.endingBefore(page * PAGE)).toEqual(areas.findLast((vma) => vma.endVa <= page * PAGE) ?? null);
        }
        expect(set.totalBytes).toBe(model.filter((page) => page !== null).length * PAGE);
      }),
      { numRuns: 200 },
    );
  });

  test('knows which ranges are mapped without a hole, and finds the same room as a search of every address', () => {
    const wish = fc.record({
      length: fc.integer({ min: 1, max: 10 }),
      align: fc.constantFrom(1, 4, 16),
      low: fc.nat(30),
      high: fc.integer({ min: 20, max: PAGES }),
      topDown: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(ranges, { maxLength: 12 }),
        ranges,
        wish,
        (mapped, range, { length, align, low, high, topDown }) => {
          let set = VmaSet.empty(PAGE);
          const isMapped = Array.from({ length: PAGES }, () => false);
          for (const [number, { start, end }] of mapped.entries()) {
            set = set.map({
              startVa: start * PAGE,
              endVa: end * PAGE,
              prot: 1 + (number % 2) * 2,
              flags: 0,
              file: null,
              offsetBytes: 0,
            });
            isMapped.fill(true, start, end);
          }
          expect(set.covered(range.start * PAGE, range.end * PAGE)).toBe(
            isMapped.slice(range.start, range.end).every(Boolean),
          );
          const fits: number[] = [];
          for (let page = 0; page + length <= PAGES; page++) {
            const isFree = !isMapped.slice(page, page + length).includes(true);
            if (isFree && page % align === 0 && page >= low && page + length <= high) fits.push(page * PAGE);
          }
          const found = set.findGap({
            lengthBytes: length * PAGE,
            lowVa: low * PAGE,
            highVa: high * PAGE,
            alignBytes: align * PAGE,
            topDown,
          });
          expect(found).toBe((topDown ? fits.at(-1) : fits[0]) ?? null);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('keeps its tree balanced', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(400), fc.boolean()), { maxLength: 200 }), (list) => {
        let set = VmaSet.empty(PAGE);
        for (const [page, isMap] of list) {
          const range = { startVa: page * 2 * PAGE, endVa: (page * 2 + 1) * PAGE };
          set = isMap
            ? set.map({ ...range, prot: 1, flags: 0, file: null, offsetBytes: 0 })
            : set.remove(range.startVa, range.endVa).set;
        }
        const tree = treeOf(set.list());
        const { before, after } = splitTree(tree, 300 * PAGE);
        for (const each of [tree, before, after]) heightOf(each);
        // The tree inside the set itself.
        heightOf(Reflect.get(set, 'tree'));
      }),
    );
  });

  test('keeps the guard gap below a stack free', () => {
    const stack: Vma = {
      startVa: 0x100000,
      endVa: 0x110000,
      prot: 3,
      flags: VM.GROWSDOWN,
      file: null,
      offsetBytes: 0,
      name: '[stack]',
    };
    const set = VmaSet.empty(PAGE).map(stack);
    const wish = { lengthBytes: 0x1000, lowVa: 0x1000, highVa: 0x110000, guardedFlags: VM.GROWSDOWN };
    expect(set.findGap(wish)).toBe(0xff000);
    expect(set.findGap({ ...wish, guardBytes: 0x10000 })).toBe(0xef000);
    expect(set.findGap({ ...wish, guardBytes: 0x100000 })).toBeNull();
    const upward = { ...wish, topDown: false, lowVa: 0xff000, highVa: 0x200000, guardBytes: 0x10000 };
    expect(set.findGap(upward)).toBe(0x110000);
  });

  test('gives the first write the memory of a neighbour that differs in protection alone, and lets them merge again', () => {
    const anon = { prot: 3, flags: 0, file: null };
    let set = VmaSet.empty(PAGE).insert({ startVa: 0, endVa: 3 * PAGE, offsetBytes: 0, ...anon });
    set = set.modify(PAGE, 2 * PAGE, (vma) => ({ ...vma, prot: 1 })).set;
    expect(set.count).toBe(3);
    set = set.prepareAnonVma(0).prepareAnonVma(2 * PAGE);
    expect(set.list().map((vma) => vma.anonVma ?? 0)).toEqual([1, 0, 2]);
    set = set.modify(PAGE, 2 * PAGE, (vma) => ({ ...vma, prot: 3 })).set;
    // The middle merges with the left; the right has memory of its own.
    expect(set.list().map((vma) => [vma.startVa / PAGE, vma.endVa / PAGE])).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });

  test('refuses ranges that are empty or off its own page size', () => {
    const set = VmaSet.empty(65536);
    const vma: Vma = { startVa: 0, endVa: 65536, prot: 1, flags: 0, file: null, offsetBytes: 0 };
    expect(() => set.map({ ...vma, endVa: PAGE })).toThrow('page borders');
    expect(() => set.remove(65536, 65536)).toThrow('not empty');
    expect(() => VmaSet.fromPlain({ pageBytes: 65536, vmas: [vma, vma] })).toThrow('do not overlap');
  });

  test('holds a hundred thousand areas in a tree of 17 levels and changes one of them', () => {
    const vmas = Array.from({ length: 100_000 }, (_, at) => ({
      startVa: at * 2 * PAGE,
      endVa: (at * 2 + 1) * PAGE,
      prot: 1,
      flags: 0,
      file: null,
      offsetBytes: 0,
    }));
    const set = VmaSet.fromPlain({ pageBytes: PAGE, vmas });
    expect(protect(set, 50_000 * PAGE, 50_001 * PAGE, 3).count).toBe(100_000);
    const tree = treeOf(vmas);
    expect(tree?.height).toBe(17);
    expect(
      findGapIn(tree, 0, 2 ** 40, {
        lengthBytes: 2 * PAGE,
        alignBytes: PAGE,
        lowVa: 0,
        highVa: 199_999 * PAGE,
        topDown: true,
      }),
    ).toBe(-1);
  });
});

test('a line of /proc/PID/maps has the fields and the column of the path that Linux gives it', () => {
  const vma: Vma = {
    startVa: 0x400000,
    endVa: 0x401000,
    prot: PROT.READ | PROT.EXEC,
    flags: 0,
    file: '/bin/true',
    offsetBytes: PAGE,
  };
  expect(formatMapsLine(vma)).toBe(`00400000-00401000 r-xp 00001000 00:00 0${' '.repeat(34)}/bin/true`);
  expect(formatMapsLine(vma).indexOf('/')).toBe(73);
  const anonymous: Vma = { ...vma, file: null, flags: VM.SHARED, prot: 0 };
  expect(formatMapsLine(anonymous)).toBe('00400000-00401000 ---s 00000000 00:00 0 ');
});
