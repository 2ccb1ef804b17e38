/**
 * Swap slots are conserved, aligned runs stay within a cluster of their order, and counts never go below zero.
 *
 * @models S-10 D-07
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLUSTER_SLOTS, SwapMap } from '../../src/mm/swap/swapMap.ts';
import '../support/propertySeed.ts';

/** What a plain model knows of a slot. */
interface Slot {
  count: number;
  cached: boolean;
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('allocate', 'scatter', 'duplicate', 'free', 'uncache'),
    order: fc.constantFrom(0, 0, 2, 4, 9),
    pick: fc.nat(),
  }),
  { maxLength: 60 },
);

function taken(model: Map<number, Slot>, offsets: number[]): void {
  for (const offset of offsets) {
    expect(model.has(offset)).toBe(false);
    model.set(offset, { count: 0, cached: true });
  }
}

function settle(model: Map<number, Slot>): void {
  for (const [offset, slot] of model) if (slot.count === 0 && !slot.cached) model.delete(offset);
}

function doStep(map: SwapMap, model: Map<number, Slot>, step: { what: string; order: number; pick: number }): SwapMap {
  const { what, order, pick } = step;
  if (what === 'allocate') {
    const got = map.allocate(order);
    if (got === null) return map;
    expect(got.offset % 2 ** order).toBe(0);
    expect(Math.floor(got.offset / CLUSTER_SLOTS)).toBe(Math.floor((got.offset + 2 ** order - 1) / CLUSTER_SLOTS));
    taken(
      model,
      Array.from({ length: 2 ** order }, (_, at) => got.offset + at),
    );
    return got.map;
  }
  if (what === 'scatter') {
    const got = map.allocateScattered(2 ** order);
    expect(got === null).toBe(map.freeSlots < 2 ** order);
    if (got === null) return map;
    taken(model, got.offsets);
    return got.map;
  }
  const used = [...model.keys()].sort((a, b) => a - b);
  const offset = used[pick % Math.max(1, used.length)];
  const slot = offset === undefined ? undefined : model.get(offset);
  if (offset === undefined || slot === undefined) return map;
  if (what === 'duplicate') slot.count++;
  else if (what === 'free' && slot.count > 0) slot.count--;
  else if (what === 'uncache') slot.cached = false;
  else return map;
  settle(model);
  if (what === 'uncache') return map.cache(offset, 1, false);
  return map.count(offset, 1, what === 'duplicate' ? 1 : -1);
}

describe('the swap map', () => {
  test('knows at every step what a plain model knows', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const slots = 2 * CLUSTER_SLOTS + 40;
        let map = SwapMap.empty(slots);
        const model = new Map<number, Slot>();
        for (const step of list) {
          map = doStep(map, model, step);
          expect(map.freeSlots).toBe(slots - model.size);
          const seen: [number, Slot][] = [];
          map.forEach((offset, count, cached) => seen.push([offset, { count, cached }]));
          expect(seen).toEqual([...model].sort((a, b) => a[0] - b[0]));
          expect(SwapMap.fromPlain(map.toPlain()).toPlain()).toEqual(map.toPlain());
        }
      }),
      { numRuns: 60 },
    );
  });

  test('has no aligned run left once single slots are in every cluster, and scattered ones still', () => {
    let map = SwapMap.empty(2 * CLUSTER_SLOTS);
    // Fill with single pages, then free all but every sixteenth: much is free, and nothing aligned to 64K of it.
    for (let slot = 0; slot < 2 * CLUSTER_SLOTS; slot++) map = map.allocate(0)?.map ?? map;
    for (let slot = 0; slot < 2 * CLUSTER_SLOTS; slot++) if (slot % 16 !== 0) map = map.cache(slot, 1, false);
    expect(map.freeSlots).toBe(2 * CLUSTER_SLOTS - 64);
    expect(map.allocate(4)).toBeNull();
    expect(map.allocateScattered(16)?.offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17]);
  });

  test('keeps a cluster for the order that it was begun for', () => {
    const first = SwapMap.empty(2 * CLUSTER_SLOTS).allocate(0);
    const large = first?.map.allocate(4);
    expect(large?.offset).toBe(CLUSTER_SLOTS);
    expect(large?.map.allocate(0)?.offset).toBe(1);
    expect(large?.map.allocate(4)?.offset).toBe(CLUSTER_SLOTS + 16);
  });
});
