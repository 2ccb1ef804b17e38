/**
 * Law 7 for one address space, as functions of states: an mm at rest counts the pages that its table has, an MMU at rest holds the
 * frames that its tables take, and the native table is what the Linux table says.
 */
import type { MmContext, MmuContext } from '../../machines/index.ts';
import { unlinkedTables } from '../mm/nativeSections.ts';
import { kindOfEntry } from '../mm/nonPresent.ts';
import { translateGroup } from '../mm/nativeTable.ts';
import type { PageTable } from '../mm/pageTable.ts';
import { flagsOf, hasFlags, isPresent, isValid, PTE, pfnOf } from '../mm/pte.ts';

/** Counts entries that were looked at. */
export interface Tally {
  checked: number;
}

/** What a Linux table holds, by kind. */
export interface PageCounts {
  readonly anonPages: number;
  readonly filePages: number;
  readonly swapPages: number;
}

/** The tables of an MMU when they were last looked at, and what the Linux table held. */
export interface Seen extends PageCounts {
  readonly linux: PageTable;
  readonly native: PageTable | null;
}

/** Bytes of shared zero memory, which nobody counts. */
const ZERO_BYTES = 65536;

/**
 * What the Linux table holds now, from what it held and the stretches that changed.
 *
 * @param before what was counted of an earlier table; undefined: the whole table is counted
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * countPages(mmu, mm, undefined, { checked: 0 }); // { anonPages: 0, filePages: 0, swapPages: 0 }
 * ```
 */
export function countPages(
  { linux }: Pick<MmuContext, 'linux'>,
  mm: Pick<MmContext, 'zeroPfn' | 'kernelPageBytes' | 'hugeZero'>,
  before: Seen | undefined,
  tally: Tally,
): PageCounts {
  let { anonPages, filePages, swapPages } = before ?? { anonPages: 0, filePages: 0, swapPages: 0 };
  const zeroEnd = mm.zeroPfn + ZERO_BYTES / mm.kernelPageBytes;
  const add = (table: PageTable, startVa: number, endVa: number, by: number): void => {
    table.forEach(startVa, endVa, (_va, pte) => {
      tally.checked++;
      if (kindOfEntry(pte) === 'swap') swapPages += by;
      if (!isPresent(pte) || hasFlags(pte, PTE.SPECIAL) || (pfnOf(pte) >= mm.zeroPfn && pfnOf(pte) < zeroEnd)) return;
      if (mm.hugeZero !== undefined && pfnOf(pte) >= mm.hugeZero.pfn && pfnOf(pte) < mm.hugeZero.pfn + mm.hugeZero.nr)
        return;
      if (hasFlags(pte, PTE.ANON)) anonPages += by;
      else filePages += by;
    });
  };
  if (before === undefined) add(linux, 0, 2 ** linux.geometry.vaBits, 1);
  else {
    for (const { startVa, endVa } of linux.changedRanges(before.linux)) {
      add(before.linux, startVa, endVa, -1);
      add(linux, startVa, endVa, 1);
    }
  }
  return { anonPages, filePages, swapPages };
}

/**
 * What is wrong between the counts of an mm at rest and its table; null for nothing.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * residentFault({ ...mm, rssAnonPages: 3 }, mmu, { anonPages: 0, filePages: 0, swapPages: 0 });
 * // 'mm:1 counts 3+0 pages, its table has 0+0'
 * ```
 */
export function residentFault(mm: MmContext, mmu: MmuContext, counts: PageCounts): string | null {
  if (mm.job !== null || mm.rmap.length > 0 || mmu.current !== null || mmu.queue.length > 0) return null;
  if (mm.swap !== undefined && mm.swap.entries !== counts.swapPages)
    return `mm:${mm.pid} counts ${mm.swap.entries} swap entries, its table has ${counts.swapPages}`;
  if (counts.anonPages === mm.rssAnonPages && counts.filePages === mm.rssFilePages) return null;
  const counted = `${mm.rssAnonPages}+${mm.rssFilePages}`;
  return `mm:${mm.pid} counts ${counted} pages, its table has ${counts.anonPages}+${counts.filePages}`;
}

/**
 * Tables of a page and more are made of frames; those that a fallback leaves behind go with the mm. What is wrong with that for an
 * MMU at rest; null for nothing.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * tableFramesFault(mmu); // null
 * ```
 */
export function tableFramesFault(mmu: MmuContext): string | null {
  if (mmu.fallback !== '' || mmu.pageBytes === 0) return null;
  let wanted = 0;
  for (const table of [mmu.linux, mmu.native]) {
    if (table === null) continue;
    const [root] = table.geometry.levels;
    wanted += table.tableBytes - (root.tableBytes < mmu.kernelPageBytes ? root.tableBytes : 0);
  }
  const held = mmu.tableFrames.reduce((sum, { orderPages, pfns }) => sum + pfns.length * 2 ** orderPages, 0);
  if (held * mmu.kernelPageBytes === wanted) return null;
  return `mmu:${mmu.pid} holds ${held} frames for ${wanted} bytes of tables`;
}

/** Process pages in stretches that changed in either table; of all where nothing is known. */
function groupsToLook({ linux }: MmuContext, native: PageTable, before: Seen | undefined): Set<number> {
  const { granuleBytes, vaBits } = native.geometry;
  const nativeBefore = before?.native?.geometry === native.geometry ? before.native : null;
  const ranges =
    before === undefined || nativeBefore === null
      ? [{ startVa: 0, endVa: 2 ** vaBits }]
      : [...linux.changedRanges(before.linux), ...native.changedRanges(nativeBefore)];
  const groups = new Set<number>();
  for (const { startVa, endVa } of ranges) {
    for (const table of [linux, native]) table.forEach(startVa, endVa, (va) => groups.add(va - (va % granuleBytes)));
  }
  return groups;
}

/**
 * Where the native table of an MMU at rest is not what the Linux table says; null where nowhere.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * nativeFault(mmu, PageTable.empty(65536), undefined, { checked: 0 }); // null
 * ```
 */
export function nativeFault(mmu: MmuContext, native: PageTable, before: Seen | undefined, tally: Tally): string | null {
  const { linux } = mmu;
  const isLazy = mmu.resources.design.nativeFill === 'lazy';
  const granuleBytes = native.geometry.granuleBytes;
  for (const va of groupsToLook(mmu, native, before)) {
    tally.checked++;
    const wanted = translateGroup(linux, va, granuleBytes);
    const at = `at 0x${va.toString(16)} of mmu:${mmu.pid}`;
    if (!wanted.ok && isLazy && native.get(va) === 0) continue;
    if (!wanted.ok) return `the process page ${at} is ${wanted.reason}`;
    const found = native.get(va);
    // Hardware notes accessed and dirty in the native entry first: apart from those the two agree.
    const noted = PTE.YOUNG | PTE.DIRTY | PTE.READONLY;
    const same = pfnOf(found) === pfnOf(wanted.pte) && (flagsOf(found) | noted) === (flagsOf(wanted.pte) | noted);
    // A lazy table may lack what the Linux table has, and never has what that lacks.
    if (found === 0 && isLazy) continue;
    if (!same && (isValid(found) || isValid(wanted.pte))) return `native ${found} for ${wanted.pte} ${at}`;
  }
  if (isLazy || before?.linux.tableCount.at(-1) === linux.tableCount.at(-1)) return null;
  const [unlinked] = unlinkedTables(linux, native);
  return unlinked === undefined ? null : `Linux table ${unlinked} of mmu:${mmu.pid} has no native section`;
}
