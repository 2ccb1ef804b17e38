/** Holding the state of an actor against what a checkpoint has of it. */
import type { StoredState } from '../log/storedState.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { type PlainState, plainState } from './recordedRun.ts';
import { firstDifference, type ValueDifference } from './values.ts';

/**
 * A snapshot as a checkpoint would store it: whole, or of its context the fields that the checkpoint has.
 *
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', context: { n: 1, m: 2 }, states: { idle: {} } });
 * const { snapshot } = adaptMachine(machine).initial(undefined, createActorEnv('a'));
 * const raw = encodeValues([{ value: 'idle', status: 'active', context: { m: 2 } }]);
 * storedForm(new StoredState('a', true, raw), snapshot).context; // { m: 2 }
 * ```
 */
export function storedForm(stored: StoredState, snapshot: ActorSnapshot): PlainState {
  const fields = stored.part ? stored.contextFields : null;
  return fields === null ? plainState(snapshot) : plainState(snapshot, fields);
}

/**
 * Where a state differs from a stored one, which is the left side; null where it does not. Only of two that are not written
 * alike the stored one is made, so that it can be said where.
 *
 * @example
 * ```ts
 * const stored = new StoredState('zone', false, encodeValues([{ freePages: 7 }]));
 * differenceFrom(stored, { freePages: 8 })?.path; // 'freePages'
 * ```
 */
export function differenceFrom(stored: StoredState, state: unknown): ValueDifference | null {
  return stored.matches(state) ? null : firstDifference(stored.made.state, state);
}
