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

/** A message as its receiver took it: the fields of a payload, with the type. */
export interface DeliveredMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

/**
 * The message that a record's type and payload are parts of.
 *
 * @throws GranuleError LOG_DAMAGED where the payload is no object
 * @example
 * ```ts
 * messageOf('GOT', { request: 1 }, 9); // { type: 'GOT', request: 1 }
 * ```
 */
export function messageOf(type: string, payload: unknown, seq: number): DeliveredMessage {
  if (typeof payload !== 'object' || payload === null) {
    throw new GranuleError('LOG_DAMAGED', `the payload of ${type} is no object`, `seq ${seq}`);
  }
  // The type first, as who sends a message writes it: states that keep messages then have their fields in the same order.
  return { type, ...payload };
}

/**
 * Refuses a record whose own fields break the log's promises; the payload is checked as it is encoded.
 *
 * @param expectedSeq the seq that has to come next
 * @throws GranuleError INVARIANT, naming the record and the field
 * @example
 * ```ts
 * checkRecord(0, 0, 0, 'sched', 'topology', OUTSIDE, 'START');
 * ```
 */
export function checkRecord(
  expectedSeq: number,
  seq: number,
  timeCycles: number,
  to: string,
  from: string,
  cause: number,
  type: string,
): void {
  if (seq !== expectedSeq) fail(seq, type, 'seq', `is ${seq} where ${expectedSeq} comes next`);
  if (!Number.isSafeInteger(timeCycles) || timeCycles < 0) fail(seq, type, 'timeCycles', `is ${timeCycles}`);
  if (!Number.isSafeInteger(cause) || cause < OUTSIDE || cause >= seq) fail(seq, type, 'cause', `is ${cause}`);
  if (typeof to !== 'string') fail(seq, type, 'to', 'is no actor id');
  if (typeof from !== 'string') fail(seq, type, 'from', 'is no actor id');
  if (typeof type !== 'string') fail(seq, type, 'type', 'is no message type');
}

function fail(seq: number, type: string, field: string, what: string): never {
  throw new GranuleError('INVARIANT', `${field} of a record ${what}`, `seq ${seq}, type ${type}`);
}
