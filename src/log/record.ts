import { GranuleError } from '../errors.ts';

/** The `cause` of a message that came from outside: no record's handling sent it. */
export const OUTSIDE = -1;

/**
 * One delivered message. A run is the list of these, and every state is a fold over it. Plain data, never changed once
 * logged: readers share decoded records, so do not write to them.
 */
export interface LogRecord {
  /** Place in the log: 0, 1, 2 and on without a gap. */
  readonly seq: number;
  /** Virtual time of delivery, cycles, a non-negative safe integer. */
  readonly timeCycles: number;
  /** Id of the actor that received it. */
  readonly to: string;
  /** Id of the actor that sent it. */
  readonly from: string;
  /** The seq whose handling sent it, OUTSIDE (-1) when none did. */
  readonly cause: number;
  /** Message type. */
  readonly type: string;
  /**
   * The message's fields. null, undefined, booleans, finite numbers (-0 survives), strings, arrays, plain objects and
   * typed arrays of up to 32-bit integers or doubles; anything else is refused.
   */
  readonly payload: unknown;
}

/**
 * Refuses a record whose own fields break the log's promises; the payload is checked as it is encoded.
 *
 * @param expectedSeq the seq that has to come next
 * @throws GranuleError INVARIANT, naming the record and the field
 * @example
 * ```ts
 * checkRecord({ seq: 0, timeCycles: 0, to: 'sched', from: 'topology', cause: -1, type: 'START', payload: null }, 0);
 * ```
 */
export function checkRecord(record: LogRecord, expectedSeq: number): void {
  const { seq, timeCycles, cause } = record;
  if (seq !== expectedSeq) fail(record, 'seq', `is ${seq} where ${expectedSeq} comes next`);
  if (!Number.isSafeInteger(timeCycles) || timeCycles < 0) fail(record, 'timeCycles', `is ${timeCycles}`);
  if (!Number.isSafeInteger(cause) || cause < OUTSIDE || cause >= seq) fail(record, 'cause', `is ${cause}`);
  if (typeof record.to !== 'string') fail(record, 'to', 'is no actor id');
  if (typeof record.from !== 'string') fail(record, 'from', 'is no actor id');
  if (typeof record.type !== 'string') fail(record, 'type', 'is no message type');
}

function fail(record: LogRecord, field: string, what: string): never {
  throw new GranuleError('INVARIANT', `${field} of a record ${what}`, `seq ${record.seq}, type ${record.type}`);
}
