/**
 * What calls do to memory that is in swap, swap in pieces, and native tables under pressure.
 *
 * @models S-10 D-07 T-15
 */
import { describe, expect, test } from 'vitest';
import { Laws } from '../../src/topology/laws.ts';
import { BASE, ended, mmOf, pageOut, programOf, store, untilExit } from './support/demonstrations.ts';
import { kswapdOf, namedSlots, runShadowed, slotFault, swapOf, zoneOf } from './support/reclaimWorld.ts';
import { ShadowMemory } from './support/shadow.ts';

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
