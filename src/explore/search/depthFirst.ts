/** Every state, each way to its end first. Besides the table of states it holds one way alone. */
import { GranuleError } from '../../errors.ts';
import type { Model, Property } from '../model.ts';
import { judgeCircles } from './circles.ts';
import { weightedBacktrack } from './estimates.ts';
import { graphFor, StateGraph } from './graph.ts';
import { resultOf } from './outcome.ts';
import { SAVED_SEARCH_VERSION, type SavedDepthFirst } from './saved.ts';
import { Tally } from './tally.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress } from './types.ts';
import { VisitedTable } from './visited.ts';
import { Watch } from './watch.ts';
import { wayTo } from './ways.ts';

/** A state of the way that the search is on. */
interface Frame<S, A> {
  readonly id: number;
  readonly state: S;
  readonly actions: readonly A[];
  /** How many of the actions were taken. */
  taken: number;
  /** Whether one of those taken changed something. */
  hasMoved: boolean;
}

/**
 * A depth-first search.
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const search = new DepthFirst(model, {}, model.properties);
 * while (search.advance(1000));
 * search.result().complete; // true
 * ```
 */
export class DepthFirst<S, A> implements Exploration {
  readonly #model: Model<S, A>;
  readonly #options: ExploreOptions;
  readonly #visited: VisitedTable;
  readonly #watch: Watch<S>;
  readonly #tally: Tally;
  readonly #graph: StateGraph | null;
  readonly #initial: readonly S[];
  readonly #way: Frame<S, A>[] = [];
  #nextInitial = 0;
  #isJudged = false;

  constructor(
    model: Model<S, A>,
    options: ExploreOptions,
    properties: readonly Property<S>[],
    saved?: SavedDepthFirst,
  ) {
    this.#model = model;
    this.#options = options;
    this.#initial = model.initial();
    this.#watch = new Watch(properties, saved?.discoveries);
    this.#tally = new Tally(options, saved?.tally);
    const graph = graphFor(model, this.#watch, options.livelocks ?? true);
    this.#graph = saved?.graph === undefined || saved.graph === null ? graph : StateGraph.of(saved.graph);
    this.#visited = saved === undefined ? new VisitedTable() : VisitedTable.of(saved.visited);
    if (saved !== undefined) this.#restore(saved);
  }

  advance(transitions: number): boolean {
    const until = this.#tally.transitions + transitions;
    while (this.#tally.transitions < until) {
      if (!this.#hasMore()) {
        this.#judge();
        return false;
      }
      this.#step();
    }
    return true;
  }

  progress(): SearchProgress {
    const last = this.#way.length - 1;
    const shares = this.#way.map(({ taken, actions }, index) => {
      return { taken: index === last ? taken : taken - 1, of: actions.length };
    });
    const initials = { taken: Math.max(0, this.#nextInitial - (last < 0 ? 0 : 1)), of: this.#initial.length };
    return {
      strategy: 'depth-first',
      states: this.#visited.size,
      transitions: this.#tally.transitions,
      depth: Math.max(0, last),
      maxDepth: this.#tally.maxDepth,
      frontier: this.#way.filter(({ taken, actions }) => taken < actions.length).length,
      discoveries: this.#watch.discoveries.length,
      estimate: weightedBacktrack([initials, ...shares]),
    };
  }

  result(): ExplorationResult {
    return resultOf({
      strategy: 'depth-first',
      tally: this.#tally,
      watch: this.#watch,
      states: this.#visited.size,
      isDone: this.#isAtEnd(),
      isWhole: true,
      unjudged: [],
    });
  }

  save(): SavedDepthFirst {
    return {
      kind: 'depth-first',
      version: SAVED_SEARCH_VERSION,
      model: this.#model.name,
      options: this.#options,
      tally: this.#tally.save(),
      discoveries: [...this.#watch.discoveries],
      visited: this.#visited.columns(),
      nextInitial: this.#nextInitial,
      initial: this.#nextInitial - 1,
      taken: Int32Array.from(this.#way, (frame) => frame.taken),
      graph: this.#graph?.save() ?? null,
    };
  }

  #isAtEnd(): boolean {
    return this.#way.length === 0 && this.#nextInitial >= this.#initial.length;
  }

  #hasMore(): boolean {
    return this.#tally.goesOn(this.#watch.hasFault, this.#isAtEnd(), this.#visited.size);
  }

  /** Takes one action, or goes back by one. */
  #step(): void {
    const frame = this.#way.at(-1);
    if (frame === undefined) {
      this.#see(this.#initial[this.#nextInitial], -1, this.#nextInitial);
      this.#nextInitial += 1;
      return;
    }
    if (frame.taken === frame.actions.length) {
      this.#way.pop();
      if (!frame.hasMoved) this.#end(frame.id, frame.state);
      return;
    }
    const index = frame.taken;
    const action = frame.actions[index];
    frame.taken += 1;
    const after = this.#model.next(frame.state, action);
    if (after === null) return;
    frame.hasMoved = true;
    const owner = this.#model.ownerOf(action);
    this.#tally.took(owner);
    const target = this.#see(after, frame.id, index);
    this.#graph?.add(frame.id, target, this.#model.keyOf(action), owner);
  }

  #see(state: S, parent: number, via: number): number {
    const id = this.#visited.add(this.#model.fingerprint(state), parent, via);
    if (id < 0) return -id - 1;
    const depth = this.#way.length;
    this.#tally.reached(depth);
    const way = () => wayTo(this.#model, this.#visited, id);
    this.#watch.look(state, way);
    this.#graph?.look(id, this.#watch.heldIn(state), this.#model.progress?.(state) ?? 0);
    this.#enter(id, state, depth);
    return id;
  }

  #enter(id: number, state: S, depth: number): void {
    if (this.#model.isWithin?.(state) === false) return;
    const actions = this.#model.actions(state);
    if (actions.length === 0) {
      this.#end(id, state);
    } else if (depth >= this.#tally.maxDepthAllowed) {
      this.#tally.isDepthCut = true;
    } else {
      this.#way.push({ id, state, actions, taken: 0, hasMoved: false });
    }
  }

  #end(id: number, state: S): void {
    this.#tally.ends += 1;
    this.#graph?.markEnd(id);
    this.#watch.lookAtEnd(state, () => wayTo(this.#model, this.#visited, id));
  }

  #judge(): void {
    if (this.#isJudged || this.#graph === null) return;
    this.#isJudged = true;
    judgeCircles(this.#model, this.#graph, this.#visited, this.#watch);
  }

  /** Goes the way again that the search was on. @throws GranuleError EXPLORE_PATH_LOST */
  #restore(saved: SavedDepthFirst): void {
    this.#nextInitial = saved.nextInitial;
    let at = this.#initial.slice(saved.initial, saved.initial + 1);
    for (const [depth, taken] of saved.taken.entries()) {
      const id = at.length === 0 ? -1 : this.#visited.idOf(this.#model.fingerprint(at[0]));
      if (id < 0) {
        const what = `${this.#model.name}: the way of the search that was laid aside is lost at depth ${depth}`;
        throw new GranuleError('EXPLORE_PATH_LOST', what);
      }
      const state = at[0];
      const actions = this.#model.actions(state);
      const afters = actions.slice(0, taken).map((action) => this.#model.next(state, action));
      this.#way.push({ id, state, actions, taken, hasMoved: afters.some((after) => after !== null) });
      const last = afters.at(-1) ?? null;
      at = last === null ? [] : [last];
    }
  }
}
