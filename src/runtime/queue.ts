/**
 * The envelopes on their way: a binary heap by (deliverCycles, id), and what a chooser needs beyond it.
 *
 * A channel is a pair (from, to). Channels keep order: an envelope is **enabled** only while no envelope of the same channel with a
 * smaller id is due at its time or before. Two envelopes whose delays differ may pass each other: that is what delays mean.
 */

import { GranuleError, invariant } from '../errors.ts';
import type { Address, Envelope } from './envelope.ts';

/** A system has some messages in flight per actor; a million means that a machine answers one message with two. */
export const DEFAULT_MAX_PENDING = 1_000_000;

/** True when `left` is due before `right`. */
function isBefore(left: Envelope, right: Envelope): boolean {
  return left.deliverCycles < right.deliverCycles || (left.deliverCycles === right.deliverCycles && left.id < right.id);
}

/** Addresses hold no NUL: joined this way, two different pairs never give one key. */
function pairKey(first: string, second: string): string {
  return `${first}\0${second}`;
}

/**
 * Pending envelopes.
 *
 * @example
 * ```ts
 * const queue = new PendingQueue();
 * queue.push({ id: 0, to: 'b', from: 'a', cause: -1, sentCycles: 0, deliverCycles: 9, message: { type: 'X' }, sendId: null });
 * queue.push({ id: 1, to: 'b', from: 'a', cause: -1, sentCycles: 0, deliverCycles: 3, message: { type: 'Y' }, sendId: null });
 * queue.earliest()?.message.type; // 'Y'
 * ```
 */
export class PendingQueue {
  readonly #maxPending: number;
  #heap: Envelope[] = [];
  /** Ids taken from the middle of the heap: skipped when they reach the top. */
  readonly #gone = new Set<number>();
  /** Envelopes that can be cancelled, by (from, sendId). */
  readonly #cancellable = new Map<string, Envelope[]>();
  /** By channel, in order of id; kept up only from the first time a chooser asks for it. */
  #channels: Map<string, Envelope[]> | null = null;

  constructor(maxPending: number = DEFAULT_MAX_PENDING) {
    this.#maxPending = maxPending;
  }

  /** Number of pending envelopes. */
  get size(): number {
    return this.#heap.length - this.#gone.size;
  }

  /**
   * Adds an envelope; its id must be larger than every id before it.
   *
   * @throws GranuleError RUN_LIMIT when more than the limit are pending
   */
  push(envelope: Envelope): void {
    if (this.size >= this.#maxPending) {
      throw new GranuleError(
        'RUN_LIMIT',
        `more than maxPending = ${this.#maxPending} messages wait for delivery`,
        `${envelope.from} -> ${envelope.to} ${envelope.message.type}`,
      );
    }
    const heap = this.#heap;
    let index = heap.length;
    heap.push(envelope);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!isBefore(envelope, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = envelope;
    if (envelope.sendId !== null) addTo(this.#cancellable, pairKey(envelope.from, envelope.sendId), envelope);
    if (this.#channels !== null) addTo(this.#channels, pairKey(envelope.from, envelope.to), envelope);
  }

  /** The envelope due first, ties by id; undefined when none is pending. Always enabled. */
  earliest(): Envelope | undefined {
    let top: Envelope | undefined = this.#heap[0];
    while (top !== undefined && this.#gone.size > 0 && this.#gone.delete(top.id)) {
      this.#dropTop();
      top = this.#heap[0];
    }
    return top;
  }

  /** Takes a pending envelope out. */
  remove(envelope: Envelope): void {
    if (this.earliest() === envelope) this.#dropTop();
    else {
      invariant(!this.#gone.has(envelope.id), `envelope ${envelope.id} is pending`);
      this.#gone.add(envelope.id);
    }
    if (envelope.sendId !== null) dropFrom(this.#cancellable, pairKey(envelope.from, envelope.sendId), envelope);
    if (this.#channels !== null) dropFrom(this.#channels, pairKey(envelope.from, envelope.to), envelope);
  }

  /** Takes out every envelope that `from` sent under `sendId`; returns how many there were. */
  cancel(from: Address, sendId: string): number {
    // A copy: each removal takes the envelope out of the list itself.
    const envelopes = this.#cancellable.get(pairKey(from, sendId))?.slice() ?? [];
    for (const envelope of envelopes) this.remove(envelope);
    return envelopes.length;
  }

  /** Every enabled envelope in order of id. Costs one pass over the pending ones. */
  enabled(): Envelope[] {
    if (this.#channels === null) {
      this.#channels = new Map();
      for (const envelope of this.pending()) addTo(this.#channels, pairKey(envelope.from, envelope.to), envelope);
    }
    const result: Envelope[] = [];
    for (const channel of this.#channels.values()) {
      let earliestBefore = Number.POSITIVE_INFINITY;
      for (const envelope of channel) {
        if (envelope.deliverCycles >= earliestBefore) continue;
        earliestBefore = envelope.deliverCycles;
        result.push(envelope);
      }
    }
    return result.sort((left, right) => left.id - right.id);
  }

  /** Every pending envelope in order of id: what a checkpoint holds. */
  pending(): Envelope[] {
    return this.#heap.filter((envelope) => !this.#gone.has(envelope.id)).sort((left, right) => left.id - right.id);
  }

  /** Empties the queue and fills it with `envelopes`, which come in order of id. */
  restore(envelopes: readonly Envelope[]): void {
    this.#heap = [];
    this.#gone.clear();
    this.#cancellable.clear();
    this.#channels = null;
    for (const envelope of envelopes) this.push(envelope);
  }

  #dropTop(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    invariant(moved !== undefined, 'the top of an empty queue is never dropped');
    const size = heap.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1], heap[child])) child++;
      const below = heap[child];
      if (!isBefore(below, moved)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = moved;
  }
}

function addTo(lists: Map<string, Envelope[]>, key: string, envelope: Envelope): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [envelope]);
  else list.push(envelope);
}

function dropFrom(lists: Map<string, Envelope[]>, key: string, envelope: Envelope): void {
  const list = lists.get(key);
  invariant(list !== undefined, `a list for ${key} exists while an envelope of it is pending`);
  const index = list.indexOf(envelope);
  invariant(index >= 0, `envelope ${envelope.id} stands in its list`);
  list.splice(index, 1);
  if (list.length === 0) lists.delete(key);
}
