import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Buddy } from '../../src/mm/buddy.ts';

const MAX_ORDER = 4;

/** A bitmap of free frames, and the blocks that it must consist of when everything that can merge has merged. */
function freeBlocks(isFree: readonly boolean[], base: number): number[] {
  const counts = Array.from({ length: MAX_ORDER + 1 }, () => 0);
  for (let pfn = base; pfn < base + isFree.length; ) {
    let order = MAX_ORDER;
    const fits = (size: number) =>
      pfn % size === 0 &&
      pfn - base + size <= isFree.length &&
      !isFree.slice(pfn - base, pfn - base + size).includes(false);
    while (order >= 0 && !fits(2 ** order)) order--;
    if (order >= 0) counts[order] = (counts[order] ?? 0) + 1;
    pfn += order < 0 ? 1 : 2 ** order;
  }
  return counts;
}

describe('the buddy allocator', () => {
  test('gives aligned blocks that are free, keeps everything merged, and leaves earlier versions as they were', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ op: fc.constant('alloc' as const), order: fc.nat(MAX_ORDER) }),
        fc.record({ op: fc.constant('free' as const), which: fc.nat() }),
        fc.record({ op: fc.constant('at' as const), pfn: fc.nat(100), order: fc.nat(2) }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: 1, max: 80 }), steps, (base, count, list) => {
        const isFree = Array.from({ length: count }, () => true);
        const held: { pfn: number; order: number }[] = [];
        const versions: [Buddy, number[]][] = [];
        let buddy = Buddy.create(base, count, MAX_ORDER);
        const take = (pfn: number, order: number) => {
          expect(pfn % 2 ** order).toBe(0);
          expect(isFree.slice(pfn - base, pfn - base + 2 ** order)).toEqual(
            Array.from({ length: 2 ** order }, () => true),
          );
          isFree.fill(false, pfn - base, pfn - base + 2 ** order);
          held.push({ pfn, order });
        };
        for (const step of list) {
          const edit = buddy.edit();
          if (step.op === 'alloc') {
            const pfn = edit.alloc(step.order);
            if (pfn === null)
              expect(
                freeBlocks(isFree, base)
                  .slice(step.order)
                  .every((blocks) => blocks === 0),
              ).toBe(true);
            else take(pfn, step.order);
          } else if (step.op === 'at') {
            const pfn = step.pfn - (step.pfn % 2 ** step.order);
            if (pfn < base || pfn + 2 ** step.order > base + count) continue;
            const wasFree = !isFree.slice(pfn - base, pfn - base + 2 ** step.order).includes(false);
            expect(edit.allocAt(pfn, step.order)).toBe(wasFree);
            if (wasFree) take(pfn, step.order);
          } else if (held.length > 0) {
            const { pfn, order } = held.splice(step.which % held.length, 1)[0];
            edit.free(pfn, order);
            isFree.fill(true, pfn - base, pfn - base + 2 ** order);
          }
          buddy = edit.done();
          versions.push([buddy, freeBlocks(isFree, base)]);
        }
        for (const [version, blocks] of versions) {
          expect(version.buddyinfo).toEqual(blocks);
          expect(Buddy.fromPlain(version.toPlain()).toPlain()).toEqual(version.toPlain());
        }
        expect(buddy.freeFrames).toBe(isFree.filter(Boolean).length);
        expect(isFree.map((_, at) => buddy.isFree(base + at))).toEqual(isFree);
      }),
    );
  });

  test('takes the smallest block that is large enough, and of those the lowest', () => {
    const edit = Buddy.create(0, 64, 5).edit();
    expect([edit.alloc(2), edit.alloc(0), edit.alloc(5), edit.alloc(0)]).toEqual([0, 4, 32, 5]);
    edit.free(0, 2);
    expect(edit.alloc(0)).toBe(6);
  });

  test('refuses a block freed twice, in whole, in part, or as part of a larger one', () => {
    const edit = Buddy.create(0, 64, 5).edit();
    const pfn = edit.alloc(3) ?? -1;
    edit.free(pfn, 3);
    for (const order of [0, 3, 5]) expect(() => edit.free(pfn, order)).toThrow('freed once');
    expect(() => edit.free(3, 1)).toThrow('aligned');
    expect(() => edit.free(64, 0)).toThrow('managed stretch');
  });

  test('tells lack of memory from fragmentation as /sys/kernel/debug/extfrag does', () => {
    const whole = Buddy.create(0, 32, 5);
    expect(whole.fragmentation(5)).toEqual({ index: -1000, unusable: 0 });
    const edit = whole.edit();
    for (let pfn = 0; pfn < 32; pfn += 2) edit.allocAt(pfn, 0);
    // 16 free blocks of one page and a wish for 2: 1000 - (1000 + 16000 / 2) / 16.
    expect(edit.fragmentation(1)).toEqual({ index: 438, unusable: 1000 });
    expect(edit.fragmentation(0)).toEqual({ index: -1000, unusable: 0 });
    for (let pfn = 1; pfn < 32; pfn += 2) edit.allocAt(pfn, 0);
    expect(edit.fragmentation(0)).toEqual({ index: 0, unusable: 1000 });
  });

  test('holds 64 million frames as a few runs', () => {
    const buddy = Buddy.create(0, 2 ** 26, 10);
    expect(buddy.freeFrames).toBe(2 ** 26);
    expect(buddy.toPlain().free.flat()).toEqual([0, 2 ** 16]);
  });
});
