/**
 * Delta debugging: what of a list is needed for something to happen. After Zeller and Hildebrandt, Simplifying and isolating
 * failure-inducing input (2002), with their complements alone: what is left out is tried in halves, quarters and so on down to
 * single items, from the end.
 */

/** Tries that are left, shared by all that shrinks one finding. */
export interface Tries {
  left: number;
}

/**
 * Takes one of the tries.
 *
 * @returns false where none is left
 * @example
 * ```ts
 * const tries = { left: 1 };
 * [takeTry(tries), takeTry(tries)]; // [true, false]
 * ```
 */
export function takeTry(tries: Tries): boolean {
  if (tries.left <= 0) return false;
  tries.left -= 1;
  return true;
}

/** What was left of a list. */
export interface Shortened<L> {
  readonly list: L;
  /** No single item can be left out any more; false where the tries ended before that was seen. */
  readonly isMinimal: boolean;
}

/** A list that something happens with, and how to try a shorter one. */
export interface Shortening<L> {
  readonly lengthOf: (list: L) => number;
  /**
   * Leaves out `count` items from `at` on. Gives what came of it, if what is looked for still happens; it may have lost more than
   * that, and is shorter than `list` in any case. Null where it does not happen.
   */
  readonly without: (list: L, at: number, count: number) => L | null;
}

/**
 * The shortest list that can be had by leaving out parts of one, as far as one part after the other is left out: no single item of
 * it can be left out.
 *
 * @example
 * ```ts
 * const without = (list: number[], at: number, count: number) => {
 *   const kept = list.filter((_, index) => index < at || index >= at + count);
 *   return kept.includes(3) && kept.includes(7) ? kept : null;
 * };
 * shortest([1, 2, 3, 4, 5, 6, 7, 8], { lengthOf: (list) => list.length, without }, { left: 100 }); // { list: [3, 7], isMinimal: true }
 * ```
 */
export function shortest<L>(begin: L, { lengthOf, without }: Shortening<L>, tries: Tries): Shortened<L> {
  let list = begin;
  let count = Math.max(1, lengthOf(list) >> 1);
  for (;;) {
    let isSame = true;
    // From the end: what lies before is then as it was, and need not be gone through again.
    for (let at = lengthOf(list) - count; at > -count && lengthOf(list) > 0; at -= count) {
      at = Math.min(at, lengthOf(list) - 1);
      if (!takeTry(tries)) return { list, isMinimal: false };
      const from = Math.max(0, at);
      const found = without(list, from, at + count - from);
      if (found === null) continue;
      list = found;
      isSame = false;
    }
    if (count === 1 && isSame) return { list, isMinimal: true };
    if (isSame || count > lengthOf(list)) count = Math.max(1, count >> 1);
  }
}
