/** Going through a model along states that were seen, found again by their fingerprints. */
import { GranuleError } from '../../errors.ts';
import type { Model } from '../model.ts';
import type { VisitedTable } from './visited.ts';

/** One step: where it leads, and who took it by which action when it was first taken. */
export interface Along {
  /** Id of a state. */
  readonly target: number;
  readonly owner: string;
  readonly key: string;
}

/** How well an action fits a step: by its key, else by its owner; 0 for not at all. */
function fit<S, A>(model: Model<S, A>, action: A, step: Along): number {
  if (model.keyOf(action) === step.key) return 2;
  return model.ownerOf(action) === step.owner ? 1 : 0;
}

/**
 * The keys of the actions that lead along some states. Keys may differ from those that were first seen: one state reached by
 * two ways may name what can happen in it by two numbers.
 *
 * @throws GranuleError EXPLORE_PATH_LOST
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const visited = new VisitedTable();
 * const [initial] = model.initial();
 * keysAlong(model, visited, initial, []).keys; // []
 * ```
 */
export function keysAlong<S, A>(
  model: Model<S, A>,
  visited: VisitedTable,
  initial: S,
  steps: readonly Along[],
): { state: S; keys: string[] } {
  let state = initial;
  const keys: string[] = [];
  for (const step of steps) {
    const wanted = visited.fingerprintAt(step.target);
    let best: { action: A; after: S; fits: number } | null = null;
    for (const action of model.actions(state)) {
      const after = model.next(state, action);
      if (after === null || model.fingerprint(after) !== wanted) continue;
      const fits = fit(model, action, step);
      if (best === null || fits > best.fits) best = { action, after, fits };
    }
    if (best === null) {
      throw new GranuleError('EXPLORE_PATH_LOST', `${model.name}: a circle cannot be gone again at ${step.key}`);
    }
    keys.push(model.keyOf(best.action));
    state = best.after;
  }
  return { state, keys };
}
