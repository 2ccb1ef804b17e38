import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { baseOf } from '../../src/log/checkpoint.ts';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { madeTopology, madeTrace } from '../../src/report/madeWorkload.ts';
import type { OnDelivery } from '../../src/runtime/systemOptions.ts';
import type { System } from '../../src/runtime/system.ts';
import {
  isPlainState,
  type PlainState,
  plainState,
  RecordedRun,
  unpackedState,
} from '../../src/timeline/recordedRun.ts';
import { SystemView } from '../../src/timeline/systemView.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import { Checkpointer, type CheckpointSpacing, SYSTEM_STATE } from '../../src/topology/checkpointer.ts';
import { logMeta, messageRegistry } from '../../src/topology/meta.ts';
import { systemOf } from '../../src/topology/run.ts';
import { type RandomRun, runArb } from '../timeline/randomRuns.ts';

const CASES = { numRuns: 12 };

type States = ReadonlyMap<string, PlainState>;

function liveStates(system: System): States {
  return new Map(Array.from(system.snapshots(), ([actor, snapshot]) => [actor, plainState(snapshot)]));
}

/** Logs each delivery, and counts it towards the next checkpoint. */
function loggedBy(writer: LogWriter, checkpointer: Checkpointer): { onDelivery: OnDelivery } {
  return {
    onDelivery: (seq, timeCycles, envelope) => {
      writer.appendDelivery(seq, timeCycles, envelope.to, envelope.from, envelope.cause, envelope.message);
      checkpointer.note(envelope);
    },
  };
}

/** A run with checkpoints a few events apart. */
function recorded(run: RandomRun, spacing: CheckpointSpacing, onCheckpoint = (_system: System): void => {}): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(run.topology, run.traces));
  const checkpoint = vi.spyOn(writer, 'checkpoint');
  const checkpointer = new Checkpointer(writer, spacing);
  const system = systemOf(run, loggedBy(writer, checkpointer));
  while (system.step() !== null) {
    checkpointer.writeWhenDue(system);
    if (checkpoint.mock.calls.length === 0) continue;
    checkpoint.mockClear();
    onCheckpoint(system);
  }
  writer.close();
  return LogReader.open(storage, noCompression, messageRegistry);
}

const near = (leastEvents: number): CheckpointSpacing => ({ leastEvents, runPerCheckpoints: 0 });
const made = (accesses: number, idleFiles = 0): RandomRun => madeTopology(2, madeTrace(accesses), idleFiles);
const caseArb = fc.record({
  run: runArb,
  events: fc.constantFrom(3, 20, 150),
  places: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 8, maxLength: 8 }),
});

/** How many checkpoints a state is put together from. */
function chainLength(reader: LogReader, actor: string, checkpointIndex: number): number {
  let frames = 0;
  let at = reader.directory.holderAt(actor, checkpointIndex);
  for (; at >= 0; at = reader.directory.holderAt(actor, baseOf(at))) frames++;
  return frames;
}

describe('the checkpoints of a run', () => {
  it('give every actor at every one of them as the run had it, from a logarithm of them', () => {
    fc.assert(
      fc.property(caseArb, ({ run, events }) => {
        const live: States[] = [];
        const reader = recorded(run, near(events), (system) => live.push(liveStates(system)));
        expect(reader.checkpoints()).toHaveLength(live.length);
        const begun = new RecordedRun(reader, run.traces);
        for (const [index, states] of live.entries()) {
          for (const [actor, state] of states) {
            const stored = reader.stateAtCheckpoint(index, actor);
            const found = stored === null ? plainState(begun.initial(actor)) : unpackedState(actor, stored.state);
            expect(firstDifference(found, state)).toBe(null);
            expect(chainLength(reader, actor, index)).toBeLessThanOrEqual(Math.floor(Math.log2(index + 1)) + 1);
          }
        }
      }),
      CASES,
    );
  });

  it('lead to the state of every actor at any seq, from wherever one comes', () => {
    fc.assert(
      fc.property(caseArb, ({ run, events, places }) => {
        const reader = recorded(run, near(events));
        const view = new SystemView(reader, run.traces);
        const seqs = places.map((place) => Math.floor(place * (reader.records + 1)) - 1);
        for (const seq of seqs.flatMap((at) => [at, Math.max(-1, at - 1), Math.min(reader.lastSeq, at + 40)])) {
          const system = systemOf(run);
          if (seq >= 0) system.run({ untilSeq: seq });
          const found = new Map(Array.from(view.snapshots(seq), ([actor, snapshot]) => [actor, plainState(snapshot)]));
          expect(firstDifference([...found], [...liveStates(system)])).toBe(null);
        }
      }),
      CASES,
    );
  });

  it('give what received a record as it was before, step by step back through the whole log', () => {
    const run = made(60);
    const reader = recorded(run, near(25));
    const after = new Map<string, PlainState[]>();
    const system = systemOf(run);
    for (const { id } of reader.actors()) after.set(id, [plainState(system.snapshot(id))]);
    for (let record = system.step(); record !== null; record = system.step()) {
      after.get(record.to)?.push(plainState(system.snapshot(record.to)));
    }
    const view = new SystemView(reader, run.traces);
    for (let seq = reader.lastSeq; seq >= 0; seq--) {
      const { to } = reader.read(seq);
      after.get(to)?.pop();
      expect(firstDifference(plainState(view.snapshot(to, seq - 1)), after.get(to)?.at(-1))).toBe(null);
    }
  });

  it('are not fallen over when the stretch before is damaged and one does not go there', () => {
    const run = made(600);
    const reader = recorded(run, near(5000));
    const bytes = reader.storage.read(0, reader.storage.size());
    const first = reader.directory.segments[0];
    bytes.fill(0, (first?.offsetBytes ?? 0) + 28, (first?.offsetBytes ?? 0) + 1000);
    const view = new SystemView(LogReader.open(memoryStorage(bytes), noCompression, messageRegistry), run.traces);
    const checkpoint = reader.checkpoints()[0]?.seq ?? 0;
    expect(checkpoint).toBeGreaterThan(4096);
    for (let seq = checkpoint + 60; seq > checkpoint; seq--) view.snapshot('mm:1', seq);
    expect(() => view.snapshot('mm:1', 4000)).toThrow(GranuleError);
  });

  it('do so in a log that was cut as well', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 1, noNaN: true }), (share) => {
        const run = made(1500);
        const reader = recorded(run, near(500));
        const bytes = reader.storage.read(0, Math.floor(share * reader.storage.size()) - 1);
        const cut = LogReader.open(memoryStorage(bytes), noCompression, messageRegistry);
        expect(cut.recovery).not.toBeNull();
        const view = new SystemView(cut, run.traces);
        const system = systemOf(run);
        if (cut.records > 0) system.run({ untilSeq: cut.lastSeq });
        for (const [actor, snapshot] of view.snapshots(cut.lastSeq)) {
          expect(firstDifference(plainState(snapshot), plainState(system.snapshot(actor)))).toBe(null);
        }
      }),
      { numRuns: 6 },
    );
  });

  it('leave the head hash as it is', () => {
    const run = made(300);
    const hashes = [near(7), near(100), near(1e9)].map((spacing) => recorded(run, spacing).headHash);
    expect(new Set(hashes).size).toBe(1);
  });

  it('hold an actor that rests a logarithm of times after its last change', () => {
    const run = made(400);
    run.traces.set(1, madeTrace(3));
    const reader = recorded(run, near(8));
    const checkpoints = reader.checkpoints().length;
    expect(checkpoints).toBeGreaterThan(50);
    let resting = 0;
    for (const { id } of reader.actors()) {
      const last = [...reader.byActor(id)].at(-1)?.seq ?? 0;
      const holders = reader.directory.holders.get(id) ?? [];
      const since = holders.filter((index) => (reader.checkpoints()[index]?.seq ?? 0) >= last);
      expect(since.length).toBeLessThanOrEqual(Math.floor(Math.log2(checkpoints)) + 1);
      if (since.length > 2) resting++;
    }
    expect(resting).toBeGreaterThan(0);
    expect(reader.directory.holders.get(SYSTEM_STATE)).toHaveLength(checkpoints);
  });

  it('leave out the fields that stayed the very same', () => {
    const reader = recorded(made(2000), near(200));
    const [state] = reader.checkpointStates(reader.checkpoints()[2] ?? { offsetBytes: 0, seq: 0 }, 'mmu:1');
    expect(state?.part).toBe(true);
    const fields = isPlainState(state?.state) ? Object.keys(state.state.context) : [];
    expect(fields).toContain('linux');
    expect(fields).not.toContain('kernelPageBytes');
  });
});

describe('a checkpointer', () => {
  it('looks at no actor but those that received something since its last checkpoint', () => {
    const run = made(400, 300);
    const storage = memoryStorage();
    const writer = new LogWriter(storage, noCompression, {});
    const checkpointer = new Checkpointer(writer, near(64));
    let received = new Set<string>();
    const system = systemOf(run, {
      ...loggedBy(writer, checkpointer),
      onRecord: ({ to }) => received.add(to),
    });
    const look = vi.spyOn(system, 'snapshot');
    const lookAtAll = vi.spyOn(system, 'snapshots');
    const checkpoint = vi.spyOn(writer, 'checkpoint');
    let looks = 0;
    while (system.step() !== null) {
      checkpointer.writeWhenDue(system);
      if (checkpoint.mock.calls.length === 0) continue;
      checkpoint.mockClear();
      looks += received.size;
      received = new Set();
    }
    writer.close();
    const reader = LogReader.open(storage, noCompression);
    // One look to see whether it changed, and one to write it down.
    for (const entry of reader.checkpoints()) looks += reader.checkpointStates(entry).length - 1;
    expect(reader.checkpoints().length).toBeGreaterThan(10);
    expect(look).toHaveBeenCalledTimes(looks);
    expect(look.mock.calls.some(([actor]) => actor.startsWith('file:/idle/'))).toBe(false);
    expect(lookAtAll).not.toHaveBeenCalled();
  });

  it('writes large states further apart, so that a run costs as many times as much as was asked for', () => {
    const run = made(6000);
    const writer = new LogWriter(memoryStorage(), noCompression, {});
    const checkpoint = vi.spyOn(writer, 'checkpoint');
    const checkpointer = new Checkpointer(writer, { leastEvents: 64, runPerCheckpoints: 1 });
    const system = systemOf(run, loggedBy(writer, checkpointer));
    while (system.step() !== null) checkpointer.writeWhenDue(system);
    const bytes = checkpoint.mock.results.reduce((sum, { value }) => sum + (value as number), 0);
    expect(checkpoint.mock.calls.length).toBeGreaterThan(50);
    expect(bytes / 28 / system.nextSeq).toBeLessThan(1.3);
  });

  it('leaves no gap behind a first checkpoint of large states that then rest', () => {
    const run = made(4000, 20_000);
    const reader = recorded(run, { leastEvents: 512, runPerCheckpoints: 20 });
    const seqs = reader.checkpoints().map(({ seq }) => seq);
    expect(seqs.length).toBeGreaterThan(2);
    expect((seqs[1] ?? 0) - (seqs[0] ?? 0)).toBeLessThan(11_000);
  });
});

describe('a log with a state that cannot be put together', () => {
  const log = (states: Parameters<LogWriter['checkpoint']>[1][]): LogReader => {
    const storage = memoryStorage();
    const writer = new LogWriter(storage, zlibCompression, {});
    for (const [seq, each] of states.entries()) {
      writer.append({ seq, timeCycles: seq, to: 'zone', from: 'mm:1', cause: -1, type: 'PUT', payload: {} });
      writer.checkpoint(seq, each);
    }
    writer.close();
    return LogReader.open(storage, zlibCompression);
  };
  const codeOf = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      if (error instanceof GranuleError) return `${error.code}: ${error.message}`;
      throw error;
    }
    return 'nothing thrown';
  };

  it('is damaged where no whole state lies before a part, or one has no context', () => {
    const state = { value: 'idle', status: 'active', context: { n: 1 } };
    const missing = log([[{ actor: 'zone', state, part: true }]]);
    expect(codeOf(() => missing.stateAtCheckpoint(0, 'zone'))).toMatch(/^LOG_DAMAGED: no whole state of zone/);
    const two = [{ actor: 'zone', state }];
    const bare = log([two, two, [{ actor: 'zone', state: { value: 'idle' }, part: true }]]);
    expect(codeOf(() => bare.stateAtCheckpoint(2, 'zone'))).toMatch(/^LOG_DAMAGED: .* has no context$/);
  });

  it('is damaged where a stored state was changed, though no other was read', () => {
    const reader = log([
      [
        { actor: 'mm:1', state: 7 },
        { actor: 'zone', state: 8 },
      ],
    ]);
    expect(verifyLog(reader).ok).toBe(true);
    const bytes = reader.storage.read(0, reader.storage.size());
    const end = reader.checkpoints()[0]?.offsetBytes ?? 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset + end);
    const last = end + 28 + view.getUint32(8, true) + view.getUint32(12, true) - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    const damaged = LogReader.open(memoryStorage(bytes), zlibCompression);
    expect(damaged.stateAtCheckpoint(0, 'mm:1')?.state).toBe(7);
    expect(codeOf(() => damaged.stateAtCheckpoint(0, 'zone'))).toMatch(/^LOG_DAMAGED: the checksum of a state of zone/);
  });
});
