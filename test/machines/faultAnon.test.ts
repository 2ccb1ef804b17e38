/** Anonymous memory: orders, exclusivity, advice, and what a large folio becomes when a part of it goes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasFlags, isWritable, PTE, pfnOf } from '../../src/mm/pte.ts';
import type { System } from '../../src/runtime/system.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { mapAnon, mapFile, program, UNIT } from './support/programs.ts';
import { checkEnd, checkFrames, checkTables, contextOf, contextsOf, topologyOf, worldOf } from './support/world.ts';

const AREA = 0x1000_0000;
const write = (addr: number): TraceStep => ({ access: 'W', addr, sizeBytes: 8 });
const read = (addr: number): TraceStep => ({ access: 'R', addr, sizeBytes: 8 });
const advise = (addr: number, lengthBytes: number, advice: number): TraceStep => {
  return { op: 'madvise', addr, lengthBytes, advice };
};
const DONTNEED = 4;
const FREE = 8;
const HUGEPAGE = 14;
const PAGEOUT = 21;
const always64: Partial<TopologyInput> = { design: { thp: { enabled: 'never', sizes: { 65536: 'always' } } } };

/** Runs a program to its end; what its mm was before exit is in the counters. */
function runOne(steps: TraceStep[], pageSize: string, rest: Partial<TopologyInput> = {}): System {
  const process = { pid: 1, trace: 'made', pageSize, layout: '64K' };
  const system = worldOf(topologyOf({ processes: [process], ...rest }), new Map([[1, program(steps)]]));
  while (system.step() !== null) {
    checkFrames(system);
    checkTables(system);
  }
  checkEnd(system, [1]);
  return system;
}

/** Minor faults, resident bytes at the end and folios given by anonymous faults, beyond those of the empty program. */
function costOf(steps: TraceStep[], pageSize: string, rest: Partial<TopologyInput> = {}) {
  const [with_, without] = [runOne(steps, pageSize, rest), runOne([], pageSize, rest)].map((system) => {
    const mm = contextOf(system, 'mm:1');
    return { faults: mm.minorFaults, rss: mm.rssExitPages * mm.kernelPageBytes };
  });
  return { faults: with_.faults - without.faults, rss: with_.rss - without.rss };
}

const everyPage = (units: number): TraceStep[] =>
  Array.from({ length: (units * UNIT) / 4096 }, (_, page) => write(AREA + page * 4096));

describe('a 4K process with 64K mTHP', () => {
  it('takes one fault for 64K, and its reads still map one zero page each', () => {
    expect(costOf([mapAnon(AREA, 2), ...everyPage(2)], '4K', always64)).toEqual({ faults: 2, rss: 2 * UNIT });
    expect(costOf([mapAnon(AREA, 2), read(AREA), read(AREA + 4096)], '4K', always64)).toEqual({ faults: 2, rss: 0 });
  });

  it('gets single pages where a page of the range is there already, a zero page too', () => {
    const steps = [mapAnon(AREA, 1), read(AREA), write(AREA + 4096), write(AREA + 8192)];
    expect(costOf(steps, '4K', always64)).toEqual({ faults: 3, rss: 8192 });
  });

  it('counts what was given and what could not be', () => {
    const { mthp } = contextOf(runOne([mapAnon(AREA, 2), ...everyPage(2)], '4K', always64), 'zone');
    // Two of the area; code and data of the program are pages of a file.
    expect(mthp[4]).toMatchObject({ anonFaultAlloc: 2, anonFaultFallback: 0, splitDeferred: 0 });
  });

  it('queues a folio to be split when a part of it is unmapped, once', () => {
    const holes = [advise(AREA, 4096, DONTNEED), advise(AREA + 8192, 4096, DONTNEED)];
    const system = runOne([mapAnon(AREA, 1), write(AREA), ...holes], '4K', always64);
    expect(contextOf(system, 'zone').mthp[4]).toMatchObject({ anonFaultAlloc: 1, splitDeferred: 1, split: 0 });
    expect(contextOf(system, 'mm:1').rssExitPages).toBeGreaterThan(0);
  });

  it('splits a folio that MADV_FREE covers in part, and discards just that part', () => {
    const half = UNIT / 2;
    const steps = [mapAnon(AREA, 1), write(AREA), advise(AREA, half, FREE), advise(AREA, half, PAGEOUT)];
    expect(costOf(steps, '4K', always64)).toEqual({ faults: 1, rss: half });
    expect(contextOf(runOne(steps, '4K', always64), 'zone').mthp[4].split).toBe(1);
  });
});

describe('a mapping with MADV_HUGEPAGE', () => {
  it('gets a folio of the PMD size of a 4K kernel where it holds an aligned 2M, and nothing like it outside', () => {
    const start = 0x1020_0000;
    const steps = [mapAnon(start, 48), advise(start, 48 * UNIT, HUGEPAGE), write(start + 5000), write(start + 2 ** 21)];
    expect(costOf(steps, '4K')).toEqual({ faults: 2, rss: 2 ** 21 + 4096 });
  });

  it('of a 64K process changes nothing: the PMD size of a 64K kernel is 512M', () => {
    const steps = [mapAnon(AREA, 32), advise(AREA, 32 * UNIT, HUGEPAGE), write(AREA)];
    expect(costOf(steps, '64K')).toEqual({ faults: 1, rss: UNIT });
  });
});

describe('MADV_FREE and MADV_PAGEOUT without swap', () => {
  for (const pageSize of ['4K', '16K', '64K']) {
    it(`discard what was given up and not written to again, at ${pageSize}`, () => {
      const begin = [mapAnon(AREA, 2), write(AREA), write(AREA + UNIT), advise(AREA, 2 * UNIT, FREE)];
      const bytes = Number.parseInt(pageSize, 10) * 1024;
      const again = [...begin, write(AREA), advise(AREA, 2 * UNIT, PAGEOUT)];
      expect(costOf(again, pageSize)).toEqual({ faults: 2, rss: bytes });
      // Nothing is given up by MADV_PAGEOUT alone, and nothing by MADV_FREE alone.
      expect(costOf([mapAnon(AREA, 1), write(AREA), advise(AREA, UNIT, PAGEOUT)], pageSize).rss).toBe(bytes);
      expect(costOf(begin, pageSize).rss).toBe(2 * bytes);
      // A page that was written to again is ordinary memory from then on.
      expect(costOf([...again, advise(AREA, 2 * UNIT, PAGEOUT)], pageSize).rss).toBe(bytes);
    });
  }
});

describe('a shared mapping of a file on ext4', () => {
  it('takes a second fault for the first write after a read, and none for a write after a write', () => {
    const map = mapFile(AREA, 1, '/data/a', 3, true);
    for (const pageSize of ['4K', '16K', '64K']) {
      expect(costOf([map, read(AREA), write(AREA)], pageSize).faults - costOf([map, read(AREA)], pageSize).faults).toBe(
        1,
      );
      expect(costOf([map, write(AREA), write(AREA)], pageSize)).toEqual(costOf([map, write(AREA)], pageSize));
    }
  });
});

/** An anonymous page that is exclusive, or writable, is mapped by one entry of all processes. */
function checkExclusive(system: System): void {
  const mapped = new Map<number, number>();
  const alone: number[] = [];
  for (const { linux } of contextsOf(system, 'mmu').values()) {
    linux.forEach(0, 2 ** 48, (_va, pte) => {
      if (!hasFlags(pte, PTE.ANON)) return;
      mapped.set(pfnOf(pte), (mapped.get(pfnOf(pte)) ?? 0) + 1);
      if (hasFlags(pte, PTE.EXCLUSIVE) || isWritable(pte)) alone.push(pfnOf(pte));
    });
  }
  for (const pfn of alone) expect(mapped.get(pfn)).toBe(1);
}

describe('random programs that fork', () => {
  const units = 3;
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.nat(units * 16 - 1).map((page) => write(AREA + page * 4096)) },
    { weight: 2, arbitrary: fc.nat(units * 16 - 1).map((page) => read(AREA + page * 4096)) },
    fc
      .tuple(fc.nat(units - 1), fc.constantFrom(DONTNEED, FREE, PAGEOUT))
      .map(([unit, advice]) => advise(AREA + unit * UNIT, UNIT, advice)),
  );
  // Write permission that is taken and given back: only pages that are exclusive get it at once.
  const toggle = fc.nat(units - 1).map((unit): TraceStep[] => {
    const range = { op: 'mprotect' as const, addr: AREA + unit * UNIT, lengthBytes: UNIT };
    return [
      { ...range, prot: 1 },
      { ...range, prot: 3 },
    ];
  });
  const steps = fc
    .array(fc.oneof({ weight: 8, arbitrary: step.map((one) => [one]) }, toggle), { maxLength: 25 })
    .map((parts) => parts.flat());
  const worlds = fc.record({
    before: steps,
    parent: steps,
    child: steps,
    pageSize: fc.constantFrom('4K', '16K', '64K'),
    rest: fc.constantFrom({}, always64),
    seed: fc.nat(1000),
  });

  it('never have two entries for a page that one of them thinks its own, and lose no frame', () => {
    fc.assert(
      fc.property(worlds, ({ before, parent, child, pageSize, rest, seed }) => {
        const base = { trace: 'made', pageSize, layout: '64K' };
        const processes = [
          { ...base, pid: 1, children: [2] },
          { ...base, pid: 2, forked: true },
        ];
        const fork: TraceStep = { op: 'fork', childPid: 0 };
        const programs = new Map([
          [1, program([mapAnon(AREA, units), ...before, fork, ...parent])],
          [2, program(child)],
        ]);
        const topology = topologyOf({ cpus: 2, chooser: 'seeded-random', seed, processes, ...rest });
        const system = worldOf(topology, programs);
        for (let events = 0; system.step() !== null; events++) {
          checkFrames(system);
          checkTables(system);
          checkExclusive(system);
        }
        checkEnd(system, [1, 2]);
      }),
      { numRuns: 60 },
    );
  });
});
