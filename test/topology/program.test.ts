/** Processes whose program is written out in the topology. */
import { describe, expect, test } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { loadTraces, loadTracesOfLog } from '../../src/topology/load.node.ts';
import { openMeta } from '../../src/topology/meta.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';

const PROGRAM = [
  { op: 'mmap', addr: '0x200000000', lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
  { op: 'store', addr: '0x200000000', lengthBytes: '256K', strideBytes: '64K' },
  { op: 'madvise', addr: '0x200000000', lengthBytes: '64K', advice: 'DONTNEED' },
  { op: 'load', addr: '0x200000000' },
];

const topologyOf = (process: object) => parseTopology({ name: 'written', processes: [{ pid: 1, ...process }] }, 'test');

describe('a program in a topology', () => {
  test('runs: every step is a call or an access', () => {
    const topology = topologyOf({ program: PROGRAM, pageSize: '64K' });
    const { system } = runTopology({
      topology,
      traces: loadTraces(topology, { folders: [] }),
      writer: null,
      checked: true,
    });
    const mm = system.snapshot('mm:1').context;
    // Its code and its heap are not touched but for one fetch; four stores and the load.
    expect(mm.minorFaults).toBe(6);
  });

  test('is in the header of the log, which replays without any file', () => {
    const topology = topologyOf({ program: PROGRAM, pageSize: '64K' });
    const log = runInMemory(topology, loadTraces(topology, { folders: [] }));
    const opened = openMeta(log.meta);
    const programs = new Map(opened.topology.processes.map((process) => [process.pid, process]));
    const traces = loadTracesOfLog(opened.traces, { folders: [], programs });
    expect(traces.get(1)?.hash).toBe(opened.traces[0].hash);
  });

  test.each([
    [{ op: 'mmap' }, /lengthBytes/],
    [{ op: 'munmap', addr: '12 pages', lengthBytes: 1 }, /12 pages/],
    [{ op: 'frobnicate' }, /"frobnicate" is not one of load, store/],
    [{ op: 'store', addr: 0, lengthBytes: '1T', strideBytes: 1 }, /at most/],
  ])('with a step that is none, %j, is refused with its place', (step, words) => {
    const parse = (): unknown => topologyOf({ program: [...PROGRAM, step], pageSize: '4K' });
    expect(parse).toThrow(GranuleError);
    expect(parse).toThrow(words);
    try {
      parse();
    } catch (error) {
      expect((error as GranuleError).where).toContain('processes.0.program.4');
    }
  });

  test('and a trace are alternatives: one of them must be there', () => {
    expect(() => topologyOf({ pageSize: '4K' })).toThrow(/trace, a program or a workload/);
  });
});
