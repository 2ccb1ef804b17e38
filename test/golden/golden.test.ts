import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { forkAt } from '../../src/timeline/fork.ts';
import { withParents } from '../../src/timeline/parents.ts';
import { parentFinder } from '../../src/timeline/parents.node.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { SystemView } from '../../src/timeline/systemView.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import { loadTopology, loadTraces, loadTracesOfLog } from '../../src/topology/load.node.ts';
import { messageRegistry, openMeta } from '../../src/topology/meta.ts';
import { runTopology, systemOf } from '../../src/topology/run.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { logMeta } from '../../src/topology/meta.ts';

const folder = join(import.meta.dirname, '../../fixtures/golden');
const logs = readdirSync(folder).filter((name) => name.endsWith('.glog'));
/** Forks have a parent and no topology of their own. */
const forks = logs.filter((name) => name.startsWith('fork-'));

function open(name: string): LogReader {
  const alone = LogReader.open(openLogFile(join(folder, name)), zlibCompression, messageRegistry);
  return withParents(alone, parentFinder({ given: [], folders: [folder] }).find);
}

describe('golden logs', () => {
  it('are there', () => {
    expect(logs.length).toBeGreaterThanOrEqual(2);
  });

  for (const name of logs) {
    it(`${name} is whole`, () => {
      const verification = verifyLog(open(name));
      expect(verification.faults).toEqual([]);
      expect(verification.ok).toBe(true);
    });

    it(`${name} replays to the head hash it carries`, () => {
      const reader = open(name);
      const traces = loadTracesOfLog(openMeta(reader.meta).traces, { folders: [] });
      const replayed = replay(reader, traces);
      expect(replayed.divergence).toBeNull();
      expect(replayed.failure).toBeNull();
      expect(replayed.headHash).toBe(reader.headHash);
    });

    if (forks.includes(name)) continue;
    it(`${name} is what its topology gives today`, () => {
      const topology = loadTopology(join(folder, name.replace(/\.glog$/, '.json')));
      const traces = loadTraces(topology, { folders: [] });
      const golden = open(name);
      // Vocabulary and settings may have grown since; what there was then must mean the same, so its header serves.
      const { meta } = golden;
      const today = logMeta(topology, traces);
      expect(today).toMatchObject({ topology: meta['topology'], messageVersions: meta['messageVersions'] });
      const writer = new LogWriter(memoryStorage(), zlibCompression, meta);
      expect(runTopology({ topology, traces, writer }).headHash).toBe(golden.headHash);
    });
  }

  it.each(forks)('%s holds its own records alone, and goes on from its parent', (name) => {
    const reader = open(name);
    const { parent } = openMeta(reader.meta);
    expect(reader.parent?.headHash).toBe(parent?.headHash);
    const shared = [...(reader.parent?.range(0, parent?.seq) ?? [])];
    expect(firstDifference([...reader.range(0, parent?.seq)], shared)).toBe(null);
    const alone = LogReader.open(reader.storage, zlibCompression, messageRegistry);
    expect(alone.firstSeq).toBe((parent?.seq ?? 0) + 1);
    expect(alone.headHash).toBe(reader.headHash);
  });

  it.each(forks)('%s gives the states of every actor around its checkpoints', (name) => {
    const reader = open(name);
    const traces = loadTracesOfLog(openMeta(reader.meta).traces, { folders: [] });
    const view = new SystemView(reader, traces);
    let compared = 0;
    for (const { seq } of reader.checkpoints()) {
      const system = forkAt(reader, traces, Math.max(-1, seq - 100));
      if (reader.ownFirstSeq > seq) continue;
      for (let next = Math.max(-1, seq - 100); next < seq; next++) {
        view.run.interventions.after(next, system, { force: () => undefined, follow: () => undefined });
        system.run({ untilSeq: next + 1 });
      }
      for (const [actor, snapshot] of view.snapshots(seq)) {
        expect(firstDifference(plainState(snapshot), plainState(system.snapshot(actor))), actor).toBe(null);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(50);
  });

  for (const name of ['format-1.glog', 'format-2.glog']) {
    it(`${name} gives the states of every actor around its checkpoints`, () => {
      const reader = open(name);
      const { topology, traces: described } = openMeta(reader.meta);
      const traces = loadTracesOfLog(described, { folders: [] });
      const view = new SystemView(reader, traces);
      const system = systemOf({ topology, traces });
      expect(reader.checkpoints().length).toBeGreaterThan(5);
      for (const seq of reader.checkpoints().flatMap((entry) => [entry.seq, entry.seq + 1])) {
        system.run({ untilSeq: seq });
        for (const [actor, snapshot] of view.snapshots(seq)) {
          expect(firstDifference(plainState(snapshot), plainState(system.snapshot(actor)))).toBe(null);
        }
      }
    });
  }
});
