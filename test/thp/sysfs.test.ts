/**
 * The controls of transparent huge pages as programs of each page size see and write them; listings and PMD sizes are those
 * that real kernels gave (`fixtures/oracle/interfaces.json`).
 *
 * @models S-17 S-23 S-24
 */
import '../support/propertySeed.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootControls } from '../../src/mm/thp/controls.ts';
import { thpSizes } from '../../src/mm/thp/sizes.ts';
import { type ControlReader, listThp, readThp, thpRules, writeThp } from '../../src/mm/thp/sysfs.ts';

const oracle = JSON.parse(
  readFileSync(new URL('../../fixtures/oracle/interfaces.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, { text?: string; textBytes?: number }>>;

const SIZES = [
  ['4K', 4096],
  ['16K', 16384],
  ['64K', 65536],
] as const;
const SETTINGS = { enabled: 'madvise', sizes: {} } as const;

function readerOf(pageBytes: number, kernelPageBytes: number, policy: ControlReader['policy']): ControlReader {
  return { pageBytes, kernelPageBytes, policy };
}

function textOf(controls: ReturnType<typeof bootControls>, path: string, reader: ControlReader): string {
  const read = readThp(controls, path, reader);
  return 'text' in read ? read.text : `errno ${read.errno}`;
}

describe.each(SIZES)('a reader of %s pages', (name, pageBytes) => {
  const own = readerOf(pageBytes, pageBytes, 'kernel');
  const translated = readerOf(pageBytes, 4096, 'translate');

  test.each([own, translated])('is told the PMD size and the listing of a kernel of its own: %o', (reader) => {
    const controls = bootControls(reader.kernelPageBytes, SETTINGS);
    expect(textOf(controls, 'hpage_pmd_size', reader)).toBe(oracle['hpage_pmd_size']?.[name]?.text);
    const listing = listThp(reader)
      .map((entry) => `${entry} `)
      .join('');
    const answer = oracle['transparent_hugepage/']?.[name];
    // The oracle's program kept no more of the longest listing than its length.
    if (answer?.text === undefined) expect(listing.length).toBe(answer?.textBytes);
    else expect(listing).toBe(answer.text);
  });

  test('is told by a 4K kernel what a kernel of its page size boots with, in every file', () => {
    for (const { path } of thpRules) {
      for (const { bytes } of path.startsWith('SIZE/') ? thpSizes(pageBytes) : [{ bytes: 0 }]) {
        const file = path.replace('SIZE', `hugepages-${bytes / 1024}kB`);
        const real = textOf(bootControls(pageBytes, SETTINGS), file, own);
        expect([file, textOf(bootControls(4096, SETTINGS), file, translated)]).toEqual([file, real]);
      }
    }
  });
});

describe('policies', () => {
  const controls = bootControls(4096, SETTINGS);

  test('defeature: a process of larger pages finds no file that tells of page sizes, and the others as they are', () => {
    const reader = readerOf(65536, 4096, 'defeature');
    expect(listThp(reader)).toEqual([
      'defrag',
      'enabled',
      'khugepaged',
      'shmem_enabled',
      'shrink_underused',
      'use_zero_page',
    ]);
    expect(readThp(controls, 'khugepaged/max_ptes_none', reader)).toEqual({ errno: 2 });
    expect(readThp(controls, 'khugepaged/scan_sleep_millisecs', reader)).toEqual({ text: '10000\n' });
    expect(writeThp(controls, 'hugepages-2048kB/enabled', 'always', reader)).toEqual({ errno: 2 });
    expect(listThp(readerOf(4096, 4096, 'defeature')).length).toBe(16);
  });

  test('kernel: everybody is told of the kernel that runs', () => {
    expect(textOf(controls, 'hpage_pmd_size', readerOf(65536, 4096, 'kernel'))).toBe('2097152\n');
    expect(textOf(controls, 'khugepaged/max_ptes_none', readerOf(65536, 4096, 'kernel'))).toBe('511\n');
  });

  test('a size that several page sizes have is one setting, its PMD size inherits for each by its own', () => {
    const two = 'hugepages-2048kB/enabled';
    expect(textOf(controls, two, readerOf(4096, 4096, 'translate'))).toBe('always [inherit] madvise never\n');
    expect(textOf(controls, two, readerOf(65536, 4096, 'translate'))).toBe('always inherit madvise [never]\n');
    const written = writeThp(controls, two, 'always\n', readerOf(65536, 4096, 'translate'));
    const after = 'controls' in written ? written.controls : controls;
    expect(textOf(after, two, readerOf(4096, 4096, 'translate'))).toBe('[always] inherit madvise never\n');
    expect(textOf(after, two, readerOf(16384, 4096, 'translate'))).toBe('[always] inherit madvise never\n');
  });
});

describe('writes', () => {
  test.each([
    ['enabled', 'sometimes', 22],
    ['enabled', 'madvise\n\n', 22],
    ['use_zero_page', '2', 22],
    ['use_zero_page', 'yes', 22],
    ['khugepaged/pages_to_scan', '0', 22],
    ['khugepaged/pages_to_scan', '4294967296', 22],
    ['khugepaged/max_ptes_swap', '512', 22],
    ['khugepaged/full_scans', '1', 13],
    ['hugepages-64kB/stats/split', '1', 13],
    ['hugepages-8kB/enabled', 'always', 2],
    ['hugepages-4kB/enabled', 'always', 2],
    ['SIZE/enabled', 'always', 2],
  ])('%s = %j is refused with errno %i and changes nothing', (path, text, errno) => {
    const reader = readerOf(4096, 4096, 'translate');
    expect(writeThp(bootControls(4096, SETTINGS), path, text, reader)).toEqual({ errno });
  });

  test('what a reader writes it reads again, to within one entry of the kernel, and others read its share', () => {
    const sizes = fc.constantFrom(4096, 16384, 65536);
    const files = fc.constantFrom('max_ptes_none', 'max_ptes_swap', 'max_ptes_shared');
    fc.assert(
      fc.property(sizes, sizes, files, fc.double({ min: 0, max: 1, noNaN: true }), (pageBytes, other, file, share) => {
        const nr = pageBytes / 8;
        const value = Math.min(nr - 1, Math.floor(share * nr));
        const path = `khugepaged/${file}`;
        const reader = readerOf(pageBytes, 4096, 'translate');
        const written = writeThp(bootControls(4096, SETTINGS), path, `${value}\n`, reader);
        const controls = 'controls' in written ? written.controls : bootControls(4096, SETTINGS);
        const again = Number(textOf(controls, path, reader));
        expect(again).toBeLessThanOrEqual(value);
        expect(value - again).toBeLessThan(nr / 512);
        const seen = Number(textOf(controls, path, readerOf(other, 4096, 'translate')));
        expect(Math.abs(seen / (other / 8) - again / nr)).toBeLessThanOrEqual(1 / 512);
      }),
    );
  });
});
