/** Readahead as mm/readahead.c decides it, without an address space around it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asyncReadahead,
  faultReadahead,
  forcedReadahead,
  initialReadahead,
  initRaSize,
  MMAP_LOTSAMISS,
  nextRaSize,
  type PlannedFolio,
  type ReadaheadTarget,
  raOrder,
  readaheadUnits,
  syncReadahead,
} from '../../src/mm/readahead.ts';
import '../support/propertySeed.ts';

const usual = { random: false, sequential: false };

/** A file of 4K pages of which some are cached. */
function target(cached: Iterable<number> = [], rest: Partial<ReadaheadTarget> = {}): ReadaheadTarget {
  const pages = new Set(cached);
  const has = (index: number): boolean => pages.has(index);
  const isFree = (index: number, order: number): boolean => {
    for (let page = index; page < index + 2 ** order; page++) if (pages.has(page)) return false;
    return true;
  };
  return { unitBytes: 4096, sizeBytes: 2 ** 22, maxOrder: 0, has, isFree, ...rest };
}

const span = (folios: PlannedFolio[]): (number | undefined)[] => {
  const last = folios.at(-1);
  return [folios[0]?.index, last === undefined ? undefined : last.index + 2 ** last.order];
};
const marks = (folios: PlannedFolio[]): number[] => folios.filter((folio) => folio.readahead).map(({ index }) => index);

describe('window sizes', () => {
  it('begin as the comment over get_init_ra_size says: 1-2 pages 16K, 3-4 32K, 5-8 64K, more 128K', () => {
    expect([1, 2, 3, 4, 5, 8, 9].map((pages) => initRaSize(pages, 32))).toEqual([4, 4, 8, 8, 16, 16, 32]);
  });

  it('grow fourfold, then twofold, then no more', () => {
    expect([1, 2, 16, 17, 32].map((pages) => nextRaSize(pages, 32))).toEqual([4, 4, 32, 32, 32]);
  });

  it('are 128K in every page size', () => {
    expect([4096, 16384, 65536].map(readaheadUnits)).toEqual([32, 8, 2]);
  });
});

describe('a fault that misses', () => {
  it('reads around the page, with the mark a quarter before the end', () => {
    const { folios, state } = faultReadahead(target(), initialReadahead(), 100, usual);
    expect([span(folios), marks(folios), state.mmapMiss]).toEqual([[84, 116], [108], 1]);
  });

  it('reads from the start of the file where the page lies near it', () => {
    expect(span(faultReadahead(target(), initialReadahead(), 3, usual).folios)).toEqual([0, 32]);
  });

  it('reads no page twice, and puts no mark on one that was there', () => {
    const cached = Array.from({ length: 25 }, (_, at) => 84 + at);
    const { folios } = faultReadahead(target(cached), initialReadahead(), 109, usual);
    expect([span(folios), marks(folios)]).toEqual([[109, 125], [117]]);
    expect(marks(faultReadahead(target(cached), initialReadahead(), 100, usual).folios)).toEqual([]);
  });

  it('has no mark on a kernel of 64K pages', () => {
    const { folios } = faultReadahead(target([], { unitBytes: 65536 }), initialReadahead(), 9, usual);
    expect([span(folios), marks(folios)]).toEqual([[8, 10], []]);
  });

  it('brings nothing in under VM_RAND_READ, and a window from the page on under VM_SEQ_READ', () => {
    expect(faultReadahead(target(), initialReadahead(), 9, { random: true, sequential: false }).folios).toEqual([]);
    const { folios } = faultReadahead(target(), initialReadahead(), 0, { random: false, sequential: true });
    expect([span(folios), marks(folios)]).toEqual([[0, 32], [16]]);
  });

  it('stops reading around after a hundred misses more than hits', () => {
    const state = { ...initialReadahead(), mmapMiss: MMAP_LOTSAMISS };
    const plan = faultReadahead(target(), state, 100, usual);
    expect([plan.folios, plan.state.mmapMiss]).toEqual([[], MMAP_LOTSAMISS + 1]);
  });
});

describe('a read', () => {
  it('of the first page starts a window of four and marks the second', () => {
    const { folios } = syncReadahead(target(), initialReadahead(), 0, 1);
    expect([span(folios), marks(folios)]).toEqual([[0, 4], [1]]);
  });

  it('that comes to the mark pushes a window twice as large ahead, marked at its first page', () => {
    const first = syncReadahead(target(), initialReadahead(), 0, 1);
    const { folios } = asyncReadahead(target([0, 1, 2, 3]), first.state, { index: 1, order: 0 }, 1, 1);
    expect([span(folios), marks(folios)]).toEqual([[4, 12], [4]]);
  });

  it('in the middle of nowhere reads what it wants and remembers nothing', () => {
    const { folios, state } = syncReadahead(target(), initialReadahead(), 500, 3);
    expect([span(folios), marks(folios), state]).toEqual([[500, 503], [], initialReadahead()]);
  });

  it('that follows the last one is sequential, and so is one after cached pages', () => {
    const after = { ...initialReadahead(), prevPosBytes: 500 * 4096 };
    expect(span(syncReadahead(target(), after, 500, 3).folios)).toEqual([500, 508]);
    const cached = Array.from({ length: 10 }, (_, at) => 490 + at);
    expect(span(syncReadahead(target(cached), initialReadahead(), 500, 3).folios)).toEqual([500, 513]);
  });

  it('larger than the window goes as far as one transfer of the device', () => {
    expect(span(syncReadahead(target(), initialReadahead(), 9, 1000).folios)).toEqual([9, 329]);
  });

  it('that meets a mark of somebody else goes on behind what is cached', () => {
    const cached = Array.from({ length: 20 }, (_, at) => 100 + at);
    const { folios } = asyncReadahead(target(cached), initialReadahead(), { index: 108, order: 0 }, 108, 4);
    expect(span(folios)).toEqual([120, 152]);
  });
});

describe('large folios', () => {
  it('grow with the window, keep aligned, and end with the file', () => {
    const large = target([], { maxOrder: 9, sizeBytes: 50 * 4096 });
    const state = { ...initialReadahead(), start: 32, size: 32, asyncSize: 32 };
    expect(raOrder(large, state, 32, 2).map(({ index, order }) => [index, order])).toEqual([
      [32, 4],
      [48, 1],
    ]);
  });

  it('give way to single pages behind the first that is in their way', () => {
    const folios = raOrder(target([37], { maxOrder: 9 }), { ...initialReadahead(), size: 16, asyncSize: 0 }, 32, 0);
    expect(folios[0]).toEqual({ index: 32, order: 2, readahead: false });
    expect(folios.slice(1).every(({ order, index }) => order === 0 && index !== 37)).toBe(true);
  });
});

describe('MADV_WILLNEED', () => {
  it('brings in what is missing, up to one transfer of the device', () => {
    expect(span(forcedReadahead(target([0, 1]), 0, 8))).toEqual([2, 8]);
    expect(forcedReadahead(target(), 0, 10_000)).toHaveLength(320);
    expect(forcedReadahead(target([], { unitBytes: 65536 }), 0, 10_000)).toHaveLength(20);
  });
});

describe('every plan', () => {
  it('holds each page once, none that is cached, and none past the end of the file', () => {
    const unit = fc.integer({ min: 0, max: 90 });
    fc.assert(
      fc.property(
        fc.array(unit),
        unit,
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (cached, index, request, large) => {
          const file = target(cached, { sizeBytes: 80 * 4096, maxOrder: large ? 9 : 0 });
          const state = {
            ...initialReadahead(),
            start: index,
            size: request,
            asyncSize: 1,
            prevPosBytes: index * 4096,
          };
          const plans = [
            syncReadahead(file, state, index, request).folios,
            faultReadahead(file, state, index, usual).folios,
            asyncReadahead(file, state, { index, order: 0 }, index, request).folios,
            forcedReadahead(file, index, request),
          ];
          for (const folios of plans) {
            const pages = folios.flatMap((folio) =>
              Array.from({ length: 2 ** folio.order }, (_, at) => folio.index + at),
            );
            expect(new Set(pages).size).toBe(pages.length);
            expect(pages.filter((page) => cached.includes(page) || page >= 80)).toEqual([]);
            expect(folios.filter((folio) => folio.index % 2 ** folio.order !== 0)).toEqual([]);
            // Large folios that meet a page begin again with single ones, and may set a second mark.
            expect(marks(folios).length).toBeLessThanOrEqual(large ? 2 : 1);
          }
        },
      ),
    );
  });
});
