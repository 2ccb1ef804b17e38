/**
 * The controls of transparent huge pages at work: who reads a file is told what fits their page size, and a write is answered once every
 * mm obeys it.
 *
 * @models S-23 S-24
 */
import { settingsOf, type ThpControls } from '../../src/mm/thp/controls.ts';
import { type ControlReader, type ControlText, type CountsByOrder, readThp, writeThp } from '../../src/mm/thp/sysfs.ts';
import { mmOf } from '../addresses.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import type { KhugepagedContext } from './state.ts';

function readerOf({ kernelPageBytes, facility }: KhugepagedContext, pageBytes: number): ControlReader {
  return { pageBytes, kernelPageBytes, policy: facility.policy };
}

function answer(sender: string, request: number, read: ControlText, send: Send): void {
  const errno = 'errno' in read ? read.errno : 0;
  send(sender, { type: 'CONTROL_DONE', request, errno, text: 'text' in read ? read.text : '' });
}

/**
 * Reads a file; the counters of the sizes are the zone's.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { policy: 'translate' as const, collapseSize: 'process-pmd' as const, fullScans: 1, khugepaged: {} };
 * const khugepaged = initialKhugepaged({ resources, kernelPageBytes: 4096, pids: [1], facility });
 * const sent: { text: string }[] = [];
 * const event = { type: 'READ_CONTROL' as const, sender: 'abi', request: 1, path: 'hpage_pmd_size', pageBytes: 65536 };
 * readControl(khugepaged, event, (_to, message) => sent.push(message));
 * sent[0]?.text; // '536870912\n'
 * ```
 */
export function readControl(
  context: KhugepagedContext,
  event: MessageOf<'READ_CONTROL'>,
  send: Send,
): KhugepagedContext {
  const { sender, request, path, pageBytes } = event;
  const read = readThp(context.controls, path, readerOf(context, pageBytes));
  if ('errno' in read || !path.includes('/stats/')) {
    answer(sender, request, read, send);
    return context;
  }
  const number = context.nextRequest;
  send('zone', { type: 'MTHP_QUERY', sender: 'khugepaged', request: number });
  const reads = { ...context.reads, [number]: { sender, request, path, pageBytes } };
  return { ...context, nextRequest: number + 1, reads };
}

/**
 * The counters came: the read that waits for them is answered.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { policy: 'translate' as const, collapseSize: 'process-pmd' as const, fullScans: 1, khugepaged: {} };
 * const khugepaged = initialKhugepaged({ resources, kernelPageBytes: 4096, pids: [1], facility });
 * const reads = { 7: { sender: 'abi', request: 1, path: 'hugepages-64kB/stats/split', pageBytes: 4096 } };
 * const counts = { 4: { split: 3 } };
 * const sent: { text: string }[] = [];
 * countsKnown({ ...khugepaged, reads }, { type: 'MTHP_COUNTS', request: 7, counts }, (_to, message) => sent.push(message));
 * sent[0]?.text; // '3\n'
 * ```
 */
export function countsKnown(
  context: KhugepagedContext,
  event: MessageOf<'MTHP_COUNTS'>,
  send: Send,
): KhugepagedContext {
  const { [event.request]: waiting, ...reads } = context.reads;
  if (waiting === undefined) return context;
  const { sender, request, path, pageBytes } = waiting;
  const counts: CountsByOrder = event.counts;
  answer(sender, request, readThp(context.controls, path, readerOf(context, pageBytes), counts), send);
  return { ...context, reads };
}

/** Whether faults have to hear of a change. */
function changesFaults(before: ThpControls, after: ThpControls): boolean {
  return before.enabled !== after.enabled || before.sizes !== after.sizes || before.useZeroPage !== after.useZeroPage;
}

/**
 * Writes to a file.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { policy: 'translate' as const, collapseSize: 'process-pmd' as const, fullScans: 1, khugepaged: {} };
 * const khugepaged = initialKhugepaged({ resources, kernelPageBytes: 4096, pids: [1], facility });
 * const file = { sender: 'abi', request: 1, path: 'enabled', pageBytes: 4096 };
 * const sent: string[] = [];
 * const written = writeControl(khugepaged, { type: 'WRITE_CONTROL', ...file, text: 'always' }, (to) => sent.push(to));
 * [written.controls.enabled, sent]; // ['always', ['mm:1']]
 * ```
 */
export function writeControl(
  context: KhugepagedContext,
  event: MessageOf<'WRITE_CONTROL'>,
  send: Send,
): KhugepagedContext {
  const { sender, request, path, text, pageBytes } = event;
  const change = writeThp(context.controls, path, text, readerOf(context, pageBytes));
  if ('errno' in change) {
    answer(sender, request, change, send);
    return context;
  }
  const { controls } = change;
  const { pids, nextRequest: number } = context;
  if (pids.length === 0 || !changesFaults(context.controls, controls)) {
    answer(sender, request, { text: '' }, send);
    return { ...context, controls };
  }
  const settings = settingsOf(controls);
  const { useZeroPage } = controls;
  for (const pid of pids) send(mmOf(pid), { type: 'THP_SETTINGS', request: number, settings, useZeroPage });
  const writes = { ...context.writes, [number]: { sender, request, left: pids.length } };
  return { ...context, controls, nextRequest: number + 1, writes };
}

/**
 * One more mm obeys a write; with the last of them it is done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { policy: 'translate' as const, collapseSize: 'process-pmd' as const, fullScans: 1, khugepaged: {} };
 * const khugepaged = initialKhugepaged({ resources, kernelPageBytes: 4096, pids: [1], facility });
 * const writes = { 7: { sender: 'abi', request: 1, left: 1 } };
 * const sent: string[] = [];
 * settled({ ...khugepaged, writes }, { type: 'THP_SETTLED', request: 7 }, (to) => sent.push(to)).writes; // {}
 * sent; // ['abi']
 * ```
 */
export function settled(context: KhugepagedContext, event: MessageOf<'THP_SETTLED'>, send: Send): KhugepagedContext {
  const { [event.request]: waiting, ...writes } = context.writes;
  if (waiting === undefined) return context;
  if (waiting.left > 1) {
    return { ...context, writes: { ...writes, [event.request]: { ...waiting, left: waiting.left - 1 } } };
  }
  answer(waiting.sender, waiting.request, { text: '' }, send);
  return { ...context, writes };
}
