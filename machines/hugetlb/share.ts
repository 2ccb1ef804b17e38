/**
 * Tables that are shared. One Linux table of PMD entries would serve all of its sharers; here each has tables of its own, so
 * what one of them faults in is entered into those of the others, native ones too, and nobody else takes a fault for it. Whoever
 * leaves asks first and waits until nothing is on its way to it; with `all-sizes`, what the others have in that span is taken
 * away and faulted in again, as every native table must be invalidated on its own. Sources: mm/hugetlb.c:huge_pmd_share,
 * huge_pmd_unshare.
 *
 * @models S-28
 */
import { hugeBytesOfFile } from '../../src/mm/hugetlb/names.ts';
import { pudBytesOf, shareableAt, sizesMayShare, wantsPmdShare } from '../../src/mm/hugetlb/sharing.ts';
import { protectionFlags, PTE } from '../../src/mm/pte.ts';
import { largeFlag } from '../../src/mm/contpte.ts';
import type { Message, MessageOf, PteChange } from '../messages.ts';
import { assertType, type Send } from '../support.ts';
import type { HugetlbContext, SharedWork, SharingArea } from './state.ts';

/** The flags of a shared huge page (`make_huge_pte`): young, and dirty and writable where the area may be written. */
function flagsOf({ prot }: SharingArea['area'], hugeBytes: number, kernelPageBytes: number): number {
  const flags =
    protectionFlags(prot, true) | PTE.YOUNG | largeFlag(Math.log2(hugeBytes / kernelPageBytes), kernelPageBytes);
  return (flags & PTE.WRITE) === 0 ? flags : (flags | PTE.DIRTY) & ~PTE.READONLY;
}

function sameArea(one: SharingArea, other: SharingArea): boolean {
  return one.mm === other.mm && one.file === other.file && one.area.startVa === other.area.startVa;
}

/** Notes where the faulting process has the file; what it shared before it still shares. */
function noted(context: HugetlbContext, area: SharingArea, spans: readonly number[]): HugetlbContext {
  const known = context.sharing.find((other) => sameArea(other, area));
  const all = [...new Set([...(known?.spans ?? []), ...spans])].sort((a, b) => a - b);
  const others = context.sharing.filter((other) => !sameArea(other, area));
  return { ...context, sharing: [...others, { ...area, spans: all }] };
}

/**
 * A page of the file was faulted in by one process: those who share its table have it too.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'all-sizes' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const area = { startVa: 2 ** 30, endVa: 2 ** 31, flags: VM.SHARED, prot: 3, offsetBytes: 0 };
 * const fault = { sender: 'mm:1', request: 1, file: 'hugetlb:2048kB:1', index: 0, va: 2 ** 30, area, pageBytes: 4096 };
 * const message = { type: 'HUGE_FAULT' as const, ...fault, write: true, shared: true, wrote: false };
 * const one = shareEntry(hugetlb, message, 512, () => {});
 * const sent: string[] = [];
 * shareEntry(one, { ...message, sender: 'mm:2', pageBytes: 65536 }, 512, (to) => sent.push(to));
 * sent; // ['zone']
 * ```
 */
export function shareEntry(
  context: HugetlbContext,
  message: MessageOf<'HUGE_FAULT'>,
  pfn: number,
  send: Send,
): HugetlbContext {
  const { sender: mm, file, index, va, area, pageBytes } = message;
  const { kernelPageBytes, facility } = context;
  const hugeBytes = hugeBytesOfFile(file) ?? 0;
  if (facility.pmdSharing === 'none' || !wantsPmdShare(area, va, hugeBytes, kernelPageBytes)) return context;
  const span = index - (va % pudBytesOf(kernelPageBytes)) / hugeBytes;
  let state = context;
  let shares = false;
  for (const other of context.sharing) {
    if (other.mm === mm || other.file !== file) continue;
    const at = shareableAt(other.area, area, va, kernelPageBytes);
    if (at === null) continue;
    if (!sizesMayShare(facility.pmdSharing, pageBytes, other.pageBytes, kernelPageBytes)) {
      state = { ...state, refusedSharings: state.refusedSharings + 1 };
      continue;
    }
    shares = true;
    state = give(noted(state, other, [span]), other, at, pfn, send);
  }
  const joins = shares && !state.sharing.some((own) => own.mm === mm && own.file === file && own.spans.includes(span));
  const self: SharingArea = { mm, file, area, pageBytes, spans: [] };
  const known = noted(state, self, shares ? [span] : []);
  return joins ? join(known, self, index, span, send) : known;
}

/** Begins to bring one huge page into the tables of a sharer: first its references. */
function give(context: HugetlbContext, sharer: SharingArea, va: number, pfn: number, send: Send): HugetlbContext {
  const { kernelPageBytes, nextRequest: request } = context;
  const hugeBytes = hugeBytesOfFile(sharer.file) ?? 0;
  const nr = hugeBytes / kernelPageBytes;
  const flags = flagsOf(sharer.area, hugeBytes, kernelPageBytes);
  const work: SharedWork = { mm: sharer.mm, va, pfn, nr, flags, step: 'references' };
  send('zone', { type: 'GET', sender: 'hugetlb', request, runs: [{ pfn, nr }] });
  return { ...context, nextRequest: request + 1, shared: { ...context.shared, [request]: work } };
}

/** Who joins a table finds in it what is there already; the page of its fault it gets by itself. */
function join(context: HugetlbContext, self: SharingArea, index: number, span: number, send: Send): HugetlbContext {
  return entriesIn(context, self, [span])
    .filter(({ va }) => va !== self.area.startVa + index * (hugeBytesOfFile(self.file) ?? 0) - self.area.offsetBytes)
    .reduce((state, { va, expects }) => give(state, self, va, expects?.pfn ?? 0, send), context);
}

/** Asks an address space to exchange entries. */
function exchange(work: SharedWork, request: number, changes: PteChange[], send: Send): void {
  send(work.mm, { type: 'REPLACE_PTES', sender: 'hugetlb', request, changes });
}

/**
 * The references for an entry of another are taken: it is entered where there is none yet. Answers null for references that are none of
 * these.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * sharedReferences(hugetlb, { type: 'GOT', request: 7 }, () => {}); // null
 * ```
 */
export function sharedReferences(context: HugetlbContext, event: Message, send: Send): HugetlbContext | null {
  assertType(event, 'GOT');
  const work = context.shared[event.request];
  if (work === undefined) return null;
  const { va, nr, pfn, flags } = work;
  exchange(work, event.request, [{ va, nr, expects: null, to: { pfn, flags } }], send);
  return { ...context, shared: { ...context.shared, [event.request]: { ...work, step: 'entering' } } };
}

/** Where an address space that shares a span has the pages of the file that lie in it. */
function entriesIn(context: HugetlbContext, sharer: SharingArea, spans: readonly number[]): PteChange[] {
  const inode = context.inodes[sharer.file];
  if (inode === undefined) return [];
  const { kernelPageBytes } = context;
  const { hugeBytes } = inode;
  const perSpan = pudBytesOf(kernelPageBytes) / hugeBytes;
  const flags = flagsOf(sharer.area, hugeBytes, kernelPageBytes);
  return Object.entries(inode.pages).flatMap(([key, pfn]): PteChange[] => {
    const index = Number(key);
    if (!spans.some((span) => index >= span && index < span + perSpan)) return [];
    const va = sharer.area.startVa + index * hugeBytes - sharer.area.offsetBytes;
    return [{ va, nr: hugeBytes / kernelPageBytes, expects: { pfn, flags }, to: null }];
  });
}

/**
 * An address space shares the tables of a file no more. It hears of it once nothing is on its way to it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const sent: string[] = [];
 * unshare(hugetlb, { type: 'HUGE_UNSHARE', file: 'hugetlb:2048kB:1', sender: 'mm:1', request: 1 }, (to) => sent.push(to));
 * sent; // ['mm:1']
 * ```
 */
export function unshare(context: HugetlbContext, event: MessageOf<'HUGE_UNSHARE'>, send: Send): HugetlbContext {
  const { file, sender: mm } = event;
  const leaves = (area: SharingArea): boolean => area.mm === mm && (file === '' || area.file === file);
  const gone = context.sharing.filter(leaves);
  const count = gone.reduce((sum, area) => sum + area.spans.length, 0);
  let state: HugetlbContext = { ...context, sharing: context.sharing.filter((area) => !leaves(area)) };
  const tells = count > 0 && context.facility.pmdSharing === 'all-sizes';
  for (const sharer of tells ? state.sharing : []) {
    const spans = gone.filter((area) => area.file === sharer.file).flatMap((area) => area.spans);
    const changes = entriesIn(
      state,
      sharer,
      sharer.spans.filter((span) => spans.includes(span)),
    );
    if (changes.length === 0) continue;
    const request = state.nextRequest;
    const work: SharedWork = { mm: sharer.mm, va: 0, pfn: 0, nr: 0, flags: 0, step: 'leaving' };
    exchange(work, request, changes, send);
    state = { ...state, nextRequest: request + 1, shared: { ...state.shared, [request]: work } };
  }
  return left({ ...state, unshared: state.unshared + count, leaving: [...state.leaving, event] }, send);
}

/** Those who leave and have nothing on its way to them any more hear of it. */
function left(context: HugetlbContext, send: Send): HugetlbContext {
  const busy = new Set(Object.values(context.shared).map(({ mm }) => mm));
  for (const { sender, request } of context.leaving) {
    if (!busy.has(sender)) send(sender, { type: 'HUGE_UNSHARED', request });
  }
  return { ...context, leaving: context.leaving.filter(({ sender }) => busy.has(sender)) };
}

/**
 * Entries of a sharer are exchanged: references of those that were missed, or taken away, are given back.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const work = { mm: 'mm:2', va: 0, pfn: 512, nr: 512, flags: PTE.VALID, step: 'entering' as const };
 * const replaced = { type: 'REPLACED' as const, request: 1, pid: 2, replaced: [], entered: [], missed: [], fallback: '' };
 * sharedReplaced({ ...hugetlb, shared: { 1: work } }, replaced, () => {}).shared; // {}
 * ```
 */
export function sharedReplaced(context: HugetlbContext, event: MessageOf<'REPLACED'>, send: Send): HugetlbContext {
  const { [event.request]: work, ...shared } = context.shared;
  if (work === undefined) return context;
  const back = work.step === 'leaving' ? event.replaced : event.missed;
  const runs = back.map(({ pfn, nr }) => ({ pfn, nr }));
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  const sharedEntries = context.sharedEntries + Number(work.step === 'entering' && event.entered.length > 0);
  return left({ ...context, shared, sharedEntries }, send);
}
