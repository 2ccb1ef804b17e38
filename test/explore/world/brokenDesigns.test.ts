/** Designs of the model that are known to be broken are found by search; the defaults stand the same search. */
import { describe, expect, test } from 'vitest';
import { isFault } from '../../../src/explore/search/types.ts';
import type { Topology } from '../../../src/topology/schema.ts';
import { bareModel, type Case, explored, named, written } from './support.ts';

const BASE = 0x2_0000_0000;

/** A case with another design. */
function changed({ topology, traces }: Case, by: Partial<Topology>): Case {
  return { topology: { ...topology, ...by }, traces };
}

/** Names of properties that a search finds broken. */
function found(of: Case, options: Parameters<typeof explored>[1]): string[] {
  return explored(of, options)
    .discoveries.filter(isFault)
    .map(({ property }) => property);
}

describe('a process of two threads that falls back', () => {
  const mended = named('live-fallback-two-cpus');
  const protocol = (name: 'reserved-ttbr0' | 'in-place' | 'no-flush'): Case =>
    changed(mended, { liveFallback: { ...mended.topology.liveFallback, protocol: name } as never });
  const search = { strategy: 'random', seed: 1, walks: 2 } as const;

  test('is walked with tables that are gone where tables change in place', () => {
    expect(found(protocol('in-place'), search)).toEqual(['no-stale-translation']);
  });

  test('is left with entries of the old tables where nothing is flushed', () => {
    expect(found(protocol('no-flush'), search)).toEqual(['no-stale-translation']);
  });

  test('stands it where all CPUs go over the reserved table', () => {
    expect(found(protocol('reserved-ttbr0'), search)).toEqual([]);
  });
});

describe('the fast walk of a driver beside munmap', () => {
  const walked = (tableFree: 'deferred' | 'immediate'): Case =>
    written({
      cpus: 2,
      gup: { holders: ['dev'], tableFree },
      processes: [
        {
          pid: 1,
          pageSize: '64K',
          program: [
            { op: 'mmap', addr: BASE, lengthBytes: '64K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
            { op: 'store', addr: BASE },
            { op: 'gup_test', holder: 'dev', addr: BASE, lengthBytes: '16K', wait: false },
            { op: 'munmap', addr: BASE, lengthBytes: '64K' },
          ],
        },
      ],
    });
  const search = { strategy: 'depth-first' } as const;

  test('reads a table that is free where tables are freed at once', () => {
    expect(found(walked('immediate'), search)).toEqual(['pins-hold']);
  });

  test('stands it in every order where they wait for walkers', () => {
    const { complete, discoveries, ends } = explored(walked('deferred'), search);
    expect(discoveries).toEqual([]);
    expect(complete).toBe(true);
    expect(ends).toBeGreaterThan(1);
  });
});

describe('pages of a 64K process that go in tables of 4K', () => {
  const swapped = named('lost-dirty-64k');
  const search = { strategy: 'random', seed: 1, walks: 1 } as const;

  test('lose what was written to them where only the Linux table is asked', () => {
    expect(found(swapped, search)).toEqual(['no-lost-dirty-data']);
  });

  test('keep it where both are', () => {
    const { reclaim } = swapped.topology;
    const gathered = changed(swapped, { reclaim: { ...reclaim, dirty: 'gather', accessed: 'gather' } as never });
    expect(found(gathered, search)).toEqual([]);
  });
});

test('a wake-up that is lost on a wire is found where nothing more can happen', () => {
  const lost = written({
    processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
    faultPlan: [{ wire: { from: 'mmu:1', to: 'tlb:0', type: 'WALK_AGAIN' }, op: 'drop', nth: 1 }],
  });
  const { discoveries } = explored(lost, { strategy: 'breadth-first' });
  expect(discoveries.map(({ property, kind }) => [property, kind])).toEqual([['no-lost-wake-up', 'at-end']]);
  expect(discoveries[0].fault).toBe('process:1 waits for ever in "running"');
});

test('a message that arrives twice is no crash of the search, but what was found', () => {
  const twice = written({
    processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
    faultPlan: [{ wire: { from: 'mm:1', to: 'zone', type: 'PUT' }, op: 'duplicate', nth: 1, delayCycles: 1 }],
  });
  const { discoveries } = explored(twice, { strategy: 'breadth-first' });
  expect(discoveries.map(({ property }) => property)).toContain('no-invariant-broken');
});

test('rules about times are refused by name', () => {
  const { topology, traces } = written({
    processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
    faultPlan: [{ wire: { from: 'mmu:1', to: 'mm:1' }, op: 'hold', fromCycles: 1, untilCycles: 9 }],
  });
  expect(() => bareModel({ topology, traces })).toThrow(/a rule "hold" is about times/);
});
