/** Messages that were sent and not yet delivered at a moment: found by their causes, with no run of the system. */
import { RecentlyUsed } from '../../../log/recentlyUsed.ts';
import { payloadLine } from '../../../report/recordText.ts';
import { recordOf } from '../../../runtime/envelope.ts';
import type { OpenRun } from '../openRun.ts';

/** A message on its way. */
export interface FlyingMessage {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly cause: number;
  /** When it will be delivered, or is due. */
  readonly timeCycles: number;
  /** The event that delivers it; null where that lies beyond what was looked at, or never comes. */
  readonly seq: number | null;
  readonly text: string;
}

/** What is on its way. */
export interface InFlight {
  readonly seq: number;
  readonly messages: readonly FlyingMessage[];
  /** How many there are in all; more than are given where there are many. */
  readonly count: number;
  /** Events ahead that were looked at where these are not all to the end of the log: what comes later is not among them. */
  readonly lookedAhead: number | null;
}

/** Events that are looked at ahead. */
const AHEAD_MOST = 1 << 15;
/** Messages that are given. */
const SHOWN_MOST = 400;
/** Segments whose causes are kept for each run. */
const KEPT = 64;

const causesKept = new WeakMap<OpenRun, RecentlyUsed<number, Float64Array>>();

/** The causes of all events of a segment. */
function causesIn(run: OpenRun, segment: number): Float64Array {
  let kept = causesKept.get(run);
  if (kept === undefined) causesKept.set(run, (kept = new RecentlyUsed(KEPT)));
  return kept.get(segment, () => {
    const { firstSeq, records } = run.reader.directory.segments[segment] ?? { firstSeq: 0, records: 0 };
    const causes = new Float64Array(records);
    for (const { seq, cause } of run.reader.range(firstSeq, firstSeq + records - 1)) causes[seq - firstSeq] = cause;
    return causes;
  });
}

/** Seqs behind `seq` and up to `last` of messages that were sent at or before it. */
function deliveredLater(run: OpenRun, seq: number, last: number): number[] {
  const { directory } = run.reader;
  const found: number[] = [];
  if (last <= seq) return found;
  const first = directory.segmentOf(seq + 1);
  for (let segment = first; segment < directory.segments.length; segment++) {
    const entry = directory.segments[segment];
    if (entry === undefined || entry.firstSeq > last) break;
    const causes = causesIn(run, segment);
    const end = Math.min(causes.length, last - entry.firstSeq + 1);
    for (let at = Math.max(0, seq + 1 - entry.firstSeq); at < end; at++) {
      if ((causes[at] ?? 0) <= seq) found.push(entry.firstSeq + at);
    }
  }
  return found;
}

/** What still waits at the next checkpoint and was sent by then; null where there is none, or it keeps no state of the loop. */
function waitingAt(run: OpenRun, checkpoint: number, seq: number): FlyingMessage[] | null {
  const state = run.hasStates && checkpoint < run.reader.checkpoints().length ? run.view.systemState(checkpoint) : null;
  if (state === null) return null;
  return state.pending
    .filter(({ cause }) => cause <= seq)
    .map((envelope) => {
      const { from, to, cause, deliverCycles: timeCycles } = envelope;
      const { type, payload } = recordOf(envelope, 0, timeCycles);
      return { from, to, type, cause, timeCycles, seq: null, text: payloadLine(payload) };
    });
}

/**
 * What is on its way once an event was handled: the events up to the next checkpoint whose cause lies at or before it, and what
 * that checkpoint says of those that wait longer.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * inFlightOf(new OpenRun({ run: 'A', name: 'made', reader, traces }), { run: 'A', seq: 0 }).messages[0]?.type; // 'SYSCALL'
 * ```
 */
export function inFlightOf(run: OpenRun, { seq }: { readonly run: string; readonly seq: number }): InFlight {
  const { reader } = run;
  const next = reader.directory.checkpointAt(seq) + 1;
  const checkpointSeq = reader.checkpoints()[next]?.seq ?? reader.lastSeq;
  const last = Math.min(checkpointSeq, seq + AHEAD_MOST);
  const soon = deliveredLater(run, seq, last);
  const later = last === checkpointSeq ? waitingAt(run, next, seq) : null;
  const messages = soon.slice(0, SHOWN_MOST).map((at): FlyingMessage => {
    const { from, to, type, cause, timeCycles, payload } = reader.read(at);
    return { from, to, type, cause, timeCycles, seq: at, text: payloadLine(payload) };
  });
  return {
    seq,
    messages: [...messages, ...(later ?? [])].slice(0, SHOWN_MOST),
    count: soon.length + (later?.length ?? 0),
    lookedAhead: later === null && last < reader.lastSeq ? last - seq : null,
  };
}
