/**
 * Whole worlds of random programs: what must hold whatever the programs, page sizes, memory and order of delivery.
 *
 * @models S-38 S-44
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainContext } from '../../machines/index.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import { systemOf } from '../../src/topology/run.ts';
import { fuzz, fuzzWorld } from './support/fuzz.ts';
import { program, randomSteps } from './support/programs.ts';
import { checkEnd, contextOf, processOf, runChecked, topologyOf, worldOf } from './support/world.ts';

const seeds = fc.integer({ min: 1, max: 1_000_000 });
const WORLDS = 40;

describe('random worlds', () => {
  it('conserve frames at every event, keep tables and TLBs in step, and leave nothing behind', () => {
    fc.assert(
      fc.property(seeds, (seed) => fuzz(seed, 5)),
      { numRuns: WORLDS },
    );
  });

  it('give the same records for the same seed', () => {
    const recordsOf = (seed: number): MessageRecord[] => {
      const { system } = fuzzWorld(seed);
      const records: MessageRecord[] = [];
      for (let record = system.step(); record !== null; record = system.step()) records.push(record);
      return records;
    };
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(recordsOf(seed)).toEqual(recordsOf(seed));
      }),
      { numRuns: 5 },
    );
  });

  it('run with frozen contexts and messages: no handler writes to what it was given', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { system } = fuzzWorld(seed, true);
        expect(system.run().reason).toBe('idle');
      }),
      { numRuns: 10 },
    );
  });
});

/** What a process can see of its own page size. */
function observed(pageSize: string, kernelPageSize: string, seed: number, files: boolean): unknown {
  const trace = program(randomSteps(seed, { steps: 60, files, crimes: true }));
  const process = { pid: 1, trace: 'made', pageSize, layout: '64K' };
  const topology = topologyOf({ kernelPageSize, memory: 2 ** 27, processes: [process] });
  const answers: unknown[] = [];
  const onRecord = ({ type, payload }: MessageRecord): void => {
    const message = payload as { result: number; errno: number; runs: unknown; signal: number };
    if (type === 'SYSRET') answers.push([message.result, message.errno, vmasOf()]);
  };
  const system = systemOf({ topology, traces: new Map([[1, trace]]) }, { onRecord });
  const vmasOf = (): unknown => plainContext(contextOf(system, 'mm:1'))['vmas'];
  system.run();
  const { signal, signalCode, signalVa, callsFailed } = processOf(system, 1);
  const { minorFaults, majorFaults, rssPeakPages, kernelPageBytes } = contextOf(system, 'mm:1');
  const faults = files ? [] : [minorFaults, rssPeakPages * kernelPageBytes];
  return { answers, signal, signalCode, signalVa, callsFailed, majorsOfProgram: majorFaults > 0, faults };
}

describe('a process of a larger page size on a smaller kernel', () => {
  for (const size of ['16K', '64K']) {
    it(`observes at ${size} what it observes on a kernel of that page size`, () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          expect(observed(size, '4K', seed, false)).toEqual(observed(size, size, seed, false));
          expect(observed(size, '4K', seed, true)).toEqual(observed(size, size, seed, true));
        }),
        { numRuns: 25 },
      );
    });
  }
});

describe('a fork', () => {
  it('under memory too short for two leaves whole processes: killed, refused, or done', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const steps = randomSteps(seed, { steps: 50, files: true, forks: 1 });
      const programs = new Map([
        [1, program(steps)],
        [11, program(randomSteps(seed + 500, { steps: 20 }))],
      ]);
      const base = { trace: 'made', pageSize: '16K', layout: '64K' };
      const processes = [
        { ...base, pid: 1, children: [11] },
        { ...base, pid: 11, forked: true },
      ];
      const topology = topologyOf({
        cpus: 2,
        memory: (11 + seed) * 2 ** 17,
        chooser: 'seeded-random',
        seed,
        processes,
      });
      const system = worldOf(topology, programs);
      runChecked(system);
      const childLives = system.snapshot('process:11').value !== 'new';
      checkEnd(system, childLives ? [1, 11] : [1]);
    }
  });
});
