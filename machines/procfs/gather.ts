/** What a read of procfs has to ask before it can answer, step by step, and how it ends. */
import { geometryOf } from '../../src/arch/granule.ts';
import { CLEAR_REFS } from '../../src/mm/calls/clearRefs.ts';
import { listHugepages } from '../../src/mm/hugetlb/sizes.ts';
import { textBytes } from '../../src/mm/procfs/lines.ts';
import { relationOf, rowOf, type Verdict, verdictErrno, verdictOf } from '../../src/mm/procfs/matrix.ts';
import { settingText } from '../../src/mm/procfs/settings.ts';
import {
  buddyinfoText,
  frameEntries,
  kcoreBytes,
  kcorePieces,
  meminfoText,
  vmstatText,
  type ZoneFacts,
  zoneinfoText,
} from '../../src/mm/procfs/systemFiles.ts';
import { hasFlags, isPresent, PTE } from '../../src/mm/pte.ts';
import { bootControls } from '../../src/mm/thp/controls.ts';
import { pmdBytesOf } from '../../src/mm/thp/sizes.ts';
import { listThp, readThp } from '../../src/mm/thp/sysfs.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import { actorOfFile } from '../fileState.ts';
import type { Message, MessageOf } from '../messages.ts';
import { type Send, ZERO_BYTES } from '../support.ts';
import type { ProcfsContext, ProcRead } from './procfsState.ts';
import { processBytes } from './texts.ts';

/** The name that procfs asks under. */
const SENDER = 'procfs';
/** One past the last address of a process. */
const TASK_END = 2 ** 48;
/** Bytes of an entry of pagemap, kpagecount and kpageflags. */
const ENTRY_BYTES = 8;
/** Files made of entries: reads of them must begin and end at one. */
const OF_ENTRIES: readonly string[] = ['pagemap', 'kpagecount', 'kpageflags'];
/** Files for which the areas alone are enough. */
const AREAS_ALONE: readonly string[] = ['maps', 'clear_refs'];
/** Files that look at entries, but not at the folios behind them. */
const ENTRIES_ALONE: readonly string[] = ['statm', 'stat', 'status'];
/** What may be written to clear_refs. */
const CLEAR_REFS_TEXTS: readonly string[] = Object.values(CLEAR_REFS).map(String);

/** Ends a read: what was asked for of the bytes, or an errno. */
function ends(
  context: ProcfsContext,
  read: ProcRead,
  verdict: Verdict,
  bytes: readonly number[],
  send: Send,
): ProcfsContext {
  const errno = verdictErrno(verdict);
  const name = read.path.name;
  // Of entries and of kcore only the part that was asked for is made.
  const whole = OF_ENTRIES.includes(name) || name === 'kcore';
  const { offsetBytes, lengthBytes } = read;
  const data = whole ? bytes.slice(0, lengthBytes) : bytes.slice(offsetBytes, offsetBytes + lengthBytes);
  send('abi', { type: 'PROC_DATA', request: read.pid, errno, data: errno === 0 ? [...data] : [] });
  const ended = { ...context.ends, [verdict]: (context.ends[verdict] ?? 0) + 1 };
  return { ...context, reads: context.reads.without(read.pid), ends: ended };
}

function waits(context: ProcfsContext, read: ProcRead): ProcfsContext {
  return { ...context, reads: context.reads.with(read.pid, read) };
}

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
  if (path.scope === 'sysfs') return sysfs(context, read, verdict, send);
  if (path.name === 'kcore') {
    const pieces = kcorePieces(read.offsetBytes, read.lengthBytes, context.kernelPageBytes);
    return ends(context, read, verdict, kcoreBytes(pieces), send);
  }
  send('zone', { type: 'ZONE_QUERY', sender: SENDER, request: pid });
  return waits(context, { ...read, awaits: 1 });
}

function sysfs(context: ProcfsContext, read: ProcRead, verdict: Verdict, send: Send): ProcfsContext {
  const { kernelPageBytes, policy, resources } = context;
  const reader = { pageBytes: read.readerPageBytes, kernelPageBytes, policy };
  const name = read.path.name;
  const listed = (names: readonly string[]): number[] => textBytes(names.map((each) => `${each}\n`).join(''));
  if (name === 'hugepages/') return ends(context, read, verdict, listed(listHugepages(reader)), send);
  const inside = name.slice('transparent_hugepage/'.length);
  if (inside === '') return ends(context, read, verdict, listed(listThp(reader)), send);
  const control = readThp(bootControls(kernelPageBytes, resources.design.thp), inside, reader);
  return 'text' in control
    ? ends(context, read, verdict, textBytes(control.text), send)
    : ends(context, read, 'ENOENT', [], send);
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
  const counted = runs.filter(
    ({ pfn, flags }) => isPresent(flags) && !hasFlags(flags, PTE.SPECIAL) && !(pfn >= context.zeroPfn && pfn < zeroEnd),
  );
  const pfns = counted.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, page) => pfn + page));
  let awaits = 0;
  const ask = (to: string, message: Message): void => {
    send(to, message);
    awaits += 1;
  };
  if (pfns.length > 0) ask('zone', { type: 'FOLIO_QUERY', sender: SENDER, request: read.pid, pfns });
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
 * The zone has told of itself: files of the system are made, but those about frames, for which the folios are asked for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'system' as const, name: 'sys/vm/swappiness' };
 * const read = newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * const frames = { anon: 0, file: 0, table: 0, kernel: 0, reserved: 0 };
 * const counts = { totalPages: 1, basePfn: 0, freePages: 1, freeBlocks: [1], frames, min: 0, low: 0, high: 0 };
 * zoneSeen(procfs, read, { type: 'ZONE_STATE', request: 1, ...counts }, () => {}).ends; // { value: 1 }
 * ```
 */
export function zoneSeen(
  context: ProcfsContext,
  before: ProcRead,
  event: MessageOf<'ZONE_STATE'>,
  send: Send,
): ProcfsContext {
  const read = { ...before, awaits: 0 };
  const { kernelPageBytes, policy } = context;
  const { name, scope } = read.path;
  const row = rowOf(scope, name);
  if (row === null) return ends(context, read, 'ENOENT', [], send);
  const verdict = verdictOf(row, relationOf(read.readerPageBytes, kernelPageBytes), policy);
  const zone: ZoneFacts = { ...event, kernelPageBytes };
  if (name === 'kpagecount' || name === 'kpageflags') {
    const first = read.offsetBytes / ENTRY_BYTES;
    const endPfn = Math.min(first + read.lengthBytes / ENTRY_BYTES, zone.basePfn + zone.totalPages);
    const pfns = Array.from({ length: Math.max(0, endPfn - first) }, (_, at) => first + at);
    if (pfns.length === 0) return ends(context, read, verdict, [], send);
    send('zone', { type: 'FOLIO_QUERY', sender: SENDER, request: read.pid, pfns });
    return waits(context, { ...read, pfns, awaits: 1 });
  }
  const text = systemText(name, zone, read.readerPageBytes);
  return text === null ? ends(context, read, 'ENOENT', [], send) : ends(context, read, verdict, textBytes(text), send);
}

function systemText(name: string, zone: ZoneFacts, readerPageBytes: number): string | null {
  switch (name) {
    case 'meminfo':
      return meminfoText(zone, pmdBytesOf(readerPageBytes));
    case 'vmstat':
      return vmstatText(zone, readerPageBytes);
    case 'buddyinfo':
      return buddyinfoText(zone, readerPageBytes);
    case 'zoneinfo':
      return zoneinfoText(zone, readerPageBytes);
    case 'sys/vm/min_free_kbytes':
      return `${(zone.min * zone.kernelPageBytes) / 1024}\n`;
    default:
      return settingText(name.slice('sys/vm/'.length), zone.kernelPageBytes);
  }
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
