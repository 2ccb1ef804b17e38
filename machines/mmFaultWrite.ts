/**
 * Writes to pages that are mapped read-only (`mm/memory.c:do_wp_page`): copy-on-write, or reuse of what nobody else has.
 *
 * @models X-04
 */
import { invariant } from '../src/errors.ts';
import { isObjectFile } from '../src/mm/objects/objectFile.ts';
import { hasFlags, PROT, PTE } from '../src/mm/pte.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { mmOf, mmuOf } from './addresses.ts';
import { tellGone } from './ksm/mmKsm.ts';
import { isHugeZero, writeHugeZero } from './khugepaged/hugeZero.ts';
import { actorOfFile } from './fileState.ts';
import { pageIndex, putEntries } from './mmEntries.ts';
import {
  type FaultJob,
  type FaultStep,
  type FaultStepHandler,
  allocateCopy,
  ends,
  HANDLED,
  copyFlags,
  outOfMemory,
  overwrite,
  prepareAnon,
  unitPages,
  vmaOf,
  waitsOn,
  workOf,
} from './mmFaultParts.ts';
import type { MessageOf } from './messages.ts';
import { ask, type MmContext, SIGNAL } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseMm } from './revise.ts';

/** What is copied or reused at once: the process page, or in the naive design one kernel page. */
interface Unit {
  startVa: number;
  nr: number;
  /** The first frame that is mapped there now. */
  pfn: number;
}

function unitOf(context: MmContext, job: FaultJob): Unit {
  const { va, ptePfn, force } = workOf(job);
  const { kernelPageBytes } = context;
  const { copyOnWrite, pins } = context.resources.design;
  const wanted = force === true ? (pins?.forcedWrite ?? copyOnWrite) : copyOnWrite;
  const nr = wanted === 'kernel-page' ? 1 : unitPages(context, context.vmas.find(va) ?? {});
  const startVa = va - (va % (nr * kernelPageBytes));
  return { startVa, nr, pfn: ptePfn - Math.floor((va - startVa) / kernelPageBytes) };
}

/**
 * `do_wp_page`. An exclusive page is reused as it is; whether one that was shared may be, the zone knows, which counts the
 * references (`wp_can_reuse_anon_folio`). Everything else is copied.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const pteFlags = PTE.VALID | PTE.READONLY | PTE.ANON;
 * const fault = { va: 0x15000, access: 'write' as const, ptePfn: 9, pteFlags, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * writeProtectFault({ ...mm, pageBytes: 4096 }, job, vma, () => {}).context.job?.step; // 'copied'
 * ```
 */
export function writeProtectFault(context: MmContext, job: FaultJob, vma: Vma, send: Send): FaultStep {
  const { pteFlags } = workOf(job);
  // Whoever owns an object may not want the page written (`page_mkwrite`).
  if ((vma.flags & VM.SHARED) !== 0 && vma.file !== null && isObjectFile(vma.file))
    return waitsOn(askToWrite(context, job, vma, send));
  // mprotect gave the write permission back: the entry follows (`wp_page_shared`, `wp_page_reuse`).
  if ((vma.flags & VM.SHARED) !== 0) return waitsOn(reuse(context, job, 0, send));
  if (hasFlags(pteFlags, PTE.EXCLUSIVE)) return waitsOn(reuse(context, job, PTE.EXCLUSIVE, send));
  if (isHugeZero(context, workOf(job).ptePfn)) return writeHugeZero(context, job, send);
  if (!hasFlags(pteFlags, PTE.ANON)) return waitsOn(copyForeign(context, job, vma, send));
  // A pin may have made the page exclusive since the walk: PageAnonExclusive is looked at under the lock (`do_wp_page`).
  if (context.pinning !== undefined) return waitsOn(readEntry(context, job, send));
  return askCopy(context, job, send);
}

function readEntry(context: MmContext, job: FaultJob, send: Send): MmContext {
  const { va } = workOf(job);
  const startVa = va - (va % context.kernelPageBytes);
  const ranges = [{ startVa, endVa: startVa + context.kernelPageBytes }];
  const read = (request: number): MessageOf<'READ_PTES'> => ({ type: 'READ_PTES', request, ranges });
  return ask(context, job, 'entryRead', mmuOf(context.pid), read, send);
}

/** The entry as it is now: another one, and the access is tried again; an exclusive page is reused after all. */
const entryRead: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'TABLE_DONE', 'a table is read before a page is copied');
  const { ptePfn } = workOf(job);
  const [entry] = event.set;
  if (entry === undefined || entry.pfn !== ptePfn || hasFlags(entry.flags, PTE.WRITE)) return { context, end: HANDLED };
  return hasFlags(entry.flags, PTE.EXCLUSIVE)
    ? waitsOn(reuse(context, job, PTE.EXCLUSIVE, send))
    : askCopy(context, job, send);
};

/** Whether the page may be reused, the zone knows. */
function askCopy(context: MmContext, job: FaultJob, send: Send): FaultStep {
  const { nr, pfn } = unitOf(context, job);
  const sender = mmOf(context.pid);
  const wish = { sender, pfn, nr, orderPages: Math.log2(nr) };
  const message = (request: number): MessageOf<'COPY_ON_WRITE'> => ({ type: 'COPY_ON_WRITE', request, ...wish });
  return waitsOn(ask(context, job, 'copied', 'zone', message, send));
}

/** `wp_page_copy` of the zero page or of a page of a file: the first anonymous page here. */
function copyForeign(context: MmContext, job: FaultJob, vma: Vma, send: Send): MmContext {
  const prepared = prepareAnon(context, workOf(job).va);
  const orderPages = Math.log2(unitOf(context, job).nr);
  return allocateCopy(prepared, job, orderPages, vma.file === null, send);
}

/** `do_page_mkwrite`. */
function askToWrite(context: MmContext, job: FaultJob, vma: Vma, send: Send): MmContext {
  const { startVa, nr } = unitOf(context, job);
  const file = vma.file as string;
  const index = pageIndex(vma, workOf(job).va, context.kernelPageBytes);
  const firstIndex = pageIndex(vma, startVa, context.kernelPageBytes);
  const window = { index, firstIndex, endIndex: firstIndex + nr, orderPages: Math.log2(nr) };
  const wish = {
    file,
    mm: mmOf(context.pid),
    ...window,
    write: true,
    around: false,
    vmFlags: vma.flags,
    insert: true as const,
  };
  const get = (request: number): MessageOf<'GET_PAGES'> => ({ type: 'GET_PAGES', request, ...wish });
  return ask(context, job, 'mayWrite', actorOfFile(file), get, send);
}

/** The owner has answered: with the pages where they may be written, each with a reference that is not needed again. */
const mayWrite: FaultStepHandler = (context, job, event, send) => {
  invariant(event.type === 'PAGES', 'a request for pages is answered with pages');
  if (event.runs.length === 0) return ends(context, SIGNAL.BUS, SIGNAL.BUS_ADRERR);
  const given = event.runs.map(({ pfn, nr, pteFlags = 0 }) => ({ va: 0, pfn, nr, flags: PTE.VALID | pteFlags }));
  putEntries(context, given, send);
  return waitsOn(reuse(context, job, 0, send));
};

/** `wp_page_reuse`: the page itself becomes writable. */
function reuse(context: MmContext, job: FaultJob, exclusive: number, send: Send): MmContext {
  const { pteFlags } = workOf(job);
  const { startVa, nr, pfn } = unitOf(context, job);
  tellGone(context, [{ va: startVa, nr }], send);
  const { force, unshare } = workOf(job);
  const writes = unshare !== true && (force !== true || (vmaOf(context, job).prot & PROT.WRITE) !== 0);
  const writable = pteFlags | PTE.WRITE | PTE.YOUNG | PTE.DIRTY | exclusive;
  // Shared, it is the memory of a device and stays special; private, it was the zero page.
  const written = writable & ~(PTE.READONLY | PTE.UFFD_WP | (exclusive === 0 ? 0 : PTE.SPECIAL));
  const flags = writes ? written : pteFlags | PTE.YOUNG | exclusive;
  return overwrite(context, job, { step: 'reused', startVa, pfn, nr, flags, expects: pfn }, send);
}

/** The part of a unit that a smaller folio is a copy of, where the allocator fell back: the part around the address. */
function copiedPart({ kernelPageBytes }: MmContext, va: number, unit: Unit, orderPages: number): Unit {
  const nr = Math.min(unit.nr, 1 << orderPages);
  const startVa = va - (va % (nr * kernelPageBytes));
  return { startVa, nr, pfn: unit.pfn + (startVa - unit.startVa) / kernelPageBytes };
}

/** The zone has found that nobody else has the page, or has copied it. */
const copied: FaultStepHandler = (context, job, event, send) => {
  if (event.type === 'NO_MEMORY') return outOfMemory(context, job, event);
  if (event.type === 'REUSE') return waitsOn(reuse(context, job, PTE.EXCLUSIVE, send));
  invariant(event.type === 'FRAMES', 'a copy-on-write is answered with frames or reuse');
  const vma = vmaOf(context, job);
  const { startVa, nr, pfn } = copiedPart(context, workOf(job).va, unitOf(context, job), event.orderPages);
  const done = reviseMm(context, (draft) => {
    draft.copiedBytes = context.copiedBytes + nr * context.kernelPageBytes;
  });
  const over = { step: 'set', startVa, pfn: event.pfns[0], nr, flags: copyFlags(workOf(job), vma), expects: pfn };
  return waitsOn(overwrite(prepareAnon(done, startVa), job, over, send));
};

/** The steps of copy-on-write, by the name that a job waits under. */
export const writeSteps: Record<'copied' | 'mayWrite' | 'entryRead', FaultStepHandler> = {
  copied,
  mayWrite,
  entryRead,
};
