/**
 * TLB maintenance, break-before-make and the choices of layer 3, seen from the programs that depend on them.
 *
 * @models L-05
 */
import { describe, expect, it } from 'vitest';
import { takeFrames } from '../../machines/mmuSupply.ts';
import { acknowledgeFlush, beginOperation } from '../../machines/mmuTables.ts';
import { initialMmu } from '../../machines/mmuState.ts';
import type { Message } from '../../machines/messages.ts';
import { ResourceHolder } from '../../machines/index.ts';
import { defaultCosts } from '../../src/arch/costs.ts';
import type { Design } from '../../src/arch/design.ts';
import type { ImageSegment } from '../../src/mm/runs.ts';
import { packPte, PTE, pfnOf } from '../../src/mm/pte.ts';
import type { System } from '../../src/runtime/system.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { image, mapAnon, program, UNIT } from './support/programs.ts';
import { checkEnd, checkTlbs, contextOf, processOf, runChecked, topologyOf, worldOf } from './support/world.ts';

const AREA = 0x1000_0000;
const SIGSEGV = 11;
const SIGBUS = 7;
const write = (addr: number): TraceStep => ({ access: 'W', addr, sizeBytes: 8 });
const read = (addr: number): TraceStep => ({ access: 'R', addr, sizeBytes: 8 });
const protect = (prot: number): TraceStep => ({ op: 'mprotect', addr: AREA, lengthBytes: UNIT, prot });

/** Works for a while without touching what the tests look at, apart from reads of it. */
function spin(rounds: number): TraceStep[] {
  return Array.from({ length: rounds }, (_, at): TraceStep[] => [
    { access: 'X', addr: 0x400000 + (at % 2) * 4096 },
    read(AREA + (at % 2) * 4096),
  ]).flat();
}

function worldOfOne(steps: TraceStep[], rest: Partial<TopologyInput>, pageSize = '64K', segments = image): System {
  const process = { pid: 1, trace: 'made', pageSize, layout: '64K' };
  const topology = topologyOf({ processes: [process], ...rest });
  return worldOf(topology, new Map([[1, program(steps, segments)]]));
}

describe('maintenance by VA from a CPU of another granule', () => {
  /** A 64K process moves between two CPUs that it shares with 4K processes; its last write is forbidden. */
  function migrate(design: Partial<Design>, cpus = 2): { signal: number; lawEight: string } {
    const steps = [mapAnon(AREA, 2), write(AREA), ...spin(2000), protect(1), ...spin(2000), write(AREA)];
    const other = program([mapAnon(AREA, 2), ...spin(20_000)]);
    const base = { trace: 'made', layout: '64K' };
    const topology = topologyOf({
      cpus,
      quantumCycles: 1000,
      costs: { contextSwitch: 100 },
      design,
      processes: ['64K', '4K', '4K'].map((pageSize, at) => ({ ...base, pid: at + 1, pageSize })),
    });
    const programs = new Map([
      [1, program(steps)],
      [2, other],
      [3, other],
    ]);
    const system = worldOf(topology, programs);
    let lawEight = '';
    for (let record = system.step(); record !== null; record = system.step()) {
      if (lawEight !== '') continue;
      try {
        checkTlbs(system);
      } catch (broken) {
        lawEight = (broken as Error).message;
      }
    }
    return { signal: processOf(system, 1).signal, lawEight };
  }

  it('makes every write after mprotect fault where it is honoured', () => {
    expect(migrate({})).toEqual({ signal: SIGSEGV, lawEight: '' });
  });

  it('leaves a stale translation where it is ignored, and a forbidden write goes through after switching back', () => {
    const { signal, lawEight } = migrate({ crossGranuleTlbi: 'ignored' });
    expect(lawEight).toMatch(/a TLB has page 4096 of 1/);
    expect(signal).toBe(0);
  });

  it('does no harm where flushes go by ASID, or on one CPU', () => {
    expect(migrate({ crossGranuleTlbi: 'ignored', crossGranuleFlush: 'asid' })).toEqual({
      signal: SIGSEGV,
      lawEight: '',
    });
    expect(migrate({ crossGranuleTlbi: 'ignored' }, 1)).toEqual({ signal: SIGSEGV, lawEight: '' });
  });
});

describe('operands that name the granule of the kernel', () => {
  const steps = [mapAnon(AREA, 2), write(AREA), protect(1), write(AREA)];
  const signalWith = (tlbiOperands: Design['tlbiOperands'], pageSize: string): number => {
    const system = worldOfOne(steps, { design: { tlbiOperands } }, pageSize);
    while (system.step() !== null);
    return processOf(system, 1).signal;
  };

  it('invalidate nothing of a process of larger pages, whose write then goes through; those of its own do', () => {
    expect(['4K', '16K', '64K'].map((size) => signalWith('process-page', size))).toEqual([SIGSEGV, SIGSEGV, SIGSEGV]);
    expect(['4K', '16K', '64K'].map((size) => signalWith('kernel-page', size))).toEqual([SIGSEGV, 0, 0]);
  });
});

describe('what layer 3 cannot translate', () => {
  const crooked: ImageSegment = {
    kind: 'other',
    addr: AREA,
    lengthBytes: UNIT,
    prot: 1,
    file: '/data/a',
    offsetBytes: 4096,
  };
  const runWith = (untranslatable: Design['untranslatable']): System => {
    const system = worldOfOne([read(AREA)], { design: { untranslatable } }, '64K', [...image, crooked]);
    runChecked(system, 1);
    checkEnd(system, [1]);
    return system;
  };

  it('makes the process fall back and go on, or the fault fail with SIGBUS and both tables as they were', () => {
    const fallen = runWith('fall-back');
    expect([processOf(fallen, 1).signal, contextOf(fallen, 'mm:1').fallbacks]).toEqual([0, 1]);
    const refused = runWith('fail');
    expect([processOf(refused, 1).signal, contextOf(refused, 'mm:1').fallbacks]).toEqual([SIGBUS, 0]);
    // Twice: once for the fault that waited for the disk, once when it is tried again.
    expect(contextOf(refused, 'mmu:1').refusals).toBe(2);
  });
});

describe('break-before-make', () => {
  /** An MMU with one page at frame 5, in the middle of a copy-on-write to frame 9. */
  function duringCopy() {
    const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
    const sent: Message[] = [];
    const send = (_to: string, message: Message) => void sent.push(message);
    const input = { resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false };
    const run = { va: AREA, pfn: 5, nr: 1, flags: PTE.VALID | PTE.READONLY };
    const set = { type: 'SET_PTES' as const, request: 1, runs: [run], expects: -1 };
    const asked = beginOperation({ ...initialMmu(input), pageBytes: 4096, queue: [set] }, send);
    const mapped = takeFrames(asked, { type: 'FRAMES', request: 0, orderPages: 0, pfns: [1, 2, 3] }, send);
    const copy = { ...set, request: 2, runs: [{ ...run, pfn: 9 }], expects: 5 };
    return { state: beginOperation({ ...mapped, asid: 1, queue: [copy] }, send), sent, send };
  }

  it('shows hardware no entry from the first write to the last acknowledgement, then the new one', () => {
    const { state, sent, send } = duringCopy();
    expect(pfnOf(state.linux.get(AREA))).toBe(0);
    expect(sent.filter(({ type }) => type === 'TLBI').length).toBe(2);
    const half = acknowledgeFlush(state, send);
    expect(half.linux.get(AREA)).toBe(0);
    const done = acknowledgeFlush(half, send);
    expect(done.linux.get(AREA)).toBe(packPte(9, PTE.VALID | PTE.READONLY));
    expect([done.breaks, done.makes]).toEqual([1, []]);
    expect(sent.at(-1)).toMatchObject({ type: 'TABLE_DONE', set: [{ pfn: 9 }], cleared: [{ pfn: 5 }] });
  });

  it('lets a walk that meets the gap try again when it is closed', () => {
    const { state, sent, send } = duringCopy();
    const waiting = { ...state, spurious: [{ walk: 3, pid: 1, cpu: 1 }] };
    const done = acknowledgeFlush(acknowledgeFlush(waiting, send), send);
    expect(sent).toContainEqual({ type: 'WALK_AGAIN', walk: 3, pid: 1 });
    expect(done.spurious).toEqual([]);
  });
});

describe('contpte on a 4K kernel with 64K folios', () => {
  const thp = { enabled: 'madvise' as const, sizes: { '64K': 'always' as const } };
  const touched = Array.from({ length: 32 }, (_, at) => write(AREA + at * UNIT));
  const all = Array.from({ length: 4 * 512 }, (_, at) => read(AREA + (at % 512) * 4096));
  const runWith = (design: TopologyInput['design']): System => {
    const system = worldOfOne([mapAnon(AREA, 32), ...touched, ...all], { design: { thp, ...design } }, '4K');
    runChecked(system, 5);
    checkEnd(system, [1]);
    return system;
  };

  it('folds each folio when it is mapped, at no flush, and not where it is off', () => {
    const mmu = contextOf(runWith({}), 'mmu:1');
    expect([mmu.contpteFolds, mmu.contpteUnfolds]).toEqual([32, 0]);
    expect(contextOf(runWith({ contpte: false }), 'mmu:1').contpteFolds).toBe(0);
  });

  it('changes no TLB count where TLBs keep an entry a page, and saves misses where they keep one a group', () => {
    const misses = (design: TopologyInput['design']) => processOf(runWith(design), 1).counts.l2Misses;
    const plain = misses({ contpte: false });
    expect(misses({})).toBe(plain);
    expect(misses({ contpte: false, contiguousTlb: 'per-group' })).toBe(plain);
    expect(misses({ contiguousTlb: 'per-group' })).toBeLessThan(plain / 4);
  });
});

it('page-table isolation doubles the instructions of every user flush', () => {
  const steps = [mapAnon(AREA, 2), write(AREA), protect(1), read(AREA), protect(3), write(AREA)];
  const instructions = [false, true].map((kpti) => {
    const system = worldOfOne(steps, { design: { kpti } }, '4K');
    runChecked(system, 1);
    return contextOf(system, 'mmu:1').tlbiInstructions;
  });
  expect(instructions[0]).toBeGreaterThan(0);
  expect(instructions[1]).toBe(2 * instructions[0]);
});
