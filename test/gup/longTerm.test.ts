/**
 * Long-term pins and the page cache: whom `FOLL_LONGTERM` refuses, and what a mapping of larger pages does about folios that it
 * would have to drop while somebody has them for ever.
 *
 * @models T-05 T-06
 */
import { describe, expect, test } from 'vitest';
import type { FileContext } from '../../machines/index.ts';
import { BASE, mapped, pin, ran, resultsOf } from './support.ts';

const fileMap = (kind: string, prot = 'r') => mapped('128K', { flags: `${kind}|FIXED`, file: 'data', prot });
const read = { op: 'load', addr: BASE, lengthBytes: '128K' };

/** A process of 4K pages has one page of a cached file pinned for long; then one of 64K maps the file. */
function world(drop: string, more: { kind?: string; unpin?: boolean; mlock?: boolean; pinned?: boolean } = {}) {
  const lock = more.mlock === true ? [{ op: 'mlock', addr: BASE, lengthBytes: '64K' }] : [];
  const held = more.pinned === false ? [] : [pin('4K', { write: false, longterm: true, addr: BASE + 0x5000 })];
  const holder = [fileMap('SHARED'), read, ...lock, ...held];
  const unpin = [
    { op: 'load', addr: 0x500000, lengthBytes: '64K', strideBytes: 16 },
    pin('4K', { command: 'unpin', addr: BASE + 0x5000 }),
  ];
  const stay = { op: 'load', addr: 0x500000, lengthBytes: '128K', strideBytes: 16 };
  const large = [fileMap('SHARED'), read];
  const run = ran({
    cpus: 2,
    gup: { holders: ['dev'], drop },
    files: [{ path: 'data', size: '128K', cached: true, kind: more.kind ?? 'ext4' }],
    processes: [
      { pid: 1, program: [...holder, ...(more.unpin === true ? unpin : []), stay, read], pageSize: '4K', cpu: 0 },
      { pid: 2, program: large, pageSize: '64K', cpu: 1, startCycles: 600_000, signals: 'skip' },
    ],
  });
  return { ...run, file: run.system.snapshot('file:data').context as FileContext };
}

describe('a 64K mapping of a file of which a 4K page is pinned for ever', () => {
  test('orphans the page: the holder keeps old memory that no longer is the file (as invalidate_inode_pages2)', () => {
    const { file, gup, zone, records, mm } = world('orphan');
    expect(resultsOf(records, 2)).toEqual([BASE]);
    const { pfn } = gup.held[0];
    expect(file.cache.get(5)?.pfn).not.toBe(pfn);
    expect(zone.folios.find(pfn)).toMatchObject({ order: 0, refs: 1, pins: 1 });
    expect(mm(2).fallbacks).toBe(0);
  });

  test('is refused', () => {
    const { file, gup, records } = world('refuse');
    expect(resultsOf(records, 2)).toEqual([-16]);
    expect([file.refusedMaps, file.busy.pinned]).toEqual([1, 1]);
    expect(file.cache.get(5)?.pfn).toBe(gup.held[0].pfn);
  });

  test('waits for ever', () => {
    const { system, records } = world('wait');
    expect(resultsOf(records, 2)).toEqual([]);
    expect(system.snapshot('process:2').value).toEqual({ 'in-syscall': 'asleep' });
  });

  test('waits until the page is unpinned', () => {
    const { system, records, mm } = world('wait', { unpin: true });
    expect(resultsOf(records, 2)).toEqual([BASE]);
    expect(system.snapshot('process:2').value).toBe('zombie');
    expect(mm(2).fallbacks).toBe(0);
  });

  test('keeps the page, drops the others, and runs on the Linux table', () => {
    const { file, gup, records, mm } = world('keep');
    expect(resultsOf(records, 2)).toEqual([BASE]);
    expect(file.cache.get(5)).toMatchObject({ pfn: gup.held[0].pfn, order: 0 });
    expect(file.cache.get(16)).toMatchObject({ order: 4 });
    expect(mm(2).fallbacks).toBe(1);
  });

  test('of tmpfs is refused whatever the choice, for there is nothing to read again from', () => {
    expect(resultsOf(world('orphan', { kind: 'tmpfs' }).records, 2)).toEqual([-16]);
    const kept = world('keep', { kind: 'tmpfs' });
    expect(resultsOf(kept.records, 2)).toEqual([BASE]);
    expect(kept.file.cache.get(16)).toMatchObject({ order: 4 });
  });

  test('is not held up by mlock, whose pages are dropped and fault again', () => {
    const { records, file } = world('refuse', { mlock: true, pinned: false });
    expect(resultsOf(records, 2)).toEqual([BASE]);
    expect(file.droppedPages).toBe(32);
    // The locked pages of the 4K process are unmapped like all others, and fault again.
    expect(records.filter(({ type, to }) => type === 'UNMAP_RANGE' && to === 'mm:1')).toHaveLength(1);
  });
});

describe('FOLL_LONGTERM', () => {
  const writes = (kind: string, longterm: boolean, fsKind: string) => {
    const program = [fileMap(kind, 'rw'), { op: 'store', addr: BASE, lengthBytes: '128K' }, pin('8K', { longterm })];
    const files = [{ path: 'data', size: '128K', kind: fsKind }];
    const run = ran({ files, processes: [{ pid: 1, program, pageSize: '64K' }] });
    return { result: resultsOf(run.records, 1)[1], fast: run.gup.fastPages };
  };

  test('refuses writable shared mappings of file systems that track dirt, and only those', () => {
    expect(writes('SHARED', true, 'ext4').result).toBe(-14);
    expect(writes('SHARED', false, 'ext4')).toEqual({ result: 2, fast: 2 });
    expect(writes('SHARED', true, 'tmpfs')).toEqual({ result: 2, fast: 0 });
    expect(writes('PRIVATE', true, 'ext4')).toEqual({ result: 2, fast: 2 });
  });
});

describe('a long-term pin of memory that has to stay movable', () => {
  const stores = { op: 'store', addr: BASE, lengthBytes: '128K' };
  const world = (program: object[], more: object = {}) => {
    const gup = { holders: ['dev'], movableBytes: 2 ** 24, ...more };
    return ran({ gup, memory: '64M', processes: [{ pid: 1, program, pageSize: '64K' }] });
  };
  const movablePages = (run: ReturnType<typeof world>): number => {
    const end = 2 ** 30 / 4096 + 2 ** 24 / 4096;
    return run.gup.held.filter(({ pfn }) => pfn < end).length;
  };

  test('moves the process page as a whole first, and the process goes on in the native table', () => {
    const run = world([mapped('128K'), stores, pin('4K', { longterm: true }), { op: 'store', addr: BASE }]);
    expect(resultsOf(run.records, 1)[1]).toBe(1);
    expect([run.gup.fastPages, run.gup.slowPages, movablePages(run)]).toEqual([0, 1, 0]);
    expect(run.mm(1).copiedBytes).toBe(65536);
    expect(run.mm(1).fallbacks).toBe(0);
    expect(run.zone.folios.find(run.gup.held[0].pfn)).toMatchObject({ order: 4, pins: 1 });
  });

  test('needs no move for a while, nor outside of that memory', () => {
    const short = world([mapped('128K'), stores, pin('4K')]);
    expect([short.gup.fastPages, movablePages(short), short.mm(1).copiedBytes]).toEqual([1, 1, 0]);
    const outside = world([mapped('128K'), stores, pin('4K', { longterm: true })], { movableBytes: 0 });
    expect([outside.gup.fastPages, outside.mm(1).copiedBytes]).toEqual([1, 0]);
  });

  test('fails where the folio cannot move: pinned by somebody else, or of a file', () => {
    const twice = world([mapped('128K'), stores, pin('4K'), pin('8K', { longterm: true })]);
    expect(resultsOf(twice.records, 1).slice(1)).toEqual([1, -12]);
    const program = [fileMap('SHARED'), read, pin('4K', { write: false, longterm: true })];
    const file = ran({
      gup: { holders: ['dev'], movableBytes: 2 ** 26 },
      memory: '128M',
      files: [{ path: 'data', size: '128K', cached: true }],
      processes: [{ pid: 1, program, pageSize: '64K' }],
    });
    expect(resultsOf(file.records, 1)[1]).toBe(-12);
  });
});
