import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { noCompression } from '../../src/log/discardStorage.ts';
import { encodeHead } from '../../src/log/headerFrame.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { SegmentBuilder } from '../../src/log/segmentBuilder.ts';
import { SEGMENT_RECORDS } from '../../src/log/segmentHeader.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { madeTopology, madeTrace } from '../../src/report/madeWorkload.ts';
import { copyShared, forkAt, forkMeta } from '../../src/timeline/fork.ts';
import { hashingWriter, runInMemory } from '../../src/timeline/inMemory.ts';
import { parallelReplay } from '../../src/timeline/parallelReplay.node.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import type { Topology } from '../../src/topology/schema.ts';
import { inShares } from './inShares.ts';
import { placeArb, type RandomRun, runArb } from './randomRuns.ts';
import { recorded } from './recorded.ts';
import { tampered, tamperingArb, withOtherState } from './tampered.ts';

/** Few, since each case is a whole run that is then done again several times. */
const CASES = { numRuns: 12 };
/** Changed logs are short of work: a replay ends at the change. */
const CHANGED_CASES = { numRuns: 70 };

/** What goes wrong on the wires: late and out of order, twice (which some machines do not survive), or not at all. */
const faultsArb = fc.constantFrom<Topology['faultPlan']>(
  [{ wire: { from: '*', to: '*' }, op: 'delay', delayCycles: 300, probability: 0.3, seed: 5 }],
  [{ wire: { from: '*', to: 'zone' }, op: 'reorder', windowCycles: 900, probability: 0.5, seed: 6 }],
  [{ wire: { from: 'mm*', to: '*' }, op: 'duplicate', delayCycles: 0, nth: 9 }],
  [{ wire: { from: '*', to: 'disk' }, op: 'drop', nth: 2 }],
);

/** Holds what the shares come to against what one thread does. */
function expectAgreement(reader: LogReader, traces: ReadonlyMap<number, RunSource>): void {
  const replayed = replay(reader, traces);
  expect(replayed.divergence).toBe(null);
  for (const count of [1, 2, 3]) {
    const { misfit, failure, loop } = inShares(reader, traces, count);
    expect(misfit).toBe(null);
    expect(failure?.format()).toBe(replayed.failure?.format());
    const { records, checkpoints, nowCycles: timeCycles, pending } = loop;
    expect({ records, checkpoints, timeCycles, pending }).toEqual({
      records: replayed.records,
      checkpoints: replayed.checkpoints,
      timeCycles: replayed.timeCycles,
      pending: replayed.pending,
    });
  }
}

function forked(reader: LogReader, { traces }: RandomRun, seq: number): LogReader {
  const stop = { to: 'process:100', message: { type: 'STOP' }, delayCycles: 5 };
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, forkMeta(reader, seq, [stop]));
  copyShared(reader, writer, seq);
  const fork = forkAt(reader, traces, seq, { onRecord: (record) => writer.append(record) });
  fork.send(stop.to, stop.message, { delayCycles: stop.delayCycles });
  fork.run();
  writer.close();
  return LogReader.open(storage, noCompression);
}

/** A log of some segments, on traces in memory. */
function longLog(): { reader: LogReader; traces: ReadonlyMap<number, RunSource> } {
  const { topology, traces } = madeTopology(2, madeTrace(900));
  return { reader: runInMemory(topology, traces), traces };
}

/** The beginning of a log as two segments, never closed: its chain and its division are what the caller makes them. */
function loose(reader: LogReader, previousHash: Uint8Array, firstRecords: number): LogReader {
  const storage = memoryStorage();
  storage.append(encodeHead(reader.head.metaBytes, noCompression));
  let hash = previousHash;
  for (const [from, to] of [
    [0, firstRecords - 1],
    [firstRecords, firstRecords + 99],
  ] as const) {
    const builder = new SegmentBuilder(from);
    for (const { seq, timeCycles, to: actor, from: sender, cause, type, payload } of reader.range(from, to)) {
      builder.add(seq, timeCycles, actor, sender, cause, type, payload);
    }
    const { header, frame } = builder.seal(hash, noCompression);
    storage.append(frame);
    hash = header.hash;
  }
  return LogReader.open(storage, noCompression);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing thrown',
    (error: unknown) => (error instanceof GranuleError ? error.code : String(error)),
  );
}

/** A log of which one byte is another. */
function damaged(reader: LogReader, at: number): LogReader {
  const bytes = reader.storage.read(0, reader.storage.size()).slice();
  bytes[Math.floor(at * bytes.length)] ^= 0x55;
  return LogReader.open(memoryStorage(bytes), reader.compression, reader.registry);
}

describe('a replay in shares', () => {
  it('agrees with that in one thread, whatever the run', () => {
    fc.assert(
      fc.property(runArb, fc.constantFrom(30, 300), (run, checkpointEvents) => {
        expectAgreement(recorded(run, checkpointEvents), run.traces);
      }),
      CASES,
    );
  });

  it('agrees on forks that send something else, and on logs that were cut', () => {
    fc.assert(
      fc.property(runArb, placeArb, (run, at) => {
        const reader = recorded(run, 64);
        const seq = Math.floor(at * reader.records);
        expectAgreement(forked(reader, run, seq), run.traces);
        const storage = memoryStorage();
        const writer = new LogWriter(storage, noCompression, reader.meta);
        copyShared(reader, writer, seq);
        writer.close();
        expectAgreement(LogReader.open(storage, noCompression), run.traces);
      }),
      CASES,
    );
  });

  it('agrees on runs with a fault plan, and on those that end by throwing', () => {
    fc.assert(
      fc.property(runArb, faultsArb, ({ topology, traces }, faultPlan) => {
        const run = { topology: { ...topology, faultPlan: [...faultPlan] }, traces };
        expectAgreement(recorded(run, 64, true), traces);
      }),
      CASES,
    );
  });

  it('finds every change of a record, at the record where one thread finds it', () => {
    fc.assert(
      fc.property(runArb, tamperingArb, placeArb, fc.integer({ min: 1, max: 3 }), (run, how, at, count) => {
        const log = tampered(recorded(run, 1000), how, at);
        const { divergence } = replay(log, run.traces);
        const { misfit } = inShares(log, run.traces, count);
        expect(misfit?.seq).toBe(divergence?.seq);
      }),
      CHANGED_CASES,
    );
  });
});

describe('a replay on several threads', () => {
  const { reader, traces } = longLog();

  it('comes to what one thread comes to, states included', async () => {
    expect(reader.directory.segments.length).toBeGreaterThan(3);
    const { system, ...replayed } = replay(reader, traces);
    const states = [...system.snapshots()].map(([actor, snapshot]) => ({ actor, state: plainState(snapshot) }));
    for (const workers of [1, 2, 3]) {
      const found = await parallelReplay(reader, traces, { workers });
      expect(found).toEqual({ ...replayed, workers, oneThreadBecause: null, states });
    }
  });

  it('says of a changed log what one thread says, and that it did', async () => {
    const log = tampered(reader, 'number', 0.8);
    const { divergence } = replay(log, traces);
    const found = await parallelReplay(log, traces, { workers: 2 });
    expect(found.divergence).toEqual(divergence);
    expect(found.oneThreadBecause).toBe(`at seq ${divergence?.seq}: the payload is another`);
  });

  it('says of damaged bytes what one thread says, whoever folds what they hold', async () => {
    let damages = 0;
    for (const at of [0.15, 0.3, 0.45, 0.6, 0.75, 0.9]) {
      const log = damaged(reader, at);
      const one = await codeOf(Promise.resolve().then(() => expect(replay(log, traces).divergence).toBe(null)));
      const two = await codeOf(
        parallelReplay(log, traces, { workers: 2 }).then(({ divergence }) => expect(divergence).toBe(null)),
      );
      expect(two).toBe(one);
      if (one === 'LOG_DAMAGED') damages++;
    }
    expect(damages).toBeGreaterThan(0);
  });

  it('finds a state in a checkpoint that is not that of the fold', async () => {
    const log = withOtherState(reader, traces, 5000);
    const found = await parallelReplay(log, traces, { workers: 2 });
    expect(found.divergence).toEqual(replay(log, traces).divergence);
    expect(found.divergence).toMatchObject({ seq: 5000, what: 'state of zone: context.failures' });
  });

  it('finds a hash chain that is not that of the records', () => {
    const log = loose(reader, new Uint8Array(32), SEGMENT_RECORDS);
    expect(replay(log, traces).divergence?.what).toBe('head hash');
    expect(inShares(log, traces, 2).misfit?.what).toBe('the hash chain breaks here');
  });

  it('replays in one thread what has to be encoded anew, and says why', async () => {
    const log = loose(reader, reader.chainBefore(0), 100);
    const found = await parallelReplay(log, traces, { workers: 2 });
    expect(found.oneThreadBecause).toMatch(/^its segments/);
    expect(found.divergence?.what).toBe('head hash');
    const writer = hashingWriter(reader.meta);
    copyShared(reader, writer, log.lastSeq);
    expect(found.headHash).toBe(writer.close().headHash);
  });

  it('ends with a typed error when a thread dies, and when no number of threads is given', async () => {
    expect(await codeOf(parallelReplay(reader, traces, { workers: 2, heapMiB: 2 }))).toBe('WORKER_DIED');
    expect(await codeOf(parallelReplay(reader, traces, { workers: 0 }))).toBe('USAGE');
  });
});
