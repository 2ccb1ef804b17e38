/**
 * Runs of the topologies that are searched: their steps are ordinary events, which laws are held against and logs replay.
 *
 * @models S-36 T-07 D-02
 */
import { describe, expect, it } from 'vitest';
import type { FileContext } from '../../../machines/index.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { filesFault } from '../../../src/topology/lawsOfFiles.ts';
import { runTopology } from '../../../src/topology/run.ts';
import { expectReplayedLog } from '../../support/replayedLog.ts';
import { raceTopology } from './support.ts';

const NO_FOLDERS = { folders: [] };

describe('the checked mode', () => {
  it.each([
    ['minimum-order-race', 3, /law of files .*a fault of data has been sent round/],
    ['wrong-page-race', 3, /law of files .*maps frame \d+ for page 18 of data/],
    ['ping-pong', 8, /law of files .*a fault of data has been sent round/],
    ['two-table-clear', 40, /law 7 after event \d+ \(TABLES_STEP to mmu:1\): 16 dirty pages/],
  ])('stops %s at seed %i of the random chooser', (name, seed, what) => {
    const topology = raceTopology(name, { chooser: 'seeded-random', seed });
    const request = { topology, traces: loadTraces(topology, NO_FOLDERS), writer: null, checked: true };
    expect(() => runTopology(request)).toThrow(what);
  });

  it('finds nothing in time order, where nobody comes between', () => {
    for (const name of ['two-table-clear', 'dirty-in-native-only']) {
      const topology = raceTopology(name, { reclaim: { dirty: 'gather', accessed: 'gather' } });
      const { system } = runTopology({
        topology,
        traces: loadTraces(topology, NO_FOLDERS),
        writer: null,
        checked: true,
      });
      expect(filesFault(system)).toBeNull();
    }
  });
});

describe('a log', () => {
  it.each([
    ['two-table-clear', { design: { getAndClear: 'native-first' } }],
    ['two-table-clear', { design: { getAndClear: 'linux-first' } }],
    ['ping-pong', {}],
    ['minimum-order-race', { conversion: { protocol: 'whole-file' } }],
  ])('of %s with %o replays, and any moment of it can be gone to', (name, settings) => {
    const topology = raceTopology(name, { ...settings, chooser: 'seeded-random', seed: 5 });
    const traces = loadTraces(topology, NO_FOLDERS);
    expectReplayedLog(topology, traces, function* (lastSeq) {
      for (let seq = 60; seq < lastSeq; seq += 19) yield seq;
    });
  });
});

describe('order-first', () => {
  it('reads the process page of a fault again, and leaves the others as small as they are', () => {
    const topology = raceTopology('minimum-order-race');
    const { system } = runTopology({
      topology: { ...topology, processes: topology.processes.slice(1) },
      traces: loadTraces(topology, NO_FOLDERS),
      writer: null,
      checked: true,
    });
    const { cache, minOrderPages } = system.snapshot('file:data').context as FileContext;
    expect(minOrderPages).toBe(4);
    expect(cache.get(0)).toMatchObject({ index: 0, order: 4, uptodate: true });
  });
});
