/**
 * Rules of compaction, of the slow path and of the OOM killer, without actors.
 *
 * @models S-14 S-23 L-04 D-12
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isMigratable, nextBatch, scannersMet } from '../../src/mm/compaction/scan.ts';
import {
  afterFailure,
  afterSuccess,
  compactFinished,
  compactionSuitable,
  isDeferred,
  noDeferral,
} from '../../src/mm/compaction/suitable.ts';
import type { Folio } from '../../src/mm/frames.ts';
import { Pageblocks } from '../../src/mm/pageblock/pageblocks.ts';
import { watermarkOk } from '../../src/mm/pageblock/reserves.ts';
import {
  beginSlowpath,
  nextStep,
  type Slowpath,
  type SlowpathOutcome,
  type SlowpathRules,
} from '../../src/mm/slowpath/slowpath.ts';
import '../support/propertySeed.ts';

const anon = (pfn: number, order = 0): Folio => {
  return { pfn, order, refs: 2 ** order, pins: 0, owner: 'mm:1', kind: 'anon', lazyFree: false, large: null };
};

describe('the scanners', () => {
  const place = fc.record({
    pfn: fc.nat(127),
    order: fc.nat(3),
    kind: fc.constantFrom('anon', 'pinned', 'shared', 'kernel'),
  });
  const scan = { order: 4, type: 'movable' as const, priority: 1 as const, direct: true };

  test('move what can be moved to free places of its size above, no place twice, until they meet', () => {
    fc.assert(
      fc.property(fc.array(place, { maxLength: 60 }), (places) => {
        const edit = Pageblocks.create(0, 128, 6, 4).edit();
        const folios = new Map<number, Folio>();
        for (const { pfn, order, kind } of places) {
          const head = pfn - (pfn % 2 ** order);
          if (!edit.allocAt(head, order)) continue;
          const folio = anon(head, order);
          const held =
            kind === 'pinned' ? { pins: 1, refs: folio.refs + 1 } : kind === 'shared' ? { refs: folio.refs * 2 } : {};
          folios.set(head, { ...folio, ...held, kind: kind === 'kernel' ? 'kernel' : 'anon' });
        }
        const folioAt = (pfn: number): Folio | null =>
          [...folios.values()].find((one) => pfn >= one.pfn && pfn < one.pfn + 2 ** one.order) ?? null;
        let at = { migratePfn: 0, freePfn: 128 };
        const before = [...folios.values()]
          .filter((one) => isMigratable(one, 4))
          .reduce((sum, one) => sum + 2 ** one.order, 0);
        for (let round = 0; !scannersMet(at, 4); round++) {
          expect(round).toBeLessThan(40);
          const batch = nextBatch(edit, folioAt, { ...scan, ...at });
          for (const { fromPfn, toPfn, order } of batch.moves) {
            const folio = folios.get(fromPfn);
            if (folio === undefined) throw new Error('only folios are moved');
            expect(isMigratable(folio, 4)).toBe(true);
            expect(folio.order).toBe(order);
            expect(toPfn).toBeGreaterThan(fromPfn);
            expect(Math.floor(toPfn / 16)).toBeGreaterThan(Math.floor(fromPfn / 16));
            // Fails where the place is taken already, by another of the batch too.
            expect(edit.allocAt(toPfn, order)).toBe(true);
            edit.free(fromPfn, order);
            folios.delete(fromPfn);
            folios.set(toPfn, { ...folio, pfn: toPfn });
          }
          const moved = batch.migratePfn > at.migratePfn || batch.freePfn < at.freePfn;
          expect(moved).toBe(true);
          at = batch;
        }
        const used = [...folios.values()].reduce((sum, one) => sum + 2 ** one.order, 0);
        expect(edit.freeFrames + used).toBe(128);
        const after = [...folios.values()]
          .filter((one) => isMigratable(one, 4))
          .reduce((sum, one) => sum + 2 ** one.order, 0);
        expect(after).toBe(before);
      }),
    );
  });

  test('asynchronous direct compaction takes nothing out of page blocks of another type', () => {
    const edit = Pageblocks.create(0, 64, 4, 3).edit();
    edit.allocAt(1, 0);
    edit.allocAt(60, 0);
    edit.setType(0, 'unmovable');
    const folioAt = (pfn: number): Folio | null => (pfn === 1 ? anon(1) : null);
    const at = { order: 3, type: 'movable' as const, direct: true, migratePfn: 0, freePfn: 64 };
    expect(nextBatch(edit, folioAt, { ...at, priority: 2 }).moves).toEqual([]);
    expect(nextBatch(edit, folioAt, { ...at, priority: 1 }).moves).toEqual([
      { fromPfn: 1, toPfn: 56, order: 0, owner: 'mm:1' },
    ]);
    expect(nextBatch(edit, folioAt, { ...at, priority: 2, type: 'unmovable' }).moves).toHaveLength(1);
  });

  test('a page block that is free as a whole is not broken into', () => {
    const edit = Pageblocks.create(0, 32, 4, 3).edit();
    edit.allocAt(0, 0);
    const at = { order: 3, type: 'movable' as const, priority: 1 as const, direct: true, migratePfn: 0, freePfn: 32 };
    expect(nextBatch(edit, (pfn) => (pfn === 0 ? anon(0) : null), at).moves).toEqual([]);
  });
});

describe('compaction', () => {
  const checkered = (pages: number, every: number) => {
    const edit = Pageblocks.create(0, pages, 10, 9).edit();
    for (let pfn = 0; pfn < pages; pfn += every) edit.allocAt(pfn, 0);
    return edit;
  };
  const marks = { min: 100, low: 125, high: 150 };

  test('is for fragmented zones with room: not for full ones, and not where a block is there', () => {
    expect(compactionSuitable(checkered(4096, 2), 4, marks)).toBeNull();
    expect(compactionSuitable(Pageblocks.create(0, 4096, 10, 9), 4, marks)).toBe('success');
    expect(compactionSuitable(checkered(4096, 2), 4, { min: 3000, low: 3000, high: 3000 })).toBe('skipped');
  });

  test('of a costly order is skipped where the index says that memory is short rather than broken up', () => {
    const edit = checkered(4096, 1024);
    // Few blocks are free, all of them small: index 1000 - (1000 + free * 1000 / 16) / blocks.
    for (let pfn = 0; pfn < 4096; pfn++) if (pfn % 1024 !== 0) edit.allocAt(pfn, 0);
    for (let pfn = 1; pfn < 1024; pfn += 8) edit.free(pfn, 0);
    for (let pfn = 2; pfn < 1024; pfn += 8) edit.free(pfn, 0);
    expect(edit.fragmentation(4).index).toBeGreaterThan(500);
    expect(compactionSuitable(edit, 4, marks)).toBeNull();
    // Blocks of half the size wanted: 1000 - (1000 + 256 * 8 * 1000 / 16) / 256 = 497.
    const halves = Pageblocks.create(0, 4096, 10, 9).edit();
    for (let pfn = 0; pfn < 4096; pfn += 16) halves.allocAt(pfn, 3);
    expect(halves.fragmentation(4).index).toBe(497);
    expect(compactionSuitable(halves, 4, marks)).toBe('skipped');
    // Below the costly order the index is not looked at.
    const quarters = Pageblocks.create(0, 4096, 10, 9).edit();
    for (let pfn = 0; pfn < 4096; pfn += 8) quarters.allocAt(pfn, 2);
    expect(quarters.fragmentation(3).index).toBeLessThan(500);
    expect(compactionSuitable(quarters, 3, marks)).toBeNull();
  });

  test('has done its work when a block of the type is free, or one of another that may be taken over', () => {
    const edit = Pageblocks.create(0, 64, 5, 4).edit();
    for (let pfn = 0; pfn < 64; pfn += 4) edit.allocAt(pfn, 0);
    const wish = { order: 2, type: 'unmovable' as const, priority: 1 as const, atBlockEnd: false };
    expect(compactFinished(edit, { ...wish, type: 'movable' })).toBe(false);
    edit.free(4, 0);
    expect(compactFinished(edit, { ...wish, type: 'movable' })).toBe(true);
    // Memory that does not move lets a page block that was begun be finished first.
    expect(compactFinished(edit, wish)).toBe(false);
    expect(compactFinished(edit, { ...wish, atBlockEnd: true })).toBe(true);
    expect(compactFinished(edit, { ...wish, priority: 2 })).toBe(true);
  });

  test('that failed is put off for 1, 3, 7 ... 63 allocations, and no more once a block was handed out', () => {
    let deferral = { ...noDeferral };
    const deferredFor = (): number => {
      let count = 0;
      for (;;) {
        const asked = isDeferred(deferral, 4);
        deferral = asked.deferral;
        if (!asked.deferred) return count;
        count++;
      }
    };
    const counts: number[] = [];
    for (let failure = 0; failure < 8; failure++) {
      deferral = afterFailure(deferral, 4);
      counts.push(deferredFor());
    }
    expect(counts).toEqual([1, 3, 7, 15, 31, 63, 63, 63]);
    deferral = afterSuccess(deferral, 4, true);
    expect(deferredFor()).toBe(0);
  });
});

describe('watermarks', () => {
  test('go down to a half for who may, to three eighths for who cannot wait, to a half for who is being killed', () => {
    const zone = (freePages: number) => ({ freePages, highatomicPages: 0, hasBlock: () => true });
    const least = (wish: object): number => {
      let freePages = 0;
      while (!watermarkOk(zone(freePages), { order: 0, mark: 1000, ...wish })) freePages++;
      return freePages;
    };
    expect([least({}), least({ high: true }), least({ high: true, nonBlock: true }), least({ oom: true })]).toEqual([
      1001, 501, 376, 501,
    ]);
    expect(watermarkOk({ ...zone(1100), highatomicPages: 200 }, { order: 0, mark: 1000 })).toBe(false);
    expect(watermarkOk({ ...zone(1100), highatomicPages: 200 }, { order: 0, mark: 1000, highatomic: true })).toBe(true);
  });
});

describe('the slow path', () => {
  /** The steps of an allocation that nothing helps. */
  function stepsOf(
    order: number,
    rules: Partial<SlowpathRules>,
    outcomes: Partial<Record<string, SlowpathOutcome>> = {},
  ) {
    const all: SlowpathRules = { compaction: true, oom: true, failure: 'compact-then-oom', ...rules };
    const none: Record<string, SlowpathOutcome> = {
      try: { of: 'try', granted: false },
      'try-high': { of: 'try', granted: false },
      compact: { of: 'compact', result: 'complete' },
      reclaim: { of: 'reclaim', pages: 0 },
      kill: { of: 'kill', found: false },
      wait: { of: 'wait' },
    };
    const steps: string[] = [];
    let at: Slowpath | null = beginSlowpath({ order, movable: true, leastOfProcess: true });
    while (at !== null && steps.length < 400) {
      steps.push(at.step);
      const outcome: SlowpathOutcome | undefined = outcomes[at.step] ?? none[at.step];
      if (outcome === undefined) break;
      at = nextStep(at, outcome, all);
    }
    return steps;
  }

  test('of order 4 fails after one try of each kind, as the kernel has it for a costly order', () => {
    const once = ['try', 'compact', 'try', 'reclaim', 'try', 'compact', 'try'];
    expect(stepsOf(4, { failure: 'fail-fault' })).toEqual([...once, 'fail']);
    expect(stepsOf(4, { failure: 'retry-fault' })).toEqual([...once, 'fail']);
    expect(stepsOf(4, { failure: 'fall-back-to-kernel-page' })).toEqual([...once, 'fall-back']);
  });

  test('of order 2 ends with the OOM killer, whatever the policy: it is below the costly order', () => {
    const steps = stepsOf(2, { failure: 'fail-fault' });
    expect(steps).toEqual(['try', 'reclaim', 'try', 'compact', 'try', 'try-high', 'kill', 'fail']);
  });

  test('of a process page that is as needed as a kernel page compacts on, then kills', () => {
    const steps = stepsOf(4, {});
    expect(steps.slice(-3)).toEqual(['try-high', 'kill', 'fail']);
    // No order is costly for it: after the first one, asynchronous, sync-light and sync-full.
    expect(steps.filter((step) => step === 'compact')).toHaveLength(3);
    expect(stepsOf(2, {}).filter((step) => step === 'compact')).toHaveLength(2);
  });

  test('waits for a victim, compacts what comes back, and seeks another where nothing does', () => {
    const steps = stepsOf(4, {}, { kill: { of: 'kill', found: true } });
    expect(steps.filter((step) => step === 'wait').length).toBeGreaterThan(16);
    expect(steps.filter((step) => step === 'kill').length).toBeGreaterThan(1);
  });

  test('without compaction or killer does with what is left', () => {
    expect(stepsOf(4, { compaction: false, oom: false })).toEqual(['try', 'reclaim', 'try', 'fail']);
    expect(stepsOf(0, {})).toEqual(['try', 'reclaim', 'try', 'try-high', 'kill', 'fail']);
  });

  test('ends, whatever comes of its steps', () => {
    const outcome = fc.record({
      pages: fc.nat(3),
      result: fc.constantFrom('skipped', 'deferred', 'success', 'partial-skipped', 'complete'),
      found: fc.boolean(),
    });
    const policy = fc.constantFrom('compact-then-oom', 'fail-fault', 'retry-fault', 'fall-back-to-kernel-page');
    fc.assert(
      fc.property(fc.nat(5), policy, fc.array(outcome, { minLength: 1, maxLength: 40 }), (order, failure, list) => {
        const rules = { compaction: true, oom: true, failure };
        let at: Slowpath | null = beginSlowpath({ order, movable: true, leastOfProcess: true });
        let kills = 0;
        for (let step = 0; step < 3000; step++) {
          if (at === null || at.step === 'fail' || at.step === 'fall-back') return;
          // In the end reclaim finds nothing and nobody is left to kill.
          const { pages, result, found } = list[step % list.length];
          const late = step > 300;
          let came: SlowpathOutcome = { of: 'try', granted: false };
          if (at.step === 'compact') came = { of: 'compact', result };
          else if (at.step === 'reclaim') came = { of: 'reclaim', pages: late ? 0 : pages };
          else if (at.step === 'kill') came = { of: 'kill', found: found && ++kills < 20 };
          else if (at.step === 'wait') came = { of: 'wait' };
          at = nextStep(at, came, rules);
        }
        throw new Error(`an allocation of order ${order} never ends`);
      }),
    );
  });
});
