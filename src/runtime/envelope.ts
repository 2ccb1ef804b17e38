/**
 * What travels between actors: the message, the envelope that waits in the queue, and the record of its delivery.
 * All three are plain data: a log, a checkpoint and another machine must be able to hold them.
 */

/** Stable path of an actor, as the topology names it: `mm:1`, `tlb:0`, `file:/lib/libc.so.6`. */
export type Address = string;

/** Sender of the messages that start a run, and of everything else that no actor sent. */
export const OUTSIDE: Address = 'outside';

/** Cause of a message that no delivery caused: sent from outside, or by an actor as it was created. */
export const NO_CAUSE = -1;

/** One XState event object: a type and plain data fields. */
export interface Message {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A message on its way. */
export interface Envelope {
  /** Enqueue sequence number of the run: unique, rising. */
  readonly id: number;
  readonly to: Address;
  readonly from: Address;
  /** Seq of the record whose handling sent it, or {@link NO_CAUSE}. */
  readonly cause: number;
  /** Virtual time at which it was sent. */
  readonly sentCycles: number;
  /** Virtual time at which it is due. */
  readonly deliverCycles: number;
  readonly message: Message;
  /** Name under which its sender can cancel it while it waits; null when it cannot be cancelled. */
  readonly sendId: string | null;
}

/** What a delivery leaves in the log: one immutable event. */
export interface MessageRecord {
  /** 0, 1, 2, ...: the place of the delivery in the run. */
  readonly seq: number;
  readonly timeCycles: number;
  readonly to: Address;
  readonly from: Address;
  /** Seq of the record whose handling sent it, or {@link NO_CAUSE}. */
  readonly cause: number;
  readonly type: string;
  /** The fields of the message without its type. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/**
 * The record of a delivery.
 *
 * @example
 * ```ts
 * const message = { type: 'EXEC', pid: 1 };
 * const sent = { id: 0, to: 'mm:1', from: 'outside', cause: -1, sentCycles: 0 };
 * const envelope = { ...sent, deliverCycles: 5, message, sendId: null };
 * recordOf(envelope, 7, 5).payload; // { pid: 1 }
 * ```
 */
export function recordOf(envelope: Envelope, seq: number, timeCycles: number): MessageRecord {
  const { type, ...payload } = envelope.message;
  return { seq, timeCycles, to: envelope.to, from: envelope.from, cause: envelope.cause, type, payload };
}

/**
 * The message that a record delivered: what a fold hands to the actor again.
 *
 * @example
 * ```ts
 * const record = { seq: 0, timeCycles: 0, to: 'mm:1', from: 'outside', cause: -1, type: 'EXEC', payload: { pid: 1 } };
 * messageOf(record); // { type: 'EXEC', pid: 1 }
 * ```
 */
export function messageOf(record: MessageRecord): Message {
  return { type: record.type, ...record.payload };
}
