/** Dividing the actors of a log over workers. */
import { kindOf } from '../../machines/index.ts';
import type { LogReader } from '../log/logReader.ts';
import { openMeta } from '../topology/meta.ts';
import { REFERENCES_PER_EVENT } from '../topology/checkpointer.ts';

/**
 * Divides actors so that each share costs about as much as the others to fold: the dearest first, each to the share that has
 * least so far. An event is the unit; the references of the traces come on top for the TLBs that work through them, each by
 * its part of the TLBs' events.
 *
 * @returns the ids of each share; some are empty when there are more shares than actors
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * sharesOf(reader, ['mm:1', 'disk', 'zone'], 3).map((share) => share.length); // [1, 1, 1]
 * ```
 */
export function sharesOf(reader: LogReader, actors: readonly string[], shares: number): string[][] {
  const events = new Map(reader.actors().map(({ id, count }) => [id, count]));
  const isTlb = (actor: string): boolean => kindOf(actor) === 'tlb';
  const references = openMeta(reader.meta).traces.reduce((sum, trace) => sum + trace.references, 0);
  const tlbEvents = actors.filter(isTlb).reduce((sum, actor) => sum + (events.get(actor) ?? 0), 0);
  const referencesPerEvent = tlbEvents === 0 ? 0 : references / tlbEvents;
  const costs = actors.map((actor) => {
    const perEvent = isTlb(actor) ? 1 + referencesPerEvent / REFERENCES_PER_EVENT : 1;
    return { actor, cost: (events.get(actor) ?? 0) * perEvent };
  });
  costs.sort((left, right) => right.cost - left.cost || (left.actor < right.actor ? -1 : 1));
  const taken = Array.from({ length: shares }, () => ({ actors: [] as string[], cost: 0 }));
  for (const { actor, cost } of costs) {
    const least = taken.reduce((best, share) => (share.cost < best.cost ? share : best));
    least.actors.push(actor);
    least.cost += cost;
  }
  return taken.map((share) => share.actors);
}
