import { describe, expect, it } from 'vitest';
import { hostileYardsticks } from '../../src/report/benchHostile.ts';
import { growthByTen, largeRunYardsticks } from '../../src/report/benchScale.ts';
import { type ScaleSize, scaleWorkload } from '../../src/report/scaleWorkload.ts';
import { runTopology } from '../../src/topology/run.ts';

const SMALL: ScaleSize = { cpus: 2, processes: 9, files: 5, traces: 3, rounds: 1 };

/** The records that each kind of actor gets in a run. */
function recordsByKind(size: ScaleSize): { all: number; kinds: Map<string, number>; types: Set<string> } {
  const kinds = new Map<string, number>();
  const types = new Set<string>();
  const onRecord = ({ to, type }: { to: string; type: string }): void => {
    const [kind] = to.split(':');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    types.add(type);
  };
  const { records } = runTopology({ ...scaleWorkload(size), writer: null, onRecord });
  return { all: records, kinds, types };
}

describe('the workload of any size', () => {
  it('lets every kind of actor take part, forks and copies on write among it', () => {
    const { kinds, types } = recordsByKind(SMALL);
    for (const kind of ['process', 'abi', 'mm', 'mmu', 'tlb', 'file', 'shmem', 'zone', 'disk', 'sched']) {
      expect(kinds.get(kind), kind).toBeGreaterThan(0);
    }
    for (const type of ['DUP_MM', 'COPY_ON_WRITE', 'READ_FILE', 'MAP_FILE', 'TLBI']) {
      expect(types).toContain(type);
    }
  });

  it('ends with every process gone, as it should', () => {
    const { system } = runTopology({ ...scaleWorkload(SMALL), writer: null });
    for (const [id, { value, context }] of system.snapshots()) {
      if (id.startsWith('process:')) expect([value, (context as { signal: number }).signal]).toEqual(['zombie', 0]);
    }
  });

  it('has ten times the messages for ten times the processes, and as many for ten times the files', () => {
    const { all } = recordsByKind(SMALL);
    expect(recordsByKind({ ...SMALL, processes: 10 * SMALL.processes }).all / all).toBeLessThan(11);
    expect(recordsByKind({ ...SMALL, files: 10 * SMALL.files }).all / all).toBeLessThan(1.2);
  });
});

describe('the benchmark of size', () => {
  it('says of the large run and of each dimension what it costs', () => {
    const large = largeRunYardsticks(SMALL);
    expect(large.map(({ holds }) => holds)).toEqual([false, null, true, null]);
    const growth = growthByTen({ cpus: 1, processes: 2, files: 4, traces: 1, rounds: 1 }, 1);
    const promised = growth.filter(({ reach }) => reach !== null).map(({ name }) => name);
    expect(promised).toEqual(['events', 'processes', 'files'].map((what) => `10 times the ${what}: cost`));
    for (const { name, value } of [...large, ...growth]) expect(value, name).toBeGreaterThan(0);
  });

  it('takes the accesses of the hostile load alone, each of which walks', () => {
    const [all, data, events] = hostileYardsticks({ bytes: 2 ** 24, accesses: 3000, seed: 1 });
    expect(all.value).toBeCloseTo(2 * data.value);
    // A walk is a question and an answer; some quarter of the pages is still in the second-level TLB.
    expect(events.value).toBeGreaterThan(1);
    expect(events.value).toBeLessThan(2.1);
  });
});
