/** Seeded walks from an initial state to an end. A walk is said whole by the seed and its number. */
import type { Model, Property } from '../model.ts';
import { SeededRandom } from '../../runtime/random.ts';
import { CHANGE_POINTS_DEFAULT, WALK_STEPS_DEFAULT, WALKS_DEFAULT } from './limits.ts';
import { type Picker, PriorityPicker, RandomPicker } from './pickers.ts';
import { resultOf } from './outcome.ts';
import { SAVED_SEARCH_VERSION, type SavedWalks } from './saved.ts';
import type { SeenStates } from './share.ts';
import { type SavedTally, Tally } from './tally.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress } from './types.ts';
import { VisitedTable } from './visited.ts';
import { LIVELOCK, Watch } from './watch.ts';
import { goByIndex } from './ways.ts';

/** Outputs thrown away, so that walks of near numbers are unlike. */
const WARM_UP_ROUNDS = 12;

/** The generator of one walk: seed and number together are its state. */
function randomOf(seed: number, walk: number): SeededRandom {
  const random = new SeededRandom(0);
  random.restore([walk >>> 0, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 1]);
  for (let round = 0; round < WARM_UP_ROUNDS; round++) random.next();
  return random;
}

/** The states that one search has seen by itself. */
class SeenAlone implements SeenStates {
  readonly #visited: VisitedTable;

  constructor(visited: VisitedTable) {
    this.#visited = visited;
  }

  get size(): number {
    return this.#visited.size;
  }

  readonly see = (fingerprint: number): boolean => this.#visited.add(fingerprint, -1, 0) >= 0;
}

/** The walk that a search is on. */
interface Walk<S, A> {
  readonly random: SeededRandom;
  readonly picker: Picker<A>;
  readonly initial: number;
  state: S;
  readonly indices: number[];
  /** Bits of the properties `eventually` that held on it. */
  held: number;
  /** What was counted before it. */
  readonly before: SavedTally;
}

/**
 * Walks: `random` takes any action that is possible, `pct` that of the owner of the highest priority (`PriorityPicker`).
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const search = new Walks(model, { strategy: 'random', walks: 50 }, model.properties);
 * while (search.advance(1000));
 * search.result().discoveries.length; // 1
 * ```
 */
export class Walks<S, A> implements Exploration {
  readonly #model: Model<S, A>;
  readonly #options: ExploreOptions;
  readonly #strategy: 'random' | 'pct';
  readonly #seed: number;
  readonly #endWalk: number;
  readonly #maxSteps: number;
  readonly #initial: readonly S[];
  readonly #actorOf: (action: A) => string;
  /** States seen in this walk or an earlier one, for the count and so that each is looked at once. */
  readonly #seen: SeenStates;
  readonly #visited: VisitedTable;
  readonly #watch: Watch<S>;
  readonly #tally: Tally;
  #nextWalk: number;
  #walk: Walk<S, A> | null = null;
  /** Actions of the first walk of the seed, by which change points are laid; 0 before it was made. */
  #lengthHint: number;

  constructor(
    model: Model<S, A>,
    options: ExploreOptions,
    properties: readonly Property<S>[],
    saved?: SavedWalks,
    seen?: SeenStates,
  ) {
    this.#model = model;
    this.#options = options;
    this.#strategy = options.strategy === 'pct' ? 'pct' : 'random';
    this.#seed = options.seed ?? 0;
    this.#maxSteps = options.maxDepth ?? WALK_STEPS_DEFAULT;
    const firstWalk = options.firstWalk ?? 0;
    this.#endWalk = firstWalk + (options.walks ?? WALKS_DEFAULT);
    this.#initial = model.initial();
    this.#actorOf = model.actorOf ?? model.ownerOf;
    this.#watch = new Watch(properties, saved?.discoveries);
    this.#tally = new Tally(options, saved?.tally);
    this.#visited = saved === undefined ? new VisitedTable() : VisitedTable.of(saved.visited);
    this.#seen = seen ?? new SeenAlone(this.#visited);
    this.#nextWalk = saved?.nextWalk ?? firstWalk;
    this.#lengthHint = saved?.lengthHint ?? 0;
  }

  advance(transitions: number): boolean {
    const until = this.#tally.transitions + transitions;
    while (this.#tally.transitions < until) {
      if (!this.#hasMore()) return false;
      if (this.#walk === null) this.#begin();
      else this.#step(this.#walk);
    }
    return true;
  }

  progress(): SearchProgress {
    const walks = this.#endWalk - (this.#options.firstWalk ?? 0);
    const left = this.#endWalk - this.#nextWalk;
    return {
      strategy: this.#strategy,
      states: this.#seen.size,
      transitions: this.#tally.transitions,
      depth: this.#walk?.indices.length ?? 0,
      maxDepth: this.#tally.maxDepth,
      frontier: left,
      discoveries: this.#watch.discoveries.length,
      estimate: { kind: 'walks', doneShare: walks === 0 ? 1 : (walks - left) / walks },
    };
  }

  result(): ExplorationResult {
    return resultOf({
      strategy: this.#strategy,
      tally: this.#tally,
      watch: this.#watch,
      states: this.#seen.size,
      isDone: this.#isDone(),
      isWhole: false,
      unjudged: this.#model.progress === undefined ? [] : [LIVELOCK],
    });
  }

  /** A walk that is under way is made anew from its beginning. */
  save(): SavedWalks {
    return {
      kind: 'walks',
      version: SAVED_SEARCH_VERSION,
      model: this.#model.name,
      options: this.#options,
      tally: this.#walk?.before ?? this.#tally.save(),
      discoveries: [...this.#watch.discoveries],
      visited: this.#visited.columns(),
      nextWalk: this.#walk === null ? this.#nextWalk : this.#nextWalk - 1,
      lengthHint: this.#lengthHint,
    };
  }

  #isDone(): boolean {
    return this.#walk === null && this.#nextWalk >= this.#endWalk;
  }

  #hasMore(): boolean {
    const goesOn = this.#tally.goesOn(this.#watch.hasFault, this.#isDone(), this.#seen.size);
    return goesOn && this.#initial.length > 0;
  }

  #begin(): void {
    if (this.#strategy === 'pct' && this.#lengthHint === 0) this.#lengthHint = this.#measure();
    const random = randomOf(this.#seed, this.#nextWalk);
    const initial = random.below(this.#initial.length);
    const state = this.#initial[initial];
    this.#nextWalk += 1;
    const walk = {
      random,
      picker: this.#pickerOf(random),
      initial,
      state,
      indices: [],
      held: 0,
      before: this.#tally.save(),
    };
    this.#walk = walk;
    this.#look(walk);
  }

  #pickerOf(random: SeededRandom): Picker<A> {
    if (this.#strategy === 'random') return new RandomPicker(random);
    const points = this.#options.changePoints ?? CHANGE_POINTS_DEFAULT;
    return new PriorityPicker(this.#actorOf, random, points, this.#lengthHint);
  }

  /** How long a walk of this seed by priorities alone is. */
  #measure(): number {
    const random = randomOf(this.#seed, 0);
    const picker = new PriorityPicker(this.#actorOf, random, 0, 1);
    let state: S | null = this.#initial[random.below(this.#initial.length)];
    for (let steps = 0; steps < this.#maxSteps; steps++) {
      state = this.#moved(state, picker, steps)?.after ?? null;
      if (state === null) return Math.max(1, steps);
    }
    return this.#maxSteps;
  }

  /** Takes an action that changes something; null where there is none. */
  #moved(state: S, picker: Picker<A>, step: number): { index: number; action: A; after: S } | null {
    if (this.#model.isWithin?.(state) === false) return null;
    const actions = this.#model.actions(state);
    const left = actions.map((_, index) => index);
    while (left.length > 0) {
      const place = picker.pick(actions, left, step);
      const [index = 0] = left.splice(place, 1);
      const action = actions[index];
      const after = this.#model.next(state, action);
      if (after !== null) return { index, action, after };
    }
    return null;
  }

  #step(walk: Walk<S, A>): void {
    if (walk.indices.length >= this.#maxSteps) {
      this.#tally.isDepthCut = true;
      this.#walk = null;
      return;
    }
    const move = this.#moved(walk.state, walk.picker, walk.indices.length);
    if (move === null) {
      if (this.#model.isWithin?.(walk.state) !== false) this.#end(walk);
      this.#walk = null;
      return;
    }
    walk.indices.push(move.index);
    walk.state = move.after;
    this.#tally.took(this.#model.ownerOf(move.action));
    this.#tally.reached(walk.indices.length);
    this.#look(walk);
  }

  #look(walk: Walk<S, A>): void {
    walk.held |= this.#watch.heldIn(walk.state);
    if (this.#seen.see(this.#model.fingerprint(walk.state))) this.#watch.look(walk.state, this.#wayOf(walk));
  }

  #end(walk: Walk<S, A>): void {
    this.#tally.ends += 1;
    this.#watch.lookAtEnd(walk.state, this.#wayOf(walk));
    this.#watch.lookAtWay(walk.state, walk.held, this.#wayOf(walk));
  }

  #wayOf(walk: Walk<S, A>) {
    return () => ({ initial: walk.initial, keys: goByIndex(this.#model, walk.initial, walk.indices).keys });
  }
}
