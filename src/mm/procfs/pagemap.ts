/**
 * /proc/PID/pagemap: one entry of 64 bits a page [fs/proc/task_mmu.c:pagemap_read]. A page of the reader may be several
 * pages of the kernel; whether one entry can then speak for all of them is part of the answer.
 *
 * @models S-49 L-07
 */
import { hasFlags, isPresent, PTE } from '../pte.ts';
import { isMarker, MARKER } from '../nonPresent.ts';
import { isCounted, type MappedRun, standsForPage } from './mapped.ts';

/** One entry of pagemap. */
export interface PagemapEntry {
  present: boolean;
  swapped: boolean;
  /** A file page, or shared anonymous memory (`PM_FILE`). */
  file: boolean;
  /** Mapped by this entry alone (`PM_MMAP_EXCLUSIVE`). */
  exclusive: boolean;
  /** `PM_SOFT_DIRTY`: arm64 of 6.12 has no soft-dirty tracking, so this is set in designs that have it alone. */
  softDirty: boolean;
  /** userfaultfd write-protects the page, or a marker says so (`PM_UFFD_WP`). */
  uffdWp: boolean;
  /** Frame in pages of the reader, or the place in swap; 0 for whoever has no CAP_SYS_ADMIN. */
  frame: number;
}

const NOTHING: PagemapEntry = {
  present: false,
  swapped: false,
  file: false,
  exclusive: false,
  softDirty: false,
  uffdWp: false,
  frame: 0,
};

/** `pte_to_pagemap_entry` of one kernel page of a run. */
function entryOf(run: MappedRun, page: number): PagemapEntry {
  const { flags, folio } = run;
  const present = isPresent(flags);
  const counted = isCounted(run);
  return {
    present,
    swapped: !present && hasFlags(flags, PTE.SWAP),
    file: (counted || standsForPage(flags)) && folio !== null && folio.kind !== 'anon',
    exclusive: counted && folio?.mapcount === 1,
    softDirty: false,
    uffdWp: present ? hasFlags(flags, PTE.UFFD_WP) : isMarker(run, MARKER.UFFD_WP),
    // Of a page in swap: the type of the device, 0, below the place on it (MAX_SWAPFILES_SHIFT).
    frame: present ? run.pfn + page : (run.pfn + page) * 32,
  };
}

/** How entries are made for a reader. */
export interface PagemapReader {
  kernelPageBytes: number;
  /** Page size of the reader: what one entry stands for. */
  readerPageBytes: number;
  /** With CAP_SYS_ADMIN the frames are shown. */
  showFrames: boolean;
  /** Whether memory has been written since clear_refs, where the kernel tracks it. */
  isSoftDirty?(va: number): boolean;
}

/**
 * Whether the kernel pages of one reader page are one whole aligned block, so that one frame number names them; all absent is
 * one too, and so is the zero page, whose frame every kernel page of the block has.
 */
function isOneBlock(entries: readonly PagemapEntry[]): boolean {
  const [first] = entries;
  const like = (entry: PagemapEntry, page: number): boolean =>
    entry.present === first.present &&
    entry.swapped === first.swapped &&
    entry.file === first.file &&
    entry.exclusive === first.exclusive &&
    entry.uffdWp === first.uffdWp &&
    entry.softDirty === first.softDirty &&
    (!entry.present || entry.frame === first.frame + page);
  const aligned = !first.present || first.frame % entries.length === 0;
  return aligned && entries.every(like);
}

/**
 * The entries of the pages from `startVa` on, one for each page of the reader; null for a page that no one entry can stand
 * for. `runs` are ascending.
 *
 * @example
 * ```ts
 * const folio = { head: 32, order: 0, kind: 'anon' as const, mapcount: 1, dirty: false, lazyFree: false, ksm: false };
 * const runs = [{ va: 0, nr: 1, pfn: 32, flags: PTE.VALID, folio }];
 * const reader = { kernelPageBytes: 4096, readerPageBytes: 4096, showFrames: false };
 * pagemapEntries(runs, 0, 2, reader).map(entryText); // ['P-X-', '----']
 * pagemapEntries(runs, 0, 1, { ...reader, readerPageBytes: 65536 }); // [null]
 * ```
 */
export function pagemapEntries(
  runs: readonly MappedRun[],
  startVa: number,
  pages: number,
  reader: PagemapReader,
): (PagemapEntry | null)[] {
  const { kernelPageBytes, readerPageBytes, showFrames } = reader;
  const each = readerPageBytes / kernelPageBytes;
  const { isSoftDirty } = reader;
  const softDirty = (page: number): boolean => isSoftDirty?.(startVa + page * kernelPageBytes) === true;
  const small = Array.from({ length: pages * each }, (_, page) => ({ ...NOTHING, softDirty: softDirty(page) }));
  for (const run of runs) {
    const first = (run.va - startVa) / kernelPageBytes;
    const to = Math.min(first + run.nr, small.length);
    for (let page = Math.max(first, 0); page < to; page++) {
      small[page] = { ...entryOf(run, page - first), softDirty: softDirty(page) };
    }
  }
  return Array.from({ length: pages }, (_, page) => {
    const group = small.slice(page * each, (page + 1) * each);
    if (!isOneBlock(group)) return null;
    const [first] = group;
    // Slots of swap are counted in pages of the reader as well, above the five bits of the device.
    const frame = first.present ? first.frame / each : Math.floor(first.frame / 32 / each) * 32;
    return { ...first, frame: showFrames ? frame : 0 };
  });
}

/**
 * The flags of an entry as letters: present, file, exclusive, soft-dirty; `?` where there is none.
 *
 * @example
 * ```ts
 * entryText(null); // '?'
 * ```
 */
export function entryText(entry: PagemapEntry | null): string {
  if (entry === null) return '?';
  const { present, file, exclusive, softDirty } = entry;
  return `${present ? 'P' : '-'}${file ? 'F' : '-'}${exclusive ? 'X' : '-'}${softDirty ? 'S' : '-'}`;
}

/**
 * The eight bytes of an entry, lowest first [Documentation/admin-guide/mm/pagemap.rst].
 *
 * @example
 * ```ts
 * const entry = { present: true, swapped: false, file: false, exclusive: true, softDirty: false, uffdWp: false, frame: 0x102 };
 * entryBytes(entry); // [2, 1, 0, 0, 0, 0, 0, 0x81]
 * ```
 */
export function entryBytes(entry: PagemapEntry): number[] {
  const { present, swapped, file, exclusive, softDirty, uffdWp, frame } = entry;
  const bytes: number[] = [];
  let rest = frame;
  for (let byte = 0; byte < 6; byte++) {
    bytes.push(rest % 256);
    rest = Math.floor(rest / 256);
  }
  bytes.push((rest % 128) + (softDirty ? 128 : 0));
  bytes.push((exclusive ? 1 : 0) + (uffdWp ? 2 : 0) + (file ? 32 : 0) + (swapped ? 64 : 0) + (present ? 128 : 0));
  return bytes;
}
