/**
 * A process of two threads on two CPUs falls back while both run: what each protocol makes of it, and the way back.
 *
 * @models S-39 S-40 L-05 D-06
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FileContext } from '../../machines/index.ts';
import { nativeTime } from '../../src/report/nativeTime.ts';
import { GranuleError } from '../../src/errors.ts';
import { BASE, mapped, ran, resultsOf } from '../gup/support.ts';

const FILE = 0x3_0000_0000;
const SPOT = BASE + 0x10000;

const store = (addr: number, lengthBytes = 0x10000) => ({ op: 'store', addr, lengthBytes, strideBytes: 1024 });
const load = (addr: number, lengthBytes = 0x10000) => ({ op: 'load', addr, lengthBytes, strideBytes: 1024 });

/** One thread stores to a shared file and the other to memory; a debugger with 4K pages writes one of its pages meanwhile. */
function world(seed: number | null, liveFallback: object, more: { mends?: boolean; design?: object } = {}) {
  const mend =
    more.mends === true
      ? [{ op: 'madvise', addr: SPOT, lengthBytes: '64K', advice: 'DONTNEED' }, load(SPOT, 4096)]
      : [];
  const first = [
    mapped('256K'),
    { op: 'mmap', addr: FILE, lengthBytes: '256K', flags: 'SHARED|FIXED', file: 'data', prot: 'rw' },
    store(BASE, 0x30000),
    { op: 'mprotect', addr: SPOT, lengthBytes: '64K', prot: 'r' },
    { op: 'fork', childPid: 3 },
    { op: 'clone', tid: 11 },
    store(FILE, 0x20000),
    { op: 'ptrace', request: 'pokedata', targetPid: 1, addr: SPOT + 0x3008 },
    load(SPOT),
    ...mend,
    store(FILE + 0x20000, 0x20000),
  ];
  const second = [
    load(SPOT),
    store(BASE + 0x20000),
    load(SPOT),
    store(FILE + 0x10000, 0x20000),
    load(BASE, 0x30000),
    load(SPOT),
  ];
  return ran({
    cpus: 3,
    ...(seed === null ? {} : { chooser: 'seeded-random', seed }),
    quantumCycles: 20_000,
    gup: { holders: ['dev'], forcedWrite: 'kernel-page' },
    liveFallback,
    ...(more.design === undefined ? {} : { design: more.design }),
    files: [{ path: 'data', size: '256K', cached: true, kind: 'tmpfs' }],
    processes: [
      { pid: 1, program: first, pageSize: '64K', cpu: 0, children: [3], signals: 'skip' },
      { pid: 11, program: second, pageSize: '64K', cpu: 1, threadOf: 1, signals: 'skip' },
      { pid: 3, program: [load(BASE, 0x30000)], pageSize: '64K', forked: true, cpu: 2 },
    ],
  });
}

const brokenBy = (seeds: number, liveFallback: object): string | null => {
  for (let seed = 0; seed < seeds; seed++) {
    try {
      world(seed, liveFallback);
    } catch (error) {
      if (error instanceof GranuleError && error.code === 'LAW_BROKEN') return error.message;
      throw error;
    }
  }
  return null;
};

describe('a fallback under two running threads', () => {
  test('goes over the reserved table: each CPU answers before the tables change, and none walks meanwhile', () => {
    const { records, mmu, mm } = world(null, {});
    expect(mm(1).fallbacks).toBe(1);
    expect(mmu(1).live).toMatchObject({ fallbacks: 1, returns: 0, wrongWalks: 0 });
    const of = (type: string): number[] => records.filter((record) => record.type === type).map(({ seq }) => seq);
    expect([of('TTBR0_RESERVE').length, of('TTBR0_RESERVED').length, of('TTBR0_INSTALL').length]).toEqual([3, 3, 3]);
    expect(Math.max(...of('TTBR0_RESERVED'))).toBeLessThan(Math.min(...of('TTBR0_INSTALL')));
  });

  test('loses no dirty bit and keeps every law, in every order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom('never', 'when-whole'), (seed, returnToNative) => {
        const { system, mmu, records } = world(seed, { returnToNative }, { mends: true });
        // All 64 pages of the file were stored to: each is dirty in the cache at the end.
        const file = system.snapshot('file:data').context as FileContext;
        expect(file.cache.counts.dirtyPages).toBe(64);
        expect(mmu(1).live?.fallbacks).toBe(1);
        expect(resultsOf(records, 1).every((result) => result >= 0)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  test('in place meets a table that is gone, or the other granule', () => {
    expect(brokenBy(40, { protocol: 'in-place' })).toMatch(
      /law 8 .*walked a table of mmu:1 that is gone, or with the other granule/,
    );
  });

  test('without a flush leaves translations whose page numbers mean other addresses', () => {
    expect(brokenBy(40, { protocol: 'no-flush' })).toMatch(/law 8 .*has page/);
  });
});

describe('the way back', () => {
  test('is taken once the torn page is whole again, if the design wants it', () => {
    const stays = world(null, {}, { mends: true });
    const returns = world(null, { returnToNative: 'when-whole' }, { mends: true });
    expect(stays.mmu(1).live).toMatchObject({ fallbacks: 1, returns: 0 });
    expect(returns.mmu(1).live).toMatchObject({ fallbacks: 1, returns: 1 });
    const share = (run: typeof stays): number => {
      const { nativeCycles, lifeCycles } = nativeTime(run.records, 1);
      return nativeCycles / lifeCycles;
    };
    expect(share(stays)).toBeGreaterThan(0.1);
    expect(share(returns)).toBeGreaterThan(share(stays));
    expect(share(returns)).toBeLessThan(1);
  });

  test('is not taken while anything else is torn', () => {
    const { mmu } = world(null, { returnToNative: 'when-whole' });
    expect(mmu(1).live).toMatchObject({ fallbacks: 1, returns: 0 });
  });

  test('does not exist where the operation is refused instead (L-05)', () => {
    const { mmu, mm, records } = world(null, {}, { design: { untranslatable: 'fail' } });
    expect([mm(1).fallbacks, mmu(1).refusals > 0]).toEqual([0, true]);
    expect(resultsOf(records, 1).filter((result) => result < 0)).toEqual([-5]);
  });
});
