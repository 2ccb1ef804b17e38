/** Looks for the next event, in either direction, at which a condition holds; stops now and then so that it can be stopped. */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { CompiledQuery } from '../query/query.ts';
import { type Hit, runQuery } from '../query/run.ts';
import { EventSource } from '../query/source.ts';
import { statesOf } from '../query/states.ts';
import type { SystemView } from '../timeline/systemView.ts';

/** Events that are looked at between two places where one may stop. */
const EVENTS_BETWEEN = 256;
/** Events of the first window, and of the largest: conditions are looked for in one window after the other. */
const WINDOW_LEAST = 1 << 10;
const WINDOW_MOST = 1 << 17;

/** A log, and its states where they can be had. */
export interface Ground {
  readonly reader: LogReader;
  readonly view: SystemView | null;
}

/** A stretch of a log, and the direction through it. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly isBackwards: boolean;
}

/** Null where one may stop; else what was found. */
export type Looking<T> = Generator<T | null, void, undefined>;

const sources = new WeakMap<CompiledQuery, EventSource>();

/** One source for each condition: it keeps the events of the segments that were looked at last. */
function sourceOf(reader: LogReader, query: CompiledQuery): EventSource {
  let source = sources.get(query);
  if (source === undefined) sources.set(query, (source = new EventSource(reader, query.pins)));
  return source;
}

/**
 * The events of a stretch that a query holds for, in the direction asked for. A query with `first`, `last` or `nth` is asked of the
 * whole log in one piece.
 *
 * @throws GranuleError TRACE_MISSING where the query needs states and there is no view; LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const { log } = run(defineTopology({ name: 'one', processes: [process] }));
 * const stretch = { from: 0, to: log.lastSeq, isBackwards: true };
 * const found = [...hitsIn({ reader: log, view: null }, compileQuery('START'), stretch)];
 * found.find((hit) => hit !== null)?.seq; // 0
 * ```
 */
export function* hitsIn(ground: Ground, query: CompiledQuery, stretch: Stretch): Looking<Hit> {
  const { reader, view } = ground;
  if (query.query.selection !== null) {
    const { from, to, isBackwards } = stretch;
    yield* runQuery(reader, view, query, { from, to, backwards: isBackwards });
    return;
  }
  for (const window of windowsOf(stretch)) {
    yield* inWindow(ground, query, window);
    yield null;
  }
}

function* inWindow({ reader, view }: Ground, query: CompiledQuery, window: Stretch): Looking<Hit> {
  if (!query.isOneEvent) {
    const { from, to, isBackwards } = window;
    yield* runQuery(reader, view, query, { from, to, backwards: isBackwards });
    return;
  }
  const states = view === null ? null : statesOf(view);
  let looked = 0;
  for (const record of sourceOf(reader, query).events(window)) {
    if (query.matches(record, states)) yield { seq: record.seq, record, with: [] };
    else if (++looked % EVENTS_BETWEEN === 0) yield null;
  }
}

/**
 * The windows of a stretch: small ones first, since what is looked for is mostly near.
 *
 * @example
 * ```ts
 * [...windowsOf({ from: 0, to: 2000, isBackwards: true })].map(({ from }) => from); // [977, 0]
 * ```
 */
export function* windowsOf({ from, to, isBackwards }: Stretch): Generator<Stretch, void, undefined> {
  let size = WINDOW_LEAST;
  for (let passed = 0; passed <= to - from; size = Math.min(size * 2, WINDOW_MOST)) {
    const last = Math.min(passed + size - 1, to - from);
    yield isBackwards
      ? { from: to - last, to: to - passed, isBackwards }
      : { from: from + passed, to: from + last, isBackwards };
    passed = last + 1;
  }
}

/** Conditions of which one stops a move, and the event at which some of them do. */
export interface Stop<T> {
  readonly record: LogRecord;
  /** All that hold at that event. */
  readonly by: readonly T[];
}

/**
 * The nearest event of a stretch at which one of some conditions holds.
 *
 * @throws GranuleError as {@link hitsIn}
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const { log } = run(defineTopology({ name: 'one', processes: [process] }));
 * const conditions = ['FAULT', 'START'].map((text) => ({ query: compileQuery(text) }));
 * const stretch = { from: 0, to: log.lastSeq, isBackwards: false };
 * [...nearest({ reader: log, view: null }, conditions, stretch)].at(-1)?.record.type; // 'START'
 * ```
 */
export function* nearest<T extends { readonly query: CompiledQuery }>(
  ground: Ground,
  conditions: readonly T[],
  stretch: Stretch,
): Looking<Stop<T>> {
  for (const window of windowsOf(stretch)) {
    let best: LogRecord | null = null;
    let by: T[] = [];
    for (const condition of conditions) {
      for (const hit of inWindow(ground, condition.query, narrowed(window, best))) {
        if (hit === null) {
          yield null;
          continue;
        }
        if (hit.seq === best?.seq) by.push(condition);
        else [best, by] = [hit.record, [condition]];
        break;
      }
    }
    if (best !== null) {
      yield { record: best, by };
      return;
    }
    yield null;
  }
}

/** What is left of a window once something was found in it: only what is as near can still count. */
function narrowed(window: Stretch, best: LogRecord | null): Stretch {
  if (best === null) return window;
  return window.isBackwards ? { ...window, from: best.seq } : { ...window, to: best.seq };
}
