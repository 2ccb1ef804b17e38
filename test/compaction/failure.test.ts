/**
 * What becomes of a process whose page cannot be had, by policy; and whom the OOM killer takes.
 *
 * @models S-23 D-12 S-15
 */
import { describe, expect, test } from 'vitest';
import { loadTraces } from '../../src/topology/load.node.ts';
import { systemOf } from '../../src/topology/run.ts';
import { parseTopology, type TopologyInput } from '../../src/topology/schema.ts';
import { AREA, compactorOf, mb, outcomeOf, punch, touch, underPressure } from './support/pressure.ts';

type Zone = NonNullable<TopologyInput['zone']>;

/** One page in eight is the kernel's and does not move: there is no block of order 4, and there never will be. */
const BROKEN: Zone = { kernelPageEvery: 8, migrateTypes: true };

const one = (pageSize: string, bytes = 65536 * 8): TopologyInput['processes'] => [
  { pid: 1, pageSize, program: touch(bytes, 4096) },
];

describe('a 64K process on memory that is broken up for good', () => {
  test('fail-fault: one try of each kind, then SIGBUS', () => {
    const { process, pageAlloc, meter } = outcomeOf(
      underPressure({ ...BROKEN, allocationFailure: 'fail-fault' }, one('64K')),
    );
    expect([process(1).value, process(1).signal]).toEqual(['zombie', 7]);
    expect(pageAlloc.steps).toMatchObject({ compact: 2, reclaim: 1, fail: 1 });
    expect(pageAlloc.failures).toEqual({ 4: 1 });
    expect(meter.measures().killed).toEqual([]);
  });

  test('fail-fault: a call that populates gets an errno, and the process lives', () => {
    const program = [
      { op: 'mmap', addr: AREA, lengthBytes: 65536 * 4, flags: 'PRIVATE|ANONYMOUS|FIXED' } as const,
      { op: 'mlock', addr: AREA, lengthBytes: 65536 * 4 } as const,
    ];
    // The program's own text and stack are pages of a file and order 4 too: they are had before memory is gone.
    const processes = [{ pid: 1, pageSize: '64K', program }];
    const { process } = outcomeOf(underPressure({ ...BROKEN, allocationFailure: 'fail-fault' }, processes));
    expect([process(1).value, process(1).callsFailed]).toEqual(['zombie', 1]);
    expect(process(1).signal).toBe(0);
  });

  test('fall-back-to-kernel-page: it runs on, on 4K pages, without its native table', () => {
    const { process, mm, meter, zone } = outcomeOf(
      underPressure({ ...BROKEN, allocationFailure: 'fall-back-to-kernel-page' }, one('64K')),
    );
    expect([process(1).value, process(1).signal]).toEqual(['zombie', 0]);
    // A native table of 64K granules is order 4 too, and cannot be had either.
    expect(meter.measures().orders[4]).toMatchObject({ asked: 1 + 8 * 16, failed: 1, fellBack: 8 * 16 });
    expect([mm(1).fallbacks, mm(1).fallbackReason]).toEqual([1, 'no memory for a native table']);
    expect(mm(1).minorFaults).toBeGreaterThanOrEqual(8 * 16);
    expect(zone.buddy.freeFrames + zone.folios.frames).toBe(zone.totalPages);
  });

  test('fall-back-to-kernel-page: a process that has its native table loses it with the first group that is torn', () => {
    // Every other 32K is in use: some blocks of order 4 are left at first, and the index forbids compaction once they are gone.
    const load = [...touch(mb(6), 4096), ...punch(mb(6), { keepBytes: 32768 }), ...waiting(2000)];
    const { process, mm, meter } = outcomeOf(
      underPressure({ allocationFailure: 'fall-back-to-kernel-page' }, [
        { pid: 1, pageSize: '4K', program: load, cpu: 0 },
        { pid: 2, pageSize: '64K', cpu: 1, startCycles: 2_600_000, program: touch(mb(3), 4096) },
      ]),
    );
    const { orders } = meter.measures();
    expect([process(2).value, process(2).signal]).toEqual(['zombie', 0]);
    expect(orders[4].fellBack).toBeGreaterThan(0);
    expect(orders[4].asked - orders[4].fellBack).toBeGreaterThan(10);
    expect(mm(2).fallbacks).toBe(1);
    expect(mm(2).fallbackReason).toMatch(/^partly-valid at 0x200/);
  });

  test('retry-fault: what 6.12 does, for ever; the process is there and gets nowhere', () => {
    const input = underPressure({ ...BROKEN, allocationFailure: 'retry-fault' }, one('64K'));
    const topology = parseTopology(input, 'test');
    const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
    const faultsBy = (events: number): { faults: number; slow: number } => {
      let faults = 0;
      for (let event = 0; event < events; event++) if (system.step()?.type === 'FAULT') faults++;
      const zone = system.snapshot('zone').context as { pressure?: { slowAllocations: Record<number, number> } };
      return { faults, slow: zone.pressure?.slowAllocations[4] ?? 0 };
    };
    const early = faultsBy(3000);
    const late = faultsBy(3000);
    expect([early.faults, late.faults].every((faults) => faults > 50)).toBe(true);
    expect(late.slow).toBeGreaterThan(early.slow + 50);
    expect(system.snapshot('mm:1').context['rssAnonPages']).toBe(0);
    // No fault is counted that came to nothing (`mm_account_fault`).
    expect(system.snapshot('mm:1').context['minorFaults']).toBeLessThan(3);
  });

  test('compact-then-oom: compacts twice, kills whoever has most, and at last the asker itself', () => {
    const processes: TopologyInput['processes'] = [
      ...one('64K'),
      { pid: 2, pageSize: '4K', program: [...touch(mb(2), 4096), ...waiting(2000)], cpu: 1 },
    ];
    const { process, meter, pageAlloc } = outcomeOf(
      underPressure({ ...BROKEN, allocationFailure: 'compact-then-oom' }, [
        { ...processes[0], startCycles: 1_500_000 },
        processes[1],
      ]),
    );
    expect(meter.measures().killed[0]).toBe(2);
    expect([process(2).value, process(2).signal]).toEqual(['zombie', 9]);
    expect([process(1).value, process(1).signal]).toEqual(['zombie', 9]);
    expect(pageAlloc.current).toBeNull();
  });

  test('has company: a 16K process has its order-2 pages there, and a 4K one its own', () => {
    for (const pageSize of ['16K', '4K']) {
      const { process, meter } = outcomeOf(
        underPressure({ ...BROKEN, allocationFailure: 'fail-fault' }, one(pageSize)),
      );
      expect([process(1).value, process(1).signal]).toEqual(['zombie', 0]);
      expect(meter.measures().firstFailureCycles).toBeNull();
    }
  });
});

/** Calls that take a while. */
function waiting(calls: number) {
  return Array.from({ length: calls }, () => ({ op: 'mincore', addr: AREA, lengthBytes: 4096 }) as const);
}

describe('the OOM killer', () => {
  const SMALL = { memory: '4M' };
  const hog = (pid: number, bytes: number, startCycles = 0): TopologyInput['processes'][number] => {
    return { pid, pageSize: '4K', program: [...touch(bytes, 4096), ...waiting(2000)], cpu: pid - 1, startCycles };
  };

  test('takes the process that has most, its memory comes back, and the others go on', () => {
    const { process, meter, zone, pageAlloc } = outcomeOf(underPressure({}, [hog(1, mb(2.5)), hog(2, mb(1.5))], SMALL));
    expect(meter.measures().killed).toEqual([1]);
    expect([process(1).value, process(1).signal]).toEqual(['zombie', 9]);
    expect([process(2).value, process(2).signal]).toEqual(['zombie', 0]);
    expect(pageAlloc.failures).toEqual({});
    // All have ended: nothing but the zero page and cached pages of programs is in use.
    expect(zone.folios.framesByKind).toMatchObject({ anon: 0, table: 0 });
  });

  test('obeys oom_score_adj: one that may not be killed stays, and the smaller one goes', () => {
    const { process, meter } = outcomeOf(
      underPressure({ oomScoreAdj: { 1: -1000 } }, [hog(1, mb(2.5)), hog(2, mb(1.5))], SMALL),
    );
    expect(meter.measures().killed).toEqual([2]);
    expect(process(1).signal).toBe(0);
  });

  test('kills the one that asks where it has most', () => {
    const { process, meter } = outcomeOf(underPressure({}, [hog(1, mb(6))], SMALL));
    expect(meter.measures().killed).toEqual([1]);
    expect([process(1).value, process(1).signal]).toEqual(['zombie', 9]);
  });

  test('reaches a process that is stopped', () => {
    const { process, meter } = outcomeOf(
      underPressure({}, [hog(1, mb(5)), hog(2, mb(4), 4_000_000)], {
        messages: [{ to: 'process:1', type: 'STOP', atCycles: 3_000_000 }],
      }),
    );
    expect(meter.measures().killed).toEqual([1]);
    expect([process(1).value, process(1).signal]).toEqual(['zombie', 9]);
    expect(process(2).signal).toBe(0);
  });

  test('is not there where the topology says so: the asker fails', () => {
    const { process, meter } = outcomeOf(underPressure({ oom: false }, [hog(1, mb(6))], SMALL));
    expect(meter.measures().killed).toEqual([]);
    expect(process(1).signal).toBe(9);
  });
});

describe('with mTHP off in sysfs', () => {
  test('a 64K process has its pages all the same: its order is a minimum, and they are counted as of that size', () => {
    const never = { thp: { enabled: 'never' as const, sizes: { '64K': 'never' as const } } };
    const { process, zone } = outcomeOf(underPressure({}, one('64K'), { design: never }));
    expect(process(1).signal).toBe(0);
    expect(zone.mthp[4]).toMatchObject({ anonFaultAlloc: 8, anonFaultFallback: 0 });
  });
});

test('the compactor rests when all is done', () => {
  const { system } = outcomeOf(underPressure({ ...BROKEN, allocationFailure: 'fail-fault' }, one('64K')));
  expect(compactorOf(system)).toMatchObject({ job: null, queue: [], moves: [] });
});
