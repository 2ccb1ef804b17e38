/**
 * The files that show how free memory lies, from page blocks of known types.
 *
 * @models S-14
 */
import { describe, expect, test } from 'vitest';
import { Pageblocks } from '../../src/mm/pageblock/pageblocks.ts';
import { buddyinfoText, extfragText, pagetypeinfoOf, pagetypeinfoText } from '../../src/mm/pageblock/procText.ts';

function zone() {
  const edit = Pageblocks.create(0, 4096, 10, 9).edit();
  edit.alloc(0, { type: 'unmovable' });
  edit.alloc(4, { type: 'movable' });
  edit.allocAt(3072, 0);
  edit.reserveHighatomic(3072);
  edit.setType(3584, 'isolate');
  return edit.done();
}

describe('/proc/pagetypeinfo', () => {
  test('counts every free block once, and every page block', () => {
    const { free, blocks } = pagetypeinfoOf(zone());
    const pages = Object.values(free).flatMap((orders) => orders.map((count, order) => count * 2 ** order));
    expect(pages.reduce((sum, one) => sum + one, 0)).toBe(zone().freeFrames);
    expect(Object.values(blocks).reduce((sum, one) => sum + one, 0)).toBe(8);
    // The first unmovable page took the order-10 block with both its page blocks; a small zone keeps nothing for atomic ones.
    expect(blocks).toEqual({ unmovable: 2, movable: 5, reclaimable: 0, highatomic: 0, cma: 0, isolate: 1 });
    expect(free.isolate[9]).toBe(1);
  });

  test('has the columns of the kernel', () => {
    const lines = pagetypeinfoText(zone(), 'DMA').split('\n');
    expect(lines[0]).toBe('Page block order: 9');
    expect(lines[3]).toBe(
      'Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 ',
    );
    expect(lines[4]).toBe(
      'Node    0, zone      DMA, type    Unmovable      1      1      1      1      1      1      1      1      1      1      0 ',
    );
    expect(lines.at(-3)).toBe(
      'Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate ',
    );
    expect(lines.at(-2)).toBe(
      'Node 0, zone      DMA            2            5            0            0            0            1 ',
    );
  });
});

test('/proc/buddyinfo is the sum over the types', () => {
  const shown = zone();
  const sums = shown.buddyinfo.map((_, order) =>
    Object.values(pagetypeinfoOf(shown).free).reduce((sum, orders) => sum + orders[order], 0),
  );
  expect(buddyinfoText(shown.buddyinfo, 'DMA')).toBe(buddyinfoText(sums, 'DMA'));
  expect(extfragText(shown.buddyinfo, 'DMA', 'index')).toContain('-1.000 -1.000');
});
