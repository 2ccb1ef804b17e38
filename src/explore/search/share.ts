/** A share of a depth-first search: several go on at once, over one table of states, and give each other work. */
import type { Model, Property } from '../model.ts';
import { Tally } from './tally.ts';
import type { ExploreOptions } from './types.ts';
import { Watch } from './watch.ts';
import { goByIndex } from './ways.ts';

/** Whether a state is new, and how many there are. */
export interface SeenStates {
  readonly size: number;
  readonly see: (fingerprint: number) => boolean;
}

/** A part of the tree of ways: some actions of the state at the end of a way; null: the state itself, which is initial. */
export interface Branch {
  readonly initial: number;
  readonly indices: readonly number[];
  readonly actions: { readonly from: number; readonly to: number } | null;
}

/** A state of the way that is gone; `to`: its actions from there on are somebody else's. */
interface Frame<S, A> {
  readonly state: S;
  readonly actions: readonly A[];
  /** By which action of the frame before. */
  readonly via: number;
  taken: number;
  to: number;
  hasMoved: boolean;
}

/**
 * One of several depth-first searches over the states that they have seen together. It keeps one way alone, by which whatever it
 * finds is reached; it judges `always`, `sometimes` and `at-end`.
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const share = new Share(model, {}, model.properties, SharedTable.forStates(100));
 * share.begin({ initial: 0, indices: [], actions: null });
 * while (share.advance(100));
 * share.watch.discoveries.length; // 1
 * ```
 */
export class Share<S, A> {
  readonly watch: Watch<S>;
  readonly tally: Tally;
  readonly #model: Model<S, A>;
  readonly #seen: SeenStates;
  readonly #frames: Frame<S, A>[] = [];
  #branch: Branch = { initial: 0, indices: [], actions: null };

  constructor(model: Model<S, A>, options: ExploreOptions, properties: readonly Property<S>[], seen: SeenStates) {
    this.#model = model;
    this.#seen = seen;
    this.watch = new Watch(properties.filter(({ kind }) => kind !== 'eventually'));
    this.tally = new Tally(options);
  }

  /** Takes a branch on, once the last one is done. */
  begin(branch: Branch): void {
    this.#branch = branch;
    const { state } = goByIndex(this.#model, branch.initial, branch.indices);
    if (branch.actions === null) {
      this.#see(state, -1);
      return;
    }
    const { from, to } = branch.actions;
    this.#frames.push({ state, actions: this.#model.actions(state), via: -1, taken: from, to, hasMoved: true });
  }

  /** Goes on for about so many transitions; whether there is more to do in the branch. */
  advance(transitions: number): boolean {
    const until = this.tally.transitions + transitions;
    while (this.#frames.length > 0 && this.tally.transitions < until) this.#step();
    return this.#frames.length > 0;
  }

  /** Half of what is left at the state nearest to the beginning, for somebody who has nothing; null where there is too little. */
  give(): Branch | null {
    for (const [depth, frame] of this.#frames.entries()) {
      const left = frame.to - frame.taken;
      if (left < 1 || !frame.hasMoved) continue;
      const from = frame.taken + Math.floor(left / 2);
      const actions = { from, to: frame.to };
      frame.to = from;
      return { initial: this.#branch.initial, indices: this.#indicesTo(depth), actions };
    }
    return null;
  }

  get depth(): number {
    return this.#branch.indices.length + Math.max(0, this.#frames.length - 1);
  }

  #indicesTo(depth: number): number[] {
    const own = this.#frames.slice(1, depth + 1).map(({ via }) => via);
    return [...this.#branch.indices, ...own];
  }

  #step(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    if (frame.taken >= frame.to) {
      if (!frame.hasMoved) this.#end(frame.state, []);
      this.#frames.pop();
      return;
    }
    const index = frame.taken;
    const action = frame.actions[index];
    frame.taken += 1;
    const after = this.#model.next(frame.state, action);
    if (after === null) return;
    frame.hasMoved = true;
    this.tally.took(this.#model.ownerOf(action));
    this.#see(after, index);
  }

  /** `via`: by which action of the last frame; -1 for an initial state. */
  #see(state: S, via: number): void {
    if (!this.#seen.see(this.#model.fingerprint(state))) return;
    const depth = this.#branch.indices.length + this.#frames.length;
    this.tally.reached(depth);
    const last = via < 0 ? [] : [via];
    this.watch.look(state, this.#wayOf(last));
    if (this.#model.isWithin?.(state) === false) return;
    const actions = this.#model.actions(state);
    if (actions.length === 0) this.#end(state, last);
    else if (depth >= this.tally.maxDepthAllowed) this.tally.isDepthCut = true;
    else this.#frames.push({ state, actions, via, taken: 0, to: actions.length, hasMoved: false });
  }

  #end(state: S, last: readonly number[]): void {
    this.tally.ends += 1;
    this.watch.lookAtEnd(state, this.#wayOf(last));
  }

  #wayOf(last: readonly number[]) {
    return () => {
      const indices = [...this.#indicesTo(this.#frames.length - 1), ...last];
      const { initial } = this.#branch;
      return { initial, keys: goByIndex(this.#model, initial, indices).keys };
    };
  }
}
