/** Address spaces to plan calls on, and what a plan leaves. */
import { emptySpace, type Plan, type Space } from '../../../../src/mm/calls/plan.ts';
import type { Vma } from '../../../../src/mm/vma.ts';

export const PAGE = 4096;

/** An area of pages [first, last), private, anonymous, readable and writable unless said otherwise. */
export function area(first: number, last: number, more: Partial<Vma> = {}): Vma {
  const startVa = first * PAGE;
  const endVa = last * PAGE;
  return { startVa, endVa, prot: 3, flags: 0, file: null, offsetBytes: startVa, ...more };
}

/** A space with these areas. */
export function spaceOf(areas: readonly Vma[], more: Partial<Space> = {}): Space {
  const space = emptySpace(PAGE);
  const vmas = areas.reduce((set, vma) => set.insert(vma), space.vmas);
  return { ...space, vmas, ...more };
}

/** The areas after a plan, as "first-last prot" in pages, hexadecimal. */
export function areasAfter(space: Space, plan: Plan): string[] {
  let { vmas } = space;
  for (const effect of plan.effects) if (effect.do === 'vmas') ({ vmas } = effect);
  return vmas.list().map((vma) => {
    const prot = `${(vma.prot & 1) === 0 ? '-' : 'r'}${(vma.prot & 2) === 0 ? '-' : 'w'}`;
    return `${(vma.startVa / PAGE).toString(16)}-${(vma.endVa / PAGE).toString(16)} ${prot}`;
  });
}

/** What a plan does, in order, without the areas. */
export function deeds(plan: Plan): string[] {
  return plan.effects.map((effect) => {
    if ('endVa' in effect)
      return `${effect.do} ${(effect.startVa / PAGE).toString(16)}-${(effect.endVa / PAGE).toString(16)}`;
    if (effect.do !== 'clear') return effect.do;
    const ranges = effect.ranges.map(
      ({ startVa, endVa }) => `${(startVa / PAGE).toString(16)}-${(endVa / PAGE).toString(16)}`,
    );
    return `clear ${ranges.join(' ')}`;
  });
}
