/**
 * What khugepaged and MADV_COLLAPSE make of a PMD, and what counts as mapped by one.
 *
 * @models S-17 S-34 S-10 S-11
 */
import '../support/propertySeed.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  collapseErrno,
  isShared,
  limitsFor,
  type Scan,
  type ScannedFolio,
  type ScannedRun,
  scanPmd,
  type ScanResult,
} from '../../src/mm/thp/collapse.ts';
import { bootControls } from '../../src/mm/thp/controls.ts';
import { nativeFormOf, pmdMappedBytes } from '../../src/mm/thp/pmdMapped.ts';
import { PTE } from '../../src/mm/pte.ts';

const RW = PTE.VALID | PTE.WRITE | PTE.ANON | PTE.YOUNG;
const HUGE = 2 ** 21;
const ZERO = 7;

/** A PMD of process pages, page by page: its entry and its folio. */
type Page = { flags: number; shared?: boolean; pins?: number; kind?: string; zero?: boolean } | null;

function scanOf(pages: readonly Page[], pageBytes: number, limits: Scan['limits'], uffdArmed = false): Scan {
  const nr = pageBytes / 4096;
  const folios = new Map<number, ScannedFolio>();
  const runs: ScannedRun[] = [];
  for (const [index, page] of pages.entries()) {
    if (page === null) continue;
    // Far apart, so that no two are one folio.
    const pfn = page.zero === true ? ZERO * 16 : 4096 + index * 64;
    const order = Math.log2(nr);
    const pins = page.pins ?? 0;
    const refs = nr * (page.shared === true ? 2 : 1) + pins;
    folios.set(pfn, { pfn, order, refs, pins, kind: page.kind ?? 'anon', large: null });
    runs.push({ va: HUGE + index * pageBytes, pfn, nr, flags: page.flags });
  }
  const folioOf = (pfn: number): ScannedFolio | null => folios.get(pfn - (pfn % nr)) ?? null;
  const isZero = (pfn: number): boolean => Math.floor(pfn / 16) === ZERO;
  return { startVa: HUGE, hugeBytes: HUGE, pageBytes, kernelPageBytes: 4096, runs, folioOf, isZero, limits, uffdArmed };
}

const { khugepaged } = bootControls(4096, { enabled: 'always', sizes: {} });

describe.each([4096, 16384, 65536])('a PMD of 2M of a process of %i-byte pages', (pageBytes) => {
  const count = HUGE / pageBytes;
  const limits = limitsFor(khugepaged, 512, count);
  const full = (page: Page): Page[] => Array.from({ length: count }, () => page);
  const with0 = (first: Page, rest: Page): Page[] => [first, ...full(rest).slice(1)];
  const rows: [string, Page[], ScanResult, ScanResult][] = [
    ['nothing at all', full(null), 'pmd-none', 'pmd-none'],
    ['all there', full({ flags: RW }), 'succeed', 'succeed'],
    ['one there', with0({ flags: RW }, null), 'succeed', 'succeed'],
    ['zero pages alone', full({ flags: PTE.VALID, zero: true }), 'exceed-none', 'read-only'],
    ['nothing writable', full({ flags: PTE.VALID | PTE.ANON | PTE.YOUNG }), 'read-only', 'read-only'],
    ['nothing young', full({ flags: PTE.VALID | PTE.WRITE | PTE.ANON }), 'not-referenced', 'succeed'],
    ['all shared', full({ flags: RW, shared: true }), 'exceed-shared', 'succeed'],
    ['a page of a file', with0({ flags: PTE.VALID, kind: 'file' }, { flags: RW }), 'not-anonymous', 'not-anonymous'],
    ['a pinned page', with0({ flags: RW, pins: 1 }, { flags: RW }), 'pinned', 'pinned'],
    ['a page in swap', with0({ flags: PTE.SWAP }, { flags: RW }), 'succeed', 'succeed'],
    [
      'half in swap',
      full({ flags: RW }).map((page, at) => (at % 2 === 0 ? { flags: PTE.SWAP } : page)),
      'exceed-swap',
      'succeed',
    ],
  ];
  test.each(rows)('%s: %s', (_name, pages, byKhugepaged, byAdvice) => {
    expect(scanPmd(scanOf(pages, pageBytes, limits)).result).toBe(byKhugepaged);
    expect(scanPmd(scanOf(pages, pageBytes, null)).result).toBe(byAdvice);
  });

  test('one empty page keeps userfaultfd memory as it is', () => {
    expect(scanPmd(scanOf(with0(null, { flags: RW }), pageBytes, limits, true)).result).toBe('uffd-armed');
    expect(scanPmd(scanOf(full({ flags: RW }), pageBytes, limits, true)).result).toBe('succeed');
  });

  test('khugepaged takes a PMD with as many empty, shared or swapped pages as its limits say and not one more', () => {
    const kinds = fc.constantFrom<[keyof typeof limits, Page, ScanResult]>(
      ['maxPtesNone', null, 'exceed-none'],
      ['maxPtesShared', { flags: RW, shared: true }, 'exceed-shared'],
      ['maxPtesSwap', { flags: PTE.SWAP }, 'exceed-swap'],
    );
    fc.assert(
      fc.property(kinds, fc.nat(count - 2), fc.nat(count - 2), ([field, page, result], limit, held) => {
        const pages = full({ flags: RW }).map((other, at) => (at < held ? page : other));
        const scanned = scanPmd(scanOf(pages, pageBytes, { ...limits, maxPtesSwap: 0, [field]: limit }));
        const lacks = field === 'maxPtesSwap' && held > 0 && count - held < count / 2;
        const within = lacks ? 'not-referenced' : 'succeed';
        expect(scanned.result).toBe(held > limit ? result : within);
      }),
    );
  });
});

test('the limits of a 64K process keep their share of a PMD', () => {
  expect(limitsFor({ ...khugepaged, maxPtesNone: 0 }, 512, 32).maxPtesNone).toBe(0);
  expect(limitsFor(khugepaged, 512, 8192)).toEqual({ maxPtesNone: 8191, maxPtesSwap: 1024, maxPtesShared: 4096 });
});

test('MADV_COLLAPSE says why', () => {
  const results: ScanResult[] = [
    'no-huge-page',
    'exceed-none',
    'pinned',
    'changed',
    'read-only',
    'not-anonymous',
    'vma-check',
  ];
  expect(results.map(collapseErrno)).toEqual([12, 16, 11, 11, 22, 22, 22]);
});

test('a large folio of which one page is mapped twice at its head is shared', () => {
  const large = { leastOrder: 0, pageRefs: [2, 1, 1, 0], partlyMapped: false };
  expect(isShared({ pfn: 4, order: 2, refs: 4, pins: 0, kind: 'anon', large })).toBe(true);
});

test('what a PMD entry could map: whole, aligned, one folio, one protection', () => {
  const folio = { pfn: 1024, order: 9, refs: 512, pins: 0, kind: 'anon', large: null };
  const folioOf = (pfn: number): ScannedFolio | null => (pfn >= 1024 && pfn < 1536 ? folio : null);
  const whole = { va: HUGE, pfn: 1024, nr: 512, flags: RW };
  const bytes = (runs: ScannedRun[]): number => pmdMappedBytes(runs, folioOf, HUGE, 4096).anonBytes;
  expect(bytes([whole])).toBe(HUGE);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 511 }), fc.constantFrom(0, PTE.DIRTY, PTE.YOUNG, PTE.WRITE), (cut, bit) => {
      const halves = [
        { ...whole, va: HUGE + cut * 4096, pfn: 1024 + cut, nr: 512 - cut, flags: RW ^ bit },
        { ...whole, nr: cut },
      ];
      expect(bytes(halves)).toBe(bit === PTE.WRITE ? 0 : HUGE);
      expect(bytes(halves.slice(1))).toBe(0);
    }),
  );
  expect(bytes([{ ...whole, va: HUGE + 4096 }])).toBe(0);
});

test('a huge page natively: every size of every kernel is mapped exactly by its entries', () => {
  for (const pageBytes of [4096, 16384, 65536]) {
    for (let log = 12; log <= 34; log++) {
      const form = nativeFormOf(2 ** log, pageBytes);
      if (2 ** log < pageBytes) expect(form).toBeNull();
      else {
        const entryBytes = form === null ? 0 : 2 ** log / form.entries;
        const shift = Math.log2(pageBytes);
        expect(Math.log2(entryBytes)).toBe(shift + (3 - (form?.level ?? 0)) * (shift - 3));
      }
    }
  }
});
