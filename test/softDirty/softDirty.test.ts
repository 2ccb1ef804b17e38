/**
 * clear_refs and what follows: which memory is soft-dirty again, and that no process page is torn by it.
 *
 * @models D-07
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { protectedFor, withoutRange } from '../../src/mm/softDirty.ts';
import { errnosOf, expectAllEnded, type PartRun, runChecked } from '../support/partRuns.ts';
import '../support/propertySeed.ts';

const BASE = 0x2_0000_0000;
const K = 1024;
const SIZES = [4 * K, 16 * K, 64 * K];

type Step = Record<string, unknown>;
const clear = { op: 'clear_refs', value: 4 };
const map = { op: 'mmap', addr: BASE, lengthBytes: '256K', flags: 'PRIVATE|ANONYMOUS|FIXED' };
const touch = (op: 'load' | 'store', offset: number, lengthBytes = 1): Step => ({
  op,
  addr: BASE + offset,
  lengthBytes,
});

function run(pageSize: number, steps: Step[], design: Step = { softDirty: true }): PartRun {
  const program = [map, touch('store', 0, 0x20000), ...steps];
  return runChecked({ name: 'softDirty', design, processes: [{ pid: 1, pageSize, program }] });
}

/** Kernel pages of the mapping that are soft-dirty. */
function softDirtyPages({ system }: PartRun): number[] {
  const { softClean } = system.snapshot('mm:1').context;
  if (softClean === undefined) return Array.from({ length: 64 }, (_, page) => page);
  const isClean = (va: number): boolean =>
    (softClean as { startVa: number; endVa: number }[]).some(({ startVa, endVa }) => va >= startVa && va < endVa);
  return Array.from({ length: 64 }, (_, page) => page).filter((page) => !isClean(BASE + page * 4096));
}

const from = (first: number, nr: number): number[] => Array.from({ length: nr }, (_, at) => first + at);

describe.each(SIZES)('in pages of %i bytes', (pageSize) => {
  const nr = pageSize / (4 * K);

  it('a write makes its process page soft-dirty, a read nothing', () => {
    const first = Math.floor(5 / nr) * nr;
    const done = run(pageSize, [clear, touch('load', 0x10000), touch('store', 0x5000), touch('store', 0x5008)]);
    expectAllEnded(done, [1]);
    expect(softDirtyPages(done)).toEqual(from(first, nr));
    expect(done.system.snapshot('mm:1').context).toMatchObject({ fallbacks: 0 });
  });

  it('memory that is newly mapped is soft-dirty, and mprotect keeps what is clean a fault away', () => {
    const steps = [
      clear,
      { op: 'mprotect', addr: BASE, lengthBytes: '128K', prot: 'r' },
      { op: 'mprotect', addr: BASE, lengthBytes: '128K', prot: 'rw' },
      touch('store', 0),
      { op: 'munmap', addr: BASE + 0x20000, lengthBytes: '64K' },
      { ...map, addr: BASE + 0x20000, lengthBytes: '64K' },
    ];
    expect(softDirtyPages(run(pageSize, steps))).toEqual([...from(0, nr), ...from(32, 16)]);
  });

  it('each write after it costs one fault, and none where the kernel does not track it', () => {
    const faults = (design: Step): number =>
      run(pageSize, [clear, touch('store', 0, 0x20000)], design).system.snapshot('mm:1').context.minorFaults;
    expect(faults({ softDirty: true }) - faults({})).toBe(0x20000 / pageSize);
    expect(softDirtyPages(run(pageSize, [clear], {})).length).toBe(64);
  });
});

describe('clear_refs', () => {
  it('takes the values that Linux takes, of a process that is there', () => {
    const steps = [0, 1, 2, 3, 4, 5, 6].map((value) => ({ op: 'clear_refs', value }));
    const done = run(4 * K, [...steps, { op: 'clear_refs', value: 1, targetPid: 99 }]);
    const { EINVAL, ESRCH } = ERRNO;
    expect(errnosOf(done, 1, 'clear_refs')).toEqual([EINVAL, 0, 0, 0, 0, 0, EINVAL, ESRCH]);
  });

  it('in the naive design, which reuses 4K at a time, tears a process page at the first write', () => {
    const done = run(64 * K, [clear, touch('store', 0x5000)], { softDirty: true, copyOnWrite: 'kernel-page' });
    expect(softDirtyPages(done)).toEqual([5]);
    expect(done.system.snapshot('mm:1').context).toMatchObject({ fallbacks: 1 });
  });
});

describe('ranges', () => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }))
    .map(([first, nr]) => ({ startVa: first * 4096, endVa: (first + nr) * 4096 }));

  it('lose exactly what is taken, and protections follow them page by page', () => {
    fc.assert(
      fc.property(range, fc.array(range), range, (whole, taken, asked) => {
        const left = taken.reduce((ranges, each) => withoutRange(ranges, each), [whole]);
        const inside = (ranges: { startVa: number; endVa: number }[], va: number): boolean =>
          ranges.some(({ startVa, endVa }) => va >= startVa && va < endVa);
        for (let va = 0; va < 45 * 4096; va += 4096) {
          expect(inside(left, va)).toBe(inside([whole], va) && !inside(taken, va));
        }
        const flags = { protection: 9, anonProtection: 13 };
        const parts = protectedFor([{ ...asked, ...flags }], left);
        for (let va = asked.startVa; va < asked.endVa; va += 4096) {
          const part = parts.filter(({ startVa, endVa }) => va >= startVa && va < endVa);
          expect(part.length).toBe(1);
          expect((part[0].anonProtection & 4) === 0).toBe(inside(left, va));
        }
      }),
    );
  });
});
