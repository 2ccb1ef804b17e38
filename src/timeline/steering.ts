/** A chooser that can be told, for one delivery, what comes next: how a fork takes another choice than its parent did. */
import { GranuleError } from '../errors.ts';
import type { Chooser } from '../runtime/chooser.ts';
import type { Envelope } from '../runtime/envelope.ts';
import type { PendingQueue } from '../runtime/queue.ts';

/** A chooser with a hand on it. */
export interface SteeredChooser extends Chooser {
  /** The next delivery is that of the envelope with this id; from there on the chooser goes on by itself. */
  force(id: number): void;
  /** From now on another chooser chooses. */
  follow(chooser: Chooser): void;
}

/**
 * Puts a hand on a chooser. What is forced is not asked of it, so a seeded one draws nothing then.
 *
 * @throws GranuleError FORK_CHANGE from `next`, where the envelope that is forced cannot be delivered
 * @example
 * ```ts
 * const chooser = steered(timeOrder());
 * chooser.force(7);
 * chooser.next(new PendingQueue()); // throws FORK_CHANGE
 * ```
 */
export function steered(first: Chooser): SteeredChooser {
  let inner = first;
  let forced: number | null = null;
  const next = (queue: PendingQueue): Envelope | null => {
    if (forced === null) return inner.next(queue);
    const id = forced;
    forced = null;
    const envelope = queue.enabled().find((each) => each.id === id);
    if (envelope !== undefined) return envelope;
    throw new GranuleError('FORK_CHANGE', `envelope ${id} cannot be delivered there`);
  };
  return {
    get name() {
      return inner.name;
    },
    get seed() {
      return inner.seed;
    },
    next,
    state: () => inner.state(),
    restore: (state) => inner.restore(state),
    force: (id) => (forced = id),
    follow: (chooser) => (inner = chooser),
  };
}
