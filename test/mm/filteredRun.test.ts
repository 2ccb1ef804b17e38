import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corePresets } from '../../src/arch/cores.ts';
import { filterDepth, runFiltered } from '../../src/mm/filteredRun.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { makeStackIndex, type StackDepths, stackIndexWhenDue } from '../../src/mm/stackIndex.ts';
import { TlbArray } from '../../src/mm/tlbArray.ts';
import { runStretch } from '../../src/mm/tlbRun.ts';
import { fixturesFolder } from '../../src/topology/load.node.ts';
import { traceFromSteps, type TraceStep } from '../../src/trace/memoryTrace.ts';
import { openTrace } from '../../src/trace/gtrReader.ts';
import { type FilteredStep, PairedTlb } from './support/pairedTlb.ts';

const trace = (name: string): RunSource => openTrace(join(fixturesFolder('traces'), `${name}.gtr`));

/** Makes the index due: as many runs as the trace has were looked up without it. */
function makeDue(source: RunSource, pageShift: number, depths: StackDepths): void {
  stackIndexWhenDue(source, pageShift, depths, source.runs);
}

/** `runStretch` with an index of its own, once the beginning of a stretch has been looked up run by run. */
function directly(source: RunSource, pageShift: number, depths: StackDepths): FilteredStep {
  const index = makeStackIndex(source, pageShift, depths);
  return (tlb, stretch, context) => {
    const { end } = stretch;
    while (stretch.at < end && (stretch.cycles === 0 || stretch.lastFetchPage < 0 || stretch.lastDataPage < 0)) {
      stretch.end = stretch.at + 1;
      const stop = runStretch(tlb, source, stretch, { ...context, exhaustive: true });
      stretch.end = end;
      if (stop !== 'end') return stop;
    }
    // A run that waits counted has had its look: it is finished run by run.
    if (stretch.at < end && stretch.counted) {
      stretch.end = stretch.at + 1;
      const stop = runStretch(tlb, source, stretch, { ...context, exhaustive: true });
      stretch.end = end;
      if (stop !== 'end') return stop;
    }
    return runFiltered(tlb, index, stretch, context);
  };
}

describe('a stretch by the stack index is the stretch run by run', () => {
  for (const name of ['true-kernel', 'git-log-kernel']) {
    const source = trace(name);
    for (const pageShift of [12, 14, 16]) {
      for (const core of ['cortex-a76', 'cortex-a53', 'cortex-a72', 'neoverse-v3'] as const) {
        it(`of ${name} in pages of ${2 ** (pageShift - 10)}K on a ${core}`, () => {
          const geometry = corePresets[core];
          const { l1i, l1d } = geometry;
          makeDue(source, pageShift, {
            fetch: filterDepth(new TlbArray(l1i.entries, l1i.ways)),
            data: filterDepth(new TlbArray(l1d.entries, l1d.ways)),
          });
          const filtered: FilteredStep = (tlb, stretch, context) => runStretch(tlb, source, stretch, context);
          const shared = { source, pageShift, geometry, filtered, asid: 3 };
          // Two CPUs share the index of a trace, each at a place of its own.
          const calm = new PairedTlb({ ...shared, seed: 7, quantumCycles: 200_000, calm: 0 });
          const busy = new PairedTlb({ ...shared, seed: 11, quantumCycles: 20_000, calm: 4 });
          let going = [calm, busy];
          while (going.length > 0) going = going.filter((pair) => pair.step());
          expect(calm.stops).toBeGreaterThan(50);
          expect(busy.stops).toBeGreaterThan(calm.stops);
        });
      }
    }
  }

  it('of any trace, for stacks of any depth and arrays that are hardly larger', () => {
    const pageArb = fc.oneof({ weight: 5, arbitrary: fc.nat(6) }, { weight: 2, arbitrary: fc.nat(14) });
    const stepArb: fc.Arbitrary<TraceStep> = fc.oneof(
      {
        weight: 30,
        arbitrary: fc
          .record({ access: fc.constantFrom('X', 'X', 'R', 'W', 'M' as const), page: pageArb, end: fc.boolean() })
          .map(({ access, page, end }) => ({ access, addr: page * 4096 + (end ? 4092 : 64), sizeBytes: 8 })),
      },
      { weight: 1, arbitrary: fc.constant({ op: 'exit' as const, status: 0 }) },
    );
    const caseArb = fc.record({
      steps: fc.array(stepArb, { minLength: 40, maxLength: 700, size: 'max' }),
      depth: fc.integer({ min: 2, max: 8 }),
      room: fc.integer({ min: 1, max: 3 }),
      pageShift: fc.constantFrom(12, 12, 13),
      quantumCycles: fc.constantFrom(20, 500),
      calm: fc.constantFrom(0, 2, 6),
      seed: fc.nat(100_000),
    });
    fc.assert(
      fc.property(caseArb, ({ steps, depth, room, pageShift, quantumCycles, calm, seed }) => {
        const source = traceFromSteps([{ access: 'X', addr: 0 }, ...steps]);
        const l1 = { entries: depth + room, ways: depth + room };
        const geometry = { l1i: l1, l1d: l1, l2: { entries: 8, ways: 4 }, walkCache: 'none' as const };
        const filtered = directly(source, pageShift, { fetch: depth, data: depth });
        const pair = new PairedTlb({ source, pageShift, geometry, seed, asid: 3, quantumCycles, calm, filtered });
        while (pair.step());
      }),
      { numRuns: 150 },
    );
  });
});

describe('the index of a trace', () => {
  const source = traceFromSteps([
    { access: 'X', addr: 0 },
    { access: 'R', addr: 4096 },
    { access: 'X', addr: 8192 },
    { access: 'R', addr: 12288 },
  ]);

  it('is made once as many runs as the trace has were looked up without it, for each page size and depth by itself', () => {
    const depths = { fetch: 2, data: 2 };
    expect(source.runs).toBe(4);
    expect(stackIndexWhenDue(source, 12, depths, 3)).toBeNull();
    expect(stackIndexWhenDue(source, 14, depths, 4)).toBeNull();
    expect(stackIndexWhenDue(source, 12, depths, 3)).toBeNull();
    const index = stackIndexWhenDue(source, 12, depths, 1);
    expect(index).not.toBeNull();
    expect(stackIndexWhenDue(source, 12, depths, 1)).toBe(index);
    expect(stackIndexWhenDue(source, 12, { fetch: 3, data: 2 }, 4)).toBeNull();
    expect(stackIndexWhenDue(source, 14, depths, 1)).not.toBeNull();
  });

  it('is not made of a trace that is too long for it', () => {
    const long = { ...source, runs: 2 ** 23 + 1 };
    for (let times = 0; times < 3; times++) {
      expect(stackIndexWhenDue(long, 12, { fetch: 2, data: 2 }, long.runs)).toBeNull();
    }
  });
});
