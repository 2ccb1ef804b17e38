/**
 * Devices that share the page tables of a process: whatever the process does, and in whatever order messages arrive, no device
 * keeps a translation that is gone, or touches memory that is free.
 *
 * @models D-10
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replay } from '../../src/library/timeline.ts';
import { devicesOf, type Fields, runOf } from './support/shared.ts';
import '../support/propertySeed.ts';

const BASE = 0x2_0000_0000;
const P = 65536;
const PAGES = 6;

type Step = Fields;

const at = fc.integer({ min: 0, max: PAGES - 1 });
const span = fc.tuple(at, fc.integer({ min: 1, max: 3 })).map(([first, pages]) => {
  return { addr: BASE + first * P, lengthBytes: Math.min(pages, PAGES - first) * P };
});
const step: fc.Arbitrary<Step> = fc.oneof(
  span.map((area) => ({ op: 'munmap', ...area })),
  span.map((area) => ({ op: 'mmap', ...area, flags: 'PRIVATE|ANONYMOUS|FIXED' })),
  span.map((area) => ({ op: 'mprotect', ...area, prot: 'r' })),
  span.map((area) => ({ op: 'mprotect', ...area, prot: 'rw' })),
  span.map((area) => ({ op: 'madvise', ...area, advice: 'DONTNEED' })),
  span.map((area) => ({ op: 'store', ...area, strideBytes: P, value: 7 })),
  span.map((area) => ({ op: 'load', ...area, strideBytes: P })),
  fc.integer({ min: 1000, max: 60_000 }).map((cycles) => ({ op: 'nanosleep', cycles })),
);
const dma = fc.record({ area: span, write: fc.boolean(), atCycles: fc.integer({ min: 10_000, max: 900_000 }) });

interface World {
  steps: Step[];
  dmas: { area: { addr: number; lengthBytes: number }; write: boolean; atCycles: number }[];
  gran64K: boolean;
  /** Of the random order; without it messages come when they are due. */
  seed: number | null;
  pageSize: number;
  merges: boolean;
}

const world: fc.Arbitrary<World> = fc.record({
  steps: fc.array(step, { minLength: 4, maxLength: 25 }),
  // Due as they are sent: two that are alike and may come in either order are one to a replay.
  dmas: fc
    .array(dma, { minLength: 1, maxLength: 8 })
    .map((all) => all.toSorted((one, other) => one.atCycles - other.atCycles)),
  gran64K: fc.boolean(),
  seed: fc.option(fc.nat(1000)),
  pageSize: fc.constantFrom(4096, 16384, 65536),
  merges: fc.boolean(),
});

function inputOf({ steps, dmas, gran64K, seed, pageSize, merges }: World): Fields {
  const whole = { addr: BASE, lengthBytes: PAGES * P };
  const begin: Step[] = [
    { op: 'mmap', ...whole, flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'madvise', ...whole, advice: 'MERGEABLE' },
    { op: 'store', ...whole, strideBytes: P, value: 7 },
  ];
  return {
    name: 'shared',
    cpus: 2,
    memory: '64M',
    ...(seed === null ? {} : { chooser: 'seeded-random', seed }),
    // ksmd in pages of the kernel tears process pages: the native table is given up under the device.
    ...(merges ? { ksm: { unit: 'kernel-page', sleepCycles: 100_000, pagesToScan: 64 } } : {}),
    processes: [
      { pid: 1, pageSize, notifiers: ['smmu:0'], signals: 'skip', program: [...begin, ...steps] },
      { pid: 2, pageSize: 65536, program: [...begin, { op: 'nanosleep', cycles: 900_000 }] },
    ],
    actors: [
      // In a random order any timer may be too early.
      {
        id: 'smmu:0',
        ports: { tables: 'mmu:1', device: 'nic:0' },
        input: { gran64K, timeoutCycles: seed === null ? 200_000 : 0 },
      },
      { id: 'nic:0', ports: { smmu: 'smmu:0' } },
    ],
    messages: dmas.map(({ area, write, atCycles }) => {
      return { to: 'nic:0', type: 'DMA', atCycles, va: area.addr, lengthBytes: area.lengthBytes, write };
    }),
  };
}

describe('a device that shares the page tables of a process', () => {
  it('keeps to its laws whatever the process does, and the run replays', () => {
    let accesses = 0;
    let fallbacks = 0;
    let walkedAgain = 0;
    fc.assert(
      fc.property(world, (chosen) => {
        const made = runOf(inputOf(chosen));
        const { nic, smmu } = devicesOf(made);
        expect(nic.todo).toEqual([]);
        expect(made.system.snapshot('process:1').value).toBe('zombie');
        accesses += nic.accesses;
        walkedAgain += smmu.walkedAgain;
        fallbacks += made.system.snapshot('mm:1').context.fallbacks;
        expect(replay(made).divergence).toBeNull();
      }),
      { numRuns: 25 },
    );
    expect(accesses).toBeGreaterThan(0);
    expect(fallbacks).toBeGreaterThan(0);
    expect(walkedAgain).toBeGreaterThan(0);
  }, 240_000);
});
