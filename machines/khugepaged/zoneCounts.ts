/**
 * The counters of the sizes of transparent huge pages, as sysfs names them (`include/linux/huge_mm.h:mthp_stat_item`).
 *
 * @models S-23
 */
import type { Message } from '../messages.ts';
import { assertType, type Send } from '../support.ts';
import type { ZoneContext } from '../zone.ts';

/** Past the last frame that there can be. */
const FRAMES_END = 2 ** 40;

/**
 * Answers MTHP_QUERY. What is counted by order is counted for pages of the kernel: the single pages of a 64K process are folios of order
 * 4, so the counters of 64kB rise with its faults though no one asked for large folios.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const mthp = { 4: { anonFaultAlloc: 2, anonFaultFallback: 0, split: 1, splitFailed: 0, splitDeferred: 0 } };
 * const sent: unknown[] = [];
 * mthpCounts({ ...zone, mthp }, { type: 'MTHP_QUERY', sender: 'khugepaged', request: 1 }, (_to, message) => sent.push(message));
 * sent[0].counts[4].anon_fault_alloc; // 2
 * ```
 */
export function mthpCounts(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'MTHP_QUERY');
  const counts: Record<number, Record<string, number>> = {};
  for (const [order, held] of Object.entries(context.mthp)) {
    counts[Number(order)] = {
      anon_fault_alloc: held.anonFaultAlloc,
      anon_fault_fallback: held.anonFaultFallback,
      split: held.split,
      split_failed: held.splitFailed,
      split_deferred: held.splitDeferred,
    };
  }
  context.folios.forEach(0, FRAMES_END, ({ order, kind, large }) => {
    if (kind !== 'anon' || order === 0) return;
    const held = (counts[order] ??= {});
    held['nr_anon'] = (held['nr_anon'] ?? 0) + 1;
    if (large?.partlyMapped === true) held['nr_anon_partially_mapped'] = (held['nr_anon_partially_mapped'] ?? 0) + 1;
  });
  send(event.sender, { type: 'MTHP_COUNTS', request: event.request, counts });
  return context;
}
