/**
 * The scan of khugepaged, step by step: the areas of a process, the entries of a huge page, their folios; then a folio for it, and the
 * request to its mm. Sources: mm/khugepaged.c:khugepaged_do_scan, khugepaged_scan_mm_slot, hpage_collapse_scan_pmd.
 *
 * @models S-34 S-17
 */
import { limitsFor, type ScanResult, scanPmd } from '../../src/mm/thp/collapse.ts';
import { settingsOf } from '../../src/mm/thp/controls.ts';
import { hugePagesToScan } from '../../src/mm/thp/eligible.ts';
import { collapseBytes } from '../../src/mm/thp/facility.ts';
import { pmdPagesOf } from '../../src/mm/thp/sizes.ts';
import { zeroFrame } from '../zone.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message } from '../messages.ts';
import { assertType, type Send, ZERO_BYTES } from '../support.ts';
import { folioLookup, framesToLookUp } from './mmCollapse.ts';
import type { KhugepagedContext, ScanAt } from './state.ts';

const SELF = 'khugepaged';

/** Sleeps; the bell is a message to itself. A rest of nothing still gives the CPU up. */
function sleep(context: KhugepagedContext, milliseconds: number, send: Send): KhugepagedContext {
  const { cyclesPerSecond, contextSwitch } = context.resources.costs;
  const cycles = Math.max(contextSwitch, Math.floor((milliseconds * cyclesPerSecond) / 1000));
  send(SELF, { type: 'KHUGEPAGED_WAKE' }, cycles);
  return { ...context, phase: 'asleep', progressPages: 0, at: null };
}

/** All processes have been gone through. */
function endRound(context: KhugepagedContext, send: Send): KhugepagedContext {
  const { controls, pids, alive, facility } = context;
  const fullScans = controls.khugepaged.fullScans + 1;
  const state = { ...context, cursor: 0, controls: { ...controls, khugepaged: { ...controls.khugepaged, fullScans } } };
  // Nobody is left who could come to have memory, or the run is to have its end.
  const ended = fullScans >= facility.fullScans || (pids.length > 0 && pids.every((pid) => alive.includes(-pid)));
  if (ended) return { ...state, phase: 'ended', at: null };
  return sleep(state, controls.khugepaged.scanSleepMilliseconds, send);
}

function ask(
  context: KhugepagedContext,
  phase: KhugepagedContext['phase'],
  to: string,
  message: (request: number) => Message,
  send: Send,
  delayCycles = 0,
): KhugepagedContext {
  send(to, message(context.nextRequest), delayCycles);
  return { ...context, phase, nextRequest: context.nextRequest + 1 };
}

function hugeBytesOf({ facility, kernelPageBytes }: KhugepagedContext, pageBytes: number): number {
  return collapseBytes(facility.collapseSize, pageBytes, kernelPageBytes);
}

/**
 * Goes on with the scan: the next huge page, the next process, or a rest.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { policy: 'translate' as const, collapseSize: 'process-pmd' as const, fullScans: 1, khugepaged: {} };
 * const khugepaged = initialKhugepaged({ resources, kernelPageBytes: 4096, pids: [1], facility });
 * goOn(khugepaged, () => {}).phase; // 'querying'
 * ```
 */
export function goOn(context: KhugepagedContext, send: Send): KhugepagedContext {
  const { controls, left, pids, cursor, pageBytes } = context;
  if (context.progressPages >= controls.khugepaged.pagesToScan) {
    return sleep(context, controls.khugepaged.scanSleepMilliseconds, send);
  }
  const [startVa, ...rest] = left;
  const pid = pids[startVa === undefined ? cursor : cursor - 1];
  if (pid === undefined) return endRound(context, send);
  const sender = SELF;
  if (startVa === undefined) {
    const query = (request: number): Message => ({ type: 'MM_QUERY', sender, request });
    return ask({ ...context, cursor: cursor + 1 }, 'querying', mmOf(pid), query, send);
  }
  const endVa = startVa + hugeBytesOf(context, pageBytes);
  const at: ScanAt = { pid, startVa, pageBytes, runs: [], pfn: null };
  const walk = (request: number): Message => ({ type: 'PAGEWALK', sender, request, startVa, endVa });
  return ask({ ...context, left: rest, at }, 'walking', mmuOf(pid), walk, send);
}

/** The huge page under way is done with. */
function ended(context: KhugepagedContext, result: ScanResult, send: Send): KhugepagedContext {
  const { at, kernelPageBytes, controls } = context;
  const pages = hugeBytesOf(context, at?.pageBytes ?? kernelPageBytes) / kernelPageBytes;
  const { khugepaged } = controls;
  const pagesCollapsed = khugepaged.pagesCollapsed + Number(result === 'succeed');
  const state: KhugepagedContext = {
    ...context,
    at: null,
    controls: { ...controls, khugepaged: { ...khugepaged, pagesCollapsed } },
    results: { ...context.results, [result]: (context.results[result] ?? 0) + 1 },
    progressPages: context.progressPages + pages,
    scannedPages: context.scannedPages + pages,
  };
  // khugepaged_alloc_sleep: memory is short, it waits for some.
  if (result === 'no-huge-page') return sleep(state, khugepaged.allocSleepMilliseconds, send);
  return goOn(state, send);
}

/** The areas of the process came: its huge pages are gone through. An mm that was alive and is empty has exited. */
function areasKnown(context: KhugepagedContext, event: Message, send: Send): KhugepagedContext {
  assertType(event, 'MM_STATE');
  const { pid, pageBytes, vmas } = event.state;
  const { alive } = context;
  if (pageBytes === 0) {
    const gone = alive.includes(pid) ? alive.map((other) => (other === pid ? -pid : other)) : alive;
    return goOn({ ...context, alive: gone, left: [] }, send);
  }
  const left = hugePagesToScan(vmas, settingsOf(context.controls), hugeBytesOf(context, pageBytes));
  return goOn({ ...context, alive: alive.includes(pid) ? alive : [...alive, pid], left, pageBytes }, send);
}

function walked(context: KhugepagedContext, event: Message, send: Send): KhugepagedContext {
  assertType(event, 'WALKED');
  const { at, kernelPageBytes } = context;
  if (at === null || event.runs.length === 0) return ended(context, 'pmd-none', send);
  const { runs } = event;
  const pfns = framesToLookUp(runs, at.pageBytes, kernelPageBytes);
  const delay = context.resources.costs.scanPage * pfns.length;
  const query = (request: number): Message => ({ type: 'FOLIO_QUERY', sender: SELF, request, pfns });
  return ask({ ...context, at: { ...at, runs } }, 'looking', 'zone', query, send, delay);
}

/** The limits for the huge page under way. */
function limitsOf(context: KhugepagedContext, at: ScanAt) {
  const { controls, kernelPageBytes } = context;
  const hugePages = hugeBytesOf(context, at.pageBytes) / at.pageBytes;
  return limitsFor(controls.khugepaged, pmdPagesOf(kernelPageBytes), hugePages);
}

function foliosKnown(context: KhugepagedContext, event: Message, send: Send): KhugepagedContext {
  assertType(event, 'FOLIOS');
  const { at, kernelPageBytes } = context;
  if (at === null) return goOn(context, send);
  const { startVa, pageBytes, runs } = at;
  const hugeBytes = hugeBytesOf(context, pageBytes);
  const zero = zeroFrame(kernelPageBytes);
  const isZero = (pfn: number): boolean => pfn >= zero && pfn < zero + ZERO_BYTES / kernelPageBytes;
  const folioOf = folioLookup(event.folios);
  // The huge zero page is memory of the kernel too.
  const isNothing = (pfn: number): boolean => isZero(pfn) || folioOf(pfn)?.kind === 'reserved';
  const sizes = { startVa, hugeBytes, pageBytes, kernelPageBytes, runs, folioOf, isZero: isNothing };
  const { result } = scanPmd({ ...sizes, limits: limitsOf(context, at), uffdArmed: false });
  if (result !== 'succeed') return ended(context, result, send);
  const orderPages = Math.log2(hugeBytes / kernelPageBytes);
  const leastOrder = Math.log2(pageBytes / kernelPageBytes);
  const wish = { orderPages, leastOrder, count: 1, purpose: 'anon' as const, zero: false };
  const alloc = (request: number): Message => ({ type: 'ALLOC', sender: SELF, request, ...wish });
  return ask(context, 'allocating', 'zone', alloc, send);
}

function allocated(context: KhugepagedContext, event: Message, send: Send): KhugepagedContext {
  if (event.type === 'NO_MEMORY') return ended(context, 'no-huge-page', send);
  assertType(event, 'FRAMES');
  const { at } = context;
  if (at === null) return goOn(context, send);
  const [pfn] = event.pfns;
  const { startVa } = at;
  const wish = { startVa, hugeBytes: hugeBytesOf(context, at.pageBytes), pfn, limits: limitsOf(context, at) };
  const collapse = (request: number): Message => ({ type: 'COLLAPSE', sender: SELF, request, ...wish });
  return ask({ ...context, at: { ...at, pfn } }, 'collapsing', mmOf(at.pid), collapse, send);
}

function collapsed(context: KhugepagedContext, event: Message, send: Send): KhugepagedContext {
  assertType(event, 'COLLAPSED');
  const { at, kernelPageBytes } = context;
  if (event.result !== 'succeed' && at !== null && at.pfn !== null) {
    const nr = hugeBytesOf(context, at.pageBytes) / kernelPageBytes;
    send('zone', { type: 'PUT', runs: [{ pfn: at.pfn, nr }] });
  }
  return ended(context, event.result, send);
}

/** What each answer does in the phase that waits for it. */
export const scanSteps = { areasKnown, walked, foliosKnown, allocated, collapsed };
