import { describe, expect, test } from 'vitest';
import { planLock, planLockAll, planUnlock } from '../../../src/mm/calls/lock.ts';
import { rootLimits } from '../../../src/mm/calls/limits.ts';
import { planProtect } from '../../../src/mm/calls/protect.ts';
import { PTE } from '../../../src/mm/pte.ts';
import { VM } from '../../../src/mm/vma.ts';
import { area, areasAfter, deeds, PAGE, spaceOf } from './support/spaces.ts';

const protect = (first: number, pages: number, prot: number) =>
  ({ op: 'mprotect', addr: first * PAGE, lengthBytes: pages * PAGE, prot }) as const;
const range = (first: number, pages: number) => ({ addr: first * PAGE, lengthBytes: pages * PAGE });

describe('mprotect (mm/mprotect.c:do_mprotect_pkey)', () => {
  test('what comes before a hole is changed, and the hole is ENOMEM', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x108, 0x10c)]);
    const plan = planProtect(space, protect(0x102, 8, 1));
    expect(plan.errno).toBe(12);
    expect(areasAfter(space, plan)).toEqual(['100-102 rw', '102-104 r-', '108-10c rw']);
  });

  test('a range that begins in a hole changes nothing', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    expect(planProtect(space, protect(0xff, 4, 1))).toMatchObject({ errno: 12, effects: [] });
  });

  test('an area that has the protection already is passed over', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    expect(planProtect(space, protect(0x100, 4, 3))).toMatchObject({ errno: 0, effects: [] });
  });

  test('a charge is given back only while anonymous memory is untouched', () => {
    const after = (anonVma: number): number | undefined => {
      const space = spaceOf([area(0x100, 0x104, { flags: VM.ACCOUNT, anonVma, anonChain: anonVma })]);
      const [commit] = planProtect(space, protect(0x100, 4, 1)).effects;
      return commit?.do === 'vmas' ? commit.vmas.find(0x100 * PAGE)?.flags : undefined;
    };
    expect(after(0)).toBe(0);
    expect(after(1)).toBe(VM.ACCOUNT);
  });

  test('exclusive pages become writable at once, pages of a private file mapping do not', () => {
    const space = spaceOf([area(0x100, 0x104, { prot: 1, file: 'a', offsetBytes: 0 })]);
    const [, entries] = planProtect(space, protect(0x100, 4, 3)).effects;
    const [first] = entries?.do === 'protect' ? entries.ranges : [];
    expect((first?.protection ?? 0) & PTE.WRITE).toBe(0);
    expect((first?.anonProtection ?? 0) & PTE.WRITE).toBe(PTE.WRITE);
  });

  test('a locked private area that becomes writable is populated, and the rest is planned anew behind it', () => {
    const locked = { prot: 1, flags: VM.LOCKED };
    const space = spaceOf([area(0x100, 0x104, locked), area(0x104, 0x108, { prot: 1 })]);
    const plan = planProtect(space, protect(0x100, 8, 3));
    expect(deeds(plan)).toEqual(['vmas', 'protect', 'populate 100-104', 'goOn']);
    expect(plan.effects.at(-1)).toMatchObject({ call: { addr: 0x104 * PAGE, lengthBytes: 4 * PAGE } });
  });

  test('PROT_GROWSDOWN reaches down to the start of a stack, and is EINVAL elsewhere', () => {
    const space = spaceOf([area(0x100, 0x110, { flags: VM.GROWSDOWN })]);
    expect(areasAfter(space, planProtect(space, protect(0x10f, 1, 0x01000001)))).toEqual(['100-110 r-']);
    expect(planProtect(spaceOf([area(0x100, 0x110)]), protect(0x10f, 1, 0x01000001)).errno).toBe(22);
  });

  test('a sealed area is EPERM after those before it have changed', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, { sealed: true })]);
    const plan = planProtect(space, protect(0x100, 8, 1));
    expect(plan.errno).toBe(1);
    expect(areasAfter(space, plan)).toEqual(['100-104 r-', '104-108 rw']);
  });
});

describe('mlock (mm/mlock.c:do_mlock)', () => {
  test('areas before a hole are locked, and nothing is populated', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x108, 0x10c)]);
    const plan = planLock(space, range(0x102, 8));
    expect(plan.errno).toBe(12);
    expect(deeds(plan)).toEqual(['vmas']);
    expect(areasAfter(space, plan)).toEqual(['100-102 rw', '102-104 rw', '108-10c rw']);
  });

  test('memory that nobody may touch is ENOMEM after what comes before it is populated', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x104, 0x108, { prot: 0 }), area(0x108, 0x10c)]);
    const plan = planLock(space, range(0x100, 12));
    expect(plan.errno).toBe(12);
    expect(deeds(plan)).toEqual(['vmas', 'populate 100-104']);
  });

  test('mlock2 with MLOCK_ONFAULT populates nothing', () => {
    const plan = planLock(spaceOf([area(0x100, 0x104)]), { ...range(0x100, 4), flags: 1 });
    expect(deeds(plan)).toEqual(['vmas']);
  });

  test('what is locked already counts once against RLIMIT_MEMLOCK', () => {
    const limits = { ...rootLimits, ipcLock: false, memlockBytes: 6 * PAGE };
    const space = spaceOf([area(0x100, 0x104, { flags: VM.LOCKED }), area(0x104, 0x110)], { limits });
    expect(planLock(space, range(0x100, 6)).errno).toBe(0);
    expect(planLock(space, range(0x104, 4)).errno).toBe(12);
  });

  test('special areas are passed over', () => {
    const space = spaceOf([area(0x100, 0x104, { flags: VM.DONTEXPAND })]);
    expect(deeds(planLock(space, range(0x100, 4)))).toEqual(['populate 100-104']);
  });

  test('munlock of a hole is ENOMEM, with what comes before it unlocked', () => {
    const space = spaceOf([area(0x100, 0x104, { flags: VM.LOCKED })]);
    const plan = planUnlock(space, range(0x102, 4));
    expect(plan.errno).toBe(12);
    expect(areasAfter(space, plan)).toEqual(['100-102 rw', '102-104 rw']);
  });

  test('mlockall(MCL_FUTURE) alone changes no area; MCL_ONFAULT alone is EINVAL', () => {
    const space = spaceOf([area(0x100, 0x104)]);
    expect(planLockAll(space, { flags: 2 }).effects).toEqual([{ do: 'lockFuture', flags: VM.LOCKED }]);
    expect(planLockAll(space, { flags: 4 }).errno).toBe(22);
    expect(deeds(planLockAll(space, { flags: 1 }))).toEqual(['lockFuture', 'vmas', 'populate 100-104']);
  });
});
