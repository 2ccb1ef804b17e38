/**
 * khugepaged and hugetlb beside reclaim, swap, page blocks and compaction: a machine short of memory, in the checked mode.
 *
 * @models S-34 S-28 S-14 S-10
 */
import '../support/propertySeed.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HugetlbContext, KhugepagedContext } from '../../machines/index.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, FIXED, play } from './support.ts';

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

const PARTS = {
  swap: { reclaim: { swap: { size: '64M' } } },
  pageblocks: { zone: { migrateTypes: true } },
};

/** More memory than there is, with huge pages made of it, and a huge page of hugetlb. */
function program(lengthBytes: string, advised: boolean): Steps {
  return [
    { op: 'mmap', addr: BASE, lengthBytes, flags: FIXED },
    ...(advised ? [{ op: 'madvise' as const, addr: BASE, lengthBytes, advice: 'HUGEPAGE' }] : []),
    { op: 'store', addr: BASE, lengthBytes, strideBytes: '16K' },
    { op: 'madvise', addr: BASE, lengthBytes, advice: 'HUGEPAGE' },
    { op: 'mmap', addr: BASE + 2 ** 28, lengthBytes: '2M', flags: `${FIXED}|HUGETLB|${21 * 2 ** 26}` },
    { op: 'store', addr: BASE + 2 ** 28, lengthBytes: '2M', strideBytes: '512K' },
    { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'COLLAPSE' },
    { op: 'load', addr: BASE, lengthBytes, strideBytes: '64K' },
    { op: 'madvise', addr: BASE + 65536, lengthBytes: '512K', advice: 'DONTNEED' },
    { op: 'store', addr: BASE, lengthBytes, strideBytes: '64K' },
  ];
}

describe.each(['swap', 'pageblocks'] as const)('with %s', (part) => {
  test('huge pages are made and taken apart, pools keep theirs, no page is torn, and all memory comes back', () => {
    let collapsed = 0;
    const lengths = part === 'swap' ? ['2M', '6M'] : ['2M', '4M'];
    const seeds = fc.record({ seed: fc.nat(1000), lengthBytes: fc.constantFrom(...lengths), advised: fc.boolean() });
    fc.assert(
      fc.property(seeds, fc.constantFrom('4K', '64K'), ({ seed, lengthBytes, advised }, pageSize) => {
        const processes = [1, 2].map((pid) => ({ pid, program: program(lengthBytes, advised && pid === 1), pageSize }));
        const thp = {
          collapseSize: 'kernel-pmd' as const,
          fullScans: 400,
          khugepaged: { scanSleepMilliseconds: 0, allocSleepMilliseconds: 0 },
        };
        const topology = {
          processes,
          thp,
          hugetlb: { pools: { '2M': { pages: 2 } } },
          memory: '12M',
          cpus: 2,
          chooser: 'seeded-random' as const,
          seed,
          messages: [{ to: 'khugepaged', type: 'KHUGEPAGED_WAKE', atCycles: 1000 }],
          ...PARTS[part],
        };
        const played = play(topology);
        const { pools } = played.system.snapshot('hugetlb').context as HugetlbContext;
        collapsed += (played.system.snapshot('khugepaged').context as KhugepagedContext).results.succeed ?? 0;
        collapsed += played.answers(1).filter((answer) => answer === 'madvise 0').length > 3 ? 1 : 0;
        expect([pools[1]?.total, pools[1]?.free.length]).toEqual([2, 2]);
        expect([played.mm(1).fallbacks, played.mm(2).fallbacks]).toEqual([0, 0]);
        expect(played.zone.folios.framesByKind).toMatchObject({ anon: 0, kernel: 1024 });
      }),
      { numRuns: 6 },
    );
    expect(collapsed).toBeGreaterThan(0);
  }, 240_000);
});
