import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Buddy, type BuddyPlain } from '../../src/mm/buddy.ts';

const MAX_ORDER = 7;

/** The allocator as the text says it: for each order the free blocks by number, and the least of them found by looking at all. */
class PlainBuddy {
  readonly free: Set<number>[];

  constructor(free: Iterable<number>[]) {
    this.free = free.map((blocks) => new Set(blocks));
  }

  alloc(order: number): number | null {
    const from = this.free.findIndex((blocks, at) => at >= order && blocks.size > 0);
    if (from < 0) return null;
    const pfn = Math.min(...(this.free[from] ?? [])) * 2 ** from;
    return this.allocAt(pfn, order) ? pfn : null;
  }

  allocAt(pfn: number, order: number): boolean {
    const blockOf = (at: number) => Math.floor(pfn / 2 ** at);
    const from = this.free.findIndex((blocks, at) => at >= order && blocks.has(blockOf(at)));
    if (from < 0) return false;
    this.free[from]?.delete(blockOf(from));
    for (let at = from - 1; at >= order; at--) this.free[at]?.add(buddyOf(blockOf(at)));
    return true;
  }

  give(pfn: number, order: number): void {
    let at = order;
    let block = pfn / 2 ** order;
    while (at < MAX_ORDER && (this.free[at]?.delete(buddyOf(block)) ?? false)) {
      block = Math.floor(block / 2);
      at++;
    }
    this.free[at]?.add(block);
  }

  /** How many blocks of an order can be had, by taking them. */
  available(order: number): number {
    const copy = new PlainBuddy(this.free);
    let count = 0;
    while (count < 8 && copy.alloc(order) !== null) count++;
    return count;
  }

  toPlain(base: number, count: number): BuddyPlain {
    const free = this.free.map((blocks) => {
      const runs: number[] = [];
      for (const block of [...blocks].sort((a, b) => a - b)) {
        if (runs.length > 0 && block === (runs.at(-2) ?? 0) + (runs.at(-1) ?? 0)) runs.push((runs.pop() ?? 0) + 1);
        else runs.push(block, 1);
      }
      return runs;
    });
    return { base, count, maxOrder: MAX_ORDER, free };
  }
}

function buddyOf(block: number): number {
  return block % 2 === 0 ? block + 1 : block - 1;
}

/** A version, what it must be, and the blocks that are held in it. */
interface Kept {
  buddy: Buddy;
  model: PlainBuddy;
  held: readonly { pfn: number; order: number }[];
}

function created(base: number, count: number): Kept {
  const model = new PlainBuddy(Array.from({ length: MAX_ORDER + 1 }, () => []));
  for (let pfn = base; pfn < base + count; pfn++) model.give(pfn, 0);
  return { buddy: Buddy.create(base, count, MAX_ORDER), model, held: [] };
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('alloc' as const), order: fc.nat(MAX_ORDER) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('free' as const), which: fc.nat() }) },
  fc.record({ op: fc.constant('at' as const), place: fc.nat(), order: fc.nat(MAX_ORDER) }),
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

function edited(from: Kept, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Kept {
  const { base, count } = from.buddy;
  const edit = from.buddy.edit();
  const model = new PlainBuddy(from.model.free);
  const held = [...from.held];
  for (const each of steps) {
    if (each.op === 'free') {
      const [block] = held.splice(each.which % Math.max(1, held.length), 1);
      if (block === undefined) continue;
      edit.free(block.pfn, block.order);
      model.give(block.pfn, block.order);
      continue;
    }
    const { order } = each;
    if (each.op === 'alloc') {
      const pfn = edit.alloc(order);
      expect(pfn).toBe(model.alloc(order));
      if (pfn !== null) held.push({ pfn, order });
      continue;
    }
    const pfn = base + (each.place % count) - ((base + (each.place % count)) % 2 ** order);
    if (pfn < base || pfn + 2 ** order > base + count) continue;
    const isTaken = edit.allocAt(pfn, order);
    expect(isTaken).toBe(model.allocAt(pfn, order));
    if (isTaken) held.push({ pfn, order });
  }
  return { buddy: edit.done(), model, held };
}

describe('versions of the buddy allocator', () => {
  test('are what a plain model says, whichever of them is edited, and whenever they are looked at', () => {
    const stretch = fc.record({
      base: fc.nat(300),
      count: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(5000)),
    });
    fc.assert(
      fc.property(stretch, edits, ({ base, count }, list) => {
        const versions = [created(base, count)];
        for (const { steps, from, isGivenUp } of list) {
          const before = versions[versions.length - 1 - (from % versions.length)] ?? versions[0];
          if (before === undefined) continue;
          const next = edited(before, steps);
          if (!isGivenUp) versions.push(next);
        }
        for (const { buddy, model, held } of versions) {
          const plain = model.toPlain(base, count);
          expect(buddy.toPlain()).toEqual(plain);
          expect(Buddy.fromPlain(plain).toPlain()).toEqual(plain);
          expect(buddy.buddyinfo).toEqual(model.free.map((blocks) => blocks.size));
          expect(buddy.freeFrames).toBe(count - held.reduce((sum, { order }) => sum + 2 ** order, 0));
          for (const order of [0, 3, MAX_ORDER]) {
            for (const wanted of [1, 2, 7])
              expect(buddy.canAlloc(order, wanted)).toBe(model.available(order) >= wanted);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('are made again after the journal was left behind for a copy', () => {
    let buddy = Buddy.create(0, 2 ** 16, 10);
    const versions = [buddy];
    const plains = [Buddy.create(0, 2 ** 16, 10).toPlain()];
    const held: number[] = [];
    for (let round = 1; round < 3000; round++) {
      const edit = buddy.edit();
      if (round % 3 === 0) edit.free(held.splice((round * 7) % held.length, 1)[0] ?? -1, 0);
      else held.push(edit.alloc(0) ?? -1);
      buddy = edit.done();
      if (round % 500 !== 0) continue;
      versions.push(buddy);
      plains.push(buddy.toPlain());
    }
    expect(versions.map((version) => version.toPlain())).toEqual(plains);
  });

  test('are not written by an edit that was sealed', () => {
    const edit = Buddy.create(0, 16, 4).edit();
    edit.alloc(1);
    edit.done();
    expect(() => edit.alloc(0)).toThrow('after done()');
    expect(() => edit.done()).toThrow('sealed once');
    expect(edit.buddyinfo).toEqual([0, 1, 1, 1, 0]);
  });

  test('of a zone of 64 GiB are quick to make', () => {
    const from = performance.now();
    const edit = Buddy.create(2 ** 18, 2 ** 24, 10).edit();
    expect(edit.alloc(0)).toBe(2 ** 18);
    expect(edit.done().freeFrames).toBe(2 ** 24 - 1);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});
