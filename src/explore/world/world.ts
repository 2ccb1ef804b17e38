/**
 * A state of a whole system as a value: what its actors are in, and what is on its way. It has no time and no numbers of events,
 * so that it is the same state whatever way led to it.
 */
import type { GranuleError } from '../../errors.ts';
import type { FaultRuleState } from '../../runtime/faultPlan.ts';
import type { Fingerprint } from '../model.ts';
import { combined, hashOf, hashOfString, highOf, lowOf, ofWords } from './hash.ts';
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

/** Words of a hash, as sums are made of them. */
export interface Words {
  readonly low: number;
  readonly high: number;
}

/** A state of a system. Nothing in it is ever changed. */
export interface World {
  /** By the places of the actors. */
  readonly locals: readonly LocalState[];
  /** By rank of channel, and in the order of sending. */
  readonly pending: readonly Delivery[];
  /** How many messages each channel has carried. */
  readonly carried: Carried;
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
  /** The sum of the hashes of its actors' states and of what is on its way. */
  readonly low: number;
  readonly high: number;
  readonly fingerprint: Fingerprint;
}

/** Channels in a piece of the list of counts: a step copies the pieces that it writes to, and no more. */
const PIECE = 8;

/** Counts by index of channel, in pieces; what lies behind the end is zero. */
export type Carried = readonly (readonly number[])[];

const NO_COUNTS: readonly number[] = Array.from({ length: PIECE }, () => 0);

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
  for (let at = 0; at < pending.length; at++) {
    const { sent } = pending[at];
    if (sent.channel !== channel) {
      channel = sent.channel;
      least = Number.POSITIVE_INFINITY;
    }
    if (sent.looseCycles >= least) continue;
    least = sent.looseCycles;
    enabled.push(pending[at]);
  }
  return enabled;
}

/**
 * What changes on the way from one state to the next: a draft of the parts that lists and sums are made of.
 *
 * @example
 * ```ts
 * new Mail({ pending: [], carried: [], low: 7, high: 0 }).low; // 7
 * ```
 */
export class Mail {
  pending: Delivery[];
  carried: Carried;
  low: number;
  high: number;
  #isOwn = false;

  constructor({ pending, carried, low, high }: Pick<World, 'pending' | 'carried' | 'low' | 'high'>) {
    this.pending = pending.slice();
    this.carried = carried;
    this.low = low;
    this.high = high;
  }

  /** Takes out a message that is delivered or cancelled. */
  take(at: number): void {
    const { pending } = this;
    const { channel } = pending[at].sent;
    const first = firstOf(pending, at);
    const isAlone = first === at && (at + 1 === pending.length || pending[at + 1].sent.channel !== channel);
    if (isAlone) {
      this.low = (this.low - pending[at].sent.low) | 0;
      this.high = (this.high - pending[at].sent.high) | 0;
      removeAt(pending, at);
      return;
    }
    this.#sum(first, channel, -1);
    removeAt(pending, at);
    this.#sum(first, channel, 1);
  }

  /** Puts in a message that was sent. */
  put(sent: Sent): void {
    const { pending } = this;
    const { channel } = sent;
    const number = this.#count(channel.index);
    let at = pending.length;
    while (at > 0 && pending[at - 1].sent.channel.rank > channel.rank) at--;
    insertAt(pending, at, { sent, number });
    const place = at - firstOf(pending, at);
    if (place === 0) {
      this.low = (this.low + sent.low) | 0;
      this.high = (this.high + sent.high) | 0;
    } else this.#add(sent, place, 1);
  }

  /** Takes the state of an actor out of the sum, and another in. */
  replace(before: LocalState, after: LocalState): void {
    this.low = (this.low - before.low + after.low) | 0;
    this.high = (this.high - before.high + after.high) | 0;
  }

  #count(index: number): number {
    const piece = Math.trunc(index / PIECE);
    const at = index % PIECE;
    if (!this.#isOwn) this.carried = this.carried.slice();
    this.#isOwn = true;
    const pieces = this.carried as (readonly number[])[];
    while (pieces.length <= piece) pieces.push(NO_COUNTS);
    const own = pieces[piece].slice();
    const number = own[at];
    own[at] = number + 1;
    pieces[piece] = own;
    return number;
  }

  #sum(first: number, channel: Channel, by: 1 | -1): void {
    const { pending } = this;
    for (let at = first; at < pending.length && pending[at].sent.channel === channel; at++)
      this.#add(pending[at].sent, at - first, by);
  }

  /** A message behind others of its channel counts with its place. */
  #add(sent: Sent, place: number, by: 1 | -1): void {
    const hash = place === 0 ? sent.hash : combined(sent.hash, place);
    this.low = (this.low + by * lowOf(hash)) | 0;
    this.high = (this.high + by * highOf(hash)) | 0;
  }
}

/** The place of the first message of the channel of the one at `at`. */
function firstOf(pending: readonly Delivery[], at: number): number {
  const { channel } = pending[at].sent;
  let first = at;
  while (first > 0 && pending[first - 1].sent.channel === channel) first--;
  return first;
}

function removeAt(list: Delivery[], at: number): void {
  for (let next = at + 1; next < list.length; next++) list[next - 1] = list[next];
  list.pop();
}

function insertAt(list: Delivery[], at: number, delivery: Delivery): void {
  list.push(delivery);
  for (let next = list.length - 1; next > at; next--) list[next] = list[next - 1];
  list[at] = delivery;
}

/**
 * The fingerprint of a state, of its parts.
 *
 * @example
 * ```ts
 * const parts = { low: 7, high: 0, faults: null, memory: null, failure: null, broken: null };
 * fingerprintOf(parts) === fingerprintOf({ ...parts, low: 8 }); // false
 * ```
 */
export function fingerprintOf(
  parts: Pick<World, 'low' | 'high' | 'faults' | 'memory' | 'failure' | 'broken'>,
): Fingerprint {
  let hash = ofWords(parts.low, parts.high);
  if (parts.faults !== null) hash = combined(hash, hashOf(parts.faults));
  if (parts.memory !== null) hash = combined(hash, hashOf(parts.memory));
  if (parts.failure !== null) hash = combined(hash, hashOfString(parts.failure.message));
  // Where a step itself is wrong, the state behind it may be one that is reached in other ways too.
  for (const { property, what } of parts.broken ?? []) hash = combined(hash, hashOfString(`${property}: ${what}`));
  return hash;
}
