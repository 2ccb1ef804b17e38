/** A state of a model is what the real loop is in, after the same deliveries; and its log is a log like any other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../../src/explore/world/hash.ts';
import { ignoredCounters } from '../../../src/explore/world/counters.ts';
import { exploredTopology, runPath } from '../../../src/explore/world/runPath.ts';
import { noCompression } from '../../../src/log/discardStorage.ts';
import { LogReader } from '../../../src/log/logReader.ts';
import { LogWriter } from '../../../src/log/logWriter.ts';
import { memoryStorage } from '../../../src/log/storage.ts';
import { type MessageRecord, messageOf } from '../../../src/runtime/envelope.ts';
import { forkAt } from '../../../src/timeline/fork.ts';
import { forkRun } from '../../../src/timeline/forkRun.ts';
import { replay } from '../../../src/timeline/replay.ts';
import { logMeta, messageRegistry } from '../../../src/topology/meta.ts';
import { bareModel, type Case, named, sharing, walk, written } from './support.ts';

function logOf({ topology, traces }: Case, keys: readonly string[]) {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(exploredTopology(topology), traces));
  const run = runPath({ topology, traces, path: { initial: 0, keys }, writer });
  return { run, log: LogReader.open(storage, noCompression, messageRegistry) };
}

const cases: Readonly<Record<string, () => Case>> = {
  'two processes on one file': () => named('two-processes.json'),
  'processes that fork, drop and unmap': () => written(sharing),
  'a fork beside a pinning driver': () => named('gup-vs-fork'),
  'a lost message and one that comes twice': () =>
    written({
      ...sharing,
      faultPlan: [
        {
          wire: { from: 'tlb:*', to: 'mmu:*', type: 'TLBI_DONE' },
          op: 'delay',
          delayCycles: 5000,
          probability: 0.5,
          seed: 3,
        },
        { wire: { from: 'mm:*', to: 'file:*', type: 'UNMAP_FILE' }, op: 'observe', name: 'unmapped' },
      ],
    }),
};

describe.each(Object.entries(cases))('%s', (_name, make) => {
  test('is in the same state in any order, and its log has the same messages', () => {
    const of = make();
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), fc.integer({ min: 1, max: 400 }), (seed, steps) => {
        const model = bareModel(of);
        const { worlds, keys } = walk(model, seed, steps);
        const { run, log } = logOf(of, keys);
        const system = run.outcome?.system;
        expect(system).toBeDefined();
        const last = worlds.at(-1);
        expect(last?.failure ?? null).toBeNull();
        for (const [place, id] of model.locals.ids.entries()) {
          const state = last === undefined ? null : model.locals.snapshotOf(last.locals[place]);
          const real = system?.snapshot(id);
          expect(state?.value, id).toEqual(real?.value);
          const ignored = ignoredCounters.ofActor(id);
          expect(hashOf(state?.context, ignored), id).toBe(hashOf(real?.context, ignored));
        }
        expect(last?.pending.length).toBe(system?.queueState().pending.length);
        expect(last === undefined ? 0 : model.actions(last).length).toBe(system?.queueState().enabled.length);
        const said = worlds.slice(1).map((world) => {
          const message = world.last?.sent.content.message;
          return hashOf(message, ignoredCounters.ofMessage(message?.type ?? ''));
        });
        const logged = [...log.range(0, log.lastSeq)].map((record) =>
          hashOf(messageOf(record as MessageRecord), ignoredCounters.ofMessage(record.type)),
        );
        expect(logged).toEqual(said);
      }),
      { numRuns: 12 },
    );
  });
});

describe('the log of a way', () => {
  const of = written(sharing);
  const { keys } = walk(bareModel(of), 11, 300);
  const { log } = logOf(of, keys);

  test('replays to the same head hash, with what it left pending', () => {
    const replayed = replay(log, of.traces);
    expect(replayed.divergence).toBeNull();
    expect(replayed.headHash).toBe(log.headHash);
    expect(replayed.records).toBe(keys.length);
  });

  test('has one cycle for each delivery', () => {
    expect(log.read(0).timeCycles).toBe(1);
    expect(log.read(log.lastSeq).timeCycles).toBe(keys.length);
  });

  test('is forked where it was chosen, and goes on in the order of sending', () => {
    const system = forkAt(log, of.traces, 150);
    expect(system.nextSeq).toBe(151);
    const fork = forkRun(log, of.traces, { at: 150, edits: [] });
    expect(fork.log.read(100).type).toBe(log.read(100).type);
    expect(replay(fork.log, of.traces).divergence).toBeNull();
    expect(fork.outcome.system.queueState().pending).toEqual([]);
  });

  test('says what could be delivered where a way does not fit', () => {
    const path = { initial: 0, keys: [...keys.slice(0, 9), 'zone>mm:9#0'] };
    expect(() => runPath({ ...of, path, writer: null })).toThrow(
      /zone>mm:9#0 cannot be delivered; what can: \S+#\d+ [A-Z]/,
    );
  });
});
