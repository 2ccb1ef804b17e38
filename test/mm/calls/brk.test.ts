/** The break of the heap: kept as given, mapped in whole process pages (`mm/mmap.c:brk`). */
import { describe, expect, it } from 'vitest';
import { planBrk } from '../../../src/mm/calls/brk.ts';
import { type Effect, emptySpace, type Space } from '../../../src/mm/calls/plan.ts';

const K = 1024;
const START = 0x500000;

/** The space after the effects of a plan. */
function after(space: Space, addr: number): Space {
  const { effects } = planBrk(space, { addr });
  return effects.reduce((at: Space, effect: Effect): Space => {
    if (effect.do === 'vmas') return { ...at, vmas: effect.vmas };
    return effect.do === 'brk' ? { ...at, brk: effect.brk, startBrk: effect.startBrk } : at;
  }, space);
}

describe.each([4 * K, 16 * K, 64 * K])('brk of a process of %i-byte pages', (pageBytes) => {
  const begun = after(emptySpace(pageBytes), START);

  it('answers with the break as it was given, and keeps that', () => {
    const grown = after(begun, START + 5000);
    expect(planBrk(begun, { addr: START + 5000 }).result).toBe(START + 5000);
    expect(planBrk(grown, { addr: 0 }).result).toBe(START + 5000);
    // Within the same page, and back by one.
    const within = after(after(begun, START + 1), START + 2);
    expect(planBrk(within, { addr: 0 }).result).toBe(START + 2);
    const back = after(after(begun, START + pageBytes + 9), START + 7);
    expect(planBrk(back, { addr: 0 }).result).toBe(START + 7);
  });

  it('maps whole pages, and no more of them until the last one is full', () => {
    const grown = after(begun, START + 1);
    expect(grown.vmas.list().map(({ startVa, endVa }) => endVa - startVa)).toEqual([pageBytes]);
    expect(after(grown, START + pageBytes).vmas).toBe(grown.vmas);
    const more = after(grown, START + pageBytes + 1);
    expect(more.vmas.list().map(({ startVa, endVa }) => endVa - startVa)).toEqual([2 * pageBytes]);
    expect(
      after(more, START + 1)
        .vmas.list()
        .map(({ endVa }) => endVa),
    ).toEqual([START + pageBytes]);
  });
});
