/** How many events a query holds for, by what they have in common. */
import type { LogReader } from '../log/logReader.ts';
import type { SystemView } from '../timeline/systemView.ts';
import { evaluator } from './evaluate.ts';
import { dotted } from './globs.ts';
import { type CompiledQuery, scopeOf } from './query.ts';
import { type Hit, type QueryOptions, runQuery } from './run.ts';
import { statesOf } from './states.ts';

/** So many events have these values; a value that is not there is null. */
export interface Count {
  readonly by: readonly { readonly name: string; readonly value: unknown }[];
  readonly count: number;
}

/**
 * The events of a `count` query, counted by its fields: the most frequent values first. Other queries are counted as one. Memory
 * grows with the values that there are, not with the events.
 *
 * @throws GranuleError what `runQuery` throws
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * countHits(reader, null, compileQuery('count START by to')); // [{ by: [{ name: 'to', value: 'process:1' }], count: 1 }]
 * ```
 */
export function countHits(
  reader: LogReader,
  view: SystemView | null,
  query: CompiledQuery,
  options: QueryOptions = {},
): Count[] {
  const by = (query.query.countBy ?? []).map(({ text, value }) => ({ name: text, evaluate: evaluator(value) }));
  const states = view === null ? null : statesOf(view);
  const counts = new Map<string, { values: unknown[]; count: number }>();
  if (by.length === 0) counts.set('[]', { values: [], count: 0 });
  for (const hit of runQuery(reader, view, query, options)) {
    const scope = scopeOf(hit.record, states, namedOf(query, hit));
    const values = by.map(({ evaluate }) => dotted(evaluate(scope)) ?? null);
    const key = JSON.stringify(values);
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { values, count: 1 });
    else known.count += 1;
  }
  return [...counts]
    .sort(([a, left], [b, right]) => right.count - left.count || (a < b ? -1 : 1))
    .map(([, { values, count }]) => ({ by: by.map(({ name }, at) => ({ name, value: values[at] })), count }));
}

/** The events of a hit by their index among the named ones. */
function namedOf({ query: { main, clauses } }: CompiledQuery, { record, with: related }: Hit): Hit['record'][] {
  const named: Hit['record'][] = [];
  named[main.index] = record;
  let at = 0;
  for (const { isNot, kind, first, second } of clauses) {
    if (isNot) continue;
    const begin = related[at++];
    if (begin !== undefined) named[first.index] = begin.record;
    const end = kind === 'between' ? related[at++] : undefined;
    if (end !== undefined && second !== null) named[second.index] = end.record;
  }
  return named;
}
