/**
 * The topologies of this part run in the checked mode and replay.
 *
 * @models S-07 S-08 S-09 S-39 S-40 L-05 T-05 D-06
 */
import { describe, expect, test } from 'vitest';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';

describe.each(['gup-vs-fork', 'longterm-pin-vs-drop', 'live-fallback-two-cpus', 'uaccess-across-4k'])('%s', (name) => {
  const topology = loadTopology(name);
  const traces = loadTraces(topology, { folders: [] });

  test('breaks no law', () => {
    const { system } = runTopology({ topology, traces, writer: null, checked: true, freeze: true });
    expect(topology.models?.length).toBeGreaterThan(0);
    expect(system.nextSeq).toBeGreaterThan(100);
  });

  test('replays to its own head hash', () => {
    const log = runInMemory(topology, traces);
    const replayed = replay(log, traces);
    expect([replayed.divergence, replayed.failure]).toEqual([null, null]);
    expect(replayed.headHash).toBe(log.headHash);
  });
});
