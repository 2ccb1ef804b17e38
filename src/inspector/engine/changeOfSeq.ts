/** What one event changed, in the words of the page. */
import { changesOf } from '../../timeline/changes.ts';
import type { OpenRun } from './openRun.ts';
import type { EventDetail } from './requests.ts';
import { valueLine } from './stateTree.ts';

/** Changes of one event that are listed. */
const CHANGES_MAX = 200;

/**
 * The change that an event made in its receiver; null where states cannot be folded.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * changeOfSeq(new OpenRun({ run: 'A', name: 'made', reader, traces }), 0)?.from; // 'new'
 * ```
 */
export function changeOfSeq(run: OpenRun, seq: number): EventDetail['change'] {
  if (!run.hasStates) return null;
  const [found] = changesOf(run.reader, run.traces, seq, seq);
  if (found === undefined) return null;
  const { from, to, microsteps, changes, sent } = found;
  const transitions = microsteps.flatMap(({ eventType, transitions: taken }) =>
    taken.map(({ source, targets }) => ({ from: source, to: targets.join(', '), event: eventType })),
  );
  return {
    from,
    to,
    transitions,
    sent: sent.length,
    changes: changes.slice(0, CHANGES_MAX).map(({ path, before, after }) => ({
      path,
      before: before === undefined ? '' : valueLine(before, path),
      after: after === undefined ? '' : valueLine(after, path),
    })),
  };
}
