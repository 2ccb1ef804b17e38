import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VM, type Vma } from '../../src/mm/vma.ts';
import { VmaSet } from '../../src/mm/vmaSet.ts';

const PAGES = 24;

/** A page of the model: what its area is there, and whether an area begins at it. */
interface Page {
  prot: number;
  flags: number;
  file: string | null;
  /** In pages. */
  offset: number;
  anonVma: number;
  anonChain: number;
  begins: boolean;
}

type Model = (Page | null)[];

/**
 * mm/vma.c over an array of pages with a mark where an area begins: a merge takes a mark away, a split sets one. Written
 * without trees, areas as objects, or cases: a changed range looks at its two ends.
 */
class PageArray {
  pages: Model = Array.from({ length: PAGES }, () => null);
  anonVmas = 0;

  startOf(page: number): number {
    let at = page;
    while (this.pages[at]?.begins === false) at--;
    return at;
  }

  endOf(page: number): number {
    let at = page + 1;
    while (this.pages[at]?.begins === false) at++;
    return at;
  }

  mark(page: number): void {
    const at = this.pages[page];
    if (at !== null && at !== undefined) at.begins = true;
  }

  remove(from: number, to: number): void {
    this.mark(to);
    this.pages.fill(null, from, to);
  }

  insert(from: number, to: number, page: Omit<Page, 'begins'>): void {
    for (let at = from; at < to; at++) {
      this.pages[at] = { ...page, offset: page.offset + at - from, begins: at === from };
    }
    this.join(from, to, true, true);
  }

  modify(from: number, to: number, change: (page: Page) => Partial<Page>): void {
    const left = this.startOf(from) === from;
    const right = this.endOf(from) === to;
    for (let at = from; at < to; at++) Object.assign(this.pages[at] as Page, change(this.pages[at] as Page));
    this.mark(from);
    this.mark(to);
    this.join(from, to, left, right);
  }

  /** Whether the pages beside a border may be in one area, the range being on the side of `range`. */
  fits(before: Page, after: Page, neighbour: Page): boolean {
    const range = neighbour === before ? after : before;
    const isSame = before.prot === after.prot && before.flags === after.flags && before.file === after.file;
    const isOne =
      range.anonVma === neighbour.anonVma ||
      ((range.anonVma === 0 || neighbour.anonVma === 0) && neighbour.anonChain === 1);
    return isSame && isOne && before.offset + 1 === after.offset;
  }

  join(from: number, to: number, left: boolean, right: boolean): void {
    const [before, first] = [this.pages[from - 1] ?? null, this.pages[from] as Page];
    const [last, after] = [this.pages[to - 1] as Page, this.pages[to] ?? null];
    const joinsLeft = left && before !== null && this.fits(before, first, before);
    const own = first.anonVma;
    let joinsRight = right && after !== null && this.fits(last, after, after);
    if (joinsLeft && joinsRight && before !== null && after !== null) {
      joinsRight = before.anonVma === 0 || after.anonVma === 0 || before.anonVma === after.anonVma;
    }
    if (joinsLeft) first.begins = false;
    if (joinsRight && after !== null) after.begins = false;
    if (!joinsLeft && !joinsRight) return;
    // All pages of the one area have what any of its parts had, the last first.
    const anonVma = (joinsLeft && before?.anonVma) || (joinsRight && after?.anonVma) || own;
    const chain = [before, after, first].find((page) => page?.anonVma === anonVma)?.anonChain ?? 0;
    const start = this.startOf(from);
    for (let at = start; at < this.endOf(start); at++)
      Object.assign(this.pages[at] as Page, { anonVma, anonChain: chain });
  }

  write(page: number): void {
    const [start, end] = [this.startOf(page), this.endOf(page)];
    const first = this.pages[start] as Page;
    if (first.anonVma !== 0) return;
    const shares = (neighbour: Page | null | undefined, offset: number): number =>
      neighbour !== null &&
      neighbour !== undefined &&
      neighbour.flags === first.flags &&
      neighbour.file === first.file &&
      neighbour.offset === offset &&
      neighbour.anonChain === 1
        ? neighbour.anonVma
        : 0;
    const anonVma =
      shares(this.pages[end], first.offset + end - start) ||
      shares(this.pages[start - 1], first.offset - 1) ||
      ++this.anonVmas;
    for (let at = start; at < end; at++) Object.assign(this.pages[at] as Page, { anonVma, anonChain: 1 });
  }

  fork(): void {
    for (const [at, page] of this.pages.entries()) {
      if (page?.begins !== true || page.anonVma === 0) continue;
      const [anonVma, anonChain] = [++this.anonVmas, page.anonChain + 1];
      for (let each = at; each < this.endOf(at); each++) {
        if (each === at || this.pages[each]?.begins === false)
          Object.assign(this.pages[each] as Page, { anonVma, anonChain });
      }
    }
  }

  areas(pageBytes: number): Vma[] {
    return this.pages.flatMap((page, at) => {
      if (page?.begins !== true) return [];
      const { prot, flags, file, offset, anonVma, anonChain } = page;
      const place = { startVa: at * pageBytes, endVa: this.endOf(at) * pageBytes, offsetBytes: offset * pageBytes };
      return [{ ...place, prot, flags, file, anonVma, ...(anonVma === 0 ? {} : { anonChain }) }];
    });
  }
}

const ranges = fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 8 })).map(([from, length]) => ({
  from,
  to: Math.min(PAGES, from + length),
}));
const attributes = fc.record({
  prot: fc.constantFrom(1, 3, 3),
  flags: fc.constantFrom(0, 0, VM.ACCOUNT),
  file: fc.constantFrom(null, null, 'a'),
});
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('map' as const), range: ranges, attributes, shift: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('unmap' as const), range: ranges }) },
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constant('protect' as const), range: ranges, prot: fc.constantFrom(1, 3) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('move' as const), range: ranges, to: fc.nat(PAGES - 1) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('write' as const), range: ranges }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('fork' as const), range: ranges }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** One operation on both; `bytes` is the size of a page. */
function step(model: PageArray, set: VmaSet, bytes: number, each: Operation): VmaSet {
  const { from, to } = each.range;
  const [startVa, endVa] = [from * bytes, to * bytes];
  if (each.op === 'map') {
    const offset = each.attributes.file === null ? from : from + each.shift;
    model.remove(from, to);
    model.insert(from, to, { ...each.attributes, offset, anonVma: 0, anonChain: 0 });
    return set.map({ ...each.attributes, startVa, endVa, offsetBytes: offset * bytes });
  }
  if (each.op === 'unmap') {
    model.remove(from, to);
    return set.remove(startVa, endVa).set;
  }
  if (each.op === 'fork') {
    model.fork();
    return set.forked();
  }
  const vma = set.find(startVa);
  expect(vma !== null).toBe(model.pages[from] !== null);
  if (vma === null) return set;
  if (each.op === 'write') {
    model.write(from);
    return set.prepareAnonVma(startVa);
  }
  const end = Math.min(to, model.endOf(from));
  if (each.op === 'protect') {
    if (vma.prot === each.prot) return set;
    model.modify(from, end, () => ({ prot: each.prot }));
    return set.modify(startVa, end * bytes, (part) => ({ ...part, prot: each.prot })).set;
  }
  const length = Math.min(end - from, PAGES - each.to);
  if (model.pages.slice(each.to, each.to + length).some((page) => page !== null)) return set;
  const source = { ...(model.pages[from] as Page) };
  if (source.file === null && source.anonVma === 0) source.offset = each.to;
  model.insert(each.to, each.to + length, source);
  model.remove(from, from + length);
  const copied = set.copyTo(vma, startVa, each.to * bytes, length * bytes, false);
  return copied.remove(startVa, startVa + length * bytes).set;
}

test('a VMA set is what an array of pages with marks at the borders is, whatever the page size, and keeps its versions', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), fc.constantFrom(4096, 65536), (list, bytes) => {
      const model = new PageArray();
      let set = VmaSet.empty(bytes);
      const versions: [VmaSet, Vma[]][] = [];
      for (const each of list) {
        set = step(model, set, bytes, each);
        const areas = model.areas(bytes);
        expect(set.list()).toEqual(areas);
        versions.push([set, areas]);
      }
      for (const [version, areas] of versions) {
        expect(version.list()).toEqual(areas);
        expect(version.count).toBe(areas.length);
        const revived = VmaSet.fromPlain(version.toPlain());
        expect([revived.list(), revived.anonVmas]).toEqual([areas, version.anonVmas]);
      }
    }),
    { numRuns: 500 },
  );
});
