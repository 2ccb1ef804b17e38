import { describe, expect, test } from 'vitest';
import { ADVICE } from '../../../src/mm/abi/numbers.ts';
import { planAdvise, planName } from '../../../src/mm/calls/advise.ts';
import { planBind, planHomeNode, planSeal } from '../../../src/mm/calls/policy.ts';
import { planResidency, planSync } from '../../../src/mm/calls/sync.ts';
import { VM } from '../../../src/mm/vma.ts';
import { area, areasAfter, deeds, PAGE, spaceOf } from './support/spaces.ts';

const range = (first: number, pages: number) => ({ addr: first * PAGE, lengthBytes: pages * PAGE });
const shared = { file: 'a', flags: VM.SHARED, offsetBytes: 0 };

describe('madvise (mm/madvise.c:madvise_walk_vmas)', () => {
  test('holes are passed over and reported at the end', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x108, 0x10c)]);
    const plan = planAdvise(space, { ...range(0x100, 0x20), advice: ADVICE.DONTNEED });
    expect(plan.errno).toBe(12);
    expect(deeds(plan)).toEqual(['clear 100-104', 'clear 108-10c']);
  });

  test('the first area that it is not for ends it with EINVAL, after those before', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, { flags: VM.LOCKED }), area(0x108, 0x10c)]);
    const plan = planAdvise(space, { ...range(0x100, 0xc), advice: ADVICE.DONTNEED });
    expect(plan.errno).toBe(22);
    expect(deeds(plan)).toEqual(['clear 100-104']);
    expect(planAdvise(space, { ...range(0x100, 0xc), advice: ADVICE.DONTNEED_LOCKED }).errno).toBe(0);
  });

  test('MADV_FREE is for anonymous memory', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, shared)]);
    expect(deeds(planAdvise(space, { ...range(0x100, 4), advice: ADVICE.FREE }))).toEqual(['lazyFree 100-104']);
    expect(planAdvise(space, { ...range(0x104, 4), advice: ADVICE.FREE }).errno).toBe(22);
  });

  test('MADV_MERGEABLE is passed over where KSM cannot be, and MADV_WIPEONFORK refused', () => {
    const space = spaceOf([area(0x100, 0x104, shared)]);
    expect(planAdvise(space, { ...range(0x100, 4), advice: ADVICE.MERGEABLE })).toMatchObject({
      errno: 0,
      effects: [],
    });
    expect(planAdvise(space, { ...range(0x100, 4), advice: ADVICE.WIPEONFORK }).errno).toBe(22);
  });

  test('flags above bit 30 stay positive numbers, so that equal areas merge', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, { flags: VM.MERGEABLE })]);
    const plan = planAdvise(space, { ...range(0x100, 4), advice: ADVICE.MERGEABLE });
    expect(areasAfter(space, plan)).toEqual(['100-108 rw']);
  });

  test('MADV_REMOVE wants a shared mapping of a file (EACCES, EINVAL) and no lock', () => {
    const of = (more: object): number =>
      planAdvise(spaceOf([area(0x100, 0x104, more)]), { ...range(0x100, 4), advice: ADVICE.REMOVE }).errno;
    expect(of(shared)).toBe(0);
    expect(of({ ...shared, flags: 0 })).toBe(13);
    expect(of({})).toBe(22);
    expect(of({ ...shared, flags: VM.SHARED | VM.LOCKED })).toBe(22);
  });

  test('MADV_POPULATE_* populates up to a hole (ENOMEM) or an area that forbids the access (EINVAL)', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, { prot: 1 })]);
    const write = planAdvise(space, { ...range(0x100, 8), advice: ADVICE.POPULATE_WRITE });
    expect([write.errno, ...deeds(write)]).toEqual([22, 'populate 100-104']);
    const read = planAdvise(space, { ...range(0x100, 9), advice: ADVICE.POPULATE_READ });
    expect([read.errno, ...deeds(read)]).toEqual([12, 'populate 100-104', 'populate 104-108']);
  });

  test('a range below a PMD has nothing to collapse, and advice that is unknown or not built in is EINVAL', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    for (const advice of [ADVICE.COLLAPSE, ADVICE.HWPOISON, ADVICE.SOFT_OFFLINE, 77]) {
      expect(planAdvise(space, { ...range(0x100, 4), advice }).errno).toBe(22);
    }
  });
});

describe('the name of anonymous memory (mm/madvise.c:madvise_vma_anon_name)', () => {
  test('is EBADF for files, and keeps areas apart', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, shared)]);
    expect(planName(space, { ...range(0x104, 4), name: 'x' }).errno).toBe(9);
    const plan = planName(space, { ...range(0x100, 2), name: 'x' });
    expect(areasAfter(space, plan)).toEqual(['100-102 rw', '102-104 rw', '104-108 rw']);
  });
});

describe('msync (mm/msync.c)', () => {
  test('MS_ASYNC stops at a hole, others go on', () => {
    const space = spaceOf([area(0x104, 0x108, shared)]);
    expect(planSync(space, { ...range(0x100, 8), flags: 1 })).toMatchObject({ errno: 12, effects: [] });
    const plan = planSync(space, { ...range(0x100, 8), flags: 4 });
    expect([plan.errno, ...deeds(plan)]).toEqual([12, 'sync 104-108']);
  });

  test('MS_INVALIDATE of a locked area is EBUSY, after the areas before it are written back', () => {
    const space = spaceOf([area(0x100, 0x104, shared), area(0x104, 0x108, { flags: VM.LOCKED })]);
    const plan = planSync(space, { ...range(0x100, 8), flags: 6 });
    expect([plan.errno, ...deeds(plan)]).toEqual([16, 'sync 100-104']);
  });

  test('private mappings are not written back', () => {
    const space = spaceOf([area(0x100, 0x104, { ...shared, flags: 0 })]);
    expect(planSync(space, { ...range(0x100, 4), flags: 4 })).toMatchObject({ errno: 0, effects: [] });
  });
});

describe('mincore (mm/mincore.c:sys_mincore)', () => {
  test('tells what comes before a hole, which is ENOMEM', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    const plan = planResidency(space, range(0x102, 4));
    expect([plan.errno, ...deeds(plan)]).toEqual([12, 'residency 102-104']);
  });
});

describe('mbind (mm/mempolicy.c) and mseal (mm/mseal.c)', () => {
  test('a hole is EFAULT, but MPOL_DEFAULT asks for any area only', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    expect(planBind(space, { ...range(0x100, 8), mode: 2 }).errno).toBe(14);
    expect(planBind(space, { ...range(0x100, 8), mode: 0 }).errno).toBe(0);
    expect(planBind(space, { ...range(0x200, 8), mode: 0 }).errno).toBe(14);
  });

  test('a policy keeps areas apart until it is taken back; a home node is for MPOL_BIND and MPOL_PREFERRED_MANY', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    const home = { ...range(0x100, 4), homeNode: 0 };
    expect(planHomeNode(space, home).errno).toBe(2);
    const bind = planBind(space, { ...range(0x100, 2), mode: 2, nodes: [0] });
    expect(areasAfter(space, bind)).toEqual(['100-102 rw', '102-104 rw']);
    const [commit] = bind.effects;
    const bound = { ...space, vmas: commit?.do === 'vmas' ? commit.vmas : space.vmas };
    expect(planHomeNode(bound, home).errno).toBe(0);
    expect(areasAfter(bound, planBind(bound, { ...range(0x100, 4), mode: 0 }))).toEqual(['100-104 rw']);
    const [prefer] = planBind(space, { ...range(0x100, 4), mode: 1, nodes: [0] }).effects;
    const preferring = { ...space, vmas: prefer?.do === 'vmas' ? prefer.vmas : space.vmas };
    expect(planHomeNode(preferring, home).errno).toBe(95);
  });

  test('mseal seals all of a range or nothing', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    expect(planSeal(space, range(0x102, 4))).toMatchObject({ errno: 12, effects: [] });
    expect(areasAfter(space, planSeal(space, range(0x102, 2)))).toEqual(['100-102 rw', '102-104 rw']);
  });
});
