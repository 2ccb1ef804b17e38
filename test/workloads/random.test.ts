/**
 * Random processes with random workloads, that are started, stopped, paused and bound to CPUs at random moments: every run comes to
 * its end, laws 7 and 8 hold after each event, and the log replays to the same head hash.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTraces, loadTracesOfLog } from '../../src/topology/load.node.ts';
import { logMeta, messageRegistry, openMeta } from '../../src/topology/meta.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import type { WorkloadInput } from '../../src/trace/workloads/workloadSchema.ts';
import '../support/propertySeed.ts';
import { SAMPLES } from './samples.ts';

const CPUS = 3;
const PROCESSES = 4;
/** The child that a fork server or a copier has. */
const CHILD = 9;

const size = fc.constantFrom('4K', '60K', '64K', '200K');
const count = fc.integer({ min: 1, max: 400 });
const pageSize = fc.constantFrom('4K', '16K', '64K');
const seed = fc.nat(1000);

/** Patterns that can be parts, small. */
const part: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ pattern: fc.constantFrom('random', 'zipf', 'pointer-chase'), lengthBytes: size, accesses: count, seed }),
  fc.record({ pattern: fc.constantFrom('sequential', 'strided'), lengthBytes: size, accesses: count }),
  fc.record({ pattern: fc.constantFrom('rand', 'randread'), lengthBytes: size, touches: count }),
  fc.constantFrom(SAMPLES.sparse, SAMPLES.fmap, SAMPLES.fmapw, SAMPLES.dontneed, SAMPLES['mmap-file-scan']),
  fc.record({ pattern: fc.constant('allocator'), operations: count, slots: fc.integer({ min: 1, max: 50 }), seed }),
);

const workload = fc.oneof(
  { weight: 3, arbitrary: part },
  { weight: 1, arbitrary: fc.record({ sequence: fc.array(part, { minLength: 1, maxLength: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      mixture: fc.array(
        fc.tuple(part, fc.integer({ min: 1, max: 4 })).map(([one, share]) => ({ ...one, share })),
        { minLength: 1, maxLength: 3 },
      ),
      sliceAccesses: fc.integer({ min: 1, max: 100 }),
    }),
  },
);

/** A time, or what some process does some time. */
const moment = fc.oneof(
  fc.record({ atCycles: fc.nat(1_500_000) }),
  fc.record({
    when: fc.record({
      type: fc.constantFrom('EXITED', 'FAULT', 'RAN', 'SYSCALL', 'DISPATCH', 'BLOCKED'),
      nth: fc.integer({ min: 1, max: 20 }),
    }),
    delayCycles: fc.nat(100_000),
  }),
);

const cpus = fc.uniqueArray(fc.nat(CPUS - 1), { minLength: 1, maxLength: CPUS });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const lifecycle = fc.record({
  startCycles: fc.nat(300_000),
  stop: maybe(moment),
  pauses: fc.boolean(),
  pauseAt: fc.nat(500_000),
  pin: maybe(
    fc.array(
      fc.tuple(moment, cpus).map(([when, some]) => ({ ...when, cpus: some })),
      { maxLength: 4 },
    ),
  ),
});

/** Whoever is paused goes on after everything else that there may be. */
const RESUMED_AT = 400_000_000;

function processOf(pid: number, given: object, { pauses, pauseAt, ...moments }: Record<string, unknown>): object {
  const paused = { pause: [{ atCycles: pauseAt }], resume: [{ atCycles: RESUMED_AT }] };
  const kept = Object.entries(moments).filter(([, value]) => value !== undefined);
  return { pid, ...given, ...Object.fromEntries(kept), ...(pauses === true ? paused : {}) };
}

function checked(input: object): void {
  const topology = parseTopology(
    { name: 'random', cpus: CPUS, memory: '256M', quantumCycles: 20_000, ...input },
    'test',
  );
  const traces = loadTraces(topology, { folders: [] });
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(topology, traces));
  const { system } = runTopology({ topology, traces, writer, checked: true, freeze: true });
  for (const { pid } of topology.processes) {
    const { value } = system.snapshot(`process:${pid}`);
    // A child whose parent was killed before it forked never begins.
    if (!(pid === CHILD && value === 'new')) expect(value, `process ${pid}`).toBe('zombie');
  }
  const log = LogReader.open(storage, noCompression, messageRegistry);
  const meta = openMeta(log.meta);
  const programs = new Map(meta.topology.processes.map((process) => [process.pid, process]));
  const again = loadTracesOfLog(meta.traces, { folders: [], programs });
  for (const { pid, hash } of meta.traces) expect(again.get(pid)?.hash).toBe(hash);
  const replayed = replay(log, again);
  expect(replayed.divergence).toBeNull();
  expect(replayed.headHash).toBe(log.headHash);
}

describe('random workloads at random moments', () => {
  const process = fc.record({ pageSize, workload }).chain((given) => lifecycle.map((moments) => ({ given, moments })));
  const processes = fc.array(process, { minLength: 1, maxLength: PROCESSES });
  const chooser = fc.constantFrom('time-order', 'seeded-random');

  it('end, keep the laws, and replay', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(processes, chooser, seed, (all, name, ofChooser) => {
        const written = all.map(({ given, moments }, at) => processOf(at + 1, given, moments));
        checked({ processes: written, chooser: name, seed: ofChooser });
      }),
      { numRuns: 60 },
    );
  });

  it('that fork keep them too', { timeout: 600_000 }, () => {
    const forking = fc.constantFrom<[WorkloadInput, WorkloadInput]>(
      [{ ...SAMPLES['fork-server'], forks: 1 }, SAMPLES['fork-child']],
      [SAMPLES.cow, SAMPLES['cow-child']],
    );
    fc.assert(
      fc.property(
        forking,
        pageSize,
        lifecycle,
        lifecycle,
        process,
        chooser,
        (pair, ofBoth, parents, childs, other, name) => {
          const [parent, child] = pair;
          const { startCycles: _never, ...moments } = childs;
          checked({
            chooser: name,
            processes: [
              processOf(1, { pageSize: ofBoth, workload: parent, children: [CHILD] }, parents),
              processOf(CHILD, { pageSize: ofBoth, workload: child, forked: true }, moments),
              processOf(2, other.given, other.moments),
            ],
          });
        },
      ),
      { numRuns: 25 },
    );
  });
});
