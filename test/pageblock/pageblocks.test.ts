/**
 * Page blocks against a plain model: a list of free blocks, each with its frames, looked through from end to end.
 *
 * @models S-14 L-04
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AllocationType,
  findFallback,
  isMergeable,
  MIGRATE_TYPES,
  type MigrateType,
  takesBlockOver,
} from '../../src/mm/pageblock/migrateTypes.ts';
import { Pageblocks } from '../../src/mm/pageblock/pageblocks.ts';
import { fragmentationOf } from '../../src/mm/pageblock/pageblocksReader.ts';
import '../support/propertySeed.ts';

const MAX_ORDER = 4;
const BLOCK_ORDER = 3;
const BLOCK = 2 ** BLOCK_ORDER;

interface FreeBlock {
  pfn: number;
  order: number;
}

/** What the kernel's functions do, on one unsorted list of free blocks. */
class PlainPageblocks {
  free: FreeBlock[] = [];
  types = new Map<number, MigrateType>();
  readonly base: number;
  readonly count: number;

  constructor(base: number, count: number) {
    this.base = base;
    this.count = count;
    for (let pfn = base; pfn < base + count; pfn++) this.give(pfn, 0);
  }

  typeOf(pfn: number): MigrateType {
    return this.types.get(Math.floor(pfn / BLOCK)) ?? 'movable';
  }

  of(order: number, type: MigrateType): FreeBlock[] {
    return this.free
      .filter((block) => block.order === order && this.typeOf(block.pfn) === type)
      .sort((a, b) => a.pfn - b.pfn);
  }

  remove(block: FreeBlock): void {
    this.free = this.free.filter((other) => other.pfn !== block.pfn);
  }

  /** Takes 2^order frames from the front of a block; the rest is free in halves. */
  cut(block: FreeBlock, order: number): number {
    this.remove(block);
    for (let at = block.order - 1; at >= order; at--) this.free.push({ pfn: block.pfn + 2 ** at, order: at });
    return block.pfn;
  }

  give(pfn: number, order: number): void {
    let block = { pfn, order };
    for (;;) {
      const size = 2 ** block.order;
      const other = block.pfn % (2 * size) === 0 ? block.pfn + size : block.pfn - size;
      const buddy = this.free.find((at) => at.pfn === other && at.order === block.order);
      const [mine, its] = [this.typeOf(pfn), this.typeOf(other)];
      if (block.order === MAX_ORDER || buddy === undefined) break;
      if (mine !== its && !(isMergeable(mine) && isMergeable(its))) break;
      if (mine !== its) this.types.set(Math.floor(other / BLOCK), mine);
      this.remove(buddy);
      block = { pfn: Math.min(block.pfn, other), order: block.order + 1 };
    }
    this.free.push(block);
  }

  smallest(order: number, type: MigrateType): number | null {
    for (let at = order; at <= MAX_ORDER; at++) {
      const [block] = this.of(at, type);
      if (block !== undefined) return this.cut(block, order);
    }
    return null;
  }

  alloc(order: number, type: AllocationType, movable: ReadonlySet<number>): number | null {
    const own = this.smallest(order, type);
    if (own !== null) return own;
    const hasBlock = (at: number, other: MigrateType): boolean => this.of(at, other).length > 0;
    const orders = { order, maxOrder: MAX_ORDER, pageblockOrder: BLOCK_ORDER };
    const fallback = findFallback({ ...orders, type, noFragment: false, hasBlock });
    if (fallback === null) return null;
    const [block] = this.of(fallback.order, fallback.type);
    if (fallback.order >= BLOCK_ORDER) {
      for (let pfn = block.pfn; pfn < block.pfn + 2 ** block.order; pfn += BLOCK)
        this.types.set(Math.floor(pfn / BLOCK), type);
      return this.cut(block, order);
    }
    const first = block.pfn - (block.pfn % BLOCK);
    const frames = Array.from({ length: BLOCK }, (_, at) => first + at);
    const whole = first >= this.base && first + BLOCK <= this.base + this.count;
    const counts = {
      freePages: frames.filter((pfn) => this.isFree(pfn)).length,
      movablePages: frames.filter((pfn) => movable.has(pfn)).length,
    };
    const about = { type, blockType: fallback.type, pageblockOrder: BLOCK_ORDER, ...counts };
    if (!fallback.wholeBlock || !whole || !takesBlockOver(about)) return this.cut(block, order);
    this.types.set(first / BLOCK, type);
    return this.smallest(order, type);
  }

  isFree(pfn: number): boolean {
    return this.free.some((block) => pfn >= block.pfn && pfn < block.pfn + 2 ** block.order);
  }

  counts(type: MigrateType): number[] {
    return Array.from({ length: MAX_ORDER + 1 }, (_, order) => this.of(order, type).length);
  }
}

const allocationType = fc.constantFrom<AllocationType>('unmovable', 'movable', 'reclaimable');
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('alloc' as const), order: fc.nat(MAX_ORDER), type: allocationType }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('alloc' as const), order: fc.constant(0), type: allocationType }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('free' as const), which: fc.nat() }) },
);

describe('page blocks', () => {
  test('hold what a plain model of the kernel functions holds, conserve frames, and keep old versions', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.integer({ min: 1, max: 70 }),
        fc.array(step, { maxLength: 50 }),
        (base, count, list) => {
          const model = new PlainPageblocks(base, count);
          let blocks = Pageblocks.create(base, count, MAX_ORDER, BLOCK_ORDER);
          const held: (FreeBlock & { type: AllocationType })[] = [];
          const versions: [Pageblocks, Record<string, number[]>][] = [];
          for (const each of list) {
            const edit = blocks.edit();
            if (each.op === 'alloc') {
              const movable = new Set(
                held.flatMap(({ pfn, order, type }) =>
                  type === 'movable' ? Array.from({ length: 2 ** order }, (_, at) => pfn + at) : [],
                ),
              );
              const movablePages = (pfn: number, nr: number): number =>
                Array.from({ length: nr }, (_, at) => pfn + at).filter((at) => movable.has(at)).length;
              const before = blocks.typeOf.bind(blocks);
              const pfn = edit.alloc(each.order, { type: each.type, movablePages });
              expect(pfn).toBe(model.alloc(each.order, each.type, movable));
              if (pfn === null) continue;
              held.push({ pfn, order: each.order, type: each.type });
              // Memory of a block of another type is only had by a steal, which is told.
              const stolen = edit.steals.length > 0;
              expect(stolen || before(pfn) === each.type).toBe(true);
              if (stolen) expect(edit.steals[0]).toMatchObject({ pfn, type: each.type });
              if (stolen && edit.steals[0].retyped) expect(edit.typeOf(pfn)).toBe(each.type);
            } else if (held.length > 0) {
              const [block] = held.splice(each.which % held.length, 1);
              edit.free(block.pfn, block.order);
              model.give(block.pfn, block.order);
            }
            blocks = edit.done();
            const used = held.reduce((sum, { order }) => sum + 2 ** order, 0);
            expect(blocks.freeFrames + used).toBe(count);
            versions.push([blocks, Object.fromEntries(MIGRATE_TYPES.map((type) => [type, model.counts(type)]))]);
          }
          for (const [version, counts] of versions) {
            for (const type of MIGRATE_TYPES) expect(version.freeBlocksOf(type)).toEqual(counts[type]);
            const plain = version.toPlain();
            const revived = Pageblocks.fromPlain(plain);
            expect(revived.toPlain()).toEqual(plain);
            for (const type of MIGRATE_TYPES) expect(revived.freeBlocksOf(type)).toEqual(counts[type]);
          }
          for (let pfn = base; pfn < base + count; pfn++) expect(blocks.isFree(pfn)).toBe(model.isFree(pfn));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('an unmovable page takes the largest movable block and its page block with it; the next ones come from there', () => {
    const edit = Pageblocks.create(0, 2048, 10, 9).edit();
    expect(edit.alloc(0, { type: 'unmovable' })).toBe(0);
    expect([edit.typeOf(0), edit.typeOf(512), edit.typeOf(1024)]).toEqual(['unmovable', 'unmovable', 'movable']);
    expect(edit.alloc(3, { type: 'unmovable' })).toBe(8);
    expect(edit.steals).toHaveLength(1);
    expect(edit.alloc(0)).toBe(1024);
  });

  test('a movable page breaks up the smallest unmovable block, and leaves its page block as it is', () => {
    const edit = Pageblocks.create(0, 512, 10, 9).edit();
    for (let pfn = 0; pfn < 512; pfn += 8) edit.allocAt(pfn, 2);
    edit.setType(0, 'unmovable');
    edit.allocAt(4, 0);
    // Order 0 at frame 5 is the smallest; a page block is not taken over for orders below 9 / 2.
    expect(edit.alloc(0, { type: 'movable', highMark: 1 })).toBe(5);
    expect(edit.steals).toEqual([
      { pfn: 5, order: 0, fromOrder: 0, type: 'movable', from: 'unmovable', retyped: false },
    ]);
    expect(edit.typeOf(5)).toBe('unmovable');
  });

  test('mixing raises the watermarks by a page block each time, to 150% of the high one', () => {
    const edit = Pageblocks.create(0, 4096, 10, 9).edit();
    // Every other page of everything is in use: nothing but single pages is free.
    for (let pfn = 0; pfn < 4096; pfn += 2) edit.allocAt(pfn, 0);
    const wish = { type: 'unmovable' as const, highMark: 500, movablePages: () => 256 };
    edit.alloc(0, wish);
    expect(edit.boostPages).toBe(512);
    for (let at = 0; at < 2000; at++) edit.alloc(0, wish);
    expect(edit.boostPages).toBe(750);
    edit.clearBoost();
    expect(edit.boostPages).toBe(0);
  });

  test('keeps 1% for atomic allocations, in whole page blocks, and gives them back', () => {
    const edit = Pageblocks.create(0, 2 ** 19, 10, 9).edit();
    for (let block = 0; block < 40; block++) {
      const pfn = block * 512;
      edit.allocAt(pfn, 3);
      expect(edit.reserveHighatomic(pfn)).toBe(block < 11);
    }
    // 1% of 524288 pages is 10.24 page blocks: eleven.
    expect(edit.highatomicPages).toBe(11 * 512);
    expect(edit.freeFramesOf('highatomic')).toBe(11 * 504);
    expect(edit.alloc(3, { type: 'movable', highatomic: true })).toBe(8);
    const before = edit.freeFrames;
    expect(edit.unreserveHighatomic('movable')).toBe(true);
    expect(edit.highatomicPages).toBe(10 * 512);
    expect(edit.freeFrames).toBe(before);
    // One page block of a small zone would be more than 1%.
    const small = Pageblocks.create(0, 8192, 10, 9).edit();
    expect(small.reserveHighatomic(0)).toBe(false);
  });

  test('what is freed into a reserve stays there, and does not merge with its neighbours', () => {
    const edit = Pageblocks.create(0, 2 ** 17, 10, 9).edit();
    edit.allocAt(0, 9);
    edit.allocAt(512, 9);
    edit.reserveHighatomic(0);
    edit.free(0, 9);
    edit.free(512, 9);
    expect(edit.freeOrderAt(0)).toBe(9);
    expect(edit.freeBlocksOf('highatomic')[9]).toBe(1);
    expect(edit.unreserveHighatomic('movable')).toBe(true);
  });

  test('tell lack of memory from fragmentation as the untyped allocator does', () => {
    const edit = Pageblocks.create(0, 32, 5, 3).edit();
    for (let pfn = 0; pfn < 32; pfn += 2) edit.allocAt(pfn, 0);
    expect(edit.fragmentation(1)).toEqual({ index: 438, unusable: 1000 });
    expect(edit.fragmentation(0)).toEqual({ index: -1000, unusable: 0 });
    expect(fragmentationOf([0, 0], 1)).toEqual({ index: 0, unusable: 1000 });
  });
});
