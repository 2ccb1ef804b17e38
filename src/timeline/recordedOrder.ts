/** The chooser of a replay: delivers what the log says comes next. */
import type { LogRecord } from '../log/record.ts';
import type { Chooser } from '../runtime/chooser.ts';
import { type Envelope, recordOf } from '../runtime/envelope.ts';
import type { PendingQueue } from '../runtime/queue.ts';
import type { Topology } from '../topology/schema.ts';
import { sameValue } from './values.ts';

/** Follows a log record by record, so that memory does not grow with it. */
export interface RecordedOrder extends Chooser {
  /** Says which record comes next; it may be the same object each time, with other fields. */
  want(record: LogRecord): void;
  /** From the next delivery on, the run was chosen by this chooser. */
  recordedBy(chooser: Topology['chooser']): void;
  /**
   * True once two pending envelopes could both have been the one recorded, with the same payload and time (copies that a
   * fault plan made): the records to come are the same whichever is taken, but what is still pending may differ in name.
   */
  readonly isAmbiguous: boolean;
}

function isNamedBy(envelope: Envelope, record: LogRecord): boolean {
  return (
    envelope.to === record.to &&
    envelope.from === record.from &&
    envelope.cause === record.cause &&
    envelope.message.type === record.type
  );
}

/**
 * Makes the chooser of a replay. Without a record to follow, and where the wanted envelope is not enabled, its `next`
 * gives null. `runtime/chooser.ts:replayList` follows a list that is whole in memory; a log can be longer than that.
 *
 * @param first the chooser of the run: of a run in order of time only what is due first is delivered, so that its order
 * is verified; of any other, whatever its channel lets through
 * @example
 * ```ts
 * recordedOrder('time-order').next(new PendingQueue()); // null
 * ```
 */
export function recordedOrder(first: Topology['chooser']): RecordedOrder {
  let recorded = first;
  let wanted: LogRecord | null = null;
  /** The times of the record that is wanted, and of the one before. */
  let wantedCycles = 0;
  let timeCycles = 0;
  let isAmbiguous = false;

  const fits = (envelope: Envelope, record: LogRecord): boolean => {
    // Where each delivery is one cycle, times tell nothing apart.
    if (recorded !== 'explored' && Math.max(timeCycles, envelope.deliverCycles) !== record.timeCycles) return false;
    return sameValue(recordOf(envelope, record.seq, record.timeCycles).payload, record.payload);
  };

  /**
   * Where one of two that were alike was taken for the other, the one left behind may hold back on its channel what the other
   * did not. Whatever is pending then counts.
   */
  const twinOf = (queue: PendingQueue, record: LogRecord): Envelope | undefined => {
    if (!isAmbiguous) return undefined;
    return queue.pending().find((envelope) => isNamedBy(envelope, record) && fits(envelope, record));
  };

  const next = (queue: PendingQueue): Envelope | null => {
    const record = wanted;
    if (record === null) return null;
    const earliest = queue.earliest();
    const isNamed = earliest !== undefined && isNamedBy(earliest, record);
    if (recorded === 'time-order') return isNamed ? earliest : null;
    // Whatever else has this name is due later, so the time tells them apart, and most of a run is followed without a pass
    // over all that is pending.
    if (
      recorded !== 'explored' &&
      isNamed &&
      earliest.deliverCycles === record.timeCycles &&
      record.timeCycles >= timeCycles
    )
      return earliest;
    const candidates = queue.enabled().filter((envelope) => isNamedBy(envelope, record));
    const [only] = candidates;
    if (candidates.length === 1 && (!isAmbiguous || fits(only, record))) return only;
    const fitting = candidates.filter((envelope) => fits(envelope, record));
    if (fitting.length > 1) isAmbiguous = true;
    return fitting[0] ?? twinOf(queue, record) ?? candidates[0] ?? null;
  };
  return {
    name: 'recorded-order',
    seed: null,
    next,
    recordedBy: (chooser) => (recorded = chooser),
    want: (record) => {
      timeCycles = wantedCycles;
      wantedCycles = record.timeCycles;
      wanted = record;
    },
    get isAmbiguous() {
      return isAmbiguous;
    },
    state: () => [],
    restore: () => undefined,
  };
}
