/**
 * How much of the gain of a larger page remains with mTHP and the contiguous bit, by how much of the memory is in 64K folios.
 *
 * @models S-03 S-04 S-05 S-35
 */
import { describe, expect, test } from 'vitest';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';

const half = loadTopology('mthp-coverage-half');
const BYTES = 32 * 2 ** 20;

/** Walks and the descriptors they read, with a share of the memory advised, or natively. */
function costOf(share: number, pageSize: '4K' | '64K') {
  const [process] = half.processes;
  const advised = (process.program ?? []).map((step) =>
    step.op === 'madvise' ? { ...step, lengthBytes: share * BYTES } : step,
  );
  const program = advised.filter((step) => step.op !== 'madvise' || share > 0);
  const topology = parseTopology({ ...half, processes: [{ ...process, program, pageSize }] }, 'test');
  const { system } = runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
  const { counts } = system.snapshot('process:1').context;
  const { minorFaults } = system.snapshot('mm:1').context;
  return { walks: counts.walks, walkReads: counts.walkReads, minorFaults };
}

describe('memory in 64K folios by a share', () => {
  const shares = [0, 0.25, 0.5, 0.75, 1];
  const costs = shares.map((share) => costOf(share, '4K'));
  const native = costOf(0, '64K');

  test('takes fewer walks and faults with each quarter more', () => {
    for (const [at, cost] of costs.slice(1).entries()) {
      expect(cost.walks).toBeLessThan(costs[at].walks);
      expect(cost.minorFaults).toBeLessThan(costs[at].minorFaults);
    }
  });

  test('comes level with a native table in walks and faults only when all of it is', () => {
    expect(costs[3].walks).toBeGreaterThan(2 * native.walks);
    expect(costs[4].walks / native.walks).toBeLessThan(1.05);
    expect(costs[4].minorFaults).toBe(native.minorFaults);
  });

  test('still reads a longer walk each time: four levels where the native table has three', () => {
    const perWalk = ({ walks, walkReads }: typeof native): number => walkReads / walks;
    expect(perWalk(costs[4])).toBeGreaterThan(perWalk(native));
  });
});
