/**
 * One recorded program on every kernel that the proposal is held against.
 *
 * @models S-02 S-03 S-04 S-11 S-35 S-43 T-11 T-17 T-20 L-03 X-02 X-13
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { liveStates } from '../../src/report/actorStates.ts';
import { type ProcessSummary, type RunSummary, summarize } from '../../src/report/runSummary.ts';
import { loadTopology, loadTraces, topologyNames } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';

const KERNELS = [
  'plain-4k',
  'plain-16k',
  'plain-64k',
  'mthp-contpte-4k',
  'proposal-16k',
  'proposal-64k',
  'abi-only-64k',
] as const;
type Kernel = (typeof KERNELS)[number];

const summaries = new Map<Kernel, RunSummary>();

function play(name: Kernel): RunSummary {
  const topology = loadTopology(name);
  const outcome = runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
  return summarize(liveStates(outcome.system));
}

function summaryOf(kernel: Kernel): RunSummary {
  const summary = summaries.get(kernel);
  if (summary === undefined) throw new Error(`${kernel} was played`);
  return summary;
}

/** The first of the two processes. */
function first(kernel: Kernel): ProcessSummary {
  return summaryOf(kernel).processes[0];
}

const faults = ({ minorFaults, majorFaults }: ProcessSummary): number => minorFaults + majorFaults;

describe('the kernels to compare with', () => {
  beforeAll(() => {
    for (const name of KERNELS) summaries.set(name, play(name));
  }, 120_000);

  it('come with the package, each with a description of one line', () => {
    expect(topologyNames()).toEqual(expect.arrayContaining([...KERNELS]));
    for (const name of KERNELS) {
      const { description, processes } = loadTopology(name);
      expect(description.length, name).toBeGreaterThan(20);
      // One trace in one layout for all of them: nothing but the kernel differs.
      expect(processes.map(({ trace, layout }) => [trace, layout])).toEqual([
        ['git-log-kernel', 65536],
        ['git-log-kernel', 65536],
      ]);
    }
  });

  it.each(KERNELS)('%s runs to a clean exit', (name) => {
    const { processes, unfinished, callsRefused, memory } = summaryOf(name);
    expect({ unfinished, callsRefused, failures: memory.failures }).toEqual({
      unfinished: 0,
      callsRefused: 0,
      failures: 0,
    });
    for (const { end, fallbacks, callsFailed } of processes)
      expect({ end, fallbacks, callsFailed }).toEqual({ end: 'exited', fallbacks: 0, callsFailed: 0 });
  });

  it('take fewer faults and fewer TLB misses the larger the page', () => {
    const plain = (['plain-4k', 'plain-16k', 'plain-64k'] as const).map(first);
    const falling = (values: number[]): boolean => values.every((value, at) => at === 0 || value < values[at - 1]);
    expect(falling(plain.map(faults))).toBe(true);
    expect(falling(plain.map(({ counts }) => counts.l1dMisses))).toBe(true);
    expect(falling(plain.map(({ counts }) => counts.walkReads))).toBe(true);
  });

  it('give the proposal the TLB misses and the resident size of the kernel of its page size', () => {
    for (const [proposal, plain] of [
      ['proposal-16k', 'plain-16k'],
      ['proposal-64k', 'plain-64k'],
    ] as const) {
      const [ours, theirs] = [first(proposal), first(plain)];
      expect(ours.counts.l1iMisses, proposal).toBe(theirs.counts.l1iMisses);
      expect(ours.counts.l1dMisses, proposal).toBe(theirs.counts.l1dMisses);
      expect(ours.tablePeak.nativeBytes, proposal).toBe(theirs.tablePeak.linuxBytes);
      // Both tables are there, and the Linux one is that of the 4K kernel.
      expect(ours.tablePeak.linuxBytes, proposal).toBe(first('plain-4k').tablePeak.linuxBytes);
    }
    expect(first('proposal-64k').residentPeakBytes).toBe(first('plain-64k').residentPeakBytes);
  });

  it('show that the ABI alone keeps the faults of 64K pages and the TLB misses of 4K ones', () => {
    const abi = first('abi-only-64k');
    expect(faults(abi)).toBe(faults(first('proposal-64k')));
    expect(abi.residentPeakBytes).toBe(first('proposal-64k').residentPeakBytes);
    expect(abi.counts.l1dMisses).toBe(first('plain-4k').counts.l1dMisses);
    expect(abi.tablePeak.nativeBytes).toBe(0);
  });

  it('show mTHP taking fewer anonymous faults than 4K pages, for more memory', () => {
    const [mthp, plain] = [first('mthp-contpte-4k'), first('plain-4k')];
    expect(mthp.minorFaults).toBeLessThan(plain.minorFaults);
    expect(mthp.majorFaults).toBe(plain.majorFaults);
    expect(mthp.residentPeakBytes).toBeGreaterThan(plain.residentPeakBytes);
    expect(mthp.residentPeakBytes).toBeLessThan(first('plain-64k').residentPeakBytes);
  });
});
