/** Every state, nearest first. A state's id is its place in the queue, so that the queue is two arrays of states. */
import type { Model, Property } from '../model.ts';
import { judgeCircles } from './circles.ts';
import { frontierTrend } from './estimates.ts';
import { graphFor, StateGraph } from './graph.ts';
import { resultOf } from './outcome.ts';
import { SAVED_SEARCH_VERSION, type SavedBreadthFirst } from './saved.ts';
import { Tally } from './tally.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress, Strategy } from './types.ts';
import { VisitedTable } from './visited.ts';
import { LIVELOCK, Watch } from './watch.ts';
import { wayTo } from './ways.ts';
import { statesOfIds } from './waiting.ts';

/**
 * A breadth-first search. The first way found to a state is a shortest one.
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const search = new BreadthFirst(model, {}, model.properties);
 * while (search.advance(1000));
 * search.result().complete; // true
 * ```
 */
export class BreadthFirst<S, A> implements Exploration {
  readonly #model: Model<S, A>;
  readonly #options: ExploreOptions;
  readonly #strategy: Strategy;
  readonly #visited: VisitedTable;
  readonly #watch: Watch<S>;
  readonly #tally: Tally;
  readonly #graph: StateGraph | null;
  /** The level that is gone on from, and the one behind it. */
  #level: S[] = [];
  #following: S[] = [];
  /** Id of the first state of the level, and of the one to go on from. */
  #levelStart = 0;
  #next = 0;
  #depth = 0;
  #lastLevels: number[] = [];
  #isJudged = false;

  constructor(
    model: Model<S, A>,
    options: ExploreOptions,
    properties: readonly Property<S>[],
    saved?: SavedBreadthFirst,
  ) {
    this.#model = model;
    this.#options = options;
    this.#strategy = options.strategy ?? 'breadth-first';
    this.#watch = new Watch(properties, saved?.discoveries);
    this.#tally = new Tally(options, saved?.tally);
    const graph = graphFor(model, this.#watch, options.livelocks ?? true);
    this.#graph = saved?.graph === undefined || saved.graph === null ? graph : StateGraph.of(saved.graph);
    if (saved === undefined) {
      this.#visited = new VisitedTable();
      for (const [index, state] of model.initial().entries()) this.#see(state, -1, index);
      this.#level = this.#following;
      this.#following = [];
      return;
    }
    this.#visited = VisitedTable.of(saved.visited);
    this.#next = saved.next;
    this.#levelStart = saved.next;
    this.#depth = saved.depth;
    this.#lastLevels = [...saved.lastLevels];
    const states = statesOfIds(model, this.#visited, saved.next);
    this.#level = states.slice(0, saved.levelEnd - saved.next);
    this.#following = states.slice(saved.levelEnd - saved.next);
  }

  advance(transitions: number): boolean {
    const until = this.#tally.transitions + transitions;
    while (this.#tally.transitions < until) {
      if (!this.#hasMore()) {
        this.#judge();
        return false;
      }
      this.#expand();
    }
    return true;
  }

  progress(): SearchProgress {
    return {
      strategy: this.#strategy,
      states: this.#visited.size,
      transitions: this.#tally.transitions,
      depth: this.#depth,
      maxDepth: this.#tally.maxDepth,
      frontier: this.#visited.size - this.#next,
      discoveries: this.#watch.discoveries.length,
      estimate: frontierTrend(this.#lastLevels, this.#next, this.#visited.size),
    };
  }

  result(): ExplorationResult {
    return resultOf({
      strategy: this.#strategy,
      tally: this.#tally,
      watch: this.#watch,
      states: this.#visited.size,
      isDone: this.#next === this.#visited.size,
      isWhole: true,
      unjudged: this.#strategy === 'bounded' && this.#model.progress !== undefined ? [LIVELOCK] : [],
    });
  }

  save(): SavedBreadthFirst {
    return {
      kind: 'breadth-first',
      version: SAVED_SEARCH_VERSION,
      model: this.#model.name,
      options: this.#options,
      tally: this.#tally.save(),
      discoveries: [...this.#watch.discoveries],
      visited: this.#visited.columns(),
      next: this.#next,
      levelEnd: this.#levelStart + this.#level.length,
      depth: this.#depth,
      lastLevels: [...this.#lastLevels],
      graph: this.#graph?.save() ?? null,
    };
  }

  /** Whether there is a state to go on from and the budget lets it be. */
  #hasMore(): boolean {
    const { size } = this.#visited;
    return this.#tally.goesOn(this.#watch.hasFault, this.#next === size, size);
  }

  #see(state: S, parent: number, via: number): number {
    const id = this.#visited.add(this.#model.fingerprint(state), parent, via);
    if (id < 0) return -id - 1;
    this.#following.push(state);
    const way = () => wayTo(this.#model, this.#visited, id);
    this.#watch.look(state, way);
    this.#graph?.look(id, this.#watch.heldIn(state), this.#model.progress?.(state) ?? 0);
    return id;
  }

  #expand(): void {
    if (this.#next - this.#levelStart === this.#level.length) this.#enterLevel();
    const model = this.#model;
    const id = this.#next;
    const state = this.#level[id - this.#levelStart];
    this.#next += 1;
    if (model.isWithin !== undefined && !model.isWithin(state)) return;
    const actions = model.actions(state);
    if (actions.length === 0) {
      this.#end(state, id);
      return;
    }
    if (this.#depth >= this.#tally.maxDepthAllowed) {
      this.#tally.isDepthCut = true;
      return;
    }
    let isEnd = true;
    for (let index = 0; index < actions.length; index++) {
      const action = actions[index];
      const after = model.next(state, action);
      if (after === null) continue;
      isEnd = false;
      const owner = model.ownerOf(action);
      this.#tally.took(owner);
      const before = this.#visited.size;
      const target = this.#see(after, id, index);
      if (this.#visited.size > before) this.#tally.reached(this.#depth + 1);
      this.#graph?.add(id, target, model.keyOf(action), owner);
    }
    if (isEnd) this.#end(state, id);
  }

  #end(state: S, id: number): void {
    this.#tally.ends += 1;
    this.#graph?.markEnd(id);
    const way = () => wayTo(this.#model, this.#visited, id);
    this.#watch.lookAtEnd(state, way);
  }

  #enterLevel(): void {
    this.#lastLevels = [...this.#lastLevels.slice(-3), this.#following.length];
    this.#levelStart += this.#level.length;
    this.#level = this.#following;
    this.#following = [];
    this.#depth += 1;
  }

  #judge(): void {
    if (this.#isJudged || this.#graph === null) return;
    this.#isJudged = true;
    judgeCircles(this.#model, this.#graph, this.#visited, this.#watch, this.#strategy !== 'bounded');
  }
}
