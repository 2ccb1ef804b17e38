/**
 * What smaps, pagemap and the files of frames add up to, of any memory; which page sizes smaps names before and after a
 * fallback; and what clear_refs takes away.
 *
 * @models S-27 S-32 S-49
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Folio } from '../../src/mm/frames.ts';
import { mappedRuns, mapcountOf, type WalkedRun } from '../../src/mm/procfs/folios.ts';
import { gatherStats, type MemSizeStats, noStats } from '../../src/mm/procfs/smaps.ts';
import { entryText, pagemapEntries } from '../../src/mm/procfs/pagemap.ts';
import { readerPages } from '../../src/mm/procfs/processFiles.ts';
import { PTE } from '../../src/mm/pte.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { ProcView } from '../../src/validate/interfaces/procView.ts';
import '../support/propertySeed.ts';
import { BASE, memory, play, readersTopology, readFiles, type Setting, type Steps, TARGET } from './support.ts';

const KERNEL = 4096;

/** Folios of one process page each, shared by some number of processes, and the flags that each process has them with. */
const sharedMemory = fc
  .record({
    order: fc.constantFrom(0, 2, 4),
    sharers: fc.integer({ min: 1, max: 7 }),
    pages: fc.array(fc.record({ mapped: fc.boolean(), dirty: fc.boolean(), young: fc.boolean(), lazy: fc.boolean() }), {
      minLength: 1,
      maxLength: 24,
    }),
  })
  .map(({ order, sharers, pages }) => {
    const span = 2 ** order;
    const folios = new Map<number, Folio>();
    const runs: WalkedRun[] = [];
    for (const [at, { mapped, dirty, young, lazy }] of pages.entries()) {
      if (!mapped) continue;
      const pfn = 64 + at * span;
      folios.set(pfn, {
        pfn,
        order,
        refs: span * sharers,
        pins: 0,
        owner: 'mm:1',
        kind: 'anon',
        lazyFree: lazy,
        large: null,
      });
      const flags = PTE.VALID | PTE.READONLY | PTE.ANON | (dirty ? PTE.DIRTY : 0) | (young ? PTE.YOUNG : 0);
      runs.push({ va: at * span * KERNEL, nr: span, pfn, flags });
    }
    const vma: Vma = { startVa: 0, endVa: pages.length * span * KERNEL, prot: 3, flags: 0, file: null, offsetBytes: 0 };
    const folioOf = (pfn: number): Folio | null => folios.get(64 + Math.floor((pfn - 64) / span) * span) ?? null;
    const sight = {
      kernelPageBytes: KERNEL,
      zeroPfn: 0,
      zeroPages: 16,
      folioOf,
      cachedOf: () => null,
      inMemory: () => false,
    };
    return { order, sharers, pages, runs: mappedRuns(sight, vma, runs), vma };
  });

function statsOf(memoryOf: { order: number; runs: ReturnType<typeof mappedRuns>; vma: Vma }): MemSizeStats {
  const stats = noStats();
  const units = { kernelPageBytes: KERNEL, pageBytes: KERNEL * 2 ** memoryOf.order, pmdOrder: 9 };
  gatherStats(stats, memoryOf.vma, memoryOf.runs, units);
  return stats;
}

describe('smaps of any memory', () => {
  it('has an Rss that is the sum of its parts, and counts nothing above it', () => {
    fc.assert(
      fc.property(sharedMemory, (given) => {
        const s = statsOf(given);
        expect(s.sharedClean + s.sharedDirty + s.privateClean + s.privateDirty).toBe(s.resident);
        expect(s.pssAnon + s.pssFile + s.pssShmem).toBe(s.pss);
        for (const part of [s.referenced, s.anonymous, s.lazyFree, s.pss / 4096])
          expect(part).toBeLessThanOrEqual(s.resident);
        expect(s.pssDirty).toBeLessThanOrEqual(s.pss);
      }),
    );
  });

  it('has shares that make the resident memory when all sharers are added, but for what division cuts off', () => {
    fc.assert(
      fc.property(sharedMemory, (given) => {
        const { resident, pss } = statsOf(given);
        const together = (pss * given.sharers) / 4096;
        const mapped = given.pages.filter((page) => page.mapped).length;
        expect(together).toBeLessThanOrEqual(resident);
        // A page loses less than 1/4096 byte a sharer.
        expect(resident - together).toBeLessThan(Math.max(1, (mapped * given.sharers) / 4096 + 1e-9));
      }),
    );
  });

  it('cuts shares off once a page of the process, as a kernel of that size does', () => {
    const folio: Folio = {
      pfn: 16,
      order: 4,
      refs: 48,
      pins: 0,
      owner: 'mm:1',
      kind: 'anon',
      lazyFree: false,
      large: null,
    };
    const sight = {
      kernelPageBytes: KERNEL,
      zeroPfn: 0,
      zeroPages: 16,
      folioOf: () => folio,
      cachedOf: () => null,
      inMemory: () => false,
    };
    const vma: Vma = { startVa: 0, endVa: 65536, prot: 3, flags: 0, file: null, offsetBytes: 0 };
    const runs = mappedRuns(sight, vma, [{ va: 0, nr: 16, pfn: 16, flags: PTE.VALID }]);
    expect(statsOf({ order: 4, runs, vma }).pss).toBe(Math.floor((65536 * 4096) / 3));
    expect(statsOf({ order: 0, runs, vma }).pss).toBe(16 * Math.floor((4096 * 4096) / 3));
    expect(mapcountOf(folio, 20)).toBe(3);
  });
});

describe('pagemap of any memory', () => {
  it('has as many present entries as there are resident pages, in pages of the process', () => {
    fc.assert(
      fc.property(sharedMemory, (given) => {
        const pageBytes = KERNEL * 2 ** given.order;
        const reader = { kernelPageBytes: KERNEL, readerPageBytes: pageBytes, showFrames: true };
        const entries = pagemapEntries(given.runs, 0, given.pages.length, reader);
        expect(entries).not.toContain(null);
        const present = entries.filter((entry) => entry?.present === true);
        expect(present.length * pageBytes).toBe(statsOf(given).resident);
        const exclusive = present.every((entry) => (entry?.exclusive ?? false) === (given.sharers === 1));
        expect(exclusive).toBe(true);
      }),
    );
  });

  it('has no entry for a page of a larger reader, unless one block stands for it', () => {
    fc.assert(
      fc.property(sharedMemory, (given) => {
        const reader = { kernelPageBytes: KERNEL, readerPageBytes: 65536, showFrames: true };
        const small = pagemapEntries(given.runs, 0, 16, { ...reader, readerPageBytes: KERNEL });
        const [large] = pagemapEntries(given.runs, 0, 1, reader);
        if (large === null) return;
        expect(small.map(entryText)).toEqual(small.map(() => entryText(large)));
      }),
    );
  });
});

it('a count in larger pages is never less than what is there, and less than a page more', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), fc.constantFrom(4096, 16384, 65536), (bytes, readerPageBytes) => {
      const pages = readerPages(bytes, readerPageBytes);
      expect(pages * readerPageBytes).toBeGreaterThanOrEqual(bytes);
      expect((pages - 1) * readerPageBytes).toBeLessThan(bytes === 0 ? 1 : bytes);
    }),
  );
});

/** Two lines of smaps for the area at BASE. */
function pageSizes(setting: Setting): string[] {
  const [{ text }] = readFiles(['smaps'], setting);
  const area = text.slice(text.indexOf('200000000-'));
  return area
    .split('\n')
    .slice(2, 4)
    .map((line) => line.replaceAll(/ +/g, ' '));
}

describe('KernelPageSize and MMUPageSize of a 64K process', () => {
  /** A write to a page of zeroes copies 4K of it in the naive design: no native entry can stand for that. */
  const torn: Steps = [...memory, { op: 'store', addr: BASE + 524_288 }];
  const native: Setting = { readerPageBytes: 65536, targetPageBytes: 65536 };
  const fallenBack: Setting = { ...native, target: torn, design: { copyOnWrite: 'kernel-page' } };

  it('are both 64K while it is mapped natively, whoever reads', () => {
    for (const readerPageBytes of [4096, 65536]) {
      expect(pageSizes({ ...native, readerPageBytes })).toEqual(['KernelPageSize: 64 kB', 'MMUPageSize: 64 kB']);
    }
  });

  it('differ after a fallback: the least that an area is made of stays, what hardware walks does not', () => {
    for (const readerPageBytes of [4096, 65536]) {
      expect(pageSizes({ ...fallenBack, readerPageBytes })).toEqual(['KernelPageSize: 64 kB', 'MMUPageSize: 4 kB']);
    }
  });

  it('are both the kernel’s on plain kernels, and on a plain 64K kernel 64K', () => {
    const plain: Setting = { readerPageBytes: 4096, targetPageBytes: 4096 };
    expect(pageSizes(plain)).toEqual(['KernelPageSize: 4 kB', 'MMUPageSize: 4 kB']);
    expect(pageSizes({ ...native, kernelPageBytes: 65536 })).toEqual(['KernelPageSize: 64 kB', 'MMUPageSize: 64 kB']);
  });
});

describe('pagemap of a running process', () => {
  const entriesPerPage = 8;
  const read = (readerPageBytes: number, pages: number): number[][] => {
    const offsetBytes = (BASE / readerPageBytes) * entriesPerPage;
    const path = `/proc/${TARGET}/pagemap`;
    const steps: Steps = [{ op: 'read_proc', path, offsetBytes, lengthBytes: pages * entriesPerPage }];
    const [{ errno, data }] = play(readersTopology(steps, { readerPageBytes, targetPageBytes: 65536 }));
    expect(errno).toBe(0);
    return Array.from({ length: data.length / 8 }, (_, at) => data.slice(at * 8, at * 8 + 8));
  };
  const frameOf = (entry: readonly number[]): number => entry[0] + entry[1] * 256 + entry[2] * 65536;

  it('has one entry a page of a reader of its size, and sixteen consecutive ones for a 4K reader', () => {
    const large = read(65536, 16);
    const small = read(4096, 256);
    for (const [page, entry] of large.entries()) {
      const group = small.slice(page * 16, page * 16 + 16);
      expect(group.map((each) => each[7])).toEqual(group.map(() => entry[7]));
      const present = entry[7] >= 128;
      if (present) expect(group.map(frameOf)).toEqual(group.map((_, at) => frameOf(entry) * 16 + at));
    }
    expect(large.filter((entry) => entry[7] >= 128).length).toBe(3);
  });

  it('refuses offsets and lengths that are no whole entries', () => {
    const path = `/proc/${TARGET}/pagemap`;
    const steps: Steps = [
      { op: 'read_proc', path, offsetBytes: 4, lengthBytes: 8 },
      { op: 'read_proc', path, offsetBytes: 8, lengthBytes: 12 },
    ];
    const told = play(readersTopology(steps, { readerPageBytes: 65536, targetPageBytes: 65536 }));
    expect(told.map(({ errno }) => errno)).toEqual([22, 22]);
  });
});

describe('clear_refs', () => {
  const referenced = (text: string): number =>
    [...text.matchAll(/^Referenced: +(\d+) kB$/gm)].reduce((sum, [, kB]) => sum + Number(kB), 0);

  it.each([
    ['1', 0],
    ['2', 128],
    ['3', 128],
    ['4', 256],
  ])('%s of a 4K writer leaves %i kB of a 64K process referenced, without a fallback', (text, left) => {
    const steps: Steps = [
      { op: 'read_proc', path: `/proc/${TARGET}/smaps` },
      { op: 'write_proc', path: `/proc/${TARGET}/clear_refs`, text },
      { op: 'read_proc', path: `/proc/${TARGET}/smaps` },
    ];
    const told = play(readersTopology(steps, { readerPageBytes: 4096, targetPageBytes: 65536 }), true);
    expect(referenced(told[0].text)).toBe(256);
    expect(told[1]).toMatchObject({ errno: 0 });
    expect(referenced(told[2].text)).toBe(left);
    expect(told[2].text).toContain('MMUPageSize:          64 kB');
  });

  it('5 puts the highest resident set down to that of now', () => {
    const target: Steps = [...memory, { op: 'madvise', addr: BASE, lengthBytes: '1M', advice: 'DONTNEED' }];
    const steps: Steps = [
      { op: 'read_proc', path: `/proc/${TARGET}/status` },
      { op: 'write_proc', path: `/proc/${TARGET}/clear_refs`, text: '5' },
      { op: 'read_proc', path: `/proc/${TARGET}/status` },
    ];
    const told = play(readersTopology(steps, { readerPageBytes: 65536, targetPageBytes: 65536, target }));
    expect(told[0].text).toContain('VmHWM:\t     256 kB');
    expect(told[2].text).toContain('VmHWM:\t     128 kB');
  });
});

it('what the actor answers is what a look at the whole system at the same moment shows', () => {
  const steps: Steps = [{ op: 'read_proc', path: `/proc/${TARGET}/smaps` }];
  const views: string[] = [];
  const inode = { major: 0, minor: 18, ino: 2 };
  for (const targetPageBytes of [4096, 16384, 65536]) {
    const input = readersTopology(steps, { readerPageBytes: 4096, targetPageBytes });
    const [{ text }] = play(input, false, ({ type }, system) => {
      if (type === 'PROC_DATA') views.push(new ProcView(system, TARGET).smaps(0, 2 ** 48, () => inode));
    });
    expect(text).toBe(views.at(-1));
  }
});
