/** What page-table entries mean for an mm: resident pages, references, dirty pages of files, and the shared zero page. */
import { pageSizeLimits } from '../src/arch/granule.ts';
import { kindOfEntry } from '../src/mm/nonPresent.ts';
import { hasFlags, isDirty, isPresent, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { Message, MessageOf, PteRun } from './messages.ts';
import { tellGone } from './ksm/mmKsm.ts';
import { type Job, type MmContext } from './mmState.ts';
import { type Send, ZERO_BYTES } from './support.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

/**
 * Whether a frame is of the shared zero memory. It is as large as the largest page, so that a process page that was only
 * read is 16 consecutive entries of it: the native table can show that, where 16 entries of one 4K frame fit no entry.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * isZeroFrame(mm, 15); // true
 * isZeroFrame(mm, 16); // false
 * ```
 */
export function isZeroFrame(context: MmContext, pfn: number): boolean {
  if (pfn >= context.zeroPfn && pfn < context.zeroPfn + ZERO_BYTES / context.kernelPageBytes) return true;
  const { hugeZero } = context;
  return hugeZero !== undefined && pfn >= hugeZero.pfn && pfn < hugeZero.pfn + hugeZero.nr;
}

/**
 * Whether an entry has a page behind it that is counted and referred to (`vm_normal_page`): special ones have none.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * isCounted(mm, { pfn: 64, flags: PTE.VALID }); // true
 * isCounted(mm, { pfn: 64, flags: PTE.VALID | PTE.SPECIAL }); // false
 * ```
 */
export function isCounted(context: MmContext, { pfn, flags }: Pick<PteRun, 'pfn' | 'flags'>): boolean {
  return isPresent(flags) && !hasFlags(flags, PTE.SPECIAL) && !isZeroFrame(context, pfn);
}

/** Pages that count in the resident set, by kind. */
function residentPages(context: MmContext, runs: readonly PteRun[]): { anon: number; file: number } {
  let anon = 0;
  let file = 0;
  for (const run of runs) {
    if (!isCounted(context, run)) continue;
    if (hasFlags(run.flags, PTE.ANON)) anon += run.nr;
    else file += run.nr;
  }
  return { anon, file };
}

/** Pages of hugetlb among those that are resident; the areas of entries that are gone are still there. */
function hugetlbPages(
  context: MmContext,
  set: readonly PteRun[],
  cleared: readonly PteRun[],
): { anon: number; file: number } | undefined {
  if (context.resources.facilities.hugetlb === undefined) return undefined;
  const isHuge = ({ va }: PteRun): boolean => ((context.vmas.find(va)?.flags ?? 0) & VM.HUGETLB) !== 0;
  const more = residentPages(context, set.filter(isHuge));
  const less = residentPages(context, cleared.filter(isHuge));
  const { anon, file } = context.hugetlbPages ?? { anon: 0, file: 0 };
  return { anon: anon + more.anon - less.anon, file: file + more.file - less.file };
}

/**
 * Pages of the resident set as Linux counts it: those of hugetlb are none of it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * residentSet({ ...mm, rssAnonPages: 520, hugetlbPages: { anon: 512, file: 0 } }); // { anonPages: 8, filePages: 0 }
 * ```
 */
export function residentSet({ rssAnonPages, rssFilePages, hugetlbPages: huge }: MmContext): {
  anonPages: number;
  filePages: number;
} {
  return { anonPages: rssAnonPages - (huge?.anon ?? 0), filePages: rssFilePages - (huge?.file ?? 0) };
}

/**
 * With the entries that an operation wrote for the job, where the answer is to one.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const set = [{ va: 0x10000, pfn: 64, nr: 16, flags: PTE.VALID }];
 * const done = { type: 'TABLE_DONE' as const, request: 1, set, cleared: [], rejected: [], fallback: '', failed: '' };
 * withWritten(mm, callJob(1, { op: 'munlockall' }), done).job?.ptesWritten; // 16
 * ```
 */
export function withWritten(context: MmContext, job: Job, message: Message): MmContext {
  if (message.type !== 'TABLE_DONE') return context;
  const written = entriesIn(message.set) + entriesIn(message.cleared);
  if (written === 0) return context;
  return reviseMm(context, (mmDraft) => {
    mmDraft.job = reviseJob(job, (draft) => {
      draft.ptesWritten = job.ptesWritten + written;
    });
  });
}

function entriesIn(runs: readonly PteRun[]): number {
  let entries = 0;
  for (const run of runs) entries += run.nr;
  return entries;
}

/** Entries among the runs that name slots of swap. */
function swapPages(runs: readonly PteRun[]): number {
  return runs.reduce((sum, { nr, flags }) => sum + (kindOfEntry(flags) === 'swap' ? nr : 0), 0);
}

/**
 * Takes what a table operation did into the resident set.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * account(mm, [{ va: 0x10000, pfn: 64, nr: 16, flags: PTE.VALID | PTE.ANON }], []).rssAnonPages; // 16
 * ```
 */
export function account(context: MmContext, set: readonly PteRun[], cleared: readonly PteRun[]): MmContext {
  const more = residentPages(context, set);
  const less = residentPages(context, cleared);
  const rssAnonPages = context.rssAnonPages + more.anon - less.anon;
  const rssFilePages = context.rssFilePages + more.file - less.file;
  const huge = hugetlbPages(context, set, cleared);
  const counted = rssAnonPages + rssFilePages - (huge === undefined ? 0 : huge.anon + huge.file);
  const rssPeakPages = Math.max(context.rssPeakPages, counted);
  const { swap } = context;
  const entries = swap === undefined ? 0 : swapPages(set) - swapPages(cleared);
  return reviseMm(context, (draft) => {
    if (swap !== undefined && entries !== 0) draft.swap = { unit: swap.unit, entries: swap.entries + entries };
    draft.rssAnonPages = rssAnonPages;
    draft.rssFilePages = rssFilePages;
    draft.rssPeakPages = rssPeakPages;
    if (huge !== undefined) draft.hugetlbPages = huge;
  });
}

/**
 * Gives up the references of entries that are gone, and the slots that they name; the shared zero page has neither.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const sent: unknown[] = [];
 * putEntries(mm, [{ va: 0x10000, pfn: 64, nr: 16, flags: PTE.VALID }], (_to, message) => sent.push(message));
 * sent; // [{ type: 'PUT', runs: [{ pfn: 64, nr: 16 }] }]
 * ```
 */
export function putEntries(context: MmContext, cleared: readonly PteRun[], send: Send): void {
  if (cleared.length === 0) return;
  tellGone(context, cleared, send);
  const counted = cleared.filter((run) => isCounted(context, run));
  const runs = counted.map(({ pfn, nr }) => ({ pfn, nr }));
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  const swapped = cleared.filter(({ flags }) => kindOfEntry(flags) === 'swap');
  if (swapped.length > 0) {
    send('swap', { type: 'SWAP_FREE', slots: swapped.map(({ pfn, nr }) => ({ offset: pfn, nr })) });
  }
  // free_pages_and_swap_cache: nobody may be left who needs the copy on the device.
  const anon = context.swap === undefined ? [] : counted.filter(({ flags }) => hasFlags(flags, PTE.ANON));
  if (anon.length > 0) {
    send('swap', { type: 'FREE_SWAP_CACHE', runs: anon.map(({ pfn, nr }) => ({ pfn, nr })) });
  }
}

/**
 * The file and page index of an address in a file VMA.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: 'a', offsetBytes: 0x2000 };
 * pageIndex(vma, 0x11000, 4096); // 3
 * ```
 */
export function pageIndex(vma: Vma, va: number, pageBytes: number): number {
  return Math.floor((va - vma.startVa + vma.offsetBytes) / pageBytes);
}

/**
 * Dirty entries of shared file mappings among those that are gone, by file.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: 'a', offsetBytes: 0x2000 };
 * const gone = [{ va: 0x11000, pfn: 9, nr: 2, flags: PTE.VALID | PTE.DIRTY }];
 * dirtyPages(gone, VmaSet.empty(4096).map(vma), 4096).get('a'); // [{ index: 3, nr: 2 }]
 * ```
 */
export function dirtyPages(
  cleared: readonly PteRun[],
  vmas: VmaSet,
  pageBytes: number,
): Map<string, { index: number; nr: number }[]> {
  const byFile = new Map<string, { index: number; nr: number }[]>();
  for (const run of cleared) {
    const counts = isPresent(run.flags) && isDirty(run.flags);
    if (!counts || hasFlags(run.flags, PTE.ANON | PTE.SPECIAL)) continue;
    const vma = vmas.find(run.va);
    if (vma === null || vma.file === null) continue;
    const runs = byFile.get(vma.file) ?? [];
    runs.push({ index: pageIndex(vma, run.va, pageBytes), nr: run.nr });
    byFile.set(vma.file, runs);
  }
  return byFile;
}

/**
 * The paths of the files that a VMA set maps, sorted.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: 'a', offsetBytes: 0x2000 };
 * filesOf(VmaSet.empty(4096).map(vma)); // ['a']
 * ```
 */
export function filesOf(vmas: VmaSet): string[] {
  return [...vmas.files].sort();
}

/**
 * The paths of the files that one VMA set maps and another does not, sorted.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: 'a', offsetBytes: 0x2000 };
 * filesBeside(VmaSet.empty(4096).map(vma), VmaSet.empty(4096)); // ['a']
 * ```
 */
export function filesBeside(vmas: VmaSet, others: VmaSet): string[] {
  const known = others.files;
  const files: string[] = [];
  for (const file of vmas.files) if (!known.has(file)) files.push(file);
  return files.sort();
}

/**
 * Takes a file's answer to a mapping: what it dropped for it, and whether it wants to hear of writes.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const mapped = { type: 'MAPPED' as const, request: 1, file: 'a', writeNotify: true, droppedPages: 0, errno: 0 };
 * noteMapped(mm, mapped).writeNotify; // ['a']
 * ```
 */
export function noteMapped(context: MmContext, event: MessageOf<'MAPPED'>): MmContext {
  const { file, writeNotify, droppedPages } = event;
  const known = context.writeNotify.includes(file);
  const files = writeNotify && !known ? [...context.writeNotify, file] : context.writeNotify;
  return reviseMm(context, (draft) => {
    draft.writeNotify = files;
    draft.droppedPages = context.droppedPages + droppedPages;
  });
}

/**
 * Notes that the MMU could not translate an operation; lack of memory for tables is none of that.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * noteFallback(mm, 'misaligned at 0x10000').fallbacks; // 1
 * ```
 */
export function noteFallback(context: MmContext, reason: string): MmContext {
  if (reason === '' || reason === 'no-memory') return context;
  return reviseMm(context, (draft) => {
    draft.fallbacks = context.fallbacks + 1;
    draft.fallbackReason = context.fallbackReason || reason;
  });
}

/**
 * Whether advice for a range may cover a large folio in part: such a folio is split first (`madvise_free_pte_range`,
 * `madvise_cold_or_pageout_pte_range`). There are none where no size of transparent huge pages is on.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * splitsFolios(mm, { startVa: 0x1000, endVa: 0x2000 }); // false
 * ```
 */
export function splitsFolios(context: MmContext, { startVa, endVa }: { startVa: number; endVa: number }): boolean {
  const { thp } = context.resources.design;
  if (Object.keys(thp.sizes).length === 0) return false;
  const block = pageSizeLimits(context.kernelPageBytes).contPteBytes;
  return startVa % block !== 0 || endVa % block !== 0;
}
