/**
 * Huge pages on kernels of 16K and 64K pages: the same rules, other sizes.
 *
 * @models S-17 S-28 S-34
 */
import { describe, expect, test } from 'vitest';
import type { KhugepagedContext, MmuContext } from '../../machines/index.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, FIXED, play } from './support.ts';

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

const HUGE = 2 ** 25;

describe.each([
  ['16K', '16K'],
  ['16K', '64K'],
])('on a kernel of %s pages a %s process', (kernelPageSize, pageSize) => {
  test('has its pages collapsed to 32M, the PMD of that kernel', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '32M', flags: FIXED },
      { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '16K' },
      { op: 'madvise', addr: BASE, lengthBytes: '32M', advice: 'HUGEPAGE' },
      { op: 'load', addr: BASE, lengthBytes: '1M', strideBytes: '4K' },
    ];
    let entries = 0;
    const thp = { collapseSize: 'kernel-pmd' as const, fullScans: 5000, khugepaged: { scanSleepMilliseconds: 0 } };
    const messages = [{ to: 'khugepaged', type: 'KHUGEPAGED_WAKE', atCycles: 1000 }];
    const topology = { kernelPageSize, processes: [{ pid: 1, program, pageSize }], thp, messages, memory: '256M' };
    const played = play(topology, ({ type }, system) => {
      if (type !== 'COLLAPSED') return;
      const { linux } = system.snapshot('mmu:1').context as MmuContext;
      entries = 0;
      linux.forEach(BASE, BASE + HUGE, () => void entries++);
    });
    const { results } = played.system.snapshot('khugepaged').context as KhugepagedContext;
    expect([results.succeed, entries, played.mm(1).fallbacks]).toEqual([1, 2048, 0]);
  });

  test('maps huge pages of 32M', () => {
    const flags = `PRIVATE|ANONYMOUS|FIXED|HUGETLB|${25 * 2 ** 26}`;
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '32M', flags },
      { op: 'store', addr: BASE, lengthBytes: '32M', strideBytes: '8M' },
    ];
    const hugetlb = { pools: { '32M': { pages: 1 } } };
    const processes = [{ pid: 1, program, pageSize }];
    const played = play({ kernelPageSize, processes, hugetlb, memory: '128M' });
    // A kernel of 64K has no such size: the ABI refuses it by name.
    expect(played.answers(1)).toEqual([pageSize === '16K' ? 'mmap 0' : 'mmap 22']);
    expect(played.mm(1).fallbacks).toBe(0);
  });
});

test('on a kernel of 64K pages a PMD is 512M, and pools are of 2M', () => {
  const program: Steps = [
    { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: `SHARED|ANONYMOUS|FIXED|HUGETLB|${21 * 2 ** 26}` },
    { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '1M' },
    { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages' },
    { op: 'read_control', path: '/sys/kernel/mm/transparent_hugepage/hpage_pmd_size' },
  ];
  const parts = { hugetlb: { pools: { '2M': { pages: 3 } } }, thp: {} };
  const processes = [{ pid: 1, program, pageSize: '64K' }];
  const played = play({ kernelPageSize: '64K', processes, ...parts, memory: '256M' });
  expect(played.answers(1)).toEqual(['mmap 0', 'read_control 1', 'read_control 536870912']);
});
