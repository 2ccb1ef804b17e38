/** Dividing the actors of a log over workers. */
import { kindOf } from '../../machines/index.ts';
import type { LogReader } from '../log/logReader.ts';
import { openMeta } from '../topology/meta.ts';
import { REFERENCES_PER_EVENT } from '../topology/checkpointer.ts';

/** What an event of a TLB costs beside one of another actor: it goes on to its next miss, and holds its copies against a journal. */
const TLB_EVENT_COST = 1.35;
/** What holding a record of any share against the loop costs the thread that has the first share beside it. */
const HOLDING_COST = 0.08;
/** Actors of a share, the dearest ones, that are exchanged for others: among many, the cheap ones even things out by themselves. */
const EXCHANGED = 32;

interface Costed {
  readonly actor: string;
  readonly cost: number;
}

/** A share while it is put together. */
interface Taken {
  /** The dearest first. */
  readonly actors: Costed[];
  cost: number;
}

/**
 * Divides actors so that each share costs about as much as the others to fold: the dearest first, each to the share that has
 * least so far; where some are so dear that this leaves a difference, two of them are exchanged. An event is the unit; the
 * references of the traces come on top for the TLBs that work through them, each by its part of the TLBs' events. Who has the
 * first of several shares holds all of them together as well, and gets less to fold for it.
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
    const perEvent = isTlb(actor) ? TLB_EVENT_COST + referencesPerEvent / REFERENCES_PER_EVENT : 1;
    return { actor, cost: (events.get(actor) ?? 0) * perEvent };
  });
  costs.sort((left, right) => right.cost - left.cost || (left.actor < right.actor ? -1 : 1));
  const taken = Array.from({ length: shares }, (): Taken => ({ actors: [], cost: 0 }));
  if (shares > 1) taken[0].cost = reader.records * HOLDING_COST;
  for (const costed of costs) {
    const least = taken.reduce((best, share) => (share.cost < best.cost ? share : best));
    least.actors.push(costed);
    least.cost += costed.cost;
  }
  for (let round = 0; round < shares * EXCHANGED && exchanged(taken); round++);
  return taken.map((share) => share.actors.map(({ actor }) => actor));
}

/** Exchanges an actor of the dearest share for one of the cheapest that brings them nearest; whether there was one. */
function exchanged(shares: readonly Taken[]): boolean {
  const [cheapest, ...others] = [...shares].sort((left, right) => left.cost - right.cost);
  const dearest = others.at(-1);
  if (dearest === undefined) return false;
  let gap = dearest.cost - cheapest.cost;
  let best: { readonly given: number; readonly got: number; readonly less: number } | null = null;
  for (const [given, dear] of dearest.actors.slice(0, EXCHANGED).entries()) {
    for (const [got, cheap] of cheapest.actors.slice(0, EXCHANGED).entries()) {
      const less = dear.cost - cheap.cost;
      if (less <= 0 || Math.abs(dearest.cost - cheapest.cost - 2 * less) >= gap) continue;
      gap = Math.abs(dearest.cost - cheapest.cost - 2 * less);
      best = { given, got, less };
    }
  }
  if (best === null) return false;
  const { given, got, less } = best;
  [dearest.actors[given], cheapest.actors[got]] = [cheapest.actors[got], dearest.actors[given]];
  dearest.cost -= less;
  cheapest.cost += less;
  return true;
}
