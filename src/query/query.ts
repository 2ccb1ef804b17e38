/** A query, ready to be asked: of one event by breakpoints and watches, of a log by `runQuery`. */
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { QueryNames } from './cursor.ts';
import { type Evaluate, evaluator, type Scope, type States } from './evaluate.ts';
import { looksAtState } from './expression.ts';
import { holds } from './globs.ts';
import { queryLooksAtState, readOnly, readQuery } from './pattern.ts';
import { type Pins, pinsOf } from './pins.ts';
import type { Query } from './syntax.ts';

/** A query that was read and made ready. */
export interface CompiledQuery {
  readonly text: string;
  /** True where one event decides, with the states around it: no other event, no choice and no count is in it. */
  readonly isOneEvent: boolean;
  /** True where states of actors are looked at. */
  readonly needsState: boolean;
  /** Types and receivers that an event must have. */
  readonly pins: Pins;
  /**
   * Whether an event satisfies the condition, that on the event itself where the query has more. The same forwards and backwards.
   *
   * @param states needed where `needsState`; `statesOf(view)` gives them
   * @throws GranuleError TRACE_MISSING where states are needed and none are given
   */
  matches(record: LogRecord, states?: States | null): boolean;
  /** What was read, for `runQuery`. */
  readonly query: Query;
}

/**
 * Reads a query and makes it ready.
 *
 * @param names types and actors that there are, as `namesOf` gives them: others are refused, with those that may have been meant
 * @throws GranuleError QUERY_INVALID with the column of what is wrong
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: 2, type: 'FAULT', payload: { va: 0x5000 } };
 * compileQuery("FAULT && to == 'mm:*' && payload.va in 0x4000..0x8000").matches(record); // true
 * compileQuery('FAULT preceded by FRAMES').isOneEvent; // false
 * compileQuery('FUALT', { types: ['FAULT', 'FRAMES'] }); // throws QUERY_INVALID
 * ```
 */
export function compileQuery(text: string, names: QueryNames = {}): CompiledQuery {
  const query = readQuery(text, names);
  const condition = evaluator(query.main.condition);
  return {
    text,
    isOneEvent: query.clauses.length === 0 && query.selection === null && query.countBy === null,
    needsState: queryLooksAtState(query),
    pins: pinsOf(query.main.condition),
    matches: (record, states = null) => holds(condition(scopeOf(record, states))),
    query,
  };
}

/**
 * What a condition is asked of: one event, with the states around it and those events that have names.
 *
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: 2, type: 'FAULT', payload: { va: 0x5000 } };
 * scopeOf(record, null).isBefore; // false
 * ```
 */
export function scopeOf(record: LogRecord, states: States | null, named: Scope['named'] = []): Scope {
  return { record, named, states, isBefore: false };
}

/** A value of one event, ready to be asked for. */
export interface CompiledValue {
  readonly text: string;
  readonly needsState: boolean;
  /** @throws GranuleError TRACE_MISSING where states are needed and none are given */
  value(record: LogRecord, states?: States | null): unknown;
}

/**
 * Reads a value, in the words of queries: a field of the event, of a state, or what is reckoned from them.
 *
 * @throws GranuleError QUERY_INVALID with the column of what is wrong
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: 2, type: 'FAULT', payload: { va: 0x5000 } };
 * compileValue('payload.va % 64K').value(record); // 20480
 * ```
 */
export function compileValue(text: string, names: QueryNames = {}): CompiledValue {
  const expr = readOnly(text, names);
  const evaluate: Evaluate = evaluator(expr);
  return {
    text,
    needsState: looksAtState(expr),
    value: (record, states = null) => evaluate(scopeOf(record, states)),
  };
}

/**
 * The names that queries on a log may use: its messages and those that its definitions know, and its actors.
 *
 * @param actors all actors of the system, where they are known; those that received something otherwise
 * @example
 * ```ts
 * const storage = memoryStorage();
 * new LogWriter(storage, noCompression, {}).close();
 * [...(namesOf(LogReader.open(storage, noCompression)).actors ?? [])]; // []
 * ```
 */
export function namesOf(reader: LogReader, actors?: readonly string[]): QueryNames {
  return {
    types: [...reader.types().map(({ id }) => id), ...Object.keys(reader.registry)],
    actors: actors ?? reader.actors().map(({ id }) => id),
  };
}

/**
 * Refuses a query for a breakpoint or a watch that asks for more than one event.
 *
 * @throws GranuleError QUERY_INVALID
 * @example
 * ```ts
 * oneEvent(compileQuery('FAULT')).isOneEvent; // true
 * oneEvent(compileQuery('first FAULT')); // throws QUERY_INVALID
 * ```
 */
export function oneEvent(query: CompiledQuery): CompiledQuery {
  if (query.isOneEvent) return query;
  throw new GranuleError('QUERY_INVALID', 'one event cannot decide this: it asks for others, or counts', query.text);
}
