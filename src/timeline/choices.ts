/** What else could have come next at a moment of a recorded run. */
import type { LogReader } from '../log/logReader.ts';
import type { RunSource } from '../mm/runs.ts';
import { choicesAt, type ForkChoice } from './forkPlan.ts';
import { sameValue } from './values.ts';

/** Events behind a moment in which the deliveries of what waits are looked for. */
const EVENTS_LOOKED_AT = 20_000;

/** A message that could be delivered next, and what became of it in the recording. */
export interface RecordedChoice extends ForkChoice {
  /** The event by which the recording delivers it; null where it does not within the events that are looked at. */
  readonly seq: number | null;
  /** It is what the recording delivers next. */
  readonly isTaken: boolean;
}

/**
 * What could be delivered next behind a record, in the order of sending, with the events by which the recording delivers it.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING, TRACE_CHANGED, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * recordedChoices(reader, traces, -1).map(({ type, seq, isTaken }) => [type, seq, isTaken]); // [['START', 0, true]]
 * ```
 */
export function recordedChoices(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  at: number,
): readonly RecordedChoice[] {
  const choices = choicesAt(reader, traces, at);
  const seqs = deliveries(reader, choices, at);
  return choices.map((choice) => {
    const seq = seqs.get(choice.id) ?? null;
    return { ...choice, seq, isTaken: seq === at + 1 };
  });
}

function deliveries(reader: LogReader, choices: readonly ForkChoice[], at: number): Map<number, number> {
  const found = new Map<number, number>();
  for (const record of reader.range(at + 1, at + EVENTS_LOOKED_AT)) {
    if (found.size === choices.length) break;
    if (record.cause > at) continue;
    const choice = choices.find(
      ({ id, to, from, type, payload }) =>
        !found.has(id) &&
        to === record.to &&
        from === record.from &&
        type === record.type &&
        sameValue(payload, record.payload),
    );
    if (choice !== undefined) found.set(choice.id, record.seq);
  }
  return found;
}
