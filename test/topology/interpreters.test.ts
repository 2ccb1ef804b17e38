import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { machines } from '../../machines/index.ts';
import { noCompression } from '../../src/log/discardStorage.ts';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { CompiledMachine } from '../../src/runtime/compiledMachine.ts';
import { adaptMachine, type Interpreter } from '../../src/runtime/xstateAdapter.ts';
import { withParents } from '../../src/timeline/parents.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import { builtIns } from '../../src/topology/definitions/catalogue.ts';
import { loadTopology, loadTraces, loadTracesOfLog, topologyNames } from '../../src/topology/load.node.ts';
import { loadSystem } from '../../src/topology/loadSystem.node.ts';
import { logMeta, messageRegistry, openMeta } from '../../src/topology/meta.ts';
import { runTopology, systemOf } from '../../src/topology/run.ts';
import { type RandomRun, runArb } from '../timeline/randomRuns.ts';

const INTERPRETERS = ['compiled', 'xstate'] as const;

function headHash({ topology, traces }: RandomRun, interpreter: Interpreter, catalogue = builtIns): string {
  const writer = new LogWriter(memoryStorage(), noCompression, logMeta(topology, traces, null, catalogue));
  return runTopology({ topology, traces, writer, interpreter, catalogue }).headHash;
}

function expectOneHash(run: RandomRun, catalogue = builtIns): void {
  expect(headHash(run, 'compiled', catalogue)).toBe(headHash(run, 'xstate', catalogue));
}

it('every machine of the modelled world is compiled whole', () => {
  for (const [kind, machine] of Object.entries(machines)) {
    const adapted = adaptMachine(machine);
    expect(adapted.refusals, kind).toEqual([]);
    expect(adapted.compiled, kind).not.toBeNull();
  }
});

it('no turn of a run goes to XState', () => {
  const turn = vi.spyOn(CompiledMachine.prototype, 'turn');
  const topology = loadTopology('proposal-16k');
  const processes = topology.processes.map((process) => ({ ...process, trace: 'true-kernel' }));
  const short = { ...topology, processes };
  const { records } = runTopology({ topology: short, traces: loadTraces(short, { folders: [] }), writer: null });
  const taken = turn.mock.results.filter(({ type, value }) => type === 'return' && value !== null).length;
  turn.mockRestore();
  expect(taken).toBe(records);
});

describe('compiled statecharts and XState give one head hash', () => {
  for (const name of topologyNames()) {
    it(`of ${name}, with a short trace`, async () => {
      const { topology: loaded, catalogue } = await loadSystem(name, { cwd: import.meta.dirname });
      const processes = loaded.processes.map((process) => ({ ...process, trace: 'true-kernel' }));
      const topology = { ...loaded, processes };
      expectOneHash({ topology, traces: loadTraces(topology, { folders: [] }) }, catalogue);
    });
  }

  it('of any run', () => {
    fc.assert(
      fc.property(runArb, (run) => expectOneHash(run)),
      { numRuns: 25 },
    );
  });
});

describe('golden logs replay with either', () => {
  const folder = join(import.meta.dirname, '../../fixtures/golden');
  const golden = readdirSync(folder).filter((file) => file.endsWith('.glog'));
  for (const name of golden) {
    for (const interpreter of INTERPRETERS) {
      it(`${name}, ${interpreter}`, () => {
        const open = (file: string): LogReader =>
          LogReader.open(openLogFile(join(folder, file)), zlibCompression, messageRegistry);
        const reader = withParents(open(name), (headHash) => {
          return golden.map(open).find((one) => one.headHash === headHash) ?? null;
        });
        const traces = loadTracesOfLog(openMeta(reader.meta).traces, { folders: [] });
        const replayed = replay(reader, traces, { interpreter });
        expect(replayed.divergence).toBeNull();
        expect(replayed.headHash).toBe(reader.headHash);
      });
    }
  }
});

it('a compiled actor shows the state that XState gives it, whenever it is asked', () => {
  fc.assert(
    fc.property(runArb, fc.integer({ min: 1, max: 40 }), (run, interval) => {
      const [compiled, xstate] = [
        systemOf({ ...run, interpreter: 'compiled' }),
        systemOf({ ...run, interpreter: 'xstate' }),
      ];
      for (let record = compiled.step(); record !== null; record = compiled.step()) {
        const expected = xstate.step();
        if (record.seq % interval !== 0) continue;
        expect(record).toEqual(expected);
        const [left, right] = [compiled.snapshot(record.to), xstate.snapshot(record.to)];
        expect(firstDifference(plainState(left), plainState(right))).toBeNull();
        expect([...left.tags]).toEqual([...right.tags]);
        // Asked again, it is the same one: nothing has happened.
        expect(compiled.snapshot(record.to)).toBe(left);
      }
      for (const actor of compiled.actors) {
        expect(firstDifference(plainState(compiled.snapshot(actor)), plainState(xstate.snapshot(actor)))).toBeNull();
      }
    }),
    { numRuns: 10 },
  );
});

it('a log is the same bytes whether it takes deliveries or records', () => {
  fc.assert(
    fc.property(runArb, (run) => {
      const storages = [memoryStorage(), memoryStorage()] as const;
      const [deliveries, records] = storages.map(
        (storage) => new LogWriter(storage, noCompression, logMeta(run.topology, run.traces)),
      );
      const system = systemOf(run, {
        onDelivery: (seq, timeCycles, { to, from, cause, message }) =>
          deliveries?.appendDelivery(seq, timeCycles, to, from, cause, message),
        onRecord: (record) => records?.append(record),
      });
      system.run();
      expect(records?.close().headHash).toBe(deliveries?.close().headHash);
      const [left, right] = storages.map((storage) => storage.read(0, storage.size()));
      expect(Buffer.from(left ?? []).equals(Buffer.from(right ?? []))).toBe(true);
    }),
    { numRuns: 25 },
  );
});
