/** What each machine does, one sentence a test, in worlds small enough to read. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { findCore } from '../../src/arch/cores.ts';
import type { ImageSegment } from '../../src/mm/runs.ts';
import { Tlb } from '../../src/mm/tlb.ts';
import { noCounts, type Stretch } from '../../src/mm/stretch.ts';
import { accessAt, runStretch } from '../../src/mm/tlbRun.ts';
import type { System } from '../../src/runtime/system.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { kindOf, type MmContext } from '../../machines/index.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { loadTraces, topologyNames } from '../../src/topology/load.node.ts';
import { loadSystem } from '../../src/topology/loadSystem.node.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { image, mapAnon, mapFile, program, UNIT } from './support/programs.ts';
import { checkEnd, contextOf, processOf, runChecked, topologyOf, worldOf } from './support/world.ts';

const AREA = 0x1000_0000;
const write = (addr: number): TraceStep => ({ access: 'W', addr, sizeBytes: 8 });
const read = (addr: number): TraceStep => ({ access: 'R', addr, sizeBytes: 8 });

interface World {
  pageSize?: string;
  rest?: Partial<TopologyInput>;
  segments?: ImageSegment[];
}

/** Runs one program on one process and checks everything on the way. */
function runOne(steps: TraceStep[], { pageSize = '64K', rest = {}, segments = image }: World = {}): System {
  const process = { pid: 1, trace: 'made', pageSize, layout: '64K' };
  const system = worldOf(topologyOf({ processes: [process], ...rest }), new Map([[1, program(steps, segments)]]));
  runChecked(system, 1);
  checkEnd(system, [1]);
  return system;
}

const mmOf = (system: System): MmContext => contextOf(system, 'mm:1');

/** Minor faults of a program beyond those of the empty one. */
function faultsOf(steps: TraceStep[], world: World = {}): number {
  return mmOf(runOne(steps, world)).minorFaults - mmOf(runOne([], world)).minorFaults;
}

describe('the mm', () => {
  it('gives a 64K process its memory 64K at a time', () => {
    const touched = Array.from({ length: 32 }, (_, page) => write(AREA + page * 4096));
    expect(faultsOf([mapAnon(AREA, 2), ...touched])).toBe(2);
    expect(faultsOf([mapAnon(AREA, 2), ...touched], { pageSize: '16K' })).toBe(8);
    expect(faultsOf([mapAnon(AREA, 2), ...touched], { pageSize: '4K' })).toBe(32);
  });

  it('shows the zero page to a read and takes a second fault for the write after it, at every page size', () => {
    for (const pageSize of ['4K', '16K', '64K']) {
      const system = runOne([mapAnon(AREA, 1), read(AREA), write(AREA)], { pageSize });
      expect(mmOf(system).fallbacks).toBe(0);
      expect(faultsOf([mapAnon(AREA, 1), read(AREA), write(AREA)], { pageSize })).toBe(2);
    }
  });

  it('populates a locked range without a fault for what is there already', () => {
    const lock: TraceStep = { op: 'mlock', addr: AREA, lengthBytes: 2 * UNIT };
    expect(faultsOf([mapAnon(AREA, 2), write(AREA), lock, write(AREA + UNIT)])).toBe(2);
  });

  it('populates at mmap where MAP_POPULATE asks for it', () => {
    const populate = 0x8002;
    expect(faultsOf([mapAnon(AREA, 2, 3, populate), write(AREA), write(AREA + UNIT)])).toBe(2);
    expect(faultsOf([mapAnon(AREA, 2, 3, populate)])).toBe(2);
  });

  it('makes exclusive pages writable again at once when mprotect allows writes', () => {
    const protect = (prot: number): TraceStep => ({ op: 'mprotect', addr: AREA, lengthBytes: UNIT, prot });
    expect(faultsOf([mapAnon(AREA, 1), write(AREA), protect(1), read(AREA), protect(3), write(AREA)])).toBe(1);
  });

  it('ends a process that touches unmapped memory with SIGSEGV, and frees everything', () => {
    const { signal, signalCode, signalVa } = processOf(runOne([mapAnon(AREA, 1), write(AREA + UNIT)]), 1);
    expect([signal, signalCode, signalVa]).toEqual([11, 1, AREA + UNIT]);
  });

  it('lets a 64K process read to the end of the 64K page that a file ends in, and no further', () => {
    const end = 2 * UNIT;
    const map = mapFile(AREA, 4, '/data/b');
    expect(processOf(runOne([map, read(AREA + end + 60_000)]), 1).signal).toBe(0);
    expect(processOf(runOne([map, read(AREA + end + 60_000)], { pageSize: '4K' }), 1).signal).toBe(7);
    expect(processOf(runOne([map, read(AREA + 3 * UNIT)]), 1).signal).toBe(7);
  });

  it('keeps the page of a truncated file that its end lies in, whole, and takes private copies behind it away', () => {
    const cut: TraceStep = { op: 'truncate', file: '/data/a', sizeBytes: 5000 };
    const map = mapFile(AREA, 4, '/data/a', 3);
    const kept = runOne([map, write(AREA), cut, read(AREA + 60_000)]);
    expect([processOf(kept, 1).signal, mmOf(kept).fallbacks]).toEqual([0, 0]);
    expect(processOf(runOne([map, write(AREA + UNIT), cut, read(AREA + UNIT)]), 1).signal).toBe(7);
  });
});

describe('the MMU', () => {
  const crooked: ImageSegment = {
    kind: 'other',
    addr: AREA,
    lengthBytes: UNIT,
    prot: 1,
    file: '/data/a',
    offsetBytes: 4096,
  };

  it('falls back where file pages cannot line up, and the process goes on', () => {
    const system = runOne([read(AREA), mapAnon(AREA + UNIT, 1), write(AREA + UNIT), read(AREA + 8192)], {
      segments: [...image, crooked],
    });
    expect(mmOf(system).fallbackReason).toMatch(/^(misaligned|partly-valid) at/);
    expect(processOf(system, 1).signal).toBe(0);
  });

  it('gives table frames back after every CPU has acknowledged the flush', () => {
    const unmap: TraceStep = { op: 'munmap', addr: AREA, lengthBytes: UNIT };
    const process = { pid: 1, trace: 'made', pageSize: '64K', layout: '64K' };
    const topology = topologyOf({ cpus: 2, chooser: 'seeded-random', processes: [process] });
    const system = worldOf(topology, new Map([[1, program([mapAnon(AREA, 1), write(AREA), unmap])]]));
    for (let record = system.step(); record !== null; record = system.step()) {
      if (record.type === 'PUT' && record.from === 'mmu:1') expect(contextOf(system, 'mmu:1').acknowledgements).toBe(0);
    }
  });
});

describe('a second execve', () => {
  it('with another page size changes the granule on every CPU that has the mm installed, before the program runs', () => {
    const process = { pid: 1, trace: 'made', pageSize: '64K', layout: '64K' };
    const steps = [mapAnon(AREA, 1), write(AREA), mapAnon(AREA, 1), write(AREA + 8192), write(AREA + 12_288)];
    const messages = [{ to: 'process:1', type: 'STOP', atCycles: 1000 }];
    const topology = topologyOf({
      chooser: 'seeded-random',
      seed: 3,
      quantumCycles: 1000,
      messages,
      processes: [process],
    });
    const system = worldOf(topology, new Map([[1, program(steps)]]));
    runChecked(system, 1);
    expect(system.snapshot('process:1').value).toBe('stopped');
    const call = { op: 'execve', file: '/bin/made', pageBytes: 4096, image };
    system.send('mm:1', { type: 'MM_CALL', request: 1, call });
    runChecked(system, 1);
    const { pageBytes, native, asid } = contextOf(system, 'mmu:1');
    expect([pageBytes, native]).toEqual([4096, null]);
    if (asid !== 0) expect(contextOf(system, 'tlb:0').installed?.pageBytes).toBe(4096);
    system.send('process:1', { type: 'CONTINUE' });
    runChecked(system, 1);
    checkEnd(system, [1]);
  });
});

describe('fork', () => {
  function forked(parent: TraceStep[], child: TraceStep[], pageSize = '64K'): System {
    const base = { trace: 'made', pageSize, layout: '64K' };
    const processes = [
      { ...base, pid: 1, children: [2] },
      { ...base, pid: 2, forked: true },
    ];
    const programs = new Map([
      [1, program([...parent, { op: 'fork', childPid: 2 }, write(AREA)])],
      [2, program(child)],
    ]);
    const system = worldOf(topologyOf({ processes }), programs);
    runChecked(system, 1);
    checkEnd(system, [1, 2]);
    return system;
  }

  it('copies a private page at the first write of either side, whole process pages', () => {
    const system = forked([mapAnon(AREA, 1), write(AREA)], [write(AREA + 4096)]);
    expect(contextOf(system, 'mm:1').copiedBytes + contextOf(system, 'mm:2').copiedBytes).toBe(UNIT);
  });

  it('shares a shared anonymous page that was touched before it', () => {
    const SHARED = 1;
    const system = forked([mapAnon(AREA, 1, 3, SHARED), write(AREA)], [write(AREA)]);
    expect(contextOf(system, 'mm:2').copiedBytes).toBe(0);
    expect(contextOf(system, 'mm:2').zeroedBytes).toBe(contextOf(forked([], []), 'mm:2').zeroedBytes);
  });
});

describe('the scheduler', () => {
  it('lets two processes on one CPU take turns, a quantum each', () => {
    const fetches = Array.from(
      { length: 60 },
      (_, at): TraceStep => ({ access: 'X', addr: 0x400000 + (at % 16) * 4096 }),
    );
    const steps = Array.from({ length: 200 }, () => fetches).flat();
    const base = { trace: 'made', pageSize: '4K', layout: '64K' };
    const processes = [1, 2].map((pid) => ({ ...base, pid }));
    const system = worldOf(
      topologyOf({ processes, quantumCycles: 1000 }),
      new Map([1, 2].map((pid) => [pid, program(steps)])),
    );
    const turns: number[] = [];
    for (let record = system.step(); record !== null; record = system.step()) {
      const { reason, cycles } = record.payload as { reason?: string; cycles?: number };
      if (record.type === 'RAN' && reason === 'quantum') {
        turns.push(Number(record.to.split(':')[1]));
        expect(cycles).toBeLessThanOrEqual(1000);
      }
    }
    expect(turns.slice(2, 6).toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2]);
  });

  it('begins a new ASID generation when they are used up, and nobody uses a stale translation', () => {
    const base = { trace: 'made', pageSize: '16K', layout: '64K' };
    const pids = [1, 2, 3, 4, 5, 6];
    const steps = [
      mapAnon(AREA, 2),
      ...Array.from({ length: 200 }, (_, at) => [
        { access: 'X', addr: 0x400000 } as const,
        write(AREA + (at % 32) * 4096),
      ]).flat(),
    ];
    const topology = topologyOf({ asidBits: 2, quantumCycles: 1000, processes: pids.map((pid) => ({ ...base, pid })) });
    const system = worldOf(topology, new Map(pids.map((pid) => [pid, program(steps)])));
    runChecked(system, 1);
    checkEnd(system, pids);
    expect(contextOf(system, 'sched').rollovers).toBeGreaterThan(0);
  });
});

describe('a process', () => {
  it('stops on its way back to user mode and goes on when it is told to', () => {
    const messages = [
      { to: 'process:1', type: 'STOP', atCycles: 0 },
      { to: 'process:1', type: 'CONTINUE', atCycles: 90_000_000 },
    ];
    const system = runOne([mapAnon(AREA, 1), write(AREA)], { rest: { messages } });
    expect(system.nowCycles).toBeGreaterThanOrEqual(90_000_000);
  });

  it('that runs out of memory is killed, and its memory comes back', () => {
    const steps = [mapAnon(AREA, 64), ...Array.from({ length: 64 }, (_, at) => write(AREA + at * UNIT))];
    const system = runOne(steps, { rest: { memory: 2 ** 21 } });
    expect(processOf(system, 1).signal).toBe(9);
    expect(contextOf(system, 'zone').failures).toBeGreaterThan(0);
  });

  it('gets EFAULT for a buffer that is not there, and what was copied where it ends half-way', () => {
    const transfer = (buffer: number): TraceStep => ({
      op: 'read',
      file: '/data/a',
      offsetBytes: 0,
      buffer,
      lengthBytes: 9000,
    });
    const answers: number[] = [];
    const process = { pid: 1, trace: 'made', pageSize: '64K', layout: '64K' };
    const steps = [mapAnon(AREA, 1), transfer(AREA + UNIT), transfer(AREA + UNIT - 4000)];
    const system = worldOf(topologyOf({ processes: [process] }), new Map([[1, program(steps)]]));
    for (let record = system.step(); record !== null; record = system.step()) {
      if (record.type === 'SYSRET') answers.push((record.payload as { result: number }).result);
    }
    expect(answers.slice(2, 4)).toEqual([-1, 4000]);
  });
});

describe('an address space', () => {
  it('drops small folios when a process of larger pages maps the file, and reads them anew', () => {
    const base = { trace: 'made', layout: '64K' };
    const steps = [mapFile(AREA, 4, '/data/a'), read(AREA), read(AREA + UNIT)];
    const processes = [
      { ...base, pid: 1, pageSize: '4K' },
      { ...base, pid: 2, pageSize: '64K', startCycles: 20_000_000 },
    ];
    const system = worldOf(topologyOf({ processes }), new Map([1, 2].map((pid) => [pid, program(steps)])));
    runChecked(system, 1);
    checkEnd(system, [1, 2]);
    const file = contextOf(system, 'file:/data/a');
    expect([file.drops, file.droppedPages > 0, file.rereadPages > 0]).toEqual([1, true, true]);
  });
});

describe('the TLB', () => {
  it('counts what the bare loop counts where nothing is switched and nothing is maintained', () => {
    const steps = [mapAnon(AREA, 4), ...Array.from({ length: 500 }, (_, at) => write(AREA + ((at * 7) % 64) * 4096))];
    const trace = program(steps);
    const process = { pid: 1, trace: 'made', pageSize: '4K', layout: '64K' };
    const system = worldOf(topologyOf({ processes: [process] }), new Map([[1, trace]]));
    system.run();
    const core = findCore('cortex-a76');
    if (core === null) throw new Error('there is a Cortex-A76');
    const tlb = Tlb.empty({ ...core, walkCache: 'none' }).edit();
    const stretch: Stretch = {
      at: 0,
      end: trace.runs,
      counted: false,
      lastFetchPage: -1,
      lastDataPage: -1,
      cycles: 0,
      cyclesMax: 1e9,
      counts: noCounts(),
    };
    const context = { asid: 1, pageShift: 12, l2HitCycles: 0, instructionCycles: 1 };
    for (
      let stop = runStretch(tlb, trace, stretch, context);
      stop !== 'end';
      stop = runStretch(tlb, trace, stretch, context)
    ) {
      if (stop === 'call') stretch.at++;
      if (stop !== 'walk') continue;
      const { va, access } = accessAt(trace, stretch.at);
      tlb.fill(access === 'fetch', 1, va / 4096, 1, 7);
    }
    const { references, l1iAccesses, l1dAccesses, l1dMisses, l2Misses } = processOf(system, 1).counts;
    expect({ references, l1iAccesses, l1dAccesses }).toEqual({
      references: stretch.counts.references,
      l1iAccesses: stretch.counts.l1iAccesses,
      l1dAccesses: stretch.counts.l1dAccesses,
    });
    // Those that slept for the disk are among them: a reference that waited is counted once.
    expect(mmOf(system).majorFaults).toBeGreaterThan(0);
    expect([l1dMisses, l2Misses]).toEqual([stretch.counts.l1dMisses, stretch.counts.l2Misses]);
  });
});

describe('every machine', () => {
  it('is an ordinary statechart: it starts under createActor as each topology makes it', async () => {
    const started = new Set<string>();
    for (const name of topologyNames()) {
      const { topology, catalogue } = await loadSystem(name, { cwd: import.meta.dirname });
      const { actors } = buildTopology(topology, loadTraces(topology, { folders: [] }), catalogue);
      const builtIn = actors.filter(({ id }) => kindOf(id) !== null);
      for (const { id, machine, input } of builtIn) {
        const kind = String(kindOf(id));
        if (started.has(kind)) continue;
        const actor = createActor(machine, { input });
        actor.start();
        expect(actor.getSnapshot().status, id).toBe('active');
        actor.stop();
        started.add(kind);
      }
    }
    expect(started.size).toBeGreaterThanOrEqual(10);
  });
});
