import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Tlb, type TlbGeometry, type WalkGeometry } from '../../src/mm/tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE } from '../../src/mm/tlbArray.ts';
import { leafKey } from '../../src/mm/tlbKeys.ts';

/** Few entries: journals soon come to a copy of the arrays. */
const geometries: TlbGeometry[] = [
  {
    l1i: { entries: 2, ways: 2 },
    l1d: { entries: 4, ways: 4 },
    l2: { entries: 8, ways: 2 },
    walkCache: { entries: 2, ways: 2 },
  },
  { l1i: { entries: 16, ways: 16 }, l1d: { entries: 20, ways: 20 }, l2: { entries: 24, ways: 3 }, walkCache: 'in-l2' },
  { l1i: { entries: 2, ways: 1 }, l1d: { entries: 2, ways: 1 }, l2: { entries: 4, ways: 1 }, walkCache: 'none' },
];
const walks: WalkGeometry = { levelSpans: [2 ** 39, 2 ** 30, 2 ** 21, 2 ** 12], firstLevel: 0 };

const stepArb = fc.record({
  what: fc.constantFrom('fill', 'fill', 'fill', 'find', 'walk', 'page', 'asid', 'walks', 'all'),
  fetch: fc.boolean(),
  asid: fc.integer({ min: 1, max: 2 }),
  page: fc.oneof(
    fc.nat(12),
    fc.nat(12).map((at) => at * 2 ** 18),
  ),
  rights: fc.constantFrom(MAY_READ, MAY_READ | MAY_WRITE, MAY_READ | MAY_FETCH),
});
type Step = typeof stepArb extends fc.Arbitrary<infer S> ? S : never;

function write(tlb: Tlb, { what, fetch, asid, page, rights }: Step): void {
  const va = page * 4096;
  switch (what) {
    case 'fill':
      tlb.fill(fetch, asid, page, page + asid, rights);
      return;
    case 'find':
      tlb.l1d.find(leafKey(asid, page), tlb.l1d.setOf(page));
      return;
    case 'walk':
      tlb.walkLevelsCached(asid, va, walks);
      tlb.keepWalk(asid, va, walks, 4);
      return;
    case 'page':
      tlb.invalidatePages(asid, page, page + (fetch ? 1 : 3));
      return;
    case 'asid':
      tlb.invalidateAsid(asid);
      return;
    case 'walks':
      tlb.invalidateWalks(asid, va, va + 2 ** 21, walks);
      return;
    default:
      tlb.invalidateAll();
  }
}

/** From which version a new one is made, what is written to it, and which version is then looked at. */
const editArb = fc.record({
  from: fc.nat(1000),
  isFork: fc.boolean(),
  steps: fc.array(stepArb, { maxLength: 12 }),
  look: fc.nat(1000),
});

it('every version of the TLBs reads as it was written, whatever was edited since and in whatever order they are looked at', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...geometries),
      fc.array(editArb, { minLength: 1, maxLength: 40 }),
      fc.nat(),
      (geometry, edits, order) => {
        const versions = [Tlb.empty(geometry)];
        // The model: each version is a TLB of its own, made from plain data.
        const plains = [Tlb.empty(geometry).toPlain()];
        for (const { from, isFork, steps, look } of edits) {
          const at = isFork ? from % versions.length : versions.length - 1;
          const version = (versions[at] ?? Tlb.empty(geometry)).edit();
          const model = Tlb.fromPlain(plains[at] ?? Tlb.empty(geometry).toPlain());
          for (const step of steps) {
            write(version, step);
            write(model, step);
          }
          versions.push(version);
          plains.push(model.toPlain());
          const looked = look % (versions.length * 3);
          if (looked < versions.length) expect(versions[looked]?.toPlain()).toEqual(plains[looked]);
        }
        const at = Array.from(versions.keys()).sort((a, b) => ((a * 7919 + order) % 101) - ((b * 7919 + order) % 101));
        for (const version of at) expect(versions[version]?.toPlain()).toEqual(plains[version]);
        for (const version of at.reverse()) expect(versions[version]?.toPlain()).toEqual(plains[version]);
      },
    ),
    { numRuns: 300 },
  );
});

it('an edit writes nothing to the version that it is of, though copies have been made between', () => {
  const [geometry] = geometries;
  if (geometry === undefined) throw new Error('there is a geometry');
  const first = Tlb.empty(geometry);
  const filled = first.edit();
  filled.fill(false, 1, 7, 70, MAY_READ);
  const kept = filled.toPlain();
  let tlb = filled;
  // More entries than there are, many times over.
  for (let page = 0; page < 200; page++) {
    tlb = tlb.edit();
    tlb.fill(page % 2 === 0, 1, page, page, MAY_READ | MAY_FETCH);
  }
  expect(filled.toPlain()).toEqual(kept);
  expect(first.l2.count).toBe(0);
  expect(tlb.l1d.has(leafKey(1, 199), tlb.l1d.setOf(199))).toBe(true);
});

it('a version is made again from a journal that has outgrown its first room, of uses and of translations', () => {
  const many = { entries: 512, ways: 4 };
  const before = Tlb.empty({ l1i: many, l1d: many, l2: { entries: 1024, ways: 4 }, walkCache: 'none' });
  for (let page = 0; page < 512; page++) before.fill(page % 2 === 0, 1, page, page, MAY_READ | MAY_FETCH);
  const written = before.toPlain();
  const after = before.edit();
  for (let page = 0; page < 512; page++) after.l2.find(leafKey(1, page), after.l2.setOf(page));
  for (let page = 256; page < 1024; page++) after.fill(page % 2 === 0, 1, page, page, MAY_READ);
  expect(before.toPlain()).toEqual(written);
  expect(after.toPlain()).not.toEqual(written);
});
