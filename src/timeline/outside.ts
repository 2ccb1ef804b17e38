/** Messages that came from outside in the middle of a run: what makes a fork differ from its parent. */
import { GranuleError } from '../errors.ts';
import type { Message } from '../runtime/envelope.ts';
import type { System } from '../runtime/system.ts';
import type { OpenedMeta } from '../topology/meta.ts';

/** A message from outside, sent once the record `afterSeq` was handled (-1: before the first), `delayCycles` before it is due. */
export interface OutsideSend {
  readonly afterSeq: number;
  readonly to: string;
  readonly message: Message;
  readonly delayCycles: number;
}

function isOutsideSend(value: unknown): value is OutsideSend {
  if (typeof value !== 'object' || value === null) return false;
  if (!('afterSeq' in value && 'to' in value && 'message' in value && 'delayCycles' in value)) return false;
  const { message } = value;
  return typeof message === 'object' && message !== null && 'type' in message;
}

/**
 * The messages from outside that the header of a fork lists, in the order of sending.
 *
 * @throws GranuleError LOG_NOT_A_LOG where the list is malformed
 * @example
 * ```ts
 * sendsOf({ parent: null }); // []
 * ```
 */
export function sendsOf(meta: Pick<OpenedMeta, 'parent'>): readonly OutsideSend[] {
  const { parent } = meta;
  if (parent?.sends === undefined) return [];
  const { sends } = parent;
  if (Array.isArray(sends) && sends.every(isOutsideSend)) return sends;
  throw new GranuleError(
    'LOG_NOT_A_LOG',
    'the messages that its header says a fork sent are malformed',
    'parent.sends',
  );
}

/**
 * Sends those that belong after the records `from` to `to`.
 *
 * @throws GranuleError MESSAGE_NO_TAKER
 * @example
 * ```ts
 * sendFrom([], 0, 9, createSystem({ actors: [] }));
 * ```
 */
export function sendFrom(sends: readonly OutsideSend[], from: number, to: number, system: System): void {
  for (const { afterSeq, to: target, message, delayCycles } of sends) {
    if (afterSeq >= from && afterSeq <= to) system.send(target, message, { delayCycles });
  }
}
