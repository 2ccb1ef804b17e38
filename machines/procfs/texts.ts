/** From what was gathered of a process to the bytes of its file. */
import { pmdOrderOf } from '../../src/mm/anonOrders.ts';
import { mappedRuns, type MemorySight } from '../../src/mm/procfs/folios.ts';
import { textBytes } from '../../src/mm/procfs/lines.ts';
import { clipRuns, type MappedRun } from '../../src/mm/procfs/mapped.ts';
import { type InodeName, mapsLine } from '../../src/mm/procfs/maps.ts';
import { entryBytes, type PagemapEntry, pagemapEntries } from '../../src/mm/procfs/pagemap.ts';
import {
  numaMapsLine,
  type ResidentSizes,
  statmText,
  statText,
  statusText,
  vmSizes,
} from '../../src/mm/procfs/processFiles.ts';
import { rollupText, type SmapsArea, smapText } from '../../src/mm/procfs/smaps.ts';
import { isThpEligible } from '../../src/mm/procfs/thpEligible.ts';
import { kindOfEntry } from '../../src/mm/nonPresent.ts';
import { hasFlags, isPresent, PTE } from '../../src/mm/pte.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { ZERO_BYTES } from '../support.ts';
import type { MmState } from '../walkers/messages.ts';
import type { ProcfsContext, ProcRead } from './procfsState.ts';

/** Bytes of a pagemap entry. */
const ENTRY_BYTES = 8;

/** What a read has gathered, in the form in which files are made of it. */
export interface Gathered {
  context: ProcfsContext;
  read: ProcRead;
  state: MmState;
}

function sightOf({ context, read }: Gathered): MemorySight {
  const folios = new Map(read.pfns.map((pfn, at) => [pfn, read.folios[at] ?? null]));
  const swapCached = new Set(read.swapCached);
  const merged = new Set(read.merged);
  const inMemory = new Map(context.files.map((file) => [file.path, file.inMemory]));
  return {
    kernelPageBytes: context.kernelPageBytes,
    zeroPfn: context.zeroPfn,
    zeroPages: ZERO_BYTES / context.kernelPageBytes,
    folioOf: (pfn) => folios.get(pfn) ?? null,
    cachedOf: (file, index) =>
      (read.cached[file] ?? []).find((folio) => folio.index <= index && index < folio.index + 2 ** folio.order) ?? null,
    swapCountOf: (slot) => read.swapCounts[slot] ?? 1,
    inSwapCache: (pfn) => swapCached.has(pfn),
    isMerged: (pfn) => merged.has(pfn),
    inMemory: (file) => file.startsWith('shmem:') || inMemory.get(file) === true,
  };
}

/** The areas of a process, each with its entries. */
function areasOf(gathered: Gathered): { vma: Vma; runs: MappedRun[] }[] {
  const sight = sightOf(gathered);
  const { kernelPageBytes } = gathered.context;
  const walked = gathered.read.runs.map((run) => ({ ...run, folio: null }));
  return gathered.state.vmas.map((vma) => {
    const mine = clipRuns(walked, vma.startVa, vma.endVa, kernelPageBytes);
    return { vma, runs: mappedRuns(sight, vma, mine) };
  });
}

function inodeOf({ context }: Gathered, { file }: Vma): InodeName | null {
  return context.files.find(({ path }) => path === file)?.inode ?? null;
}

function smapsAreas(gathered: Gathered): SmapsArea[] {
  const { state, read, context } = gathered;
  const { pageBytes, kernelPageBytes } = state;
  const { thp } = context.resources.design;
  return areasOf(gathered).map(({ vma, runs }) => ({
    vma,
    runs,
    inode: inodeOf(gathered, vma),
    kernelPageSizeBytes: pageBytes,
    // What hardware walks now: after a fallback the table of the kernel's granule.
    mmuPageSizeBytes: read.walkedBytes,
    thpEligible: isThpEligible({ vma, thp, pageBytes, kernelPageBytes }),
  }));
}

/** The resident set by kind: entries of files in memory are counted apart (`mm_counter_file`). */
function residentOf(gathered: Gathered): ResidentSizes {
  const { state, read, context } = gathered;
  const { kernelPageBytes, rssAnonPages, rssFilePages, rssPeakPages } = state;
  const sight = sightOf(gathered);
  let [shmemPages, swapPages] = [0, 0];
  for (const vma of state.vmas) {
    const inMemory = vma.file !== null && sight.inMemory(vma.file);
    const walked = read.runs.map((run) => ({ ...run, folio: null }));
    for (const { nr, pfn, flags } of clipRuns(walked, vma.startVa, vma.endVa, kernelPageBytes)) {
      if (!isPresent(flags)) swapPages += kindOfEntry(flags) === 'swap' ? nr : 0;
      else if (inMemory && !hasFlags(flags, PTE.ANON) && pfn >= context.zeroPfn + sight.zeroPages) shmemPages += nr;
    }
  }
  return {
    anonBytes: rssAnonPages * kernelPageBytes,
    fileBytes: (rssFilePages - shmemPages) * kernelPageBytes,
    shmemBytes: shmemPages * kernelPageBytes,
    peakBytes: rssPeakPages * kernelPageBytes,
    swapBytes: swapPages * kernelPageBytes,
  };
}

/** The entries of pagemap that a read is for. */
function pagemapBytes(gathered: Gathered): number[] {
  const { read, context } = gathered;
  const { readerPageBytes, offsetBytes, lengthBytes } = read;
  const { kernelPageBytes } = context;
  const runs = areasOf(gathered).flatMap((area) => area.runs);
  const startVa = (offsetBytes / ENTRY_BYTES) * readerPageBytes;
  const { vmas, softClean } = gathered.state;
  const within = (ranges: readonly { startVa: number; endVa: number }[], va: number): boolean =>
    ranges.some(({ startVa: start, endVa }) => va >= start && va < endVa);
  const isSoftDirty = (va: number): boolean => within(vmas, va) && !within(softClean ?? [], va);
  const tracked = context.resources.design.softDirty === true ? { isSoftDirty } : {};
  const reader = { kernelPageBytes, readerPageBytes, showFrames: true, ...tracked };
  const none: PagemapEntry = {
    present: false,
    swapped: false,
    file: false,
    exclusive: false,
    softDirty: false,
    uffdWp: false,
    frame: 0,
  };
  // A page of the reader that is torn, as after a fallback, has no frame of its own: present, and nothing else is said of it.
  const torn = { ...none, present: true };
  const entries = pagemapEntries(runs, startVa, lengthBytes / ENTRY_BYTES, reader);
  return entries.flatMap((entry) => entryBytes(entry ?? torn));
}

/**
 * The bytes of a process's file from its start on, or of pagemap the part that the read is for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const context = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'process' as const, pid: 1, name: 'statm' };
 * const read = newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * const counts = { rssAnonPages: 0, rssFilePages: 0, rssPeakPages: 0, minorFaults: 0, majorFaults: 0, fallbacks: 0 };
 * const state = { pid: 1, pageBytes: 4096, kernelPageBytes: 4096, vmas: [], startBrk: 0, brk: 0, ...counts };
 * bytesText(processBytes({ context, read, state })); // '0 0 0 0 0 0 0\n'
 * ```
 */
export function processBytes(gathered: Gathered): number[] {
  const { read, state, context } = gathered;
  const { pageBytes, kernelPageBytes, vmas, pid, minorFaults, majorFaults, startBrk } = state;
  const units = { kernelPageBytes, pageBytes, pmdOrder: pmdOrderOf(pageBytes, kernelPageBytes) };
  const { readerPageBytes } = read;
  switch (read.path.name) {
    case 'maps':
      return textBytes(vmas.map((vma) => mapsLine(vma, inodeOf(gathered, vma))).join(''));
    case 'smaps':
      return textBytes(
        smapsAreas(gathered)
          .map((area) => smapText(area, units))
          .join(''),
      );
    case 'smaps_rollup':
      return textBytes(rollupText(areasOf(gathered), units));
    case 'statm':
      return textBytes(statmText(vmSizes(vmas), residentOf(gathered), readerPageBytes));
    case 'stat': {
      const facts = { pid, minorFaults, majorFaults, startBrk };
      return textBytes(statText(facts, vmSizes(vmas), residentOf(gathered), readerPageBytes));
    }
    case 'status':
      return textBytes(statusText(vmSizes(vmas), residentOf(gathered), read.tableBytes));
    case 'pagemap':
      return pagemapBytes(gathered);
    default: {
      const lines = areasOf(gathered).map(({ vma, runs }) =>
        numaMapsLine(vma, runs, context.kernelPageBytes, pageBytes),
      );
      return textBytes(lines.join(''));
    }
  }
}
