/**
 * A file's requests to unmap some of its pages (`mm/memory.c:unmap_mapping_pages`). They take no lock of the mm and go on
 * beside its job, so a fault or a fork that is under way must not bring back what they take away.
 */
import { invariant } from '../src/errors.ts';
import { hasFlags, isDirty, isPresent, PTE } from '../src/mm/pte.ts';
import { mmOf, mmuOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import type { Message, MessageOf, PteRun } from './messages.ts';
import { putEntries, account } from './mmEntries.ts';
import { type Job, type MmContext, type UnmappedArea } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';

/** Where this mm maps pages of the file that the request names. */
function areasOf(context: MmContext, event: MessageOf<'UNMAP_RANGE'>): UnmappedArea[] {
  const { file, firstIndex, endIndex, evenCows } = event;
  const page = context.kernelPageBytes;
  return context.vmas
    .list()
    .filter((vma) => vma.file === file)
    .map((vma) => {
      const first = vma.offsetBytes / page;
      const from = Math.max(first, firstIndex);
      const to = Math.min(first + (vma.endVa - vma.startVa) / page, endIndex);
      const startVa = vma.startVa + (from - first) * page;
      return { startVa, endVa: startVa + (to - from) * page, firstIndex: from, evenCows };
    })
    .filter((area) => area.startVa < area.endVa);
}

function areaAt(areas: readonly UnmappedArea[], va: number): UnmappedArea | null {
  return areas.find((area) => va >= area.startVa && va < area.endVa) ?? null;
}

/** The entries that an area took away by now, and those that are left; a run across a border is cut. */
function splitRuns(
  runs: readonly PteRun[],
  areas: readonly UnmappedArea[],
  pageBytes: number,
): { kept: PteRun[]; gone: PteRun[] } {
  const kept: PteRun[] = [];
  const gone: PteRun[] = [];
  for (const run of runs) {
    for (let page = 0; page < run.nr; page++) {
      const va = run.va + page * pageBytes;
      const area = areaAt(areas, va);
      const goes = area !== null && (area.evenCows || !hasFlags(run.flags, PTE.ANON));
      const list = goes ? gone : kept;
      const last = list.at(-1);
      const pfn = run.pfn + page;
      const follows = last !== undefined && va === last.va + last.nr * pageBytes && pfn === last.pfn + last.nr;
      if (follows && last.flags === run.flags) last.nr++;
      else list.push({ va, pfn, nr: 1, flags: run.flags });
    }
  }
  return { kept, gone };
}

/**
 * Entries for a child, without those that a file has unmapped since the child is among its mappers; their references are
 * given back. Linux copies under the page-table lock, so there the unmapping comes wholly before or wholly after.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const runs = [{ va: 0x10000, pfn: 64, nr: 2, flags: PTE.VALID }];
 * const areas = [{ startVa: 0x11000, endVa: 0x20000, firstIndex: 1, evenCows: false }];
 * stillMapped(mm, runs, areas, () => {})[0]?.nr; // 1
 * ```
 */
export function stillMapped(
  context: MmContext,
  runs: readonly PteRun[],
  areas: readonly UnmappedArea[],
  send: Send,
): PteRun[] {
  if (areas.length === 0) return [...runs];
  const { kept, gone } = splitRuns(runs, areas, context.kernelPageBytes);
  putEntries(context, gone, send);
  return kept;
}

/** What a request means for the job under way. */
function warned(job: Job | null, areas: UnmappedArea[]): Job | null {
  if (job === null || areas.length === 0) return job;
  if (job.kind === 'forked')
    return reviseJob(job, (draft) => {
      draft.unmapped = [...job.unmapped, ...areas];
    });
  // A private copy of a page that was cut off must not be entered behind the truncation's back.
  const { fault } = job;
  if (fault === null || areaAt(areas, fault.va)?.evenCows !== true) return job;
  return reviseJob(job, (draft) => {
    draft.fault = { ...fault, truncated: true };
  });
}

/**
 * Begins to unmap pages of a file from every VMA here that maps them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const range = { file: 'a', request: 0, firstIndex: 0, endIndex: 9, evenCows: false };
 * beginUnmap(mm, { type: 'UNMAP_RANGE', ...range }, () => {}).rmap.length; // 1
 * ```
 */
export function beginUnmap(context: MmContext, event: MessageOf<'UNMAP_RANGE'>, send: Send): MmContext {
  const { file, request, evenCows } = event;
  const areas = areasOf(context, event);
  const tableRequest = context.nextRequest;
  const clear: Message = {
    type: 'CLEAR_PTES',
    request: tableRequest,
    ranges: areas.map(({ startVa, endVa }) => ({ startVa, endVa })),
    freeWithin: null,
    fileOnly: !evenCows,
    fullMm: false,
    rmap: { issuerPageBytes: event.issuerPageBytes ?? context.kernelPageBytes },
  };
  send(mmuOf(context.pid), clear);
  const rmap = [...context.rmap, { tableRequest, file, request, areas }];
  return reviseMm(context, (draft) => {
    draft.nextRequest = tableRequest + 1;
    draft.rmap = rmap;
    draft.job = warned(context.job, areas);
  });
}

/**
 * The entries are gone: the file hears which of the pages were dirty.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const rmap = [{ tableRequest: 1, file: 'a', request: 0, areas: [] }];
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
 * endUnmap({ ...mm, rmap }, 0, done, () => {}).rmap; // []
 * ```
 */
export function endUnmap(context: MmContext, at: number, event: MessageOf<'TABLE_DONE'>, send: Send): MmContext {
  const work = context.rmap[at];
  invariant(work !== undefined && 'file' in work, 'the answer is to a request of the page cache');
  const dirtyIndexes: number[] = [];
  for (const run of event.cleared) {
    const area = areaAt(work.areas, run.va);
    const counts = isPresent(run.flags) && isDirty(run.flags) && !hasFlags(run.flags, PTE.ANON);
    if (area === null || !counts) continue;
    const first = area.firstIndex + (run.va - area.startVa) / context.kernelPageBytes;
    for (let page = 0; page < run.nr; page++) dirtyIndexes.push(first + page);
  }
  putEntries(context, event.cleared, send);
  const { file } = work;
  const mm = mmOf(context.pid);
  send(actorOfFile(file), { type: 'RANGE_UNMAPPED', file, mm, request: work.request, dirtyIndexes });
  const rmap = context.rmap.filter((_, index) => index !== at);
  return { ...account(context, [], event.cleared), rmap };
}
