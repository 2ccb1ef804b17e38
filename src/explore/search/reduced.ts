/**
 * One order for each set of orders that differ only in independent actions: dynamic partial-order reduction with sleep sets.
 *
 * Two actions are dependent when their owners are of one class (`OwnerClasses`). In each state the actions of some classes are
 * taken, at first of one. Whether others have to be is found from what follows, as Flanagan and Godefroid do (POPL 2005): where an
 * action of class c was taken and later, not because of it, another one of c becomes possible, then the two may come in the other
 * order, and an action that leads to the later one is taken in that state too, in the manner of the source sets of Abdulla,
 * Aronsson, Jonsson and Sagonas (POPL 2014). Those authors keep no states. Here states are kept and a state reached again is not
 * gone on from again, so that what follows it is kept with it (`FirstOfClass`) and goes backward along every transition into it,
 * until nothing new is said. Among states that lead to each other alone, one is gone on from in full, so that nothing is put off for
 * ever (Valmari's terminal strong components).
 *
 * A sleep set (Godefroid, LNCS 1032, 1996) holds actions that need not be taken since all that follows them follows from an
 * earlier choice. It is kept with a state; where the state is reached again with less asleep, what is awake now is taken then, and
 * what is asleep both times stays so.
 */
import type { Model, Property } from '../model.ts';
import { ClassChoice } from './choice.ts';
import { FirstOfClass, OwnerClasses } from './classes.ts';
import { circlesIn } from './components.ts';
import { type Before, bitOf, bitsOfClass, BITS, classBit, has, isFull, type Node, rootsBefore } from './nodes.ts';
import { Edges } from './edges.ts';
import { UNKNOWN } from './estimates.ts';
import { GrowingInts } from './growing.ts';
import { OWNER_CLASSES_MAX } from './limits.ts';
import { resultOf } from './outcome.ts';
import { SAVED_SEARCH_VERSION, type SavedReduced } from './saved.ts';
import { Tally } from './tally.ts';
import type { Exploration, ExplorationResult, ExploreOptions, SearchProgress } from './types.ts';
import { VisitedTable } from './visited.ts';
import { LIVELOCK, Watch } from './watch.ts';
import { wayTo } from './ways.ts';

/**
 * A reduced search. It keeps: every end, so every fault of a property `at-end`; and every state of the owners that a property reads
 * together, so every fault of `always` and whatever `sometimes` holds, if `reads` says truly what it reads. A property without
 * `reads` reads everybody, and then nothing is left out. Not looked at: `eventually` and livelocks.
 *
 * Of the model it needs more than other searches: the actions of two owners lead to one state in either order; an action of one
 * owner makes no action of another impossible; and what makes an action possible is one step, whatever its owner did meanwhile.
 * Messages in channels are so: sent once, and there until they are received.
 *
 * @example
 * ```ts
 * const model = classic('list-without-grace');
 * const all = exploreAll(model);
 * const search = new Reduced(model, {}, model.properties);
 * while (search.advance(1000));
 * search.result().transitions < all.transitions; // true
 * ```
 */
export class Reduced<S, A> implements Exploration {
  readonly #model: Model<S, A>;
  readonly #options: ExploreOptions;
  readonly #properties: readonly Property<S>[];
  readonly #classes: OwnerClasses<S>;
  readonly #watch: Watch<S>;
  #tally: Tally;
  #visited = new VisitedTable();
  #nodes: Node<S, A>[] = [];
  #first = new FirstOfClass();
  #edges = new Edges();
  /** By edge: which action was taken, and what was possible before. */
  #via = new GrowingInts();
  #before: Before[] = [];
  /** States to go on from; the last one first. */
  #open: number[] = [];
  #merges = 0;
  #choice = new ClassChoice();

  constructor(model: Model<S, A>, options: ExploreOptions, properties: readonly Property<S>[], saved?: SavedReduced) {
    this.#model = model;
    this.#options = options;
    this.#properties = properties;
    this.#watch = new Watch(properties.filter(({ kind }) => kind !== 'eventually'));
    this.#classes = new OwnerClasses(properties.filter(({ kind }) => kind !== 'eventually'));
    this.#tally = new Tally(options);
    this.#begin();
    if (saved !== undefined) this.advance(saved.tally.transitions);
  }

  advance(transitions: number): boolean {
    const until = this.#tally.transitions + transitions;
    while (this.#tally.transitions < until) {
      if (!this.#hasMore()) return false;
      this.#step();
      if (this.#classes.merges !== this.#merges) this.#beginAnew();
    }
    return true;
  }

  progress(): SearchProgress {
    return {
      strategy: 'reduced',
      states: this.#visited.size,
      transitions: this.#tally.transitions,
      depth: this.#nodes[this.#open.at(-1) ?? 0]?.depth ?? 0,
      maxDepth: this.#tally.maxDepth,
      frontier: this.#open.length,
      discoveries: this.#watch.discoveries.length,
      estimate: UNKNOWN,
    };
  }

  result(): ExplorationResult {
    const eventually = this.#properties.filter(({ kind }) => kind === 'eventually').map(({ name }) => name);
    return resultOf({
      strategy: 'reduced',
      tally: this.#tally,
      watch: this.#watch,
      states: this.#visited.size,
      isDone: this.#open.length === 0,
      isWhole: true,
      unjudged: [...eventually, ...(this.#model.progress === undefined ? [] : [LIVELOCK])],
    });
  }

  /** The way that a search goes is the same each time: it is gone again, which costs as much as it did. */
  save(): SavedReduced {
    return {
      kind: 'reduced',
      version: SAVED_SEARCH_VERSION,
      model: this.#model.name,
      options: this.#options,
      tally: this.#tally.save(),
      discoveries: [...this.#watch.discoveries],
    };
  }

  #begin(): void {
    this.#merges = this.#classes.merges;
    for (const [index, state] of this.#model.initial().entries()) this.#see(state, -1, index, 0, 0);
    if (this.#classes.merges !== this.#merges) this.#beginAnew();
  }

  /** Owners were taken for independent that are not. */
  #beginAnew(): void {
    const { transitions } = this.#tally;
    this.#tally = new Tally(this.#options);
    this.#tally.transitions = transitions;
    this.#visited = new VisitedTable();
    this.#nodes = [];
    this.#first = new FirstOfClass();
    this.#edges = new Edges();
    this.#via = new GrowingInts();
    this.#before = [];
    this.#open = [];
    this.#choice = new ClassChoice();
    this.#begin();
  }

  #hasMore(): boolean {
    if (this.#open.length === 0) this.#openCircles();
    return this.#tally.goesOn(this.#watch.hasFault, this.#open.length === 0, this.#visited.size);
  }

  /** Takes one action of the state that was opened last, or closes it. */
  #step(): void {
    const id = this.#open.at(-1) ?? 0;
    const node = this.#nodes[id];
    const index = node === undefined ? -1 : this.#nextOf(node);
    if (node === undefined || index < 0) {
      this.#open.pop();
      return;
    }
    const action = node.actions[index];
    const after = this.#model.next(node.state, action);
    if (after === null) {
      node.taken[index] = true;
      node.idle |= bitOf(index);
      if (node.taken.every(Boolean) && !node.hasMoved) this.#end(id, node);
      return;
    }
    this.#tally.took(this.#model.ownerOf(action));
    this.#follow(id, node, index, after);
  }

  /** An action to take: one that is awake, of a chosen class; where none of the chosen is awake, a class is chosen. */
  #nextOf(node: Node<S, A>): number {
    if (node.isCut) return -1;
    const isToTake = (index: number): boolean =>
      !node.taken[index] &&
      !has(node.asleep, index) &&
      (has(node.woken, index) || (node.chosen & classBit(node, index)) !== 0);
    for (let index = 0; index < node.actions.length; index++) if (isToTake(index)) return index;
    if (!node.hasMoved) {
      const least = this.#leastClass(node, () => true);
      this.#choice.begunWith(least);
      node.chosen |= least;
    }
    for (let index = 0; index < node.actions.length; index++) if (isToTake(index)) return index;
    return -1;
  }

  /** The class to begin with, among those of actions that are awake and fit; as a bit, 0 for none. */
  #leastClass(node: Node<S, A>, fits: (index: number) => boolean): number {
    return this.#choice.least(node.classes, (index) => !node.taken[index] && !has(node.asleep, index) && fits(index));
  }

  #follow(id: number, node: Node<S, A>, index: number, after: S): void {
    const keys = this.#model.actions(after).map(this.#model.keyOf);
    const before = keys.map((key) => (key === node.keys[index] ? -1 : node.keys.indexOf(key)));
    let asleep = 0;
    for (const [place, from] of before.entries()) {
      if (from < 0 || place >= BITS || node.classes[from] === node.classes[index]) continue;
      // What was taken while this one was asleep left this one asleep behind it: one of the two has to be awake.
      const isBehind = node.taken[from] && !has(node.idle, from) && !has(node.asleepThen[from] ?? 0, index);
      if (isBehind || has(node.asleep, from)) asleep |= bitOf(place);
    }
    node.taken[index] = true;
    node.asleepThen[index] = node.asleep;
    node.hasMoved = true;
    const target = this.#see(after, id, index, node.depth + 1, asleep);
    const edge = this.#edges.add(id, target);
    this.#via.set(edge, index);
    this.#before[edge] = before;
    this.#first.add(id, node.classes[index] ?? 0, 0, bitOf(index));
    this.#backward(edge);
    this.#spread(id);
  }

  #see(state: S, parent: number, via: number, depth: number, asleep: number): number {
    const model = this.#model;
    const id = this.#visited.add(model.fingerprint(state), parent, via);
    if (id < 0) {
      this.#wake(-id - 1, asleep);
      return -id - 1;
    }
    this.#tally.reached(depth);
    this.#watch.look(state, () => wayTo(model, this.#visited, id));
    const isWithin = model.isWithin?.(state) ?? true;
    const actions = isWithin ? model.actions(state) : [];
    const isDeep = depth >= this.#tally.maxDepthAllowed && actions.length > 0;
    if (isDeep) this.#tally.isDepthCut = true;
    const classes = actions.map((action) => this.#classes.classOf(model.ownerOf(action)));
    const taken = actions.map(() => false);
    const rest = { asleepThen: [], chosen: 0, asleep, woken: 0, idle: 0, hasMoved: false, isCut: isDeep };
    const node: Node<S, A> = { state, depth, actions, keys: actions.map(model.keyOf), classes, taken, ...rest };
    this.#nodes[id] = node;
    this.#edges.addState(id);
    if (actions.length > 0) this.#open.push(id);
    else if (isWithin) this.#end(id, node);
    return id;
  }

  /** A state is reached again: what is not asleep this time wakes. */
  #wake(id: number, asleep: number): void {
    const node = this.#nodes[id];
    if (node === undefined || (node.asleep & ~asleep) === 0) return;
    node.woken |= node.asleep & ~asleep;
    node.asleep &= asleep;
    this.#open.push(id);
    for (let edge = this.#edges.firstEdge(id); edge >= 0; edge = this.#edges.nextEdge(edge)) this.#backward(edge);
  }

  #end(id: number, node: Node<S, A>): void {
    this.#tally.ends += 1;
    this.#watch.lookAtEnd(node.state, () => wayTo(this.#model, this.#visited, id));
  }

  /** Tells the states before a state, and those before them, what is new of what follows it. */
  #spread(id: number): void {
    const changed = [id];
    for (let at = changed.pop(); at !== undefined; at = changed.pop()) {
      for (let edge = this.#edges.firstInto(at); edge >= 0; edge = this.#edges.nextInto(edge)) {
        if (this.#backward(edge)) changed.push(this.#edges.sourceOf(edge));
      }
    }
  }

  /** Takes what follows a transition to where it came from; whether that says something new there. */
  #backward(edge: number): boolean {
    const id = this.#edges.sourceOf(edge);
    const node = this.#nodes[id];
    if (node === undefined) return false;
    const index = this.#via.at(edge);
    const own = node.classes[index] ?? 0;
    let isNew = false;
    // A copy, since a state that leads to itself is told of itself.
    const items = [...this.#first.of(this.#edges.targetOf(edge))];
    for (const item of items) {
      const { roots, fresh } = rootsBefore(item.roots, this.#before[edge] ?? []);
      const isAfter = fresh || (item.mask & (1 << own)) !== 0;
      if (item.class === own) {
        if (!isAfter) this.#reverse(id, node, roots);
      } else if (isAfter) {
        // Whatever else of its class is to be taken comes behind this one.
        const others = roots & ~bitsOfClass(node, own);
        isNew = this.#first.add(id, item.class, item.mask | (1 << own), others | bitOf(index)) || isNew;
      } else {
        isNew = this.#first.add(id, item.class, item.mask, roots) || isNew;
      }
    }
    return isNew;
  }

  /** An action taken here and a later one of its class may come in the other order: one of the roots of the later one is taken. */
  #reverse(id: number, node: Node<S, A>, roots: number): void {
    if ((roots & node.asleep) !== 0) return;
    for (const [index] of node.actions.entries()) {
      if (has(roots, index) && (node.chosen & classBit(node, index)) !== 0) return;
    }
    this.#choice.joined(node.chosen);
    const isRoot = (index: number): boolean => roots === 0 || has(roots, index);
    const least = this.#leastClass(node, isRoot);
    node.chosen |= roots === 0 ? -1 >>> 1 : least;
    this.#open.push(id);
  }

  /** Once nothing is open: circles that nothing leads out of, and in which no state is gone on from in full, put something off. */
  #openCircles(): void {
    const part = { hasState: () => true, hasEdge: () => true };
    for (const circle of circlesIn(this.#edges, part)) {
      if (circle.some((id) => isFull(this.#nodes[id])) || this.#isLeft(circle)) continue;
      const id = circle.reduce((least, other) => Math.min(least, other));
      const node = this.#nodes[id];
      if (node === undefined) continue;
      node.chosen = 2 ** OWNER_CLASSES_MAX - 1;
      this.#open.push(id);
    }
  }

  #isLeft(circle: readonly number[]): boolean {
    const members = new Set(circle);
    for (const id of circle) {
      for (let edge = this.#edges.firstEdge(id); edge >= 0; edge = this.#edges.nextEdge(edge)) {
        if (!members.has(this.#edges.targetOf(edge))) return true;
      }
    }
    return false;
  }
}
