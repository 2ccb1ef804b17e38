/**
 * What an address space does with its folios: one sentence a test, and what holds for every sequence of messages.
 *
 * @models S-16 S-36 S-37 T-02 T-05 T-07 T-08 L-01 L-02 D-14 D-15
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FileInput, PageCachePolicy } from '../../machines/fileState.ts';
import { FALLOC } from '../../src/mm/abi/numbers.ts';
import { FileWorld } from './support/fileWorld.ts';
import '../support/propertySeed.ts';

const PAGE = 4096;
const sparse: Partial<FileInput> = { kind: 'tmpfs', sizeBytes: 200_000 };

const read = (offset: number, length: number) =>
  ({ type: 'READ_FILE', file: 'a', request: 1, offsetBytes: offset * PAGE, lengthBytes: length * PAGE }) as const;
const write = (offset: number, length: number) => ({ ...read(offset, length), type: 'WRITE_FILE' }) as const;
const truncate = (sizeBytes: number) => ({ type: 'TRUNCATE_FILE', file: 'a', request: 1, sizeBytes }) as const;
const allocate = (mode: number, offset: number, length: number) =>
  ({
    ...({ type: 'ALLOCATE_FILE', file: 'a', sender: 'abi', request: 1, mode } as const),
    offsetBytes: offset * PAGE,
    lengthBytes: length * PAGE,
  }) as const;
const pin = (firstIndex: number, endIndex: number) =>
  ({ type: 'PIN_PAGES', file: 'a', holder: 'nic', firstIndex, endIndex }) as const;
const resident = (world: FileWorld) =>
  world.ask('RESIDENT_PAGES', {
    ...({ type: 'RESIDENT', file: 'a', mm: 'mm:1', request: 3, firstIndex: 0, endIndex: 1024 } as const),
  }).runs;
const orders = (world: FileWorld) => world.file.cache.range().map(({ index, order }) => [index, order]);

describe('tmpfs', () => {
  it('gives a hole memory at the first fault, a minor one, of one process page', () => {
    for (const order of [0, 2, 4]) {
      const world = new FileWorld(sparse);
      world.map('mm:1', order);
      const { runs, major } = world.fault('mm:1', order, 5);
      expect([runs[0]?.nr, major, world.frames]).toEqual([2 ** order, false, 2 ** order]);
    }
  });

  it('maps what is there around a fault, also where the page itself lies behind the end', () => {
    const world = new FileWorld(sparse);
    world.map('mm:1', 0);
    world.fault('mm:1', 0, 48, true);
    const { runs, eof } = world.fault('mm:2', 0, 49);
    expect([runs.map(({ index, nr }) => [index, nr]), eof]).toEqual([[[48, 1]], true]);
  });

  it('lets a 64K process reach the end of the 64K page that the file ends in', () => {
    const world = new FileWorld(sparse);
    world.map('mm:1', 4);
    expect([world.fault('mm:1', 4, 63).eof, world.fault('mm:1', 4, 64).eof]).toEqual([false, true]);
  });

  it('reads holes without memory, and has no short way to lose what was written', () => {
    const world = new FileWorld(sparse);
    world.tell(read(0, 8));
    expect(world.frames).toBe(0);
    world.tell(write(0, 3));
    world.tell({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
    expect([world.file.cache.counts.dirtyPages, world.file.writtenPages]).toEqual([3, 0]);
  });

  it('copies small folios together where a larger page wants them, because nothing else has them', () => {
    const world = new FileWorld(sparse);
    world.tell(write(3, 2));
    expect(world.map('mm:1', 4).errno).toBe(0);
    expect([orders(world), world.file.collapses, world.file.cache.counts.dirtyPages]).toEqual([[[0, 4]], 1, 16]);
    expect(world.frames).toBe(16);
  });

  it('refuses a mapping with EBUSY while a small folio of it is pinned, and stays as it was', () => {
    const world = new FileWorld(sparse);
    world.tell(write(3, 2));
    world.tell(pin(3, 4));
    expect([world.map('mm:1', 4).errno, world.file.minOrderPages, world.file.mappers.length]).toEqual([16, 0, 0]);
    world.tell({ type: 'UNPIN_PAGES', file: 'a', holder: 'nic' });
    expect([world.map('mm:1', 4).errno, world.file.refusedMaps]).toEqual([0, 1]);
  });

  it('preallocates memory that mincore does not see before it is touched', () => {
    const world = new FileWorld(sparse);
    world.tell(allocate(0, 60, 4));
    expect([world.file.sizeBytes, world.frames, resident(world)]).toEqual([64 * PAGE, 4, []]);
    world.map('mm:1', 0);
    world.fault('mm:1', 0, 61);
    expect(resident(world)).toEqual([{ index: 61, nr: 1 }]);
  });

  it('punches whole pages out and clears the parts of others', () => {
    const world = new FileWorld({ ...sparse, sizeBytes: 64 * PAGE });
    world.map('mm:1', 4);
    world.tell(write(0, 64));
    const hole = FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE;
    world.tell(allocate(hole, 8, 24));
    expect([orders(world), world.file.zeroedBytes]).toEqual([
      [
        [0, 4],
        [32, 4],
        [48, 4],
      ],
      8 * PAGE,
    ]);
    const refused = world.ask('FILE_DONE', allocate(FALLOC.PUNCH_HOLE, 0, 1));
    expect([refused.failed, refused.errno]).toEqual([true, 95]);
  });
});

describe('truncation', () => {
  it('takes everything behind the end away and keeps the page that the end lies in', () => {
    const world = new FileWorld({ sizeBytes: 64 * PAGE });
    world.map('mm:1', 4);
    for (const index of [0, 16, 32, 48]) world.fault('mm:1', 4, index);
    world.tell(truncate(20 * PAGE));
    expect([...(world.mapped.get('mm:1') ?? [])].map(([index]) => index).at(-1)).toBe(31);
    expect([orders(world), world.frames, world.file.paddingBytes]).toEqual([
      [
        [0, 4],
        [16, 4],
      ],
      32,
      12 * PAGE,
    ]);
  });

  it('splits a large folio that need not be large', () => {
    const world = new FileWorld({ kind: 'xfs', sizeBytes: 64 * PAGE });
    world.tell(read(0, 64));
    expect(Math.max(...orders(world).map(([, order]) => order ?? 0))).toBeGreaterThan(0);
    world.tell(truncate(5 * PAGE));
    const last = world.file.cache.range().at(-1);
    expect((last?.index ?? 0) + 2 ** (last?.order ?? 0)).toBe(5);
  });
});

describe('mapping a file at a larger order', () => {
  const cached = (policy: PageCachePolicy): FileWorld => {
    const world = new FileWorld({ policy, sizeBytes: 40 * PAGE });
    world.tell(read(0, 40));
    world.map('mm:1', 0);
    world.fault('mm:1', 0, 3);
    return world;
  };

  it('drops what is smaller and reads it again, and forgets the order with the last mapping', () => {
    const world = cached('drop-and-re-read');
    world.map('mm:2', 4);
    expect([world.file.drops, world.frames, world.mapped.get('mm:1')?.size]).toEqual([1, 0, 0]);
    expect(world.fault('mm:2', 4, 3).major).toBe(true);
    expect(world.file.rereadPages).toBe(32);
    world.tell({ type: 'UNMAP_FILE', file: 'a', mm: 'mm:2' });
    expect(world.file.minOrderPages).toBe(0);
  });

  it('keeps the order for good under sticky-order', () => {
    const world = cached('sticky-order');
    world.map('mm:2', 4);
    world.tell({ type: 'UNMAP_FILE', file: 'a', mm: 'mm:2' });
    expect(world.file.minOrderPages).toBe(4);
  });

  it('has already happened under convert-at-first-mmap', () => {
    const world = cached('convert-at-first-mmap');
    expect([world.file.drops, world.file.minOrderPages]).toEqual([1, 4]);
    world.map('mm:2', 4);
    expect([world.file.drops, world.mapped.get('mm:1')?.size]).toEqual([1, 16]);
  });

  it('drops nothing under large-folios-to-eof, where the tail stays small and ends with the file', () => {
    const world = cached('large-folios-to-eof');
    world.map('mm:2', 4);
    expect(orders(world)).toEqual([[0, 4], [16, 4], ...[32, 33, 34, 35, 36, 37, 38, 39].map((index) => [index, 0])]);
    const { runs } = world.fault('mm:2', 4, 35);
    expect(runs.reduce((sum, { nr }) => sum + nr, 0)).toBe(8);
    expect([world.fault('mm:2', 4, 40).eof, world.file.drops, world.file.paddingBytes]).toEqual([true, 0, 0]);
  });

  it('writes back first what is dirty, and what somebody dirtied meanwhile', () => {
    const world = cached('drop-and-re-read');
    world.tell(write(0, 2));
    world.dirtyOnUnmap.set('mm:1', [3]);
    world.map('mm:2', 4);
    expect([world.file.writtenPages, world.file.droppedPages]).toEqual([3, 40]);
  });

  it('leaves pinned pages with their holder, who keeps the old content', () => {
    const world = cached('drop-and-re-read');
    world.tell(pin(5, 7));
    world.map('mm:2', 4);
    expect([world.file.orphanedPages, world.file.pins[0]?.orphanedPages, world.frames]).toEqual([2, 2, 2]);
    world.tell({ type: 'UNPIN_PAGES', file: 'a', holder: 'nic' });
    expect(world.frames).toBe(0);
  });
});

describe('readahead', () => {
  it('goes on behind a fault that meets its mark, and nobody waits for it', () => {
    const world = new FileWorld({});
    world.map('mm:1', 0);
    world.fault('mm:1', 0, 0);
    const { runs, major } = world.fault('mm:1', 0, 24);
    expect([runs.reduce((sum, { nr }) => sum + nr, 0), major]).toEqual([16, false]);
    expect(world.file.cache.counts.pages).toBe(64);
  });

  it('is given up where memory is short, and the page itself is read', () => {
    const world = new FileWorld({});
    world.map('mm:1', 0);
    world.framesLeft = 4;
    expect(world.fault('mm:1', 0, 50).failed).toBe(false);
    expect(orders(world)).toEqual([[50, 0]]);
    world.framesLeft = 0;
    expect(world.fault('mm:1', 0, 90).failed).toBe(true);
  });
});

describe('a file that is cached from the start', () => {
  it('takes its frames before its first operation and no time on the disk', () => {
    const world = new FileWorld({ cached: true, sizeBytes: 10 * PAGE });
    world.map('mm:1', 0);
    expect([world.file.cache.counts.pages, world.file.readPages, world.fault('mm:1', 0, 3).major]).toEqual([
      10,
      0,
      false,
    ]);
  });
});

describe('any sequence of operations', () => {
  const index = fc.integer({ min: 0, max: 70 });
  const step = fc.tuple(
    fc.constantFrom('fault', 'write', 'read', 'truncate', 'punch', 'map', 'unmap', 'pin', 'unpin'),
    index,
    index,
  );
  const policies = ['drop-and-re-read', 'sticky-order', 'convert-at-first-mmap', 'large-folios-to-eof'] as const;
  const kinds = ['ext4', 'xfs', 'tmpfs'] as const;

  function play(world: FileWorld, [what, at, length]: [string, number, number]): void {
    const mm = `mm:${at % 3}`;
    const order = [0, 2, 4][at % 3] ?? 0;
    const mapped = [...world.file.mappers].some((mapper) => mapper.mm === mm);
    if (what === 'fault' && mapped) world.fault(mm, order, length, at % 2 === 0);
    if (what === 'write') world.tell(write(at, 1 + length));
    if (what === 'read') world.tell(read(at, 1 + length));
    if (what === 'truncate') world.tell(truncate(at * PAGE + length));
    if (what === 'punch') world.tell(allocate(3, at, 1 + length));
    if (what === 'map') world.map(mm, order);
    if (what === 'unmap' && mapped) world.release(mm);
    if (what === 'pin') world.tell(pin(at, at + length));
    if (what === 'unpin') world.tell({ type: 'UNPIN_PAGES', file: 'a', holder: 'nic' });
  }

  it('keeps folios apart, loses no frame and no dirty page', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...policies),
        fc.constantFrom(...kinds),
        fc.array(step, { maxLength: 30 }),
        (policy, kind, steps) => {
          const world = new FileWorld({ policy, kind, sizeBytes: 50 * PAGE + 100 });
          for (const one of steps) {
            play(world, one);
            expect(world.file.current).toBeNull();
            const folios = world.file.cache.range();
            const pages = folios.flatMap(({ index: first, order }) =>
              Array.from({ length: 2 ** order }, (_, n) => first + n),
            );
            expect(new Set(pages).size).toBe(pages.length);
          }
          const dirty = world.file.cache.counts.dirtyPages;
          world.tell({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
          expect(world.file.cache.counts.dirtyPages).toBe(kind === 'tmpfs' ? dirty : 0);
          for (const mm of ['mm:0', 'mm:1', 'mm:2']) world.release(mm);
          world.tell({ type: 'UNPIN_PAGES', file: 'a', holder: 'nic' });
          world.tell(truncate(0));
          expect([world.frames, world.file.cache.counts.pages]).toEqual([0, 0]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
