/**
 * Random worlds that are short of memory, under the laws and a shadow of all contents: nothing that was written is lost, frames and slots
 * are conserved, and no step of reclaim tears a process page.
 *
 * @models S-10 D-01 D-02 D-07 X-07
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkEnd } from '../machines/support/world.ts';
import { kswapdOf, reclaimWorld, runShadowed, slotFault, swapOf } from './support/reclaimWorld.ts';
import '../support/propertySeed.ts';

const seeds = fc.integer({ min: 1, max: 1_000_000 });

/** What all runs of a property did: a property that never swapped would prove nothing. */
interface Done {
  stolen: number;
  cleanly: number;
  back: number;
  discarded: number;
  violations: number;
}

function runSeed(seed: number, done: Done, change: Parameters<typeof reclaimWorld>[1] = {}): void {
  const { system, pids } = reclaimWorld(seed, change);
  runShadowed(system);
  const begun = pids.filter((pid) => system.snapshot(`process:${pid}`).value !== 'new');
  checkEnd(system, begun);
  expect(slotFault(system)).toBeNull();
  const { map, readPages, work } = swapOf(system);
  expect([map.freeSlots, work]).toEqual([map.slots, []]);
  const kswapd = kswapdOf(system);
  expect([kswapd.awake, kswapd.batch, kswapd.advice]).toEqual([false, null, []]);
  done.stolen += kswapd.stolenPages;
  done.cleanly += kswapd.cleanPages;
  done.discarded += kswapd.discardedPages;
  done.back += readPages;
  done.violations += kswapd.violations;
}

describe('worlds that are short of memory', () => {
  test('lose nothing that was written, and give every frame and slot back', () => {
    const done: Done = { stolen: 0, cleanly: 0, back: 0, discarded: 0, violations: 0 };
    fc.assert(
      fc.property(seeds, (seed) => runSeed(seed, done)),
      { numRuns: 20 },
    );
    expect(done.stolen).toBeGreaterThan(1000);
    expect(done.back).toBeGreaterThan(500);
    expect(done.cleanly).toBeGreaterThan(10);
    expect(done.discarded).toBeGreaterThan(10);
    // Every process page went and came as a whole.
    expect(done.violations).toBe(0);
  });

  test('do so with swap in pieces, and where kernel pages are swapped one by one', () => {
    const done: Done = { stolen: 0, cleanly: 0, back: 0, discarded: 0, violations: 0 };
    fc.assert(
      fc.property(seeds, fc.constantFrom('kernel-page', 'process-page'), (seed, unit) =>
        runSeed(seed, done, { swap: { size: '8M', unit, fragmented: seed % 2 === 0 ? 'keep' : 'scatter' } }),
      ),
      { numRuns: 14 },
    );
    expect(done.stolen).toBeGreaterThan(500);
    expect(done.violations).toBeGreaterThan(0);
  });

  test('are the same whenever they are run', () => {
    const hash = (): unknown[] => {
      const { system } = reclaimWorld(28);
      const seen: unknown[] = [];
      for (let record = system.step(); record !== null; record = system.step()) seen.push([record.to, record.type]);
      return seen;
    };
    expect(hash()).toEqual(hash());
  });
});
