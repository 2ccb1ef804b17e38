/**
 * The topologies of mapped objects: what their programs are answered, that the checked mode and a replay agree, and
 * that every foreign frame that a process can reach is found by looking at the tables alone.
 *
 * @models S-29 S-30 S-33 S-47 D-20
 */
import { describe, expect, test } from 'vitest';
import type { DriverContext } from '../../machines/index.ts';
import { liveStates } from '../../src/report/actorStates.ts';
import { summarize } from '../../src/report/runSummary.ts';
import { runText } from '../../src/report/runText.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { replay } from '../../src/timeline/replay.ts';
import { type ForeignFrames, foreignFrames } from '../../src/topology/exposure.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { play } from './support/programs.ts';

const NAMES = ['device-register-page', 'perf-ring-64k', 'bpf-ringbuf-64k', 'kernel-maps-64k'];
const MIB = 2 ** 20;
const BASE = 0x200000000;

/** Foreign frames at the moment when a process is about to exit, and what the drivers say that they have shown. */
function exposureAtExit(name: string, pid: number): { found: ForeignFrames[]; said: DriverContext['exposed'] } {
  const topology = loadTopology(name);
  let found: ForeignFrames[] = [];
  let said: DriverContext['exposed'] = [];
  runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    onRecord: ({ type, payload }, system) => {
      const { call, pid: caller } = payload as { call?: { op: string }; pid?: number };
      if (type !== 'SYSCALL' || call?.op !== 'exit' || caller !== pid) return;
      found = foreignFrames(system);
      said = [...system.snapshots()].flatMap(([id, { context }]) =>
        id.startsWith('driver:') ? (context as DriverContext).exposed : [],
      );
    },
  });
  return { found, said };
}

describe('the topologies of mapped objects', () => {
  test.each(NAMES)('%s keeps laws 7 and 8 at every event, and its replay is the same', (name) => {
    const topology = loadTopology(name);
    const traces = loadTraces(topology, { folders: [] });
    play(topology);
    const log = runInMemory(topology, traces);
    const result = replay(log, traces);
    expect(result.divergence).toBeNull();
    expect(result.records).toBe(log.records);
  });

  test('every foreign frame of the leaking device is found, and no other device shows any', () => {
    const { found, said } = exposureAtExit('device-register-page', 200);
    const leaked = 3 * MIB + BASE;
    expect(found.map(({ device, va, nr, owner }) => ({ device, va, nr, owner }))).toEqual([
      { device: 'driver:leaky', va: leaked, nr: 3, owner: 'nobody' },
      { device: 'driver:leaky', va: leaked + 16384, nr: 1, owner: 'driver:neighbour' },
      { device: 'driver:leaky', va: leaked + 20480, nr: 11, owner: 'nobody' },
    ]);
    expect(
      said.map(({ areaBytes, lengthBytes, owner }) => ({ va: leaked + areaBytes, nr: lengthBytes / 4096, owner })),
    ).toEqual(found.map(({ va, nr, owner }) => ({ va, nr, owner })));
  });

  test('the summary of a run says who refused, and who showed what to whom', () => {
    const { outcome } = play(loadTopology('device-register-page'));
    const text = runText(summarize(liveStates(outcome.system)), 100);
    expect(text).toContain('driver:strict (vm_iomap_memory, refuse) refused 1 mappings');
    expect(text).toContain('driver:leaky showed mm:200 4 KiB of driver:neighbour');
    expect(text).toContain('driver:buffer: ioctls wrote 120 bytes behind buffers');
    expect(summarize([]).devices).toBeUndefined();
    const rings = play(loadTopology('bpf-ringbuf-64k')).outcome.system;
    expect(runText(summarize(liveStates(rings)), 100)).toContain('objects of the kernel: 4 made, 2 requests refused');
  });

  test('a perf ring of a program built for 4K is a header without data', () => {
    const played = play(loadTopology('perf-ring-64k'));
    expect(played.calls.slice(0, 4)).toEqual([0, BASE + MIB, 0, BASE]);
    // The data of the ring is not to be written.
    expect(played.signals).toEqual([7]);
    expect(played.leftOf('mm:200').fallbacks).toBe(0);
  });

  test('vvar and vDSO of two page sizes: the page for time namespaces is not there, and data is not written', () => {
    const played = play(loadTopology('kernel-maps-64k'));
    expect(played.signals.toSorted((a, b) => a - b)).toEqual([7, 7, 11]);
    for (const pid of [100, 200]) expect(played.leftOf(`mm:${pid}`).fallbacks).toBe(0);
  });

  test('ring buffers of kernel pages cost the native table and show the wrong page', () => {
    const played = play(loadTopology('bpf-ringbuf-64k'));
    expect(played.calls).toEqual([0, 0, -1, BASE + 65536, 0, -22, 0, BASE + 2 * MIB]);
    expect(played.leftOf('mm:200').fallbacks).toBe(1);
  });
});
