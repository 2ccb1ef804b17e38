import { beforeAll, describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { madeTopology, madeTrace } from '../../src/report/madeWorkload.ts';
import { changesOf } from '../../src/timeline/changes.ts';
import { formatDivergence } from '../../src/timeline/divergence.ts';
import { copyShared, forkAt, forkMeta } from '../../src/timeline/fork.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { lastChange } from '../../src/timeline/lastChange.ts';
import { applyPatches } from '../../src/timeline/patches.ts';
import { replay } from '../../src/timeline/replay.ts';
import { stateAt, statesAt } from '../../src/timeline/state.ts';
import { valueAt } from '../../src/timeline/statePath.ts';
import { sameValue } from '../../src/timeline/values.ts';
import { causeChain, effects } from '../../src/timeline/why.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { traceFromSteps, type TraceStep } from '../../src/trace/memoryTrace.ts';
import { withOtherState } from './tampered.ts';

const steps: TraceStep[] = Array.from({ length: 400 }, (_, at): TraceStep[] => [
  { access: 'X', addr: 0x400000 + (at % 7) * 4096, sizeBytes: 4 },
  { access: at % 3 === 0 ? 'W' : 'R', addr: 0x10_0000_0000 + ((at * 37) % 200) * 4096, sizeBytes: 8 },
]).flat();
const map: TraceStep = {
  op: 'mmap',
  addr: 0x10_0000_0000,
  lengthBytes: 200 * 4096,
  prot: 3,
  flags: 0x32,
  file: null,
  offsetBytes: 0,
};
const image = [
  { kind: 'program' as const, addr: 0x400000, lengthBytes: 8 * 4096, prot: 5, file: '/bin/made', offsetBytes: 0 },
];
const files = [{ path: '/bin/made', sizeBytes: 65536 }];
const first: TraceStep = { access: 'X', addr: 0x400000 };
const trace = traceFromSteps([first, map, ...steps], { name: 'made', image, files });
const traces = new Map<number, RunSource>([[1, trace]]);
const topology = parseTopology(
  {
    name: 'one',
    quantumCycles: 1000,
    costs: { instruction: 20 },
    processes: [{ pid: 1, trace: 'made', pageSize: '4K' }],
  },
  'test',
);

let reader: LogReader;
beforeAll(() => {
  reader = runInMemory(topology, traces);
});

/** The log again with one record changed. */
function tampered(seq: number, change: (record: LogRecord) => Partial<LogRecord>): LogReader {
  const storage = memoryStorage(new Uint8Array(0), 'run.glog');
  const writer = new LogWriter(storage, noCompression, reader.meta);
  for (const record of reader.range()) writer.append(record.seq === seq ? { ...record, ...change(record) } : record);
  writer.close();
  return LogReader.open(storage, noCompression);
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof GranuleError ? error.code : String(error);
  }
}

describe('a verified replay', () => {
  it('places the first record that differs, names the field, and says what to run next', () => {
    const pages = [...reader.byType('FRAMES')][3];
    const seq = pages?.seq ?? -1;
    const { divergence } = replay(
      tampered(seq, ({ payload }) => ({ payload: { ...(payload as object), pfns: [1] } })),
      traces,
    );
    expect(divergence?.seq).toBe(seq);
    expect(divergence?.what).toBe('payload.pfns[0]');
    expect(divergence?.recorded).toBe(1);
    expect(divergence?.causes.at(0)?.seq).toBe(seq);
    expect(divergence?.next[0]).toBe(`granule state run.glog --at ${seq - 1} --actor ${pages?.to}`);
    expect(divergence === null ? '' : formatDivergence(divergence)).toMatch(/^The replay left the recording at seq/);
  });

  it('says what could have been delivered where the recorded message does not exist', () => {
    const { divergence } = replay(
      tampered(20, () => ({ cause: 3 })),
      traces,
    );
    expect(divergence).toMatchObject({ seq: 20, what: 'delivery' });
  });

  it('notices a time that is off by one cycle', () => {
    const { divergence } = replay(
      tampered(20, ({ timeCycles }) => ({ timeCycles: timeCycles + 1 })),
      traces,
    );
    expect(divergence?.what).toBe('timeCycles');
  });

  it('notices an order that is not that of time, though every channel keeps its own', () => {
    const { topology: two, traces: both } = madeTopology(2, madeTrace(3));
    const run = runInMemory(two, both);
    const [first, second, ...rest] = run.range();
    expect([first?.timeCycles, second?.timeCycles]).toEqual([0, 0]);
    const storage = memoryStorage();
    const writer = new LogWriter(storage, noCompression, run.meta);
    const renumbered = (cause: number): number => (cause === 0 ? 1 : cause === 1 ? 0 : cause);
    for (const record of [second, first, ...rest]) {
      if (record !== undefined) writer.append({ ...record, seq: writer.nextSeq, cause: renumbered(record.cause) });
    }
    writer.close();
    const { divergence } = replay(LogReader.open(storage, noCompression), both);
    expect(divergence).toMatchObject({ seq: 0, what: 'delivery' });
  });

  it('gives the head hash of what it delivered, a record that differs included', () => {
    const log = tampered(20, ({ timeCycles }) => ({ timeCycles: timeCycles + 1 }));
    const writer = new LogWriter(memoryStorage(), noCompression, reader.meta);
    for (const record of reader.range(0, 20)) writer.append(record);
    expect(replay(log, traces).headHash).toBe(writer.close().headHash);
  });

  it('notices by the head hash that the fields of a payload were written in another order', () => {
    const { seq } = [...reader.byType('FRAMES')][0] ?? { seq: -1 };
    const log = tampered(seq, ({ payload }) => ({
      payload: Object.fromEntries(Object.entries(payload as object).toReversed()),
    }));
    const { divergence } = replay(log, traces);
    expect(divergence).toMatchObject({ what: 'head hash', recorded: log.headHash, replayed: reader.headHash });
  });

  it('notices a checkpoint that holds another state', () => {
    const { divergence } = replay(withOtherState(reader, traces, 50), traces);
    expect(divergence).toMatchObject({ seq: 50, what: 'state of zone: context.failures', recorded: 3, replayed: 0 });
  });

  it('replays what is left of a log that was cut', () => {
    const whole = reader.storage.read(0, reader.storage.size());
    const cut = LogReader.open(memoryStorage(whole.subarray(0, whole.length - 200)), noCompression);
    const replayed = replay(cut, traces);
    expect(replayed.divergence).toBe(null);
    expect(replayed.records).toBe(cut.records);
  });

  it('refuses a trace that is missing or changed, naming both hashes', () => {
    expect(codeOf(() => replay(reader, new Map()))).toBe('TRACE_MISSING');
    const other = traceFromSteps([first], { name: 'made', image, files });
    expect(codeOf(() => replay(reader, new Map([[1, other]])))).toBe('TRACE_CHANGED');
    expect(() => replay(reader, new Map([[1, other]]))).toThrow(new RegExp(`${trace.hash}.*${other.hash}`));
  });
});

describe('the state at a seq', () => {
  it('before the first record is that of the beginning', () => {
    expect(stateAt(reader, traces, -1, 'process:1').value).toBe('new');
  });

  it('is the same whichever way one came there', () => {
    const forwards = [10, 300, 40, reader.lastSeq, 41].map((seq) => stateAt(reader, traces, seq, 'mm:1'));
    const fresh = LogReader.open(reader.storage, noCompression);
    for (const state of forwards) expect(stateAt(fresh, traces, state.seq, 'mm:1')).toEqual(state);
  });

  it('opens no other actor than the one asked for', () => {
    const fresh = LogReader.open(reader.storage, noCompression);
    stateAt(fresh, traces, fresh.lastSeq, 'disk');
    expect(fresh.counters.recordsDecoded).toBe(fresh.actors().find(({ id }) => id === 'disk')?.count);
  });

  it('is refused past the end and for an actor that is not there', () => {
    expect(codeOf(() => stateAt(reader, traces, reader.records, 'mm:1'))).toBe('SEQ_OUT_OF_RANGE');
    expect(codeOf(() => stateAt(reader, traces, -2, 'mm:1'))).toBe('SEQ_OUT_OF_RANGE');
    expect(codeOf(() => stateAt(reader, traces, 0, 'mm:9'))).toBe('ACTOR_UNKNOWN');
    expect(codeOf(() => stateAt(reader, traces, 0, 'outside'))).toBe('ACTOR_UNKNOWN');
  });
});

describe('the changes of records', () => {
  it('lead from each state to the next and back, for every record', () => {
    let seen = 0;
    for (const { record, forward, inverse } of changesOf(reader, traces, 0, reader.lastSeq)) {
      if (record.seq % 17 !== 0) continue;
      seen++;
      const { seq: _a, actor: _b, ...before } = stateAt(reader, traces, record.seq - 1, record.to);
      const { seq: _c, actor: _d, ...after } = stateAt(reader, traces, record.seq, record.to);
      expect(sameValue(applyPatches(before, forward), after)).toBe(true);
      expect(sameValue(applyPatches(after, inverse), before)).toBe(true);
    }
    expect(seen).toBeGreaterThan(50);
  });

  it('show the transition, what changed and what was sent', () => {
    const [start] = changesOf(reader, traces, 0, 0);
    expect(start?.record.type).toBe('START');
    expect(start?.from).toBe('new');
    expect(start?.to).toEqual({ 'in-syscall': 'active' });
    expect(start?.microsteps[0]?.transitions[0]?.source).toBe('process.new');
    expect(start?.changes).toContainEqual({ path: 'context.calls', kind: 'changed', before: 0, after: 1 });
    expect(start?.sent).toEqual([{ to: 'abi', type: 'SYSCALL', delayCycles: expect.any(Number) as unknown }]);
  });

  it('of one actor are those records of it alone', () => {
    const changes = [...changesOf(reader, traces, 0, reader.lastSeq, 'zone')];
    expect(changes.map(({ record }) => record)).toEqual([...reader.byActor('zone')]);
  });
});

describe('why', () => {
  it('leads back to the message from outside', () => {
    const chain = causeChain(reader, reader.lastSeq);
    expect(chain.at(-1)).toMatchObject({ seq: 0, from: 'outside', cause: -1 });
    for (const [at, record] of chain.entries()) expect(record.cause).toBe(chain[at + 1]?.seq ?? -1);
  });

  it('leads forward to what an event caused, as deep as asked', () => {
    const direct = effects(reader, 0, 1).effects.map(({ record }) => record.seq);
    expect(direct).toEqual([...reader.range()].filter(({ cause }) => cause === 0).map(({ seq }) => seq));
    const all = effects(reader, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    expect(all.effects.length).toBe(reader.records - 1);
    expect(effects(reader, 0, 99, 5)).toMatchObject({ isCut: true });
  });
});

describe('the last change of a value', () => {
  const paths = ['context.brk', 'context.minorFaults', 'value', 'context.vmas.vmas[startVa=0x1000000000].endVa'];
  it.each(paths)('of %s is the one that a walk over every record finds', (path) => {
    const seq = Math.floor(reader.lastSeq / 2);
    let expected: LogRecord | null = null;
    for (const record of reader.byActor('mm:1', 0, seq)) {
      const before = valueAt(stateAt(reader, traces, record.seq - 1, 'mm:1'), path);
      if (!sameValue(before, valueAt(stateAt(reader, traces, record.seq, 'mm:1'), path))) expected = record;
    }
    expect(lastChange(reader, traces, 'mm:1', path, seq)?.record ?? null).toEqual(expected);
  });

  it('of what never changed is null, and of what is no path into a state is refused', () => {
    expect(lastChange(reader, traces, 'mm:1', 'context.pid', reader.lastSeq)).toBe(null);
    expect(codeOf(() => lastChange(reader, traces, 'mm:1', 'brk', 5))).toBe('USAGE');
  });
});

describe('a fork', () => {
  it('that sends something else replays by itself, what it sent included', () => {
    const seq = 200;
    const stop = { to: 'process:1', message: { type: 'STOP' }, delayCycles: 5 };
    const storage = memoryStorage();
    const writer = new LogWriter(storage, noCompression, forkMeta(reader, seq, [stop]));
    copyShared(reader, writer, seq);
    const fork = forkAt(reader, traces, seq, { onRecord: (record) => writer.append(record) });
    fork.send(stop.to, stop.message, { delayCycles: stop.delayCycles });
    fork.run();
    writer.close();
    const forked = LogReader.open(storage, noCompression);
    expect([...forked.range(0, seq)]).toEqual([...reader.range(0, seq)]);
    expect(stateAt(forked, traces, forked.lastSeq, 'process:1').value).toBe('stopped');
    expect(replay(forked, traces).divergence).toBe(null);
    expect(statesAt(forked, traces, seq)).toEqual(statesAt(reader, traces, seq));
  });

  it('of a fork goes on from what the first one sent', () => {
    const seq = 100;
    const stop = { to: 'process:1', message: { type: 'STOP' }, delayCycles: 5 };
    const storage = memoryStorage();
    const writer = new LogWriter(storage, noCompression, forkMeta(reader, seq, [stop]));
    copyShared(reader, writer, seq);
    const fork = forkAt(reader, traces, seq, { onRecord: (record) => writer.append(record) });
    fork.send(stop.to, stop.message, { delayCycles: stop.delayCycles });
    fork.run();
    writer.close();
    const forked = LogReader.open(storage, noCompression);
    expect(stateAt(forked, traces, forked.lastSeq, 'process:1').value).toBe('stopped');
    const again = forkAt(forked, traces, forked.lastSeq);
    again.send('process:1', { type: 'CONTINUE' });
    expect(again.run().reason).toBe('idle');
    expect(again.snapshot('process:1').value).toBe('zombie');
  });
});
