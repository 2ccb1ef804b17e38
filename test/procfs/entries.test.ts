/**
 * Entries that stand for more or less than a page: merged by ksmd, write-protected by userfaultfd, moving, failed, or only a marker.
 *
 * @models D-07 S-48
 */
import { describe, expect, it } from 'vitest';
import type { Folio } from '../../src/mm/frames.ts';
import { MARKER, NON_PRESENT } from '../../src/mm/nonPresent.ts';
import { mappedRuns, type MemorySight } from '../../src/mm/procfs/folios.ts';
import { entryBytes, pagemapEntries } from '../../src/mm/procfs/pagemap.ts';
import { gatherStats, noStats } from '../../src/mm/procfs/smaps.ts';
import { vmFlagsText } from '../../src/mm/procfs/vmFlags.ts';
import { PTE } from '../../src/mm/pte.ts';
import { UFFD } from '../../src/mm/userfaultfd/numbers.ts';
import { armingText } from '../../src/mm/userfaultfd/areas.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { BASE, play, readersTopology, type Steps, TARGET } from './support.ts';

const vma: Vma = { startVa: 0, endVa: 65536, prot: 3, flags: 0, file: null, offsetBytes: 0 };
const folio: Folio = { pfn: 64, order: 0, refs: 3, pins: 0, owner: 'mm:1', kind: 'anon', lazyFree: false, large: null };
const sight: MemorySight = {
  kernelPageBytes: 4096,
  zeroPfn: 0,
  zeroPages: 16,
  folioOf: () => folio,
  cachedOf: () => null,
  inMemory: () => false,
};
const units = { kernelPageBytes: 4096, pageBytes: 4096, pmdOrder: 9 };

function statsOf(flags: number, more: Partial<MemorySight> = {}) {
  const stats = noStats();
  gatherStats(stats, vma, mappedRuns({ ...sight, ...more }, vma, [{ va: 0, nr: 1, pfn: 64, flags }]), units);
  return stats;
}

describe('an entry', () => {
  it('of a page in the swap cache is mapped as often as there are entries, not references', () => {
    const flags = PTE.VALID | PTE.ANON | PTE.READONLY;
    expect(statsOf(flags).pss).toBe(Math.floor((4096 * 4096) / 3));
    expect(statsOf(flags, { inSwapCache: () => true }).pss).toBe((4096 * 4096) / 2);
  });

  it('of a slot of swap is no page: Swap, and its share by the entries that name the slot', () => {
    const stats = statsOf(NON_PRESENT.swap | PTE.ANON, { swapCountOf: () => 4 });
    expect([stats.resident, stats.swap, stats.swapPss]).toEqual([0, 4096, 4096 * 1024]);
  });

  it.each(['migration', 'hwpoison'] as const)(
    'of kind %s counts as a page that is shared, nobody knows how often',
    (kind) => {
      const stats = statsOf(NON_PRESENT[kind] | PTE.ANON);
      expect([stats.resident, stats.sharedClean, stats.pss, stats.swap]).toEqual([4096, 4096, 4096 * 4096, 0]);
      const [entry] = pagemapEntries(
        mappedRuns(sight, vma, [{ va: 0, nr: 1, pfn: 64, flags: NON_PRESENT[kind] }]),
        0,
        1,
        {
          kernelPageBytes: 4096,
          readerPageBytes: 4096,
          showFrames: true,
        },
      );
      expect(entry).toMatchObject({ present: false, swapped: true, exclusive: false });
    },
  );

  it('that is a marker is nothing but what it remembers', () => {
    const run = { va: 0, nr: 1, pfn: MARKER.UFFD_WP, flags: NON_PRESENT.marker };
    const runs = mappedRuns(sight, vma, [run]);
    const stats = noStats();
    gatherStats(stats, vma, runs, units);
    expect([stats.resident, stats.swap]).toEqual([0, 0]);
    const [entry] = pagemapEntries(runs, 0, 1, { kernelPageBytes: 4096, readerPageBytes: 4096, showFrames: false });
    expect(entry).toMatchObject({ present: false, uffdWp: true });
    // PM_UFFD_WP is bit 57, PM_SWAP bit 62.
    expect(entry === null ? 0 : entryBytes(entry)[7]).toBe(2 + 64);
  });

  it('that userfaultfd protects says so in pagemap, and its area in VmFlags', () => {
    const flags = PTE.VALID | PTE.ANON | PTE.READONLY | PTE.UFFD_WP;
    const runs = mappedRuns(sight, vma, [{ va: 0, nr: 1, pfn: 64, flags }]);
    const [entry] = pagemapEntries(runs, 0, 1, { kernelPageBytes: 4096, readerPageBytes: 4096, showFrames: false });
    expect(entry).toMatchObject({ present: true, uffdWp: true });
    const uffd = armingText({ fd: 'u', modes: UFFD.REGISTER_MISSING | UFFD.REGISTER_WP, features: 0 });
    expect(vmFlagsText({ prot: 3, flags: 0, uffd })).toBe('rd wr mr mw me um uw ');
  });
});

describe('memory that ksmd has merged', () => {
  it.each([4096, 65536])('of a process of %i shows in KSM, and is shared by as many as map it', (size) => {
    const lengthBytes = 4 * size;
    const target: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes, flags: 'PRIVATE|ANONYMOUS|FIXED' },
      { op: 'madvise', addr: BASE, lengthBytes, advice: 'MERGEABLE' },
      { op: 'store', addr: BASE, lengthBytes, value: 7 },
      { op: 'nanosleep', cycles: 400_000_000 },
    ];
    const reads: Steps = [{ op: 'read_proc', path: `/proc/${TARGET}/smaps` }];
    const input = readersTopology(reads, { readerPageBytes: 4096, targetPageBytes: size, target });
    const processes = input.processes.map((each) =>
      each.pid === TARGET ? each : { ...each, startCycles: 390_000_000 },
    );
    const ksm = { unit: 'process-page' as const };
    const [{ errno, text }] = play({ ...input, processes, ksm });
    expect(errno).toBe(0);
    const area = text.slice(text.indexOf('200000000-'));
    const value = (label: string): number => Number(new RegExp(`^${label}: +(\\d+) kB$`, 'm').exec(area)?.[1]);
    expect(value('Rss')).toBe(lengthBytes / 1024);
    expect(value('KSM')).toBe(lengthBytes / 1024);
    expect(value('Pss')).toBe(lengthBytes / 1024 / 4);
  });
});
