/**
 * The topologies of reclaim, and what each of them shows.
 *
 * @models S-10 D-01 D-02 D-07 X-07
 */
import { describe, expect, test } from 'vitest';
import { Laws } from '../../src/topology/laws.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { expectReplayedLog } from '../support/replayedLog.ts';
import { ended, mmOf, mmuOf, places, systemFor, withReclaim } from './support/demonstrations.ts';
import { kswapdOf, runShadowed, slotFault, swapOf, zoneOf } from './support/reclaimWorld.ts';
import { ShadowMemory } from './support/shadow.ts';

describe('swap-64k: more memory in use than there is', () => {
  test('goes to swap and back a process page at a time, and nothing is lost or torn', () => {
    const system = systemFor(loadTopology('swap-64k'));
    expect(runShadowed(system).checked).toBeGreaterThan(1000);
    for (const pid of [64, 4]) {
      expect(ended(system, pid)).toEqual(['zombie', 0]);
      expect(mmOf(system, pid).majorFaults).toBeGreaterThan(50);
      expect(mmOf(system, pid).fallbacks).toBe(0);
    }
    const { violations, stolenPages, wakes } = kswapdOf(system);
    expect([violations, stolenPages > 1000, wakes > 10]).toEqual([0, true, true]);
    expect(slotFault(system)).toBeNull();
    expect(zoneOf(system).failures).toBe(0);
    // 16 pages come back by one fault.
    expect(swapOf(system).readPages).toBe(16 * mmOf(system, 64).majorFaults + mmOf(system, 4).majorFaults);
  });
});

describe('swap-by-4k-pages: kernel pages one by one', () => {
  test('tear the first process page, and the process walks the Linux table from then on', () => {
    const system = systemFor(loadTopology('swap-by-4k-pages'));
    runShadowed(system);
    expect(kswapdOf(system).violations).toBe(1);
    expect(mmOf(system, 64).fallbackReason).toMatch(/^partly-valid/);
    expect(ended(system, 64)).toEqual(['zombie', 0]);
  });

  test('do not where process pages are swapped', () => {
    const system = systemFor(withReclaim('swap-by-4k-pages', { swap: { size: '64M' } }));
    runShadowed(system);
    expect([kswapdOf(system).violations, mmOf(system, 64).fallbacks]).toEqual([0, 0]);
    expect(mmuOf(system, 64).fallback).toBe('');
    expect(swapOf(system).readPages).toBe(16 * mmOf(system, 64).majorFaults);
  });
});

describe('lost-dirty-64k: dirty bits sought in the Linux table alone', () => {
  test('break the law that nothing dirty goes as clean', () => {
    const laws = new Laws();
    const system = systemFor(loadTopology('lost-dirty-64k'));
    const run = (): void => {
      for (let record = system.step(); record !== null; record = system.step()) laws.check(record, system);
    };
    expect(run).toThrow(/law 7 .* 16 dirty pages of mmu:64 went as if they were clean/);
  });

  test('lose what was written: the process reads back what it had written before', () => {
    const system = systemFor(loadTopology('lost-dirty-64k'));
    const shadow = new ShadowMemory();
    const run = (): void => {
      for (let record = system.step(); record !== null; record = system.step()) shadow.take(record, system);
    };
    expect(run).toThrow(/lost data: .* process 64 holds write \d+, the last one was \d+/);
  });

  test('are right where both tables are looked at, and clean pages still need no writing', () => {
    const system = systemFor(withReclaim('lost-dirty-64k', { dirty: 'gather', accessed: 'gather' }));
    runShadowed(system);
    expect(ended(system, 64)).toEqual(['zombie', 0]);
    expect(mmuOf(system, 64).lostDirtyPages).toBeUndefined();
  });
});

describe('reclaim-beside-a-stream: another process makes reclaim work', () => {
  /** Major faults of the main process and when it ended, with or without the stream beside it. */
  function mainOf(pids: readonly number[], pageSize = 65536): { majors: number; endCycles: number; inBytes: number } {
    const topology = loadTopology('reclaim-beside-a-stream');
    const processes = topology.processes
      .filter(({ pid }) => pids.includes(pid))
      .map((process) => (process.pid === 64 ? { ...process, pageSize } : process));
    const system = systemFor({ ...topology, processes });
    const laws = new Laws();
    let endCycles = 0;
    for (let record = system.step(); record !== null; record = system.step()) {
      laws.check(record, system);
      if (record.type === 'EXITED' && record.from === 'process:64') endCycles = record.timeCycles;
    }
    for (const pid of pids) expect(ended(system, pid)).toEqual(['zombie', 0]);
    expect(kswapdOf(system).violations).toBe(0);
    return { majors: mmOf(system, 64).majorFaults, endCycles, inBytes: swapOf(system).readPages * 4096 };
  }

  test('nothing dies; the main process is slower for it, the more so as its memory is resident by the process page', () => {
    const alone = mainOf([64]);
    const beside = mainOf([64, 4]);
    const small = mainOf([64, 4], 4096);
    // Alone it waits for its file and for nothing else; with 4K pages it touches too little to be in anybody's way.
    expect([alone.inBytes, small.inBytes, small.majors]).toEqual([0, 0, alone.majors]);
    expect(beside.majors).toBeGreaterThan(alone.majors + 5);
    expect(beside.endCycles).toBeGreaterThan(5 * alone.endCycles);
    expect(small.endCycles).toBeLessThan(beside.endCycles);
  });
});

test('a log of reclaim replays to its hash, and gives the state of every actor at its checkpoints', () => {
  const topology = withReclaim('lost-dirty-64k', { dirty: 'gather', accessed: 'gather' });
  const traces = loadTraces(topology, places);
  expectReplayedLog(topology, traces, (lastSeq) => [0.3, 0.6, 0.9].map((part) => Math.floor(part * lastSeq)));
});
