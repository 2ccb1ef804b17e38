/** Asks a query of a log: the events that it holds for, one after the other, in either direction. */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { SystemView } from '../timeline/systemView.ts';
import { type Decide, deciderOf, type Related } from './clauses.ts';
import { evaluator } from './evaluate.ts';
import { holds } from './globs.ts';
import type { Candidate } from './near.ts';
import { type CompiledQuery, scopeOf } from './query.ts';
import { EventSource, type Way } from './source.ts';
import { statesOf } from './states.ts';
import type { Clause } from './syntax.ts';

/** Candidates that are decided at a time: few at first, so that whoever wants one waits for few. */
const BATCH_LEAST = 16;
const BATCH_MOST = 1 << 14;

/** An event that a query holds for. */
export interface Hit {
  readonly seq: number;
  readonly record: LogRecord;
  /** The events before and after it that made it one, in the order of the query. */
  readonly with: readonly Related[];
}

/** Where to look, and for how many. */
export interface QueryOptions {
  /** First and last seq of the events themselves; those before and after that they are held to may lie outside. */
  readonly from?: number;
  readonly to?: number;
  readonly limit?: number;
  readonly backwards?: boolean;
}

/**
 * The events of a log that a query holds for. Events that its types and receivers rule out are not decoded where the index of the
 * log can tell; memory does not grow with the log, but for the events chosen by `last`, or by `first` backwards.
 *
 * @param view null where the states of the log cannot be had, or are not needed
 * @throws GranuleError TRACE_MISSING where the query needs states and there is no view; LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const query = compileQuery('SYSCALL preceded by START within 10 events');
 * [...runQuery(reader, null, query)][0]?.with[0]?.record.type; // 'START'
 * const changes = compileQuery("changed(state('process:1').value)");
 * [...runQuery(reader, viewOf(reader, traces), changes, { backwards: true, limit: 1 })][0]?.record.to; // 'process:1'
 * ```
 */
export function* runQuery(
  reader: LogReader,
  view: SystemView | null,
  query: CompiledQuery,
  options: QueryOptions = {},
): Generator<Hit, void, undefined> {
  const { from = reader.firstSeq, to = reader.lastSeq, limit = Number.POSITIVE_INFINITY, backwards = false } = options;
  let left = limit;
  if (left <= 0) return;
  for (const hit of chosen(reader, view, query, { from, to, isBackwards: backwards })) {
    yield hit;
    left -= 1;
    if (left <= 0) return;
  }
}

/** The hits that are chosen: first, last and nth are counted in the order of the log, whichever way one goes. */
function* chosen(
  reader: LogReader,
  view: SystemView | null,
  query: CompiledQuery,
  way: Way,
): Generator<Hit, void, undefined> {
  const { selection } = query.query;
  const all = (isBackwards: boolean): Generator<Hit> => hits(reader, view, query, { ...way, isBackwards });
  if (selection === null) {
    yield* all(way.isBackwards);
    return;
  }
  const { kind, count } = selection;
  const countsBackwards = kind === 'last';
  const found = taken(all(countsBackwards), count, kind === 'nth' ? count - 1 : 0);
  if (countsBackwards === way.isBackwards) yield* found;
  else yield* [...found].reverse();
}

/** Up to `count` of a row, without the first few. */
function* taken(found: Iterable<Hit>, count: number, skipped: number): Generator<Hit, void, undefined> {
  let place = 0;
  for (const hit of found) {
    place += 1;
    if (place > skipped) yield hit;
    if (place >= count) return;
  }
}

/** A clause, made ready. */
interface ReadyClause {
  readonly clause: Clause;
  readonly decide: Decide;
}

function* hits(
  reader: LogReader,
  view: SystemView | null,
  { query, pins }: CompiledQuery,
  way: Way,
): Generator<Hit, void, undefined> {
  const ground = { reader, view, isBackwards: way.isBackwards };
  const ready = query.clauses.map((clause) => ({ clause, decide: deciderOf(clause, ground) }));
  const condition = evaluator(query.main.condition);
  const states = view === null ? null : statesOf(view);
  let batch: LogRecord[] = [];
  let size = BATCH_LEAST;
  for (const record of new EventSource(reader, pins).events(way)) {
    if (!holds(condition(scopeOf(record, states)))) continue;
    if (ready.length === 0) {
      yield { seq: record.seq, record, with: [] };
      continue;
    }
    batch.push(record);
    if (batch.length < size) continue;
    yield* decided(batch, query.main.index, ready);
    batch = [];
    size = Math.min(size * 2, BATCH_MOST);
  }
  yield* decided(batch, query.main.index, ready);
}

/** Those of some events for which all clauses hold. */
function decided(records: readonly LogRecord[], index: number, ready: readonly ReadyClause[]): Hit[] {
  let left = records.map((record) => {
    const named: (LogRecord | undefined)[] = [];
    named[index] = record;
    return { candidate: { record, named }, found: [] as readonly Related[] };
  });
  for (const { clause, decide } of ready) {
    const results = decide(left.map(({ candidate }) => candidate));
    left = left.flatMap(({ candidate, found }, at) => {
      const related = results[at] ?? null;
      if (related === null) return [];
      return [{ candidate: withNames(candidate, clause, related), found: [...found, ...related] }];
    });
  }
  return left.map(({ candidate: { record }, found }) => ({ seq: record.seq, record, with: found }));
}

function withNames({ record, named }: Candidate, clause: Clause, related: readonly Related[]) {
  const more = [...named];
  if (related[0] !== undefined) more[clause.first.index] = related[0].record;
  if (related[1] !== undefined && clause.second !== null) more[clause.second.index] = related[1].record;
  return { record, named: more };
}
