/**
 * Tables of huge pages shared between processes of the same and of different page sizes, by each design.
 *
 * @models S-28 D-03
 */
import { describe, expect, test } from 'vitest';
import type { HugetlbContext, MmContext, MmuContext } from '../../machines/index.ts';
import type { PmdSharing } from '../../src/mm/hugetlb/sharing.ts';
import { loadTopology } from '../../src/topology/load.node.ts';
import { type Played, play } from '../thp/support.ts';

const HUGE = 2 ** 21;
const AT = 0x2_4000_0000;

/** The topology with another design, and what each process has mapped at the moment that the last of them has written. */
function played(pmdSharing: PmdSharing): {
  run: Played;
  mapped: number[][];
  faults: number[];
  contextAtEnd: HugetlbContext;
} {
  const topology = loadTopology('hugetlb-sharing');
  let mapped: number[][] = [];
  let faultsBefore: number[] = [];
  const run = play(
    { ...topology, hugetlb: { ...topology.hugetlb, pools: { '2M': { pages: 512 } }, pmdSharing } },
    (record, system) => {
      const leaves = record.type === 'SYSCALL' && (record.payload as { call: { op: string } }).call.op === 'shmdt';
      if (!leaves || mapped.length > 0) return;
      faultsBefore = [1, 2, 3].map((pid) => (system.snapshot(`mm:${pid}`).context as MmContext).minorFaults);
      mapped = [1, 2, 3].map((pid) => {
        const { linux } = system.snapshot(`mmu:${pid}`).context as MmuContext;
        return [0, 1, 2, 3].filter((page) => linux.get(AT + page * HUGE) !== 0);
      });
    },
  );
  const contextAtEnd = run.system.snapshot('hugetlb').context as HugetlbContext;
  return { run, mapped, faults: faultsBefore, contextAtEnd };
}

describe('pages that each process wrote one of', () => {
  test('none: everybody faults everything in', () => {
    const { mapped, contextAtEnd } = played('none');
    expect(mapped).toEqual([[0], [0, 1], [0, 1, 2]]);
    expect([contextAtEnd.sharedEntries, contextAtEnd.refusedSharings]).toEqual([0, 0]);
  });

  test('kernel-size: the two of 4K have one table, the one of 64K is refused', () => {
    const { mapped, contextAtEnd } = played('kernel-size');
    expect(mapped).toEqual([
      [0, 1],
      [0, 1],
      [0, 1, 2],
    ]);
    expect(contextAtEnd.sharedEntries).toBe(1);
    expect(contextAtEnd.refusedSharings).toBeGreaterThan(0);
  });

  test('all-sizes: all three have what any of them faulted in, the native table of the third too', () => {
    const { run, mapped, faults, contextAtEnd } = played('all-sizes');
    expect(mapped).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect(contextAtEnd.sharedEntries).toBeGreaterThanOrEqual(3);
    // The second finds the page of the first to be written, then each writes one that the others have not.
    expect(faults).toEqual([2, 3, 3]);
    expect(contextAtEnd.refusedSharings).toBe(0);
    expect([1, 2, 3].map((pid) => run.mm(pid).fallbacks)).toEqual([0, 0, 0]);
    // Who leaves takes what the others have with it: they fault it in again.
    const exchanges = run.records.filter(({ type }) => type === 'REPLACED');
    const taken = exchanges.filter(({ payload }) => (payload['replaced'] as unknown[]).length > 0);
    expect(taken.length).toBeGreaterThan(0);
    expect(contextAtEnd.unshared).toBeGreaterThan(0);
  });

  test.each(['none', 'kernel-size', 'all-sizes'] as const)('%s: nothing is left of it in the end', (pmdSharing) => {
    const { run, contextAtEnd } = played(pmdSharing);
    expect(contextAtEnd.inodes).toEqual({});
    expect(contextAtEnd.pools[1]?.free.length).toBe(512);
    expect(run.zone.folios.framesByKind.kernel).toBe(512 * 512);
    expect(run.answers(3).every((answer) => answer.endsWith(' 0'))).toBe(true);
  });
});
