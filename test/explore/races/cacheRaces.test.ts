/**
 * Races of the page cache, of reclaim over two tables, and of maintenance across granules: a search of delivery orders finds each with
 * its naive design, and over as many walks finds nothing with the mended one.
 *
 * @models S-12 S-36 S-37 T-02 T-07 T-08 D-01 D-02 D-11 D-15
 */
import { describe, expect, it } from 'vitest';
import type { ExploreOptions } from '../../../src/explore/search/types.ts';
import { searched, type Settings } from './support.ts';

interface Race {
  readonly topology: string;
  readonly says: string;
  readonly property: string;
  readonly fault: RegExp;
  readonly naive: readonly Settings[];
  readonly mended: readonly Settings[];
  readonly search: ExploreOptions;
}

const wholeFile: Settings = { conversion: { protocol: 'whole-file' } };

const RACES: readonly Race[] = [
  {
    topology: 'minimum-order-race',
    says: 'a fault in a partly filled process page tries for ever once the order of the inode has risen',
    property: 'faults-end',
    fault: /^a fault of data has been sent round more than 3 times$/,
    naive: [{}],
    mended: [wholeFile, { ...wholeFile, pageCache: 'convert-at-first-mmap' }],
    search: { strategy: 'random', seed: 1, walks: 40 },
  },
  {
    topology: 'wrong-page-race',
    says: 'or it maps the first page of that process page for its own',
    property: 'mapped-is-cached',
    fault: /^mm:1 maps frame \d+ for page 18 of data, which the cache does not have$/,
    naive: [{}],
    mended: [wholeFile, { ...wholeFile, pageCache: 'convert-at-first-mmap' }],
    search: { strategy: 'random', seed: 1, walks: 40 },
  },
  {
    topology: 'ping-pong',
    says: 'two processes that read one process page in their own orders drop it for each other',
    property: 'faults-end',
    fault: /^a fault of data/,
    naive: [{}],
    mended: ['sticky-order', 'convert-at-first-mmap', 'large-folios-to-eof'].map((pageCache) => {
      return { ...wholeFile, pageCache };
    }),
    search: { strategy: 'random', seed: 1, walks: 40 },
  },
  {
    topology: 'redirty-loop',
    says: 'what is written back is dirty again before it can be dropped, where writers are not shut out',
    property: 'faults-end',
    fault: /^a conversion of data has been sent round more than 3 times$/,
    naive: [{}],
    mended: [{ conversion: { writers: 'shut-out' } }],
    search: { strategy: 'random', seed: 3, walks: 60 },
  },
  {
    topology: 'conversion-beside-all',
    says: 'the order of an inode in use changes under a fault beside truncation, writing and readahead',
    property: 'mapped-is-cached',
    fault: /^mm:1 maps frame \d+ for page 18 of data/,
    naive: [{ conversion: { protocol: 'order-first' } }],
    mended: [{}],
    search: { strategy: 'pct', seed: 1, walks: 60 },
  },
  {
    topology: 'dirty-in-native-only',
    says: 'reclaim that looks at the Linux table alone takes a page for clean that hardware has noted in the native one',
    property: 'no-lost-dirty-data',
    fault: /^16 dirty pages of mmu:1 went as if they were clean$/,
    naive: [{}, { reclaim: { accessed: 'gather' } }],
    mended: [{ reclaim: { dirty: 'gather', accessed: 'gather' } }],
    search: { strategy: 'random', seed: 1, walks: 60 },
  },
  {
    topology: 'two-table-clear',
    says: 'hardware notes a write between the two halves of a get-and-clear',
    property: 'no-lost-dirty-data',
    fault: /^16 dirty pages of mmu:1 went as if they were clean$/,
    naive: [{}, { design: { getAndClear: 'read-then-clear' } }],
    mended: [{ design: { getAndClear: 'native-first' } }],
    search: { strategy: 'random', seed: 1, walks: 60 },
  },
  {
    topology: 'reclaim-across-granules',
    says: 'a CPU of the other granule keeps the translation of a page that a 4K process has reclaimed',
    property: 'no-stale-translation',
    fault: /^tlb:0 has page \d+ of 64 at frame \d+ \(\d\), the table says 0$/,
    naive: [{}],
    mended: [{ design: { crossGranuleFlush: 'asid' } }, { design: { crossGranuleTlbi: 'honoured' } }],
    search: { strategy: 'random', seed: 1, walks: 40 },
  },
  {
    topology: 'stale-after-switch',
    says: 'a CPU that has gone over to a 4K process keeps what a thread of the 64K process unmaps elsewhere',
    property: 'no-stale-translation',
    fault: /^tlb:1 has page \d+ of 1 at frame \d+ \(\d\), the table says 0$/,
    naive: [{}],
    mended: [{ design: { crossGranuleFlush: 'asid' } }],
    search: { strategy: 'pct', seed: 2, walks: 60 },
  },
];

describe.each(RACES)('$topology: $says', ({ topology, property, fault, naive, mended, search }) => {
  it.each(naive)('with %o a search finds it', (settings) => {
    const { discoveries, stoppedBy } = searched(topology, settings, { ...search, stopAtFirst: true });
    expect(stoppedBy).toBe('discovery');
    expect(discoveries.map((found) => found.property)).toEqual([property]);
    expect(discoveries[0]?.fault).toMatch(fault);
  });

  it.each(mended)('with %o it is gone over the same search', (settings) => {
    const { discoveries, ends } = searched(topology, settings, search);
    expect(discoveries).toEqual([]);
    // Every walk went to the end of the run.
    expect(ends).toBe(search.walks);
  });
});

describe('what the default design does while memory of others is in the way', () => {
  it.each([
    ['pipe-holds-a-page', {}],
    ['conversion-beside-all', { pageCache: 'sticky-order' }],
    ['conversion-beside-all', { pageCache: 'convert-at-first-mmap' }],
    ['conversion-beside-all', { pageCache: 'large-folios-to-eof' }],
  ] as const)('%s with %o keeps every property over the search', (topology, settings) => {
    const { discoveries, ends } = searched(topology, settings, { strategy: 'pct', seed: 1, walks: 40 });
    expect([discoveries, ends]).toEqual([[], 40]);
  });
});
