/**
 * Page cache and shared memory between processes of different size, with others that hold or overtake its pages.
 *
 * @models T-09 D-14 D-15 S-36
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { takeOut } from '../../machines/filePins.ts';
import { replay } from '../../src/timeline/replay.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type Topology } from '../../src/topology/schema.ts';
import '../support/propertySeed.ts';

function run(topology: Topology) {
  const results: { pid: number; result: number; errno: number }[] = [];
  const { system } = runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked: true,
    onRecord: ({ type, to, payload }) => {
      if (type !== 'SYSRET') return;
      const { result, errno } = payload as { result: number; errno: number };
      results.push({ pid: Number(to.slice('process:'.length)), result, errno });
    },
  });
  return { system, results };
}

/** Nothing is left in use but the zeroes and the page cache, when every process has gone. */
function usedPages(system: ReturnType<typeof run>['system']): number {
  const { folios } = system.snapshot('zone').context;
  return folios.framesByKind.anon + folios.framesByKind.table;
}

const names = ['splice-during-conversion', 'shared-memory-mixed', 'direct-io-beside-mappings'];

describe.each(names)('%s', (name) => {
  const topology = loadTopology(name);

  test('keeps the laws in any order of delivery, and loses no frame', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const shuffled = parseTopology({ ...topology, chooser: 'seeded-random', seed }, 'test');
      expect(usedPages(run(shuffled).system)).toBe(0);
    }
  });

  test('replays from its log', () => {
    const traces = loadTraces(topology, { folders: [] });
    const log = runInMemory(topology, traces);
    expect(replay(log, traces).headHash).toBe(log.headHash);
  });
});

describe('pages that are parked in a pipe', () => {
  test('outlive the drop for a larger mapping, and go when the pipe is read', () => {
    const { system, results } = run(loadTopology('splice-during-conversion'));
    const file = system.snapshot('file:/data').context;
    expect([file.orphanedPages, file.droppedPages, file.pins]).toEqual([8, 16, []]);
    const pipe = system.snapshot('pipe:parked').context;
    expect([pipe.splicedBytes, pipe.drainedBytes, pipe.filled.length]).toEqual([32768, 32768, 0]);
    expect(results.filter(({ errno }) => errno !== 0)).toEqual([]);
  });

  test('take a slot for each kernel page: a process page fills a pipe of kernel pages', () => {
    const splice = { op: 'splice', file: '/data', lengthBytes: '256K', pipe: 'p' };
    const process = { pid: 1, pageSize: '64K', program: [splice, splice] };
    const files = [{ path: '/data', size: '256K', kind: 'xfs' }];
    const world = (pipe: object) =>
      parseTopology({ name: 'p', files, pipes: [{ name: 'p', ...pipe }], processes: [process] }, 't');
    const returned = (topology: Topology) => run(topology).results.slice(1, 3);
    expect(returned(world({}))).toMatchObject([{ result: 65536 }, { errno: 11 }]);
    expect(returned(world({ slotBytes: '64K' }))).toMatchObject([{ result: 262144 }, { result: 262144 }]);
  });

  test('of a tmpfs file keep a larger process from mapping it', () => {
    const program = [{ op: 'splice', file: '/shm', lengthBytes: '4K', pipe: 'p' }];
    const map = { op: 'mmap', addr: '0x300000000', lengthBytes: '64K', flags: 'SHARED|FIXED', file: '/shm' };
    const topology = parseTopology(
      {
        name: 'tmpfs',
        cpus: 2,
        pipes: [{ name: 'p' }],
        files: [{ path: '/shm', size: '64K', kind: 'tmpfs', cached: true }],
        processes: [
          { pid: 1, pageSize: '4K', cpu: 0, program },
          { pid: 2, pageSize: '64K', cpu: 1, startCycles: 1_000_000, program: [map] },
        ],
      },
      'test',
    );
    const { system, results } = run(topology);
    expect(results.filter(({ pid, errno }) => pid === 2 && errno !== 0)).toMatchObject([{ errno: 16 }]);
    expect(system.snapshot('file:/shm').context.busy.pinned).toBe(1);
  });
});

describe('direct I/O', () => {
  const { system, results } = run(loadTopology('direct-io-beside-mappings'));
  const file = system.snapshot('file:/data').context;

  test('writes back what is dirty, drops the whole process page, and a mapping reads it again', () => {
    expect(file.droppedPages).toBe(16);
    expect(system.snapshot('mm:1').context.rereadPages).toBe(16);
    // Two dirty process pages were in the way: one of the write and one of the read.
    expect(file.writtenPages).toBe(32);
    expect(system.snapshot('disk').context.writtenBytes).toBe(32 * 4096 + 4096);
  });

  test('asks for the alignment of the device, not of the page', () => {
    expect(results.filter(({ pid }) => pid === 2).slice(1, 4)).toMatchObject([
      { result: 4096, errno: 0 },
      { result: 8192, errno: 0 },
      { errno: 22 },
    ]);
  });
});

test('shared memory that a 64K process attaches is copied together once, and both see one segment', () => {
  const topology = loadTopology('shared-memory-mixed');
  const orders: number[] = [];
  const { system } = runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    onRecord: ({ type, from, payload }) => {
      if (type === 'ALLOC' && from === 'shmem') orders.push((payload as { orderPages: number }).orderPages);
    },
  });
  // Eighteen single pages, and then two blocks for 70,000 bytes.
  expect(orders.filter((order) => order === 0).length).toBe(18);
  expect(orders.filter((order) => order === 4).length).toBeGreaterThan(0);
  expect(system.snapshot('mm:2').context.fallbacks).toBe(0);
});

test('giving up a range takes each page once, and no other', () => {
  const run1 = fc.record({ index: fc.nat(30), nr: fc.integer({ min: 1, max: 8 }) });
  const range = fc.record({ first: fc.nat(30), nr: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(
      fc.uniqueArray(run1, { selector: ({ index }) => Math.floor(index / 8), maxLength: 4 }),
      range,
      (made, { first, nr }) => {
        const runs = made.map((each) => ({ index: each.index - (each.index % 8), nr: each.nr, pfn: 100 + each.index }));
        const taken = takeOut(runs, [{ first, end: first + nr }]);
        const pages = (list: readonly { index: number; nr: number; pfn: number }[]) =>
          list.flatMap((each) =>
            Array.from({ length: each.nr }, (_, page) => `${each.index + page}:${each.pfn + page}`),
          );
        expect([...pages(taken.out), ...pages(taken.kept)].sort()).toEqual(pages(runs).sort());
        expect(taken.out.every((each) => each.index >= first && each.index + each.nr <= first + nr)).toBe(true);
        const left = taken.left.reduce((sum, each) => sum + each.end - each.first, 0);
        expect(left).toBe(nr - taken.out.reduce((sum, each) => sum + each.nr, 0));
      },
    ),
  );
});
