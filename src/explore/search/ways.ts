/** Ways through a model: made anew from parent to parent, and followed by the keys of their actions. */
import { GranuleError } from '../../errors.ts';
import type { Model, Path } from '../model.ts';
import type { VisitedTable } from './visited.ts';

/** One action of a way that was followed. */
export interface FollowedStep<S> {
  readonly key: string;
  readonly owner: string;
  readonly described: string;
  /** The state after it. */
  readonly state: S;
}

/** A way that fits: its states and what was done. */
export interface FollowedPath<S> {
  readonly initial: S;
  readonly steps: readonly FollowedStep<S>[];
  /** The state at its end. */
  readonly end: S;
}

/** Keys that are told of where a way does not fit: more are not read. */
const KEYS_TOLD = 12;

function lost(model: { readonly name: string }, what: string, where: string): GranuleError {
  return new GranuleError('EXPLORE_PATH_LOST', `${model.name}: ${what}`, where);
}

/** The initial state of an index. @throws GranuleError EXPLORE_PATH_LOST */
function initialOf<S, A>(model: Model<S, A>, index: number): S {
  const states = model.initial();
  const state = states[index];
  if (state === undefined) throw lost(model, `there is no initial state ${index}`, `it has ${states.length}`);
  return state;
}

/**
 * Follows a way by its keys. Where it does not fit, says which key it is at and what was possible there.
 *
 * @throws GranuleError EXPLORE_PATH_LOST
 * @example
 * ```ts
 * const followed = followPath(classic('lost-update'), { initial: 0, keys: ['a#0', 'b#0'] });
 * followed.steps.map((step) => step.described); // ['a reads x', 'b reads x']
 * followPath(classic('lost-update'), { initial: 0, keys: ['c#0'] }); // throws EXPLORE_PATH_LOST
 * ```
 */
export function followPath<S, A>(model: Model<S, A>, path: Path): FollowedPath<S> {
  const initial = initialOf(model, path.initial);
  const steps: FollowedStep<S>[] = [];
  let state = initial;
  for (const [index, key] of path.keys.entries()) {
    const actions = model.actions(state);
    const action = actions.find((candidate) => model.keyOf(candidate) === key);
    const after = action === undefined ? null : model.next(state, action);
    if (action === undefined || after === null) {
      const keys = actions.map(model.keyOf);
      const told = keys.length === 0 ? 'nothing' : keys.slice(0, KEYS_TOLD).join(', ');
      const more = keys.length > KEYS_TOLD ? ` and ${keys.length - KEYS_TOLD} more` : '';
      const what = action === undefined ? 'cannot be taken' : 'changes nothing';
      throw lost(model, `action ${index + 1} of ${path.keys.length}, ${key}, ${what}`, `possible: ${told}${more}`);
    }
    steps.push({ key, owner: model.ownerOf(action), described: model.describe(state, action), state: after });
    state = after;
  }
  return { initial, steps, end: state };
}

/** The state at the end of a list of indices of actions, with their keys. */
interface Gone<S> {
  readonly state: S;
  readonly keys: readonly string[];
}

/**
 * Goes through a model by the indices of actions, as a search keeps them.
 *
 * @throws GranuleError EXPLORE_PATH_LOST
 * @example
 * ```ts
 * goByIndex(classic('lost-update'), 0, [0, 0]).keys; // ['a#0', 'a#1']
 * ```
 */
export function goByIndex<S, A>(model: Model<S, A>, initial: number, indices: readonly number[]): Gone<S> {
  let state = initialOf(model, initial);
  const keys: string[] = [];
  for (const [step, index] of indices.entries()) {
    const action = model.actions(state)[index];
    const after = action === undefined ? null : model.next(state, action);
    if (action === undefined || after === null) {
      throw lost(model, `action ${index} cannot be taken at step ${step + 1}`, 'the model is another one, or varies');
    }
    keys.push(model.keyOf(action));
    state = after;
  }
  return { state, keys };
}

/** The way by which a state was first reached, as indices of actions. */
export interface IndexedWay {
  readonly initial: number;
  readonly indices: readonly number[];
}

/**
 * The way by which a state was first reached.
 *
 * @example
 * ```ts
 * const visited = new VisitedTable();
 * visited.add(7, -1, 0);
 * visited.add(8, 0, 3);
 * indicesTo(visited, 1); // { initial: 0, indices: [3] }
 * ```
 */
export function indicesTo(visited: VisitedTable, id: number): IndexedWay {
  const indices: number[] = [];
  let at = id;
  for (let parent = visited.parentOf(at); parent >= 0; parent = visited.parentOf(at)) {
    indices.push(visited.viaOf(at));
    at = parent;
  }
  return { initial: visited.viaOf(at), indices: indices.reverse() };
}

/**
 * The way by which a state was first reached, by keys; the state that it leads to has to be the one that was seen.
 *
 * @throws GranuleError EXPLORE_PATH_LOST
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const visited = new VisitedTable();
 * for (const state of model.initial()) visited.add(model.fingerprint(state), -1, 0);
 * wayTo(model, visited, 0); // { initial: 0, keys: [] }
 * ```
 */
export function wayTo<S, A>(model: Model<S, A>, visited: VisitedTable, id: number): Path {
  const { initial, indices } = indicesTo(visited, id);
  const { state, keys } = goByIndex(model, initial, indices);
  if (model.fingerprint(state) !== visited.fingerprintAt(id)) {
    const why =
      'two states of one fingerprint differ in what can happen in them, or an action does not do the same twice';
    throw lost(model, 'a way leads to another state than it led to before', why);
  }
  return { initial, keys };
}
