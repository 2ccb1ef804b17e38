/** When a value in an actor's state last changed: the question that a watchpoint answers, asked after the fact. */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import { SnapshotPath } from './snapshotPath.ts';
import { type SystemView, viewOf } from './systemView.ts';
import { sameValue } from './values.ts';

/** The record that gave a value its last change; `before` and `after` are undefined where the path led nowhere. */
export interface LastChange {
  readonly record: LogRecord;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * The last record at or before `beforeSeq` whose handling changed the value at `path` of an actor's plain state
 * { value, status, context }; null when it is still what it was at the beginning. Goes backwards from checkpoint to
 * checkpoint through the actor's own events.
 *
 * @throws GranuleError USAGE where `path` is no path into a state; SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING,
 * TRACE_CHANGED, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * lastChange(reader, traces, 'process:1', 'value', reader.lastSeq)?.after; // 'zombie'
 * ```
 */
export function lastChange(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  actor: string,
  path: string,
  beforeSeq: number,
): LastChange | null {
  for (const found of lookForLastChange(viewOf(reader, traces), actor, path, beforeSeq))
    if (found !== null) return found;
  return null;
}

/**
 * Looks for the same, one of the actor's own events at a time: null for each that changed nothing, then what was found. Whoever
 * asks may stop between two.
 *
 * @throws GranuleError as {@link lastChange}
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const looked = [...lookForLastChange(viewOf(reader, traces), 'process:1', 'value', reader.lastSeq)];
 * looked.at(-1)?.after; // 'zombie'
 * ```
 */
export function* lookForLastChange(
  view: SystemView,
  actor: string,
  path: string,
  beforeSeq: number,
): Generator<LastChange | null, void, undefined> {
  const { reader } = view.run;
  const watch = new SnapshotPath(path);
  view.run.checkSeq(beforeSeq);
  let seq = beforeSeq;
  for (;;) {
    const { recordSeq } = view.folded(actor, seq);
    const record = recordSeq === null ? lastRecordOf(reader, actor, seq) : recordOf(reader, actor, recordSeq);
    if (record === null) return;
    const earlier = view.snapshot(actor, record.seq - 1);
    const later = view.snapshot(actor, record.seq);
    if (!watch.isSame(earlier, later)) {
      const [before, after] = [watch.value(earlier), watch.value(later)];
      if (!sameValue(before, after)) {
        yield { record, before, after };
        return;
      }
    }
    yield null;
    seq = record.seq - 1;
  }
}

/** The record of a seq that an actor received, read out of the actor's own. */
function recordOf(reader: LogReader, actor: string, seq: number): LogRecord | null {
  const [record] = reader.byActor(actor, seq, seq);
  return record ?? null;
}

/** An actor's last record at or before a seq, however far back. */
function lastRecordOf(reader: LogReader, actor: string, seq: number): LogRecord | null {
  const { segments } = reader.directory;
  for (const index of reader.directory.actors.get(actor)?.segments.toReversed() ?? []) {
    const segment = segments[index];
    if (segment === undefined || segment.firstSeq > seq) continue;
    const last = [...reader.byActor(actor, segment.firstSeq, Math.min(seq, segment.firstSeq + segment.records - 1))].at(
      -1,
    );
    if (last !== undefined) return last;
  }
  return null;
}
