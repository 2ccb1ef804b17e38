/**
 * Choosers: who decides which pending envelope is delivered next. All that is left open in a run is decided here, so
 * another order is another chooser, and the rest of the runtime knows nothing of it.
 */

import { invariant } from '../errors.ts';
import type { Envelope } from './envelope.ts';
import type { PendingQueue } from './queue.ts';
import { SeededRandom } from './random.ts';

/** Decides the order of deliveries. A chooser belongs to one system: it may hold state, and gives it to checkpoints. */
export interface Chooser {
  readonly name: string;
  /** Null when nothing is drawn. */
  readonly seed: number | null;
  /**
   * The envelope to deliver next: one of `queue.enabled()`. It stays in the queue; the caller takes it out. Null: none is
   * pending, or, for a replay, the wanted one is not there.
   */
  next(queue: PendingQueue): Envelope | null;
  /** What `restore` needs to go on from here; plain data. */
  state(): readonly number[];
  restore(state: readonly number[]): void;
}

/**
 * Delivers in order of time, ties by the order of sending. The default.
 *
 * @example
 * ```ts
 * timeOrder().name; // 'time-order'
 * ```
 */
export function timeOrder(): Chooser {
  return {
    name: 'time-order',
    seed: null,
    next: (queue) => queue.earliest() ?? null,
    state: () => [],
    restore: () => undefined,
  };
}

/**
 * Draws among the enabled envelopes, each as likely as the next one. An envelope drawn ahead of its time moves the clock
 * on to it; those it overtook are delivered late. Every order that it gives keeps the order within each channel.
 *
 * @example
 * ```ts
 * seededRandom(42).seed; // 42
 * ```
 */
export function seededRandom(seed: number): Chooser {
  const random = new SeededRandom(seed);
  return {
    name: 'seeded-random',
    seed,
    next: (queue) => {
      const enabled = queue.enabled();
      if (enabled.length === 0) return null;
      return enabled[random.below(enabled.length)] ?? null;
    },
    state: () => random.state(),
    restore: (state) => {
      invariant(state.length === 4, 'the state of a seeded chooser is four integers');
      const [a, b, c, counter] = state;
      random.restore([a, b, c, counter]);
    },
  };
}

/**
 * Delivers in the order of sending: of what waits, what was sent first. That is always enabled.
 *
 * @example
 * ```ts
 * sendingOrder().name; // 'sending-order'
 * ```
 */
export function sendingOrder(): Chooser {
  return {
    name: 'sending-order',
    seed: null,
    next: (queue) => queue.enabled()[0] ?? null,
    state: () => [],
    restore: () => undefined,
  };
}

/** What names a delivery in a recorded run; a `MessageRecord` will do. */
export interface RecordedChoice {
  readonly to: string;
  readonly from: string;
  readonly cause: number;
  readonly type: string;
}

/** Where a replay left its list. */
export interface ReplayDivergence {
  /** Place in the list. */
  readonly index: number;
  readonly wanted: RecordedChoice;
  /** What could have been delivered instead, in order of id. */
  readonly available: readonly RecordedChoice[];
}

/** A chooser that follows a recorded list. */
export interface ReplayChooser extends Chooser {
  /** Null while the run follows the list. */
  readonly divergence: ReplayDivergence | null;
  /** How many choices of the list are used up. */
  readonly position: number;
}

/**
 * Delivers exactly what the list says, in its order. When one handling sent the same type twice over a channel, the first
 * sent is taken first. When the wanted envelope is not enabled, `next` gives null and `divergence` says why; at the end of
 * the list it gives null.
 *
 * @example
 * ```ts
 * const chooser = replayList([{ to: 'b', from: 'outside', cause: -1, type: 'GO' }]);
 * chooser.next(new PendingQueue()); // null
 * chooser.divergence?.index; // 0
 * ```
 */
export function replayList(list: readonly RecordedChoice[]): ReplayChooser {
  let position = 0;
  let divergence: ReplayDivergence | null = null;
  const isWanted = (envelope: Envelope, wanted: RecordedChoice): boolean =>
    envelope.to === wanted.to &&
    envelope.from === wanted.from &&
    envelope.cause === wanted.cause &&
    envelope.message.type === wanted.type;

  const next = (queue: PendingQueue): Envelope | null => {
    const wanted: RecordedChoice | undefined = list[position];
    if (wanted === undefined || divergence !== null) return null;
    // Nearly always the run was in time order, and looking at the top saves a pass over all that is pending.
    const earliest = queue.earliest();
    const found =
      earliest !== undefined && isWanted(earliest, wanted)
        ? earliest
        : queue.enabled().find((envelope) => isWanted(envelope, wanted));
    if (found === undefined) {
      const available = queue
        .enabled()
        .map(({ to, from, cause, message }) => ({ to, from, cause, type: message.type }));
      divergence = { index: position, wanted, available };
      return null;
    }
    position++;
    return found;
  };
  return {
    name: 'replay',
    seed: null,
    next,
    get divergence() {
      return divergence;
    },
    get position() {
      return position;
    },
    state: () => [position],
    restore: (state) => {
      position = state[0] ?? 0;
      divergence = null;
    },
  };
}
