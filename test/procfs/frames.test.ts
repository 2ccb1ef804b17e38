/**
 * Files of frames: kcore, read across page borders into buffers that lie across them, kpagecount and kpageflags.
 *
 * @models S-31 L-06
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kcoreBytes, kcorePieces } from '../../src/mm/procfs/systemFiles.ts';
import '../support/propertySeed.ts';
import { BASE, play, readersTopology, type Steps } from './support.ts';

describe('kcore', () => {
  it('is copied in pieces that never join two pages, and are the range together', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 20 }),
        fc.nat({ max: 2 ** 18 }),
        fc.constantFrom(4096, 65536),
        (offset, length, page) => {
          const pieces = kcorePieces(offset, length, page);
          expect(pieces.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)).toBe(length);
          for (const [at, { offsetBytes, lengthBytes }] of pieces.entries()) {
            expect(Math.floor(offsetBytes / page)).toBe(Math.floor((offsetBytes + lengthBytes - 1) / page));
            const before = pieces[at - 1];
            expect(offsetBytes).toBe(before === undefined ? offset : before.offsetBytes + before.lengthBytes);
          }
        },
      ),
    );
  });

  it('gives readers of every page size the same bytes, into a buffer that lies across pages', () => {
    const read = (size: number, offsetBytes: number, lengthBytes: number): number[] => {
      const buffer = BASE + size - 100;
      const before: Steps = [{ op: 'mmap', addr: BASE, lengthBytes: 4 * 65536, flags: 'PRIVATE|ANONYMOUS|FIXED' }];
      const steps: Steps = [{ op: 'read_proc', path: '/proc/kcore', offsetBytes, lengthBytes, buffer }];
      const [{ errno, result, data }] = play(
        readersTopology(steps, { readerPageBytes: size, targetPageBytes: 4096, before }),
      );
      expect([errno, result]).toEqual([0, lengthBytes]);
      return data;
    };
    for (const [offset, length] of [
      [65_000, 1000],
      [16_000, 70_000],
      [4095, 2],
    ]) {
      const expected = kcoreBytes([{ offsetBytes: offset, lengthBytes: length }]);
      for (const size of [4096, 16384, 65536]) expect(read(size, offset, length)).toEqual(expected);
    }
  });

  it('is EFAULT into a buffer that is not there', () => {
    const steps: Steps = [{ op: 'read_proc', path: '/proc/kcore', lengthBytes: 100, buffer: 0x300000000 }];
    const [{ errno }] = play(readersTopology(steps, { readerPageBytes: 65536, targetPageBytes: 4096 }));
    expect(errno).toBe(14);
  });
});

describe('files of frames', () => {
  it('tell a 4K reader what each frame is; zeroes first, which are the first of RAM', () => {
    const offsetBytes = (2 ** 30 / 4096) * 8;
    const steps: Steps = ['kpagecount', 'kpageflags'].map((name) => ({
      op: 'read_proc',
      path: `/proc/${name}`,
      offsetBytes,
      lengthBytes: 16384 * 8,
    }));
    const [count, flags] = play(readersTopology(steps, { readerPageBytes: 4096, targetPageBytes: 65536 }));
    const numbers = (data: readonly number[]): number[] =>
      Array.from({ length: data.length / 8 }, (_, at) =>
        data.slice(at * 8, at * 8 + 8).reduceRight((sum, byte) => sum * 256 + byte, 0),
      );
    const [counts, kinds] = [numbers(count.data), numbers(flags.data)];
    expect(kinds.slice(0, 16)).toEqual(Array.from({ length: 16 }, () => 2 ** 24));
    const anon = kinds.filter((kind) => Math.floor(kind / 2 ** 12) % 2 === 1);
    expect(anon.length).toBe(32);
    expect(kinds.filter((kind) => kind === 2 ** 10).length).toBeGreaterThan(16000);
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(64);
  });
});
