/** The state of an actor in the form that a checkpoint has it in, to be held against it. */
import type { ActorState } from '../log/checkpoint.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { isPlainState, type PlainState, plainState } from './recordedRun.ts';

/**
 * A snapshot as a checkpoint would store it: whole, or of its context the fields that the checkpoint has.
 *
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', context: { n: 1, m: 2 }, states: { idle: {} } });
 * const { snapshot } = adaptMachine(machine).initial(undefined, createActorEnv('a'));
 * const stored = { actor: 'a', state: { value: 'idle', status: 'active', context: { m: 2 } }, part: true };
 * storedForm(stored, snapshot).context; // { m: 2 }
 * ```
 */
export function storedForm({ state, part = false }: ActorState, snapshot: ActorSnapshot): PlainState {
  return part && isPlainState(state) ? plainState(snapshot, Object.keys(state.context)) : plainState(snapshot);
}
