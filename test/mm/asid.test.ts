import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AsidSpace,
  initialAsids,
  maxPinnedAsids,
  pinContext,
  switchContext,
  unpinContext,
  usableAsids,
} from '../../src/mm/asid.ts';

/** Switches CPU 0 to each of the mms in turn; answers the ASIDs. */
function run(space: AsidSpace, pids: readonly number[], cpu = 0): { space: AsidSpace; asids: number[] } {
  const asids: number[] = [];
  let now = space;
  for (const pid of pids) {
    const step = switchContext(now, pid, cpu);
    now = step.space;
    asids.push(step.asid);
  }
  return { space: now, asids };
}

describe('the ASID space', () => {
  test('of 16 bits has 65536 numbers, 32768 of them usable with page-table isolation, ASID 0 not counted', () => {
    expect(usableAsids(16, false)).toBe(65536 - 1);
    expect(usableAsids(16, true)).toBe(32768 - 1);
    expect(maxPinnedAsids(initialAsids({ asidBits: 8, cpus: 4, kpti: false }))).toBe(256 - 4 - 2);
    expect(maxPinnedAsids(initialAsids({ asidBits: 8, cpus: 4, kpti: true }))).toBe(128 - 4 - 2);
  });

  test('hands out pairs with isolation, and until the first rollover without it', () => {
    expect(run(initialAsids({ asidBits: 8, cpus: 1, kpti: true }), [1, 2, 3]).asids).toEqual([2, 4, 6]);
    const plain = initialAsids({ asidBits: 3, cpus: 1, kpti: false });
    expect(run(plain, [1, 2, 3, 4, 5, 6]).asids).toEqual([2, 4, 6, 1, 2, 3]);
  });
});

describe('a rollover', () => {
  const full = run(initialAsids({ asidBits: 3, cpus: 2, kpti: false }), [1, 2, 3]).space;

  test('comes when the numbers are used up, keeps what each CPU runs, and makes every CPU flush once', () => {
    const first = switchContext(full, 4, 1);
    expect(first).toMatchObject({ asid: 1, flush: true, space: { generation: 2, rollovers: 1 } });
    expect(first.space.asidCpus.at(0)).toMatchObject({ active: null, reserved: { asid: 6 }, flushPending: true });
    const again = switchContext(first.space, 3, 0);
    expect([again.asid, again.flush]).toEqual([6, true]);
    expect(switchContext(again.space, 4, 0).flush).toBe(false);
  });

  test('lets an mm have its old number back where nobody took it', () => {
    const { space } = switchContext(full, 4, 1);
    expect(switchContext(space, 2, 0).asid).toBe(4);
  });

  test('does not free the number of an mm that is gone before', () => {
    expect(run(initialAsids({ asidBits: 8, cpus: 1, kpti: false }), [1, 2, 1, 3]).asids).toEqual([2, 4, 2, 6]);
  });

  test('does not give a pinned number away, and pins are limited', () => {
    const pinned = pinContext(full, 2) as AsidSpace;
    const { space, asids } = run(pinned, [10, 11, 12, 13, 14], 1);
    expect(asids).not.toContain(4);
    expect(switchContext(space, 2, 0).asid).toBe(4);
    expect(unpinContext(pinned, 2).asids.get(2)?.pinned).toBe(0);
    let many: AsidSpace | null = full;
    for (let pid = 20; pid < 20 + maxPinnedAsids(full) && many !== null; pid++) many = pinContext(many, pid);
    expect(many).not.toBeNull();
    expect(pinContext(many as AsidSpace, 99)).toBeNull();
  });

  test('never lets two mms share a number that a TLB may still hold for one of them', () => {
    const steps = fc.array(fc.tuple(fc.nat(11), fc.nat(2)), { maxLength: 120 });
    fc.assert(
      fc.property(steps, fc.boolean(), (switches, kpti) => {
        let space = initialAsids({ asidBits: 4, cpus: 3, kpti });
        // What each CPU's TLB may hold: ASID to mm.
        const held = [0, 1, 2].map(() => new Map<number, number>());
        for (const [pid, cpu] of switches) {
          const step = switchContext(space, pid, cpu);
          space = step.space;
          if (step.flush) held[cpu].clear();
          const owner = held[cpu].get(step.asid);
          expect(owner ?? pid).toBe(pid);
          held[cpu].set(step.asid, pid);
          const running = [...space.asidCpus].map(({ active, reserved }) => (active ?? reserved)?.asid);
          expect(running[cpu]).toBe(step.asid);
        }
      }),
    );
  });
});
