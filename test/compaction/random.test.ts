/**
 * Random programs under memory pressure, with every policy, in the checked mode: each process ends, what it had comes back,
 * and nothing waits for ever.
 *
 * @models S-14 S-23 D-12
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { AREA, compactorOf, outcomeOf } from './support/pressure.ts';
import '../support/propertySeed.ts';

const KB = 1024;
const SPAN = 4 * KB * KB;

const place = fc.nat(63).map((at) => AREA + at * 64 * KB);
const length = fc.integer({ min: 1, max: 24 }).map((pages) => pages * 64 * KB);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constantFrom('store' as const, 'load' as const),
      addr: place,
      lengthBytes: length,
      strideBytes: fc.constantFrom(4 * KB, 16 * KB, 64 * KB),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('madvise' as const),
      addr: place,
      lengthBytes: length,
      advice: fc.constantFrom('DONTNEED', 'FREE', 'PAGEOUT'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('mprotect' as const),
      addr: place,
      lengthBytes: length,
      prot: fc.constantFrom('r', 'rw'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('munmap' as const), addr: place, lengthBytes: length }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('mremap' as const),
      addr: place,
      oldLengthBytes: fc.constant(64 * KB),
      newLengthBytes: length,
    }),
  },
);

const program = fc.array(step, { minLength: 4, maxLength: 14 }).map((steps) => [
  { op: 'mmap' as const, addr: AREA, lengthBytes: SPAN, flags: 'PRIVATE|ANONYMOUS|FIXED' },
  // Pieces of 4K all over, so that there is something to be moved.
  { op: 'store' as const, addr: AREA, lengthBytes: 2 * KB * KB, strideBytes: 4 * KB },
  ...Array.from({ length: 20 }, (_, at) => {
    return { op: 'madvise' as const, addr: AREA + at * 64 * KB, lengthBytes: 48 * KB, advice: 'DONTNEED' };
  }),
  ...steps,
]);

const system = fc.record({
  programs: fc.array(program, { minLength: 2, maxLength: 3 }),
  sizes: fc.array(fc.constantFrom('4K', '16K', '64K'), { minLength: 3, maxLength: 3 }),
  failure: fc.constantFrom('compact-then-oom', 'fail-fault', 'fall-back-to-kernel-page'),
  compaction: fc.constantFrom('both', 'direct', 'kcompactd', 'none'),
  every: fc.option(fc.constantFrom(8, 24, 64), { nil: undefined }),
  migrateTypes: fc.boolean(),
  swap: fc.boolean(),
  seed: fc.option(fc.nat(1000), { nil: undefined }),
  cpus: fc.integer({ min: 1, max: 3 }),
});

type Random = typeof system extends fc.Arbitrary<infer T> ? T : never;

function topologyOf(random: Random): TopologyInput {
  const { programs, sizes, failure, compaction, every, migrateTypes, swap, seed, cpus } = random;
  return {
    name: 'random pressure',
    memory: '6M',
    cpus,
    limits: { events: 400_000 },
    zone: {
      migrateTypes,
      compaction,
      allocationFailure: failure,
      ...(every === undefined ? {} : { kernelPageEvery: every }),
    },
    ...(swap ? { reclaim: { swap: { size: '16M' } } } : {}),
    ...(seed === undefined ? {} : { chooser: 'seeded-random' as const, seed }),
    processes: programs.map((steps, at) => {
      return { pid: at + 1, pageSize: sizes[at], program: steps, signals: 'skip' as const };
    }),
  };
}

describe('random systems under memory pressure', () => {
  test('keep the laws, end, and give everything back', () => {
    const seen = { moved: 0, killed: 0, failed: 0, fellBack: 0 };
    fc.assert(
      fc.property(system, (random) => {
        const { process, zone, pageAlloc, system: ran } = outcomeOf(topologyOf(random));
        for (let pid = 1; pid <= random.programs.length; pid++)
          expect([pid, process(pid).value]).toEqual([pid, 'zombie']);
        expect(zone.folios.framesByKind).toMatchObject({ anon: 0, table: 0 });
        expect(zone.buddy.freeFrames + zone.folios.frames).toBe(zone.totalPages);
        expect([pageAlloc.current, pageAlloc.queue]).toEqual([null, []]);
        seen.moved += zone.pressure?.migratedPages ?? 0;
        seen.killed += pageAlloc.victims.length;
        seen.failed += Object.values(pageAlloc.failures).reduce((sum, count) => sum + count, 0);
        seen.fellBack += pageAlloc.fallbacks;
        if (random.compaction !== 'none') expect(compactorOf(ran)).toMatchObject({ job: null, moves: [] });
      }),
      { numRuns: Number(process.env['RANDOM_RUNS'] ?? 12) },
    );
    // Not one of them went without: there was something to be seen.
    expect(Object.values(seen).every((count) => count > 0)).toBe(true);
  });
});
