/** Finds events, a page at a time: each page looks at one stretch of the log, so that what is found shows while the rest is looked at. */
import type { LogReader } from '../../../log/logReader.ts';
import type { LogRecord } from '../../../log/record.ts';
import { type CompiledQuery, compileQuery, namesOf } from '../../../query/query.ts';
import { runQuery } from '../../../query/run.ts';
import { payloadLine } from '../../../report/recordText.ts';
import { rowOf } from '../events.ts';
import type { OpenRun } from '../openRun.ts';
import type { EventRow } from '../requests.ts';

/** An event that was found. */
export interface FoundEvent extends EventRow {
  /** Seqs of the events before and after it that made it one. */
  readonly with: readonly number[];
}

/** What one page found. */
export interface SearchPage {
  readonly hits: readonly FoundEvent[];
  /** Where the next page begins; null where all was looked at. */
  readonly next: number | null;
  /** The seq up to which all was looked at. */
  readonly searchedTo: number;
}

/** What is looked for. */
export interface SearchAsked {
  readonly text: string;
  /** `query`: in the language of `granule query`; `text`: words of which each must stand in the event's line. */
  readonly language: 'query' | 'text';
  /** Receiver and type; empty for any. */
  readonly actor: string;
  readonly type: string;
  readonly from: number | null;
}

/** Events that one page looks at; states cost more than events. */
const STRETCH = 1 << 16;
const STRETCH_WITH_STATES = 1 << 11;
/** Events that one page gives. */
const HITS_MOST = 200;

/** The events from a seq on that actor and type leave over, by way of the log's indexes. */
function candidates(reader: LogReader, { actor, type }: SearchAsked, from: number, to: number): Iterable<LogRecord> {
  if (actor !== '') return reader.byActor(actor, from, to);
  return type === '' ? reader.range(from, to) : reader.byType(type, from, to);
}

function* byText(run: OpenRun, asked: SearchAsked, from: number, to: number): Generator<FoundEvent, void, undefined> {
  const words = asked.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  for (const record of candidates(run.reader, asked, from, to)) {
    if (asked.type !== '' && record.type !== asked.type) continue;
    const line = `${record.type} ${record.from} ${record.to} ${payloadLine(record.payload)}`.toLowerCase();
    if (words.every((word) => line.includes(word))) yield { ...rowOf(record), with: [] };
  }
}

function* byQuery(
  run: OpenRun,
  query: CompiledQuery,
  { actor, type }: SearchAsked,
  [from, to]: readonly [number, number],
): Generator<FoundEvent, void, undefined> {
  const view = run.hasStates ? run.view : null;
  for (const { record, with: related } of runQuery(run.reader, view, query, { from, to })) {
    if ((actor !== '' && record.to !== actor) || (type !== '' && record.type !== type)) continue;
    yield { ...rowOf(record), with: related.map((one) => one.record.seq) };
  }
}

/**
 * One page of a search. A query that takes the first, the last or the nth is asked of the whole log at once.
 *
 * @throws GranuleError QUERY_INVALID with the column of what is wrong; TRACE_MISSING where it needs states and there are none
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * const asked = { text: "to == 'abi'", language: 'query', actor: '', type: '', from: null } as const;
 * searchPage(run, asked).hits[0]?.type; // 'SYSCALL'
 * searchPage(run, { ...asked, text: 'no such words', language: 'text' }).hits.length; // 0
 * ```
 */
export function searchPage(run: OpenRun, asked: SearchAsked): SearchPage {
  const { reader } = run;
  const from = asked.from ?? reader.firstSeq;
  const names = namesOf(reader, run.hasStates ? run.view.run.actors : undefined);
  const query = asked.language === 'query' && asked.text.trim() !== '' ? compileQuery(asked.text, names) : null;
  const isWhole = query !== null && query.query.selection !== null;
  const stretch = query?.needsState === true ? STRETCH_WITH_STATES : STRETCH;
  const to = isWhole ? reader.lastSeq : Math.min(reader.lastSeq, from + stretch - 1);
  const found = query === null ? byText(run, asked, from, to) : byQuery(run, query, asked, [from, to]);
  const hits: FoundEvent[] = [];
  for (const hit of found) {
    hits.push(hit);
    if (hits.length < HITS_MOST || isWhole) continue;
    const isEnd = hit.seq >= reader.lastSeq;
    return { hits, next: isEnd ? null : hit.seq + 1, searchedTo: hit.seq };
  }
  return { hits, next: to >= reader.lastSeq ? null : to + 1, searchedTo: to };
}
