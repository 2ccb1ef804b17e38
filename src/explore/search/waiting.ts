/** States made anew from the ways to them, when a search goes on that was laid aside. */
import { invariant } from '../../errors.ts';
import type { Model } from '../model.ts';
import type { VisitedTable } from './visited.ts';

/**
 * The states of all ids from `from` on. Each state on a way to one of them is made once.
 *
 * @throws GranuleError INVARIANT when the model is not the one that was searched
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const visited = new VisitedTable();
 * for (const state of model.initial()) visited.add(model.fingerprint(state), -1, 0);
 * statesOfIds(model, visited, 0).length; // 1
 * ```
 */
export function statesOfIds<S, A>(model: Model<S, A>, visited: VisitedTable, from: number): S[] {
  const needed = new Uint8Array(visited.size);
  for (let id = from; id < visited.size; id++) {
    for (let at = id; at >= 0 && needed[at] === 0; at = visited.parentOf(at)) needed[at] = 1;
  }
  const initial = model.initial();
  const made = new Map<number, S>();
  // A parent has a smaller id than what was reached from it.
  for (let id = 0; id < visited.size; id++) {
    if (needed[id] === 0) continue;
    const parent = visited.parentOf(id);
    const state = parent < 0 ? initial[visited.viaOf(id)] : stepFrom(model, made.get(parent), visited.viaOf(id));
    invariant(
      state !== undefined && state !== null && model.fingerprint(state) === visited.fingerprintAt(id),
      `a search that was laid aside goes on with the model that it was of: ${model.name}`,
    );
    made.set(id, state);
  }
  return Array.from({ length: visited.size - from }, (_, index) => made.get(from + index) as S);
}

function stepFrom<S, A>(model: Model<S, A>, state: S | undefined, via: number): S | null {
  if (state === undefined) return null;
  const action = model.actions(state)[via];
  return action === undefined ? null : model.next(state, action);
}
