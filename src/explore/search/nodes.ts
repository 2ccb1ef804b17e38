/** What a reduced search keeps of a state, and bits of its actions and of classes of owners. */

/** Actions of a state that have a bit; those beyond are never asleep and are no roots. */
export const BITS = 31;

/** What is kept of a state besides its fingerprint. */
export interface Node<S, A> {
  readonly state: S;
  readonly depth: number;
  readonly actions: readonly A[];
  readonly keys: readonly string[];
  readonly classes: readonly number[];
  /** Of each action, whether it was taken, or changes nothing. */
  readonly taken: boolean[];
  /** Of each action that was taken, what was asleep then, as bits. */
  readonly asleepThen: number[];
  /** Classes of which all actions that are awake are taken. */
  chosen: number;
  /** Bits of actions that are asleep. */
  asleep: number;
  /** Bits of actions that were asleep and are not: they are taken, of whatever class. */
  woken: number;
  /** Bits of actions that were tried and change nothing. */
  idle: number;
  hasMoved: boolean;
  /** Whether nothing is looked for behind it. */
  readonly isCut: boolean;
}

/** For each action of where a transition leads, which action of where it came from it was; -1 for one that is new. */
export type Before = readonly number[];

/**
 * Whether a bit is set.
 *
 * @example
 * ```ts
 * has(0b100, 2); // true
 * ```
 */
export function has(bits: number, index: number): boolean {
  return index < BITS && (bits & (1 << index)) !== 0;
}

/**
 * The bit of an action; none for one beyond `BITS`.
 *
 * @example
 * ```ts
 * bitOf(2); // 4
 * ```
 */
export function bitOf(index: number): number {
  return index < BITS ? 1 << index : 0;
}

/**
 * The bits of the actions of a class.
 *
 * @example
 * ```ts
 * bitsOfClass({ classes: [0, 1, 0] }, 0); // 5
 * ```
 */
export function bitsOfClass(node: Pick<Node<never, never>, 'classes'>, wanted: number): number {
  let bits = 0;
  for (const [index, found] of node.classes.entries()) if (found === wanted) bits |= bitOf(index);
  return bits;
}

/**
 * The bit of the class of an action.
 *
 * @example
 * ```ts
 * classBit({ classes: [0, 3] }, 1); // 8
 * ```
 */
export function classBit(node: Pick<Node<never, never>, 'classes'>, index: number): number {
  return 1 << (node.classes[index] ?? 0);
}

/**
 * Which actions of the state before a transition are roots, and whether a root became possible by the transition.
 *
 * @example
 * ```ts
 * rootsBefore(0b11, [4, -1]); // { roots: 16, fresh: true }
 * ```
 */
export function rootsBefore(roots: number, before: Before): { roots: number; fresh: boolean } {
  let found = 0;
  let fresh = false;
  for (let index = 0; index < BITS && roots >>> index !== 0; index++) {
    if (!has(roots, index)) continue;
    const from = before[index] ?? -1;
    if (from < 0) fresh = true;
    else found |= bitOf(from);
  }
  return { roots: found, fresh };
}

/**
 * Whether a state is gone on from in full: by the actions of every class.
 *
 * @example
 * ```ts
 * isFull({ classes: [0, 1], chosen: 0b01 }); // false
 * ```
 */
export function isFull(node: Pick<Node<never, never>, 'classes' | 'chosen'> | undefined): boolean {
  return node === undefined || node.classes.every((found) => (node.chosen & (1 << found)) !== 0);
}
