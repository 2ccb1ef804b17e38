/**
 * The hard minimum of larger pages under every setting of transparent huge pages: no fault, collapse or split hands out or leaves less than
 * a page of the process.
 *
 * @models S-23 S-34 S-17
 */
import '../support/propertySeed.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ZoneContext } from '../../machines/index.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, FIXED, play } from './support.ts';

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

/** The least order among folios of anonymous memory, and whether there was any. */
function leastOrder(zone: ZoneContext): number {
  let least = Number.POSITIVE_INFINITY;
  zone.folios.forEach(0, 2 ** 31 - 1, ({ kind, order }) => {
    if (kind === 'anon') least = Math.min(least, order);
  });
  return least;
}

const ORDERS = { '4K': 0, '16K': 2, '64K': 4 } as const;

describe.each(['16K', '64K'] as const)('a %s process', (pageSize) => {
  test('faults and collapses in folios of its page and more, whatever sysfs says', () => {
    const mode = fc.constantFrom('always', 'madvise', 'inherit', 'never');
    const sizes = fc.dictionary(fc.constantFrom('16K', '32K', '64K', '128K', '512K', '2M', '32M'), mode);
    const enabled = fc.constantFrom('always', 'madvise', 'never');
    fc.assert(
      fc.property(enabled, sizes, fc.boolean(), (top, given, advised) => {
        const program: Steps = [
          { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: FIXED },
          ...(advised ? [{ op: 'madvise' as const, addr: BASE, lengthBytes: '4M', advice: 'HUGEPAGE' }] : []),
          { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '64K' },
          { op: 'load', addr: BASE + 2 ** 21, lengthBytes: '256K', strideBytes: '64K' },
          { op: 'store', addr: BASE + 2 ** 21, lengthBytes: '256K', strideBytes: '64K' },
        ];
        let least = Number.POSITIVE_INFINITY;
        const design = { thp: { enabled: top, sizes: given } };
        const topology = { processes: [{ pid: 1, program, pageSize }], design, thp: {}, memory: '64M' };
        const played = play(topology, (record, system) => {
          if (record.to === 'zone') least = Math.min(least, leastOrder(system.snapshot('zone').context as ZoneContext));
        });
        expect(least).toBeGreaterThanOrEqual(ORDERS[pageSize]);
        expect(least).toBeLessThan(Number.POSITIVE_INFINITY);
        expect(played.mm(1).fallbacks).toBe(0);
      }),
      { numRuns: 30 },
    );
  }, 60_000);

  test('has a huge page of which it gave a part back split to its own page and no further', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '8M', flags: FIXED },
      { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '16K' },
      { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'COLLAPSE' },
      { op: 'madvise', addr: BASE + 65536, lengthBytes: '1M', advice: 'DONTNEED' },
      { op: 'store', addr: BASE + 2 ** 21, lengthBytes: '3M', strideBytes: '16K' },
      { op: 'load', addr: BASE },
    ];
    let least = Number.POSITIVE_INFINITY;
    const processes = [{ pid: 1, program, pageSize }];
    const topology = { processes, thp: { collapseSize: 'kernel-pmd' as const }, memory: '5M' };
    const played = play(topology, (record, system) => {
      if (record.to === 'zone') least = Math.min(least, leastOrder(system.snapshot('zone').context as ZoneContext));
    });
    expect(played.zone.mthp[9]).toMatchObject({ splitDeferred: 1, split: 1 });
    expect([least, played.mm(1).fallbacks]).toEqual([ORDERS[pageSize], 0]);
    expect(played.records.some(({ type }) => type === 'FAULT_SIGNAL')).toBe(false);
  });
});
