/**
 * The topologies of reclaim, and what each of them shows.
 *
 * @models S-10 D-01 D-02 D-07 T-15 X-07
 */
import { describe, expect, test } from 'vitest';
import type { MmContext, MmuContext } from '../../machines/index.ts';
import type { System } from '../../src/runtime/system.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { SystemView } from '../../src/timeline/systemView.ts';
import { firstDifference } from '../../src/timeline/values.ts';
import { Laws } from '../../src/topology/laws.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { systemOf } from '../../src/topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../src/topology/schema.ts';
import { kswapdOf, namedSlots, runShadowed, slotFault, swapOf, zoneOf } from './support/reclaimWorld.ts';
import { ShadowMemory } from './support/shadow.ts';

const BASE = '0x200000000';
const places = { folders: [] };

function systemFor(topology: Topology): System {
  return systemOf({ topology, traces: loadTraces(topology, places) });
}

/** A topology of the package with another setting of reclaim. */
function withReclaim(name: string, reclaim: object): Topology {
  const topology = loadTopology(name);
  return parseTopology({ ...topology, reclaim: { ...topology.reclaim, ...reclaim } }, 'test');
}

const mmOf = (system: System, pid: number): MmContext => system.snapshot(`mm:${pid}`).context;
const mmuOf = (system: System, pid: number): MmuContext => system.snapshot(`mmu:${pid}`).context;

function ended(system: System, pid: number): unknown {
  return [system.snapshot(`process:${pid}`).value, system.snapshot(`process:${pid}`).context.signal];
}

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

/** One 64K process with 4M of memory, and what it does with it. */
function programOf(program: object[], more: Partial<TopologyInput> = {}): System {
  const map = { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: 'PRIVATE|ANONYMOUS|FIXED' };
  const processes = [{ pid: 1, pageSize: '64K', program: [map, ...program] as never }];
  const reclaim = { swap: { size: '16M' } };
  return systemFor(parseTopology({ name: 'made', memory: '16M', reclaim, processes, ...more }, 'test'));
}

/** Runs until the process is about to exit. */
function untilExit(system: System): void {
  const laws = new Laws();
  const shadow = new ShadowMemory();
  for (let record = system.step(); record !== null; record = system.step()) {
    shadow.take(record, system);
    laws.check(record, system);
    const { call } = record.payload as { call?: { op: string } };
    if (record.type === 'SYSCALL' && call?.op === 'exit') return;
  }
}

const store = { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '64K' };
const pageOut = { op: 'madvise', addr: BASE, lengthBytes: '4M', advice: 'PAGEOUT' };

describe('native tables under pressure', () => {
  const hot = { op: 'load', addr: BASE, lengthBytes: '1M', strideBytes: '64K' };
  const steps: object[] = [
    store,
    { op: 'mmap', addr: '0x300000000', lengthBytes: '8M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
  ];
  for (let part = 0; part < 8; part++) {
    const addr = 0x3_0000_0000 + part * 2 ** 20;
    steps.push({ op: 'store', addr, lengthBytes: '1M', strideBytes: '64K' }, hot);
  }
  steps.push({ op: 'exit' });

  test('are dropped and come back by faults, and nothing that hardware noted in them is lost', () => {
    const [kept, dropped] = (['keep', 'drop'] as const).map((nativeTables) => {
      const reclaim = { swap: { size: '64M' }, nativeTables };
      const system = programOf(steps, { reclaim, memory: '8M', design: { nativeFill: 'lazy' } });
      runShadowed(system);
      expect(ended(system, 1)).toEqual(['zombie', 0]);
      expect([kswapdOf(system).violations, mmOf(system, 1).fallbacks]).toEqual([0, 0]);
      return system;
    });
    expect([kswapdOf(kept).tableShrinks, kswapdOf(dropped).tableShrinks > 2]).toEqual([0, true]);
    // What the tables cost to bring back.
    expect(mmOf(dropped, 1).minorFaults).toBeGreaterThan(mmOf(kept, 1).minorFaults);
  });

  test('cannot be where they are not lazy', () => {
    expect(() => programOf(steps, { reclaim: { nativeTables: 'drop' } })).toThrow(/nativeFill is "lazy"/);
  });
});

describe('calls on what is in swap', () => {
  test('MADV_PAGEOUT takes everything away; a page that is only read is clean, and goes again without being written', () => {
    const load = { op: 'load', addr: BASE, lengthBytes: '1M', strideBytes: '64K' };
    const system = programOf([store, pageOut, load, pageOut, { op: 'exit' }]);
    untilExit(system);
    expect(mmOf(system, 1).swap).toEqual({ unit: 'process-page', entries: 1024 });
    expect(mmOf(system, 1).rssAnonPages).toBe(0);
    const { writtenPages, cleanPages } = kswapdOf(system);
    expect([writtenPages, cleanPages]).toEqual([1024, 256]);
    expect(namedSlots(system).size).toBe(1024);
    expect(slotFault(system)).toBeNull();
  });

  test('a page that is written to is written again', () => {
    const again = { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '64K' };
    const load = { op: 'load', addr: BASE, lengthBytes: '1M', strideBytes: '64K' };
    const system = programOf([store, pageOut, load, again, pageOut, { op: 'exit' }]);
    untilExit(system);
    expect([kswapdOf(system).writtenPages, kswapdOf(system).cleanPages]).toEqual([1024 + 256, 0]);
  });

  test('munmap, mremap and MADV_FREE give slots up or take them along; mprotect leaves them', () => {
    const system = programOf([
      store,
      pageOut,
      { op: 'munmap', addr: BASE, lengthBytes: '1M' },
      { op: 'madvise', addr: '0x200100000', lengthBytes: '1M', advice: 'FREE' },
      { op: 'mprotect', addr: '0x200200000', lengthBytes: '1M', prot: 'r' },
      {
        op: 'mremap',
        addr: '0x200300000',
        oldLengthBytes: '1M',
        newLengthBytes: '1M',
        flags: 3,
        newAddr: '0x300000000',
      },
      { op: 'load', addr: '0x300000000', lengthBytes: '1M', strideBytes: '64K' },
      { op: 'load', addr: '0x200200000', lengthBytes: '512K', strideBytes: '64K' },
      { op: 'load', addr: '0x200100000' },
      { op: 'exit' },
    ]);
    untilExit(system);
    // 256 went with munmap, 256 with MADV_FREE, 256 came back after mremap, 128 read-only.
    expect(mmOf(system, 1).swap?.entries).toBe(128);
    expect(namedSlots(system).size).toBe(128);
    expect(slotFault(system)).toBeNull();
  });

  test('mincore sees what is in memory, in the swap cache too', () => {
    const load = { op: 'load', addr: BASE, lengthBytes: '128K', strideBytes: '64K' };
    const mincore = { op: 'mincore', addr: BASE, lengthBytes: '256K' };
    const system = programOf([store, pageOut, mincore, load, mincore, { op: 'exit' }]);
    const answers: number[][] = [];
    for (let record = system.step(); record !== null; record = system.step()) {
      const { data = [] } = record.payload as { data?: number[] };
      if (record.type === 'MM_DONE' && data.length > 0) answers.push(data);
    }
    expect(answers).toEqual([
      [0, 0, 0, 0],
      [1, 1, 0, 0],
    ]);
  });

  test('MADV_WILLNEED reads ahead into the swap cache: the fault that follows finds it there', () => {
    const ahead = { op: 'madvise', addr: BASE, lengthBytes: '1M', advice: 'WILLNEED' };
    const file = {
      op: 'mmap',
      addr: '0x400000000',
      lengthBytes: '8M',
      prot: 'r',
      flags: 'PRIVATE|FIXED',
      file: '/data/other',
    };
    const wait = { op: 'load', addr: '0x400000000', lengthBytes: '8M', strideBytes: '64K' };
    const load = { op: 'load', addr: BASE, lengthBytes: '1M', strideBytes: '64K' };
    const files = [{ path: '/data/other', size: '8M' }];
    const system = programOf([store, pageOut, ahead, file, wait, load, { op: 'exit' }], { files, memory: '64M' });
    untilExit(system);
    const majors = mmOf(system, 1).majorFaults;
    expect([swapOf(system).cacheHits, swapOf(system).readPages]).toEqual([16, 256]);
    expect(mmOf(system, 1).swap?.entries).toBe(768);
    expect(slotFault(system)).toBeNull();
    expect(majors).toBeLessThan(128 + 16);
  });

  test('fork shares slots, and each side gets its own copy when it writes', () => {
    const child = [
      { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '64K' },
      { op: 'load', addr: BASE, lengthBytes: '2M', strideBytes: '64K' },
      { op: 'exit' },
    ];
    const parent = [
      { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      store,
      pageOut,
      { op: 'fork', childPid: 2 },
      { op: 'load', addr: BASE, lengthBytes: '4M', strideBytes: '64K' },
      store,
      { op: 'exit' },
    ];
    for (const chooser of ['time-order', 'seeded-random'] as const) {
      const processes = [
        { pid: 1, pageSize: '64K', program: parent, children: [2] },
        { pid: 2, pageSize: '64K', program: child, forked: true },
      ] as never;
      const system = programOf([], { processes, chooser, cpus: 2 });
      runShadowed(system);
      expect([ended(system, 1), ended(system, 2)]).toEqual([
        ['zombie', 0],
        ['zombie', 0],
      ]);
      expect(swapOf(system).map.freeSlots).toBe(4096);
      expect(zoneOf(system).folios.framesByKind.anon).toBe(0);
      expect(kswapdOf(system).violations).toBe(0);
    }
  });
});

describe('swap in pieces', () => {
  /** A process that leaves every second slot of the device in use, and one whose process pages come after. */
  const program = [
    { op: 'mmap', addr: '0x300000000', lengthBytes: '2M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: '0x300000000', lengthBytes: '2M', strideBytes: '4K' },
    { op: 'madvise', addr: '0x300000000', lengthBytes: '2M', advice: 'PAGEOUT' },
    { op: 'load', addr: '0x300000000', lengthBytes: '2M', strideBytes: '8K' },
    { op: 'store', addr: '0x300000000', lengthBytes: '2M', strideBytes: '8K' },
    // Goes on for a while, in memory of which there is enough.
    { op: 'mmap', addr: '0x400000000', lengthBytes: '64M', prot: 'r', flags: 'PRIVATE|FIXED', file: '/data/long' },
    { op: 'load', addr: '0x400000000', lengthBytes: '64M', strideBytes: '64K' },
  ];
  const large = [
    { op: 'mmap', addr: BASE, lengthBytes: '512K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: BASE, lengthBytes: '512K', strideBytes: '64K' },
    { op: 'madvise', addr: BASE, lengthBytes: '512K', advice: 'PAGEOUT' },
    { op: 'load', addr: BASE, lengthBytes: '512K', strideBytes: '64K' },
    { op: 'exit' },
  ];

  test.each([
    ['scatter', 8, 8],
    ['keep', 0, 0],
  ])('%s: a process page finds slots one by one, or stays', (fragmented, scattered, majors) => {
    const processes = [
      { pid: 4, pageSize: '4K', cpu: 0, program },
      { pid: 64, pageSize: '64K', cpu: 1, startCycles: 80_000_000, program: large },
    ] as never;
    const reclaim = { swap: { size: '2M', fragmented } } as never;
    const files = [{ path: '/data/long', size: '64M' }];
    const system = programOf([], { processes, reclaim, files, cpus: 2, memory: '256M' });
    const shadow = new ShadowMemory();
    const laws = new Laws();
    for (let record = system.step(); record !== null; record = system.step()) {
      shadow.take(record, system);
      laws.check(record, system);
    }
    expect(swapOf(system).scattered).toBe(scattered);
    expect(mmOf(system, 64).majorFaults).toBe(majors);
    expect([kswapdOf(system).violations, mmOf(system, 64).fallbacks]).toEqual([0, 0]);
    expect(ended(system, 64)).toEqual(['zombie', 0]);
  });
});

test('a log of reclaim replays to its hash, and gives the state of every actor at its checkpoints', () => {
  const topology = withReclaim('lost-dirty-64k', { dirty: 'gather', accessed: 'gather' });
  const traces = loadTraces(topology, places);
  const reader = runInMemory(topology, traces);
  const replayed = replay(reader, traces);
  expect([replayed.divergence, replayed.failure]).toEqual([null, null]);
  expect(replayed.headHash).toBe(reader.headHash);
  const view = new SystemView(reader, traces);
  const system = systemOf({ topology, traces });
  const seqs = [0.3, 0.6, 0.9].map((part) => Math.floor(part * reader.lastSeq));
  for (const seq of seqs) {
    system.run({ untilSeq: seq });
    for (const [actor, snapshot] of view.snapshots(seq)) {
      expect(firstDifference(plainState(snapshot), plainState(system.snapshot(actor)))).toBe(null);
    }
  }
});
