/** Events as rows of a list, what one of them did, and what led to it. */
import { changeOfSeq } from './changeOfSeq.ts';
import type { LogRecord } from '../../log/record.ts';
import { payloadLine } from '../../report/recordText.ts';
import { causeChain, effects, effectsOf } from '../../timeline/why.ts';
import type { OpenRun } from './openRun.ts';
import type { Args, CauseNode, EventDetail, EventRow } from './requests.ts';

/** Events in one answer at most. */
const EVENTS_MAX = 2000;
/** Events of a cause chain and of what came of an event, shown as a graph. */
const CAUSES_MAX = 200;
/** What of an event's effects the detail lists. */
const EFFECTS_SHOWN = 50;

/**
 * A record as a row.
 *
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'abi', from: 'process:1', cause: 2, type: 'SYSCALL', payload: { pid: 1 } };
 * rowOf(record).text; // 'pid=1'
 * ```
 */
export function rowOf(record: LogRecord): EventRow {
  const { payload, ...rest } = record;
  return { ...rest, text: payloadLine(payload) };
}

/**
 * Events from a seq on, or backwards from it.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * eventsOf(run, { run: 'A', from: 0, count: 1 })[0]?.type; // 'START'
 * ```
 */
export function eventsOf(run: OpenRun, { from, count, backwards = false, actor, type }: Args<'events'>): EventRow[] {
  const { reader } = run;
  const wanted = Math.min(count, EVENTS_MAX);
  const inRange = (first: number, last: number): Iterable<LogRecord> => {
    if (actor !== undefined) return reader.byActor(actor, first, last);
    return type === undefined ? reader.range(first, last) : reader.byType(type, first, last);
  };
  const isWanted = (record: LogRecord): boolean => type === undefined || record.type === type;
  if (!backwards) {
    const rows: EventRow[] = [];
    for (const record of inRange(from, reader.lastSeq)) {
      if (isWanted(record) && rows.push(rowOf(record)) >= wanted) break;
    }
    return rows;
  }
  // Segment by segment backwards: nothing before what is wanted is read.
  let found: LogRecord[] = [];
  for (let at = reader.directory.segmentOf(Math.min(from, reader.lastSeq)); at >= 0 && found.length < wanted; at--) {
    const { firstSeq, records } = reader.directory.segments[at];
    const last = Math.min(from, firstSeq + records - 1);
    found = [...[...inRange(firstSeq, last)].filter(isWanted), ...found];
  }
  return found.slice(-wanted).map(rowOf);
}

/**
 * What one event did: the transition, the changes in its receiver's state, and what it caused.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * eventOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), 0).effects[0]?.cause; // 0
 * ```
 */
export function eventOf(run: OpenRun, seq: number): EventDetail {
  const record = run.reader.read(seq);
  const change = changeOfSeq(run, seq);
  // Where every message arrives once, as many events as were sent are all: nothing behind the last of them is read.
  const most = change === null || run.mayLose ? EFFECTS_SHOWN : Math.min(EFFECTS_SHOWN, change.sent);
  const caused: EventRow[] = [];
  if (most > 0) {
    for (const { record: effect } of effectsOf(run.reader, seq, 1)) if (caused.push(rowOf(effect)) >= most) break;
  }
  return { record, change, effects: caused };
}

/**
 * The chain of causes of an event, the event, and its effects to a depth, in order of seq.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * causesOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), { run: 'A', seq: 1, depth: 0 })[0]?.depth; // -1
 * ```
 */
export function causesOf({ reader }: OpenRun, { seq, depth }: Args<'causes'>): CauseNode[] {
  const chain = causeChain(reader, seq, CAUSES_MAX).map((record, at) => ({ ...rowOf(record), depth: -at }));
  const after = depth === 0 ? [] : effects(reader, seq, depth, CAUSES_MAX).effects;
  return [...chain.toReversed(), ...after.map((effect) => ({ ...rowOf(effect.record), depth: effect.depth }))];
}
