/** What a read of procfs has to ask before it can answer, step by step, and how it ends. */
import { geometryOf } from '../../src/arch/granule.ts';
import { relationOf, rowOf, type Verdict, verdictErrno, verdictOf } from '../../src/mm/procfs/matrix.ts';
import { frameEntries, kcoreBytes, kcorePieces } from '../../src/mm/procfs/systemFiles.ts';
import { kindOfEntry } from '../../src/mm/nonPresent.ts';
import { standsForPage } from '../../src/mm/procfs/mapped.ts';
import { hasFlags, isPresent, PTE } from '../../src/mm/pte.ts';
import { CLEAR_REFS } from '../../src/mm/softDirty.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import { actorOfFile } from '../fileState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { type Send, ZERO_BYTES } from '../support.ts';
import { ends, ENTRY_BYTES, OF_ENTRIES, SENDER, waits } from './ends.ts';
import type { ProcfsContext, ProcRead } from './procfsState.ts';
import { readSysfs } from './system.ts';
import { processBytes } from './texts.ts';

/** One past the last address of a process. */
const TASK_END = 2 ** 48;
/** Files for which the areas alone are enough. */
const AREAS_ALONE: readonly string[] = ['maps', 'clear_refs'];
/** Files that look at entries, but not at the folios behind them. */
const ENTRIES_ALONE: readonly string[] = ['statm', 'stat', 'status'];
/** What may be written to clear_refs. */
const CLEAR_REFS_TEXTS: readonly string[] = Object.values(CLEAR_REFS).map(String);

/**
 * Begins a read or a write: a file of a process asks its mm, a file of the system the zone or nobody.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'process' as const, pid: 9, name: 'maps' };
 * const sent: Message[] = [];
 * beginRead(procfs, newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null }), (_, m) => sent.push(m));
 * sent[0]?.errno; // 2
 * ```
 */
export function beginRead(context: ProcfsContext, read: ProcRead, send: Send): ProcfsContext {
  const { path, pid } = read;
  const row = rowOf(path.scope, path.name);
  if (row === null || (read.text !== null) !== (path.name === 'clear_refs')) {
    return ends(context, read, row === null ? 'ENOENT' : 'EINVAL', [], send);
  }
  const misplaced = read.offsetBytes % ENTRY_BYTES !== 0 || read.lengthBytes % ENTRY_BYTES !== 0;
  if (OF_ENTRIES.includes(path.name) && misplaced) return ends(context, read, 'EINVAL', [], send);
  if (path.scope === 'process') {
    if (!context.pids.includes(path.pid)) return ends(context, read, 'ENOENT', [], send);
    send(mmOf(path.pid), { type: 'MM_QUERY', sender: SENDER, request: pid });
    return waits(context, { ...read, awaits: 1 });
  }
  const relation = relationOf(read.readerPageBytes, context.kernelPageBytes);
  const verdict = verdictOf(row, relation, context.policy);
  if (verdictErrno(verdict) !== 0) return ends(context, read, verdict, [], send);
  if (path.scope === 'sysfs') return readSysfs(context, read, verdict, send);
  if (path.name === 'kcore') {
    const pieces = kcorePieces(read.offsetBytes, read.lengthBytes, context.kernelPageBytes);
    return ends(context, read, verdict, kcoreBytes(pieces), send);
  }
  if (path.name === 'meminfo' && context.hasSwap === true) {
    send('swap', { type: 'SWAP_QUERY', sender: SENDER, request: pid, slots: [], pfns: [] });
  } else send('zone', { type: 'ZONE_QUERY', sender: SENDER, request: pid });
  return waits(context, { ...read, awaits: 1 });
}

/**
 * The areas of the target are known, and with its page size what this reader gets of it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'defeature', pids: [1], files: [] });
 * const path = { scope: 'process' as const, pid: 1, name: 'maps' };
 * const read = newRead({ pid: 2, readerPageBytes: 65536, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * const counts = { rssAnonPages: 0, rssFilePages: 0, rssPeakPages: 0, minorFaults: 0, majorFaults: 0, fallbacks: 0 };
 * const vma = { startVa: 0, endVa: 4096, prot: 1, flags: 0, file: null, offsetBytes: 0 };
 * const state = { pid: 1, pageBytes: 4096, kernelPageBytes: 4096, vmas: [vma], startBrk: 0, brk: 0, ...counts };
 * mmSeen(procfs, read, { type: 'MM_STATE', request: 2, state }, () => {}).ends; // { hidden: 1 }
 * ```
 */
export function mmSeen(
  context: ProcfsContext,
  before: ProcRead,
  event: MessageOf<'MM_STATE'>,
  send: Send,
): ProcfsContext {
  const { state } = event;
  const read = { ...before, state, awaits: 0 };
  const { path } = read;
  const row = rowOf(path.scope, path.name);
  // An mm without memory is that of a process that has not begun, or has ended.
  if (row === null || state.pageBytes === 0 || state.vmas.length === 0) return ends(context, read, 'ESRCH', [], send);
  const verdict = verdictOf(row, relationOf(read.readerPageBytes, state.pageBytes), context.policy);
  if (verdictErrno(verdict) !== 0) return ends(context, read, verdict, [], send);
  if (path.name === 'clear_refs') return clearRefs(context, read, verdict, send);
  if (AREAS_ALONE.includes(path.name)) return finish(context, read, send);
  const [startVa, endVa] = path.name === 'pagemap' ? pagemapRange(read) : [0, TASK_END];
  send(mmuOf(state.pid), { type: 'PAGEWALK', sender: SENDER, request: read.pid, startVa, endVa });
  return waits(context, { ...read, awaits: 1 });
}

function pagemapRange({ offsetBytes, lengthBytes, readerPageBytes }: ProcRead): [startVa: number, endVa: number] {
  const startVa = (offsetBytes / ENTRY_BYTES) * readerPageBytes;
  return [startVa, Math.min(TASK_END, startVa + (lengthBytes / ENTRY_BYTES) * readerPageBytes)];
}

/** The caller's adapter does the rest: it asks the target's mm. */
function clearRefs(context: ProcfsContext, read: ProcRead, verdict: Verdict, send: Send): ProcfsContext {
  const kind = (read.text ?? '').trim();
  if (!CLEAR_REFS_TEXTS.includes(kind)) return ends(context, read, 'EINVAL', [], send);
  const target = read.state?.pid ?? 0;
  return ends(context, { ...read, offsetBytes: 0, lengthBytes: 2 }, verdict, [target, Number(kind)], send);
}

/** Bytes of the tables that a kernel of the process's page size would have, without the root (`mm_pgtables_bytes`). */
function tableBytesOf({ walkedBytes, linuxTableBytes, nativeTableBytes }: MessageOf<'WALKED'>): number {
  const root = geometryOf(walkedBytes).levels[0]?.tableBytes ?? 0;
  const bytes = nativeTableBytes > 0 ? nativeTableBytes : linuxTableBytes;
  return Math.max(0, bytes - root);
}

/**
 * The entries are known: what lies behind them is asked of the zone and of the page caches.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'process' as const, pid: 1, name: 'smaps' };
 * const counts = { rssAnonPages: 0, rssFilePages: 0, rssPeakPages: 0, minorFaults: 0, majorFaults: 0, fallbacks: 0 };
 * const state = { pid: 1, pageBytes: 4096, kernelPageBytes: 4096, vmas: [], startBrk: 0, brk: 0, ...counts };
 * const read = { ...newRead({ pid: 2, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null }), state };
 * const runs = [{ va: 0, nr: 1, pfn: 99, flags: PTE.VALID | PTE.ANON }];
 * const sizes = { pageBytes: 4096, walkedBytes: 4096, linuxTableBytes: 0, nativeTableBytes: 0 };
 * const sent: Message[] = [];
 * walked(procfs, read, { type: 'WALKED', request: 2, pid: 1, runs, ...sizes }, (_, message) => sent.push(message));
 * sent[0]?.pfns; // [99]
 * ```
 */
export function walked(
  context: ProcfsContext,
  before: ProcRead,
  event: MessageOf<'WALKED'>,
  send: Send,
): ProcfsContext {
  const { runs, walkedBytes } = event;
  const read: ProcRead = { ...before, runs, walkedBytes, tableBytes: tableBytesOf(event), awaits: 0 };
  if (ENTRIES_ALONE.includes(read.path.name)) return finish(context, read, send);
  const zeroEnd = context.zeroPfn + ZERO_BYTES / context.kernelPageBytes;
  const isZero = (pfn: number): boolean => pfn >= context.zeroPfn && pfn < zeroEnd;
  const counted = runs.filter(({ pfn, flags }) => {
    return standsForPage(flags) || (isPresent(flags) && !hasFlags(flags, PTE.SPECIAL) && !isZero(pfn));
  });
  const pfns = counted.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, page) => pfn + page));
  let awaits = 0;
  const ask = (to: string, message: Message): void => {
    send(to, message);
    awaits += 1;
  };
  if (pfns.length > 0) ask('zone', { type: 'FOLIO_QUERY', sender: SENDER, request: read.pid, pfns });
  if (context.hasKsm === true && pfns.length > 0) {
    ask('ksmd', { type: 'KSM_QUERY', sender: SENDER, request: read.pid, pfns });
  }
  const slots = runs.filter(({ flags }) => kindOfEntry(flags) === 'swap');
  if (context.hasSwap === true && slots.length + pfns.length > 0) {
    const named = slots.map(({ pfn: offset, nr }) => ({ offset, nr }));
    ask('swap', { type: 'SWAP_QUERY', sender: SENDER, request: read.pid, slots: named, pfns });
  }
  for (const [file, [firstIndex, endIndex]] of filesOf(read, context.kernelPageBytes)) {
    ask(actorOfFile(file), { type: 'CACHE_QUERY', file, sender: SENDER, request: read.pid, firstIndex, endIndex });
  }
  const asked = { ...read, pfns, awaits };
  return awaits === 0 ? finish(context, asked, send) : waits(context, asked);
}

/** The files of which pages are mapped, each with the range of its pages that any area maps. */
function filesOf({ runs, state }: ProcRead, kernelPageBytes: number): Map<string, [number, number]> {
  const files = new Map<string, [number, number]>();
  for (const { file, startVa, endVa, offsetBytes } of state?.vmas ?? []) {
    const seen = runs.some(({ va, nr }) => va < endVa && va + nr * kernelPageBytes > startVa);
    if (file === null || !seen) continue;
    const first = offsetBytes / kernelPageBytes;
    const end = first + (endVa - startVa) / kernelPageBytes;
    const known = files.get(file) ?? [first, end];
    files.set(file, [Math.min(known[0], first), Math.max(known[1], end)]);
  }
  return files;
}

/**
 * One more answer is there; with the last one the file is made.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'process' as const, pid: 1, name: 'smaps' };
 * const read = newRead({ pid: 2, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * gathered(procfs, { ...read, awaits: 2 }, () => {}).reads.get(2)?.awaits; // 1
 * ```
 */
export function gathered(context: ProcfsContext, before: ProcRead, send: Send): ProcfsContext {
  const read = { ...before, awaits: before.awaits - 1 };
  return read.awaits === 0 ? finish(context, read, send) : waits(context, read);
}

function finish(context: ProcfsContext, read: ProcRead, send: Send): ProcfsContext {
  const { state, path } = read;
  const row = rowOf(path.scope, path.name);
  if (state === null || row === null) return ends(context, read, 'ESRCH', [], send);
  const verdict = verdictOf(row, relationOf(read.readerPageBytes, state.pageBytes), context.policy);
  return ends(context, read, verdict, processBytes({ context, read, state }), send);
}

/**
 * The swap device has told of slots and of itself.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'process' as const, pid: 1, name: 'smaps' };
 * const begun = newRead({ pid: 2, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * const read = { ...begun, awaits: 2, runs: [{ va: 0, nr: 1, pfn: 5, flags: PTE.SWAP }] };
 * const counts = { type: 'SWAP_COUNTS' as const, request: 2, counts: [3], cached: [], totalPages: 8, freePages: 7 };
 * swapSeen(procfs, read, counts, () => {}).reads.get(2)?.swapCounts; // { '5': 3 }
 * ```
 */
export function swapSeen(
  context: ProcfsContext,
  read: ProcRead,
  { counts, cached, totalPages, freePages }: MessageOf<'SWAP_COUNTS'>,
  send: Send,
): ProcfsContext {
  const swapped = read.runs.filter(({ flags }) => kindOfEntry(flags) === 'swap');
  const slots = swapped.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, at) => pfn + at));
  const swapCounts = Object.fromEntries(slots.map((slot, at) => [slot, counts[at] ?? 1]));
  const { kernelPageBytes } = context;
  const swapBytes = { total: totalPages * kernelPageBytes, free: freePages * kernelPageBytes };
  const seen = { ...read, swapCounts, swapCached: cached, swapBytes };
  if (read.path.scope === 'process') return gathered(context, seen, send);
  send('zone', { type: 'ZONE_QUERY', sender: SENDER, request: read.pid });
  return waits(context, { ...seen, awaits: 1 });
}

/**
 * The folios of frames are known: kpagecount and kpageflags end, a file of a process goes on.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'system' as const, name: 'kpagecount' };
 * const read = { ...newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 8, text: null }), pfns: [0] };
 * foliosSeen(procfs, read, { type: 'FOLIOS', request: 1, folios: [null] }, () => {}).ends; // { value: 1 }
 * ```
 */
export function foliosSeen(
  context: ProcfsContext,
  before: ProcRead,
  event: MessageOf<'FOLIOS'>,
  send: Send,
): ProcfsContext {
  const read = { ...before, folios: event.folios };
  const { name } = read.path;
  if (name !== 'kpagecount' && name !== 'kpageflags') return gathered(context, read, send);
  const first = read.pfns[0] ?? 0;
  return ends(
    context,
    read,
    'value',
    frameEntries(name, first, event.folios, () => true),
    send,
  );
}
