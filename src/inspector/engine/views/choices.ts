/** What else could have come next at the moment that is looked at. */
import { payloadLine } from '../../../report/recordText.ts';
import { recordedChoices } from '../../../timeline/choices.ts';
import type { OpenRun } from '../openRun.ts';

/** A message that could be delivered next. */
export interface ChoiceHere {
  /** As a fork takes it: `{ op: 'choose', index }`. */
  readonly index: number;
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly text: string;
  /** The event by which the run delivers it; null where it does not, or much later. */
  readonly seq: number | null;
  /** It is what the run delivers next. */
  readonly isTaken: boolean;
}

/**
 * The messages that could come next once an event was handled, in the order of sending.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * choicesHere(run, { run: 'A', seq: 0 }).map(({ type, isTaken }) => [type, isTaken]); // [['SYSCALL', true]]
 * ```
 */
export function choicesHere(run: OpenRun, { seq: at }: { readonly run: string; readonly seq: number }): ChoiceHere[] {
  return recordedChoices(run.view.run.reader, run.traces, at).map((choice) => {
    const { index, from, to, type, payload, seq, isTaken } = choice;
    return { index, from, to, type, text: payloadLine(payload), seq, isTaken };
  });
}
