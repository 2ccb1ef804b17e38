/**
 * A state of a whole system as a value: what its actors are in, and what is on its way. It has no time and no numbers of events,
 * so that it is the same state whatever way led to it.
 */
import type { GranuleError } from '../../errors.ts';
import type { FaultRuleState } from '../../runtime/faultPlan.ts';
import type { Fingerprint } from '../model.ts';
import { combined, hashOf, hashOfString, summed } from './hash.ts';
import type { Channel, LocalState, Sent } from './localStates.ts';

/** A message that waits: delivering it is what can happen. */
export interface Delivery {
  readonly sent: Sent;
  /** How many messages were sent on its channel before it. */
  readonly number: number;
}

/** What was found wrong in a state. */
export interface Broken {
  readonly property: string;
  readonly what: string;
}

/** A state of a system. Nothing in it is ever changed. */
export interface World {
  /** By the places of the actors. */
  readonly locals: readonly LocalState[];
  /** By rank of channel, and in the order of sending. */
  readonly pending: readonly Delivery[];
  /** How many messages each channel has carried, by its index; behind the end none. */
  readonly carried: readonly number[];
  /** What moves in the fault plan; null where there is none. */
  readonly faults: readonly FaultRuleState[] | null;
  /** What properties remember of the way here; null where none does. */
  readonly memory: readonly unknown[] | null;
  /** The run ended here by an error. */
  readonly failure: GranuleError | null;
  /** The delivery that led here; null at the beginning. */
  readonly last: Delivery | null;
  /** What is wrong here, of the properties that were asked for. */
  readonly broken: readonly Broken[] | null;
  /** The sum of the hashes of its actors' states. */
  readonly localsHash: Fingerprint;
  readonly fingerprint: Fingerprint;
}

/**
 * What names a delivery in all orders: its channel, and its number there.
 *
 * @example
 * ```ts
 * keyOf({ from: 'zone', to: 'mm:1', keys: [] }, 2); // 'zone>mm:1#2'
 * ```
 */
export function keyOf({ from, to, keys }: Pick<Channel, 'from' | 'to' | 'keys'>, number: number): string {
  return (keys[number] ??= `${from}>${to}#${number}`);
}

/**
 * What can be delivered: the first of each channel, and what may pass those before it, since they are loose (`runtime/clock.ts`).
 *
 * @example
 * ```ts
 * enabledOf([]); // []
 * ```
 */
export function enabledOf(pending: readonly Delivery[]): Delivery[] {
  const enabled: Delivery[] = [];
  let channel: Channel | null = null;
  let least = 0;
  for (const delivery of pending) {
    const { sent } = delivery;
    if (sent.channel !== channel) {
      channel = sent.channel;
      least = Number.POSITIVE_INFINITY;
    }
    if (sent.looseCycles >= least) continue;
    least = sent.looseCycles;
    enabled.push(delivery);
  }
  return enabled;
}

/**
 * Puts a message among those that wait.
 *
 * @example
 * ```ts
 * const pending: Delivery[] = [];
 * enqueue(pending, [], sent); // pending[0].number is 0
 * ```
 */
export function enqueue(pending: Delivery[], carried: number[], sent: Sent): void {
  const { index, rank } = sent.channel;
  while (carried.length <= index) carried.push(0);
  const number = carried[index]++;
  let at = pending.length;
  while (at > 0 && pending[at - 1].sent.channel.rank > rank) at--;
  pending.splice(at, 0, { sent, number });
}

/**
 * The hash of what is on its way: messages and their order in each channel, but not how many there were before.
 *
 * @example
 * ```ts
 * hashOfPending([]); // 0
 * ```
 */
export function hashOfPending(pending: readonly Delivery[]): Fingerprint {
  let sum: Fingerprint = 0;
  let channel: Channel | null = null;
  let place = 0;
  for (const { sent } of pending) {
    if (sent.channel === channel) sum = summed(sum, combined(sent.hash, ++place));
    else {
      channel = sent.channel;
      place = 0;
      sum = summed(sum, sent.hash);
    }
  }
  return sum;
}

/**
 * The fingerprint of a state, of its parts.
 *
 * @example
 * ```ts
 * const parts = { localsHash: 7, pending: [], faults: null, memory: null, failure: null, broken: null };
 * fingerprintOf(parts) === fingerprintOf({ ...parts, localsHash: 8 }); // false
 * ```
 */
export function fingerprintOf(
  parts: Pick<World, 'localsHash' | 'pending' | 'faults' | 'memory' | 'failure' | 'broken'>,
): Fingerprint {
  let hash = summed(parts.localsHash, hashOfPending(parts.pending));
  if (parts.faults !== null) hash = combined(hash, hashOf(parts.faults));
  if (parts.memory !== null) hash = combined(hash, hashOf(parts.memory));
  if (parts.failure !== null) hash = combined(hash, hashOfString(parts.failure.message));
  // Where a step itself is wrong, the state behind it may be one that is reached in other ways too.
  for (const { property, what } of parts.broken ?? []) hash = combined(hash, hashOfString(`${property}: ${what}`));
  return hash;
}
