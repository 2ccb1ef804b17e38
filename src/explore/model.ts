/**
 * What can be explored: a system whose states and steps can be enumerated. One small interface; every search, reduction,
 * shrinking and account is derived from it. The shape is that of Stateright's `Model`; what differs is that an action has a key
 * that stays the same in every state where it can be taken, so that orders can be compared, and that it has an owner, so that
 * independent actions can be told apart.
 */

/** Names a state by its contents: a whole number below 2^53. Two states of one fingerprint are taken for one state. */
export type Fingerprint = number;

/** When a property has to hold. */
export type PropertyKind =
  /** In every state that can be reached. */
  | 'always'
  /** In at least one state that can be reached: what never happens at all is a fault of the model. */
  | 'sometimes'
  /** At some place on every way to an end. A circle is a way without an end: it is judged where a search closes one. */
  | 'eventually'
  /** In every state in which nothing more can happen. */
  | 'at-end';

/** Something that has to hold. */
export interface Property<S> {
  /** Names it on the command line and in accounts: `no-stale-translation`. */
  readonly name: string;
  readonly kind: PropertyKind;
  /** One sentence for readers. */
  readonly says: string;
  /** Null where it holds in a state; otherwise what is wrong there, or for `sometimes` and `eventually`, what is not yet so. */
  readonly fault: (state: S) => string | null;
  /**
   * Owners whose states it reads; absent: of all. Steps of owners that one property reads together are never taken for
   * independent by a reduction, since their order can be seen.
   */
  readonly reads?: (owner: string) => boolean;
  /** Set where what it is about is not in the system, so that it holds and says nothing. */
  readonly isVacuous?: boolean;
}

/**
 * A system to explore. `S`: a state, an immutable value. `A`: an action, what can happen next.
 *
 * @example
 * ```ts
 * const counter: Model<number, 'up'> = {
 *   name: 'counter',
 *   initial: () => [0],
 *   actions: (state) => (state < 3 ? ['up'] : []),
 *   next: (state) => state + 1,
 *   fingerprint: (state) => state,
 *   keyOf: () => 'up',
 *   ownerOf: () => 'counter',
 *   describe: (state) => `${state} goes up`,
 *   properties: [{ name: 'small', kind: 'always', says: 'it stays below 9', fault: (n) => (n < 9 ? null : `it is ${n}`) }],
 * };
 * counter.actions(3); // []
 * ```
 */
export interface Model<S, A> {
  readonly name: string;
  /** The states in which a run may begin. */
  readonly initial: () => readonly S[];
  /** What can happen in a state, in an order that depends on the state alone. */
  readonly actions: (state: S) => readonly A[];
  /** The state after an action; null where the action changes nothing. The state given stays as it is. */
  readonly next: (state: S, action: A) => S | null;
  readonly fingerprint: (state: S) => Fingerprint;
  /** Names an action; an action that stays possible while others are taken keeps its key. */
  readonly keyOf: (action: A) => string;
  /** Whose state an action changes. Actions of two owners are independent: either order leads to one state. */
  readonly ownerOf: (action: A) => string;
  /**
   * Who acts: whose turn it is when the action is taken. Absent: the owner. Threads over shared variables differ from actors here:
   * what a thread does is owned by the variable that it does it to. Preemptions and priorities are counted by who acts.
   */
  readonly actorOf?: (action: A) => string;
  /** What an action does in a state, in one line. */
  readonly describe: (state: S, action: A) => string;
  readonly properties: readonly Property<S>[];
  /** Whether to look behind a state; absent: always. */
  readonly isWithin?: (state: S) => boolean;
  /**
   * What of a state is progress: a number that rises with it. Going in a circle in which it stays the same is a livelock.
   * Absent: circles are looked at for `eventually` alone.
   */
  readonly progress?: (state: S) => number;
}

/** A way from an initial state: which one, and the keys of the actions taken, in order. */
export interface Path {
  /** Index into `initial()`. */
  readonly initial: number;
  readonly keys: readonly string[];
}

/** What a search found of a property: a way to where it does not hold, or for `sometimes`, to where it does. */
export interface Discovery {
  readonly property: string;
  /** `livelock`: the way ends in a circle of `circleLength` actions without progress. */
  readonly kind: PropertyKind | 'livelock';
  readonly path: Path;
  /** What is wrong at the end of the way. */
  readonly fault: string;
  readonly circleLength?: number;
}
