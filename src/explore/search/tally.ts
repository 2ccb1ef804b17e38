/** What every search counts, its budget, and why it ended. */
import { STATES_DEFAULT } from './limits.ts';
import { Interned } from './growing.ts';
import type { ExploreOptions, OwnerCoverage, Stopped } from './types.ts';

/** The counts of a search, as plain data. */
export interface SavedTally {
  readonly transitions: number;
  readonly maxDepth: number;
  readonly ends: number;
  readonly isDepthCut: boolean;
  readonly owners: readonly string[];
  readonly ownerTransitions: readonly number[];
}

/**
 * Counts for a search, and says when its budget is used up.
 *
 * @example
 * ```ts
 * const tally = new Tally({ maxTransitions: 2 });
 * tally.took('a');
 * tally.took('b');
 * tally.overBudget(2); // 'transitions'
 * tally.coverage(); // [{ owner: 'a', transitions: 1 }, { owner: 'b', transitions: 1 }]
 * ```
 */
export class Tally {
  transitions = 0;
  maxDepth = 0;
  ends = 0;
  /** Whether states were not gone on from since they lay too deep. */
  isDepthCut = false;
  stoppedBy: Stopped | null = null;
  readonly maxDepthAllowed: number;
  readonly #maxStates: number;
  readonly #maxTransitions: number;
  readonly #stopsAtFault: boolean;
  readonly #owners: Interned;
  readonly #ownerTransitions: number[];

  constructor(options: ExploreOptions, saved?: SavedTally) {
    this.maxDepthAllowed = options.maxDepth ?? Number.MAX_SAFE_INTEGER;
    this.#maxStates = options.maxStates ?? STATES_DEFAULT;
    this.#maxTransitions = options.maxTransitions ?? Number.MAX_SAFE_INTEGER;
    this.#stopsAtFault = options.stopAtFirst === true;
    this.#owners = new Interned(saved?.owners);
    this.#ownerTransitions = [...(saved?.ownerTransitions ?? [])];
    if (saved === undefined) return;
    this.transitions = saved.transitions;
    this.maxDepth = saved.maxDepth;
    this.ends = saved.ends;
    this.isDepthCut = saved.isDepthCut;
  }

  /** The sums of several. */
  static joined(tallies: readonly SavedTally[]): Tally {
    const joined = new Tally({});
    for (const tally of tallies) {
      for (const [index, owner] of tally.owners.entries()) {
        const number = joined.#owners.numberOf(owner);
        const before = joined.#ownerTransitions[number] ?? 0;
        joined.#ownerTransitions[number] = before + (tally.ownerTransitions[index] ?? 0);
      }
      joined.transitions += tally.transitions;
      joined.ends += tally.ends;
      joined.reached(tally.maxDepth);
      joined.isDepthCut ||= tally.isDepthCut;
    }
    return joined;
  }

  /** Counts an action of an owner; the owner's number. */
  took(owner: string): number {
    const number = this.#owners.numberOf(owner);
    this.transitions += 1;
    this.#ownerTransitions[number] = (this.#ownerTransitions[number] ?? 0) + 1;
    return number;
  }

  reached(depth: number): void {
    if (depth > this.maxDepth) this.maxDepth = depth;
  }

  /** Which budget is used up, null while none is. */
  overBudget(states: number): Stopped | null {
    if (states >= this.#maxStates) return 'states';
    return this.transitions >= this.#maxTransitions ? 'transitions' : null;
  }

  /** Whether a search that is not done goes on; why not is in `stoppedBy`. */
  goesOn(hasFault: boolean, isDone: boolean, states: number): boolean {
    this.stoppedBy = this.#stopsAtFault && hasFault ? 'discovery' : null;
    if (isDone) return false;
    this.stoppedBy ??= this.overBudget(states);
    return this.stoppedBy === null;
  }

  coverage(): OwnerCoverage[] {
    const all = this.#owners.names().map((owner, number) => {
      return { owner, transitions: this.#ownerTransitions[number] ?? 0 };
    });
    return all.sort((left, right) => (left.owner < right.owner ? -1 : 1));
  }

  save(): SavedTally {
    const { transitions, maxDepth, ends, isDepthCut } = this;
    const owners = this.#owners.names();
    return { transitions, maxDepth, ends, isDepthCut, owners, ownerTransitions: [...this.#ownerTransitions] };
  }
}
