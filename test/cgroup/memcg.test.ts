/**
 * Memory cgroups: the rules of a charge, and groups of processes on kernels of both sizes.
 *
 * @models D-17 D-12
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ZoneContext } from '../../machines/index.ts';
import { charge, CHARGE_BATCH, type Memcg, newMemcg, uncharge } from '../../src/mm/cgroup/memcg.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import '../support/propertySeed.ts';

const MIB = 2 ** 20;
const BASE = 0x2_0000_0000;

describe('a charge', () => {
  test('is what is held and what is charged ahead, never above the limit, and refused only when it cannot fit', () => {
    const step = fc.oneof(fc.record({ pages: fc.constantFrom(1, 4, 16, 64, 300) }), fc.record({ give: fc.nat(20) }));
    const group = fc.record({
      limitBytes: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 8 * MIB })),
      unitBytes: fc.constantFrom(4096, 16384, 65536),
      kernelPageBytes: fc.constant(4096),
    });
    let refused = 0;
    fc.assert(
      fc.property(group, fc.array(step, { maxLength: 60 }), (size, steps) => {
        let memcg: Memcg = newMemcg('g', size);
        const held: number[] = [];
        for (const each of steps) {
          const sum = held.reduce((total, pages) => total + pages, 0);
          if ('give' in each) {
            const [pages] = held.splice(each.give % Math.max(1, held.length), 1);
            if (pages !== undefined) memcg = uncharge(memcg, pages);
          } else {
            const outcome = charge(memcg, each.pages);
            memcg = outcome.group;
            const fits = memcg.limitPages === null || sum + each.pages <= memcg.limitPages;
            expect(outcome.isCharged).toBe(fits);
            if (outcome.isCharged) held.push(each.pages);
            else refused++;
          }
          const now = held.reduce((total, pages) => total + pages, 0);
          expect(memcg.usedPages).toBe(now + memcg.stockPages);
          expect(memcg.stockPages).toBeLessThanOrEqual(CHARGE_BATCH * memcg.unitPages);
          expect(memcg.usedPages).toBeLessThanOrEqual(memcg.limitPages ?? Number.MAX_SAFE_INTEGER);
        }
      }),
    );
    expect(refused).toBeGreaterThan(20);
  });

  test('in process pages is refused at the same page as on a kernel of that size', () => {
    const limits = fc.integer({ min: 0, max: 4 * MIB });
    fc.assert(
      fc.property(
        limits,
        fc.constantFrom(16384, 65536),
        fc.integer({ min: 1, max: 80 }),
        (limitBytes, unitBytes, count) => {
          let there = newMemcg('there', { limitBytes, unitBytes, kernelPageBytes: unitBytes });
          let here = newMemcg('here', { limitBytes, unitBytes, kernelPageBytes: 4096 });
          for (let page = 0; page < count; page++) {
            const own = charge(there, 1);
            const small = charge(here, unitBytes / 4096);
            expect(small.isCharged).toBe(own.isCharged);
            there = own.group;
            here = small.group;
            expect(here.usedPages * 4096).toBe(there.usedPages * unitBytes);
          }
          expect([here.maxEvents, here.failed]).toEqual([there.maxEvents, there.failed]);
        },
      ),
    );
  });
});

interface Outcome {
  /** Process pages that the program got before it was killed. */
  pages: number;
  group: Memcg;
  /** Bytes of tables when it was killed. */
  tableBytes: number;
}

/** A program that touches page after page until its group is full. */
function fill(kernelPageSize: '4K' | '64K', pageSize: '4K' | '64K', beside: object = {}, nativeTables = true): Outcome {
  const stride = pageSize === '4K' ? 4096 : 65536;
  const program = [
    { op: 'mmap', addr: BASE, lengthBytes: 4 * MIB, flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: BASE, lengthBytes: 4 * MIB, strideBytes: stride },
  ];
  const processes = [{ pid: 1, pageSize, program }];
  const cgroups = [{ name: 'g', max: 2 * MIB, pids: [1], ...beside }];
  const topology = parseTopology(
    { name: 'memcg', memory: '64M', kernelPageSize, nativeTables, processes, cgroups },
    'test',
  );
  let pages = 0;
  let tableBytes = 0;
  const { system } = runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked: true,
    onRecord: ({ type }, running) => {
      if (type !== 'NO_MEMORY') return;
      pages = running.snapshot('mm:1').context.rssAnonPages / (stride / topology.kernelPageSize);
      const { linuxTableBytesPeak, nativeTableBytesPeak } = running.snapshot('mmu:1').context;
      tableBytes = linuxTableBytesPeak + nativeTableBytesPeak;
    },
  });
  const { cgroups: groups } = system.snapshot('zone').context as ZoneContext;
  const [group] = groups?.groups ?? [];
  if (group === undefined) throw new Error('the zone has its group');
  return { pages, group, tableBytes };
}

describe('a group at its limit', () => {
  test('kills its process, and everything it was charged comes back', () => {
    for (const outcome of [fill('4K', '4K'), fill('64K', '64K'), fill('4K', '64K')]) {
      expect(outcome.pages).toBeGreaterThan(0);
      expect(outcome.group.failed).toBe(1);
      expect(outcome.group.usedPages).toBe(outcome.group.stockPages);
      expect(outcome.group.peakPages).toBeLessThanOrEqual(outcome.group.limitPages ?? 0);
    }
  });

  test('a 64K process has fewer pages on a 4K kernel by what the second table takes', () => {
    const there = fill('64K', '64K');
    const here = fill('4K', '64K');
    const layers12 = fill('4K', '64K', {}, false);
    expect((here.tableBytes - there.tableBytes) / 65536).toBeLessThanOrEqual(there.pages - here.pages);
    expect(here.pages).toBeLessThan(there.pages);
    expect([there.pages, here.pages, layers12.pages]).toEqual([29, 28, 31]);
    // Without native tables only small tables are charged.
    expect(layers12.pages).toBeGreaterThan(there.pages);
  });

  test('in the topology that shows it keeps the laws, and its replay is the same', () => {
    const topology = loadTopology('cgroup-64k');
    const traces = loadTraces(topology, { folders: [] });
    const { system } = runTopology({ topology, traces, writer: null, checked: true });
    expect([100, 200].map((pid) => system.snapshot(`process:${pid}`).context.signal)).toEqual([9, 9]);
    const log = runInMemory(topology, traces);
    expect(replay(log, traces).divergence).toBeNull();
  });

  test('processes of other groups, or of none, are not charged', () => {
    const processes = [
      { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: 0x500000, lengthBytes: 65536 }] },
      { pid: 2, pageSize: '64K', program: [{ op: 'store', addr: 0x500000, lengthBytes: 65536 }] },
    ];
    const cgroups = [{ name: 'tight', max: 65536, pids: [2] }];
    const topology = parseTopology({ name: 'two', memory: '64M', processes, cgroups }, 'test');
    const { system } = runTopology({
      topology,
      traces: loadTraces(topology, { folders: [] }),
      writer: null,
      checked: true,
    });
    const ends = [1, 2].map((pid) => system.snapshot(`process:${pid}`).context.signal);
    expect(ends).toEqual([0, 9]);
  });

  test.each([
    [[{ name: 'a', pids: [7] }], /no process:7/],
    [
      [
        { name: 'a', pids: [1] },
        { name: 'b', pids: [1] },
      ],
      /two groups/,
    ],
  ])('that cannot be, %#, is refused', (cgroups, words) => {
    const processes = [{ pid: 1, pageSize: '4K', program: [{ op: 'brk', addr: 0 }] }];
    const topology = parseTopology({ name: 'bad', processes, cgroups }, 'test');
    const run = () => runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
    expect(run).toThrow(words);
  });
});
