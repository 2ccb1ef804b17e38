/** Metrics of the whole system: sums over the states of its actors at a moment, and the moments at which they are cheap to have. */
import { kindOf } from '../../machines/index.ts';
import type { LogReader } from '../log/logReader.ts';
import type { Fragmentation } from '../mm/buddy.ts';
import type { PageTableReader } from '../mm/pageTableReader.ts';
import { pgtablesBytes } from '../mm/tableBytes.ts';
import type { SystemView } from '../timeline/systemView.ts';
import { METRICS } from './metricTable.ts';

/** Moments that a log of this many events is sampled at evenly; in longer ones only at checkpoints, where states lie ready. */
const EVENLY_MOST = 100_000;

/**
 * Seqs along a stretch at which sampling is cheap, some `count` of them.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * cheapSeqs(reader, { from: 0, to: 10, count: 3 }); // [ 0, 5, 10 ]
 * ```
 */
export function cheapSeqs(
  reader: LogReader,
  { from, to, count }: { readonly from: number; readonly to: number; readonly count: number },
): number[] {
  const first = Math.max(from, reader.firstSeq);
  const last = Math.min(to, reader.lastSeq);
  if (last < first) return [];
  const wanted = Array.from(
    { length: count },
    (_, at) => first + Math.round(((last - first) * at) / Math.max(1, count - 1)),
  );
  const isLong = last - first > EVENLY_MOST;
  const checkpoints = reader.checkpoints();
  const cheap = wanted.map((seq) => {
    const index = reader.directory.checkpointAt(seq);
    return isLong && seq !== last ? (checkpoints[index]?.seq ?? seq) : seq;
  });
  return [...new Set(cheap)].filter((seq) => seq >= first);
}

interface Fields {
  readonly [name: string]: unknown;
}

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === 'number' ? value : 0;
}

/** Adds what one actor has of each metric. A stand-in that keeps no such field adds nothing. */
function addActor(kind: string, context: Fields, into: number[]): void {
  const add = (id: string, value: number): void => {
    const at = METRICS.findIndex((metric) => metric.id === id);
    into[at] = (into[at] ?? 0) + value;
  };
  if (kind === 'mm') {
    add('faults', numberOf(context, 'minorFaults') + numberOf(context, 'majorFaults'));
    add('resident', numberOf(context, 'rssAnonPages') + numberOf(context, 'rssFilePages'));
  } else if (kind === 'mmu') {
    add('walks', numberOf(context, 'walks'));
    add('tlbi', numberOf(context, 'tlbiInstructions'));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tables of an MMU; a stand-in may have none
    const { linux, native } = context as { linux?: PageTableReader; native?: PageTableReader | null };
    if (linux !== undefined) add('linuxTables', pgtablesBytes(linux));
    if (native !== undefined && native !== null) add('nativeTables', pgtablesBytes(native));
  } else if (kind === 'file') {
    add('dropped', numberOf(context, 'droppedPages'));
    add('reread', numberOf(context, 'rereadPages'));
  } else if (kind === 'zone') {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the allocator of a zone; a stand-in may have another
    const buddy = context['buddy'] as
      | { freeFrames: number; fragmentation: (order: number) => Fragmentation }
      | undefined;
    if (typeof buddy?.fragmentation !== 'function') return;
    add('free', buddy.freeFrames);
    add('unusable4', buddy.fragmentation(4).unusable);
    add('unusable9', buddy.fragmentation(9).unusable);
  }
}

/** Kinds that have a part in a metric. */
const MEASURED = new Set(['mm', 'mmu', 'file', 'zone']);

/**
 * The value of each of `METRICS` after an event.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * systemMetrics(viewOf(reader, traces), ['mm:1'], reader.lastSeq).length === METRICS.length; // true
 * ```
 */
export function systemMetrics(view: SystemView, actors: readonly string[], seq: number): number[] {
  const sums = METRICS.map(() => 0);
  for (const id of actors) {
    const kind = kindOf(id);
    if (kind === null || !MEASURED.has(kind)) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
    addActor(kind, view.snapshot(id, seq).context as Fields, sums);
  }
  return sums;
}
