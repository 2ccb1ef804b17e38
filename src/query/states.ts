/** The states that a query looks at: each is folded once, however often it is asked for between two events of its actor. */
import type { LogReader } from '../log/logReader.ts';
import { RecentlyUsed } from '../log/recentlyUsed.ts';
import type { LogRecord } from '../log/record.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import type { SnapshotPath } from '../timeline/snapshotPath.ts';
import type { SystemView } from '../timeline/systemView.ts';
import type { States } from './evaluate.ts';

/** Actors of which something is kept. */
const ACTORS_KEPT = 64;
/** Own events of an actor that are handled one by one rather than looked up. */
const STEPS_MOST = 16;

/** A snapshot, and the number of own events in the segment that led to it. */
interface Place {
  readonly segment: number;
  readonly count: number;
  readonly snapshot: ActorSnapshot;
}

/** What is kept of an actor: its events in one segment, where it was looked at last, and what was read there. */
interface Kept {
  segment: number;
  records: readonly LogRecord[];
  places: Place[];
  readonly values: Map<SnapshotPath, { readonly snapshot: ActorSnapshot; readonly value: unknown }[]>;
}

/**
 * Gives values out of the states of a log.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new LogStates(viewOf(reader, traces)).value('process:1', 0, new SnapshotPath('value.in-syscall')); // 'active'
 * ```
 */
export class LogStates implements States {
  readonly #view: SystemView;
  readonly #reader: LogReader;
  readonly #kept = new RecentlyUsed<string, Kept>(ACTORS_KEPT);

  constructor(view: SystemView) {
    this.#view = view;
    this.#reader = view.run.reader;
  }

  /** @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED */
  value(actor: string, seq: number, path: SnapshotPath): unknown {
    if (!this.#view.run.has(actor)) return undefined;
    const kept = this.#kept.get(actor, () => ({ segment: -1, records: [], places: [], values: new Map() }));
    const snapshot = this.#snapshot(kept, actor, seq);
    const read = kept.values.get(path) ?? [];
    const known = read.find((one) => path.isSame(one.snapshot, snapshot));
    if (known !== undefined) return known.value;
    const value = path.value(snapshot);
    // The state after an event and the one before it are asked for in turn.
    kept.values.set(path, [{ snapshot, value }, ...read.slice(0, 1)]);
    return value;
  }

  #snapshot(kept: Kept, actor: string, seq: number): ActorSnapshot {
    const segment = this.#reader.directory.segmentOf(seq);
    if (segment < 0) return this.#view.snapshot(actor, seq);
    if (segment !== kept.segment) {
      const { firstSeq, records } = this.#reader.directory.segments[segment];
      kept.segment = segment;
      kept.records = [...this.#reader.byActor(actor, firstSeq, firstSeq + records - 1)];
    }
    const count = countUpTo(kept.records, seq);
    const known = kept.places.find((place) => place.segment === segment && place.count === count);
    if (known !== undefined) return known.snapshot;
    const snapshot = this.#stepped(kept, count) ?? this.#view.snapshot(actor, seq);
    kept.places = [{ segment, count, snapshot }, ...kept.places.slice(0, 1)];
    return snapshot;
  }

  /** The snapshot handled on from where the actor was looked at last, when that is near. */
  #stepped(kept: Kept, count: number): ActorSnapshot | null {
    const from = kept.places.find(
      (place) => place.segment === kept.segment && place.count < count && count - place.count <= STEPS_MOST,
    );
    if (from === undefined) return null;
    let { snapshot } = from;
    for (const record of kept.records.slice(from.count, count)) {
      snapshot = this.#view.run.handle(snapshot, record).snapshot;
    }
    return snapshot;
  }
}

/** How many records of a list in order lie at or before a seq. */
function countUpTo(records: readonly LogRecord[], seq: number): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle].seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

const known = new WeakMap<SystemView, LogStates>();

/**
 * The states of a view, the same ones each time, so that what they keep is kept.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const view = viewOf(reader, traces);
 * statesOf(view) === statesOf(view); // true
 * ```
 */
export function statesOf(view: SystemView): LogStates {
  let states = known.get(view);
  if (states === undefined) known.set(view, (states = new LogStates(view)));
  return states;
}
