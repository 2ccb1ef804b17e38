import { describe, expect, test } from 'vitest';
import { type RemapCall, planRemap } from '../../../src/mm/calls/remap.ts';
import { VM } from '../../../src/mm/vma.ts';
import { area, areasAfter, deeds, PAGE, spaceOf } from './support/spaces.ts';

const MAYMOVE = 1;
const FIXED = 3;
const DONTUNMAP = 5;
const call = (first: number, from: number, to: number, flags: number, target = 0): RemapCall => {
  return { addr: first * PAGE, oldLengthBytes: from * PAGE, newLengthBytes: to * PAGE, flags, newAddr: target * PAGE };
};

describe('mremap (mm/mremap.c)', () => {
  test('no area at the address is EFAULT, before anything is asked about the target', () => {
    expect(planRemap(spaceOf([]), { ...call(0x100, 4, 4, FIXED), newAddr: 0x100 * PAGE + 1 }).errno).toBe(14);
    const space = spaceOf([area(0x100, 0x104)]);
    expect(planRemap(space, { ...call(0x100, 4, 4, FIXED), newAddr: 0x200 * PAGE + 1 }).errno).toBe(22);
    expect(planRemap(space, call(0x100, 4, 4, FIXED, 0x102)).errno).toBe(22);
  });

  test('shrinking unmaps the tail, whatever areas that is', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, { prot: 1 })]);
    const plan = planRemap(space, call(0x100, 8, 2, 0));
    expect(plan.result).toBe(0x100 * PAGE);
    expect(areasAfter(space, plan)).toEqual(['100-102 rw']);
  });

  test('growing in place needs the end of the area and free space behind it', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x108, 0x10c, { prot: 1 })]);
    expect(areasAfter(space, planRemap(space, call(0x102, 2, 6, 0)))).toEqual(['100-108 rw', '108-10c r-']);
    expect(planRemap(space, call(0x102, 2, 7, 0)).errno).toBe(12);
    expect(planRemap(space, call(0x100, 2, 3, 0)).errno).toBe(12);
    expect(planRemap(space, call(0x100, 5, 6, 0)).errno).toBe(14);
  });

  test('growing in place merges with the area behind', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x108, 0x10c)]);
    expect(areasAfter(space, planRemap(space, call(0x100, 4, 8, 0)))).toEqual(['100-10c rw']);
  });

  test('what is at a fixed target is gone even where the move then fails', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x200, 0x204)]);
    const plan = planRemap(space, call(0x102, 4, 4, FIXED, 0x200));
    expect(plan.errno).toBe(14);
    expect(areasAfter(space, plan)).toEqual(['100-104 rw']);
  });

  test('a move copies the area, moves the entries and unmaps the old place', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    const plan = planRemap(space, call(0x101, 2, 4, FIXED, 0x200));
    expect(plan.result).toBe(0x200 * PAGE);
    expect(deeds(plan)).toEqual(['vmas', 'move', 'clear 101-103', 'vmas']);
    expect(areasAfter(space, plan)).toEqual(['100-101 rw', '103-104 rw', '200-204 rw']);
  });

  test('untouched memory takes the offset of its new place and merges there; touched memory keeps its own', () => {
    const neighbour = area(0x1fe, 0x200);
    const after = (anonVma: number): string[] => {
      const space = spaceOf([area(0x100, 0x102, { anonVma, anonChain: anonVma }), neighbour]);
      return areasAfter(space, planRemap(space, call(0x100, 2, 2, FIXED, 0x200)));
    };
    expect(after(0)).toEqual(['1fe-202 rw']);
    expect(after(1)).toEqual(['1fe-200 rw', '200-202 rw']);
  });

  test('an old length of 0 maps shared memory a second time, and is EINVAL for private memory', () => {
    const space = spaceOf([area(0x100, 0x104, { file: 'a', flags: VM.SHARED, offsetBytes: 0 })]);
    const plan = planRemap(space, call(0x100, 0, 4, FIXED, 0x200));
    expect(deeds(plan)).toEqual(['vmas']);
    expect(areasAfter(space, plan)).toEqual(['100-104 rw', '200-204 rw']);
    expect(planRemap(spaceOf([area(0x100, 0x104)]), call(0x100, 0, 4, MAYMOVE)).errno).toBe(22);
  });

  test('MREMAP_DONTUNMAP leaves an area that is unlocked and as if never touched', () => {
    const space = spaceOf([area(0x100, 0x104, { flags: VM.LOCKED, anonVma: 1, anonChain: 1 })]);
    const plan = planRemap(space, call(0x100, 4, 4, DONTUNMAP, 0x200));
    const last = plan.effects.at(-1);
    const [left, moved] = last?.do === 'vmas' ? last.vmas.list() : [];
    expect(left).toMatchObject({ flags: 0, anonVma: 0, offsetBytes: 0x100 * PAGE });
    expect(moved).toMatchObject({ flags: VM.LOCKED, anonVma: 1, offsetBytes: 0x100 * PAGE });
  });

  test('a locked area has its new part populated', () => {
    const space = spaceOf([area(0x100, 0x104, { flags: VM.LOCKED })]);
    expect(deeds(planRemap(space, call(0x100, 4, 8, 0)))).toEqual(['vmas', 'populate 104-108']);
  });

  test('a recorded place without MREMAP_FIXED is taken where it is free', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x105, { prot: 1 })]);
    expect(planRemap(space, call(0x100, 4, 8, MAYMOVE, 0x200)).result).toBe(0x200 * PAGE);
    expect(planRemap(space, call(0x100, 4, 8, 0, 0x200)).errno).toBe(12);
  });

  test('an area that must not grow is EFAULT', () => {
    const space = spaceOf([area(0x100, 0x104, { flags: VM.DONTEXPAND })]);
    expect(planRemap(space, call(0x100, 4, 8, MAYMOVE)).errno).toBe(14);
  });
});
