/** Holding the state of an actor against what a checkpoint has of it. */
import { packedContext } from '../../machines/index.ts';
import type { StoredState } from '../log/storedState.ts';
import { actorStateOf } from '../runtime/xstateAdapter.ts';
import type { StandIn } from '../runtime/standIn.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { type PlainState, unpackedState } from './recordedRun.ts';
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
  const { value, status, context } = actorStateOf(snapshot);
  const fields = stored.part ? stored.contextFields : null;
  if (fields === null) return { value, status, context: packedContext(context) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
  const all = Object.entries(context as object);
  return { value, status, context: packedContext(Object.fromEntries(all.filter(([name]) => fields.includes(name)))) };
}

/**
 * Where a state in the form of checkpoints differs from a stored one, which is the left side; null where it does not. Only of
 * two that are not written alike the stored one is made, and both are unpacked, so that it can be said where: older logs hold
 * some states of which nothing is packed.
 *
 * @example
 * ```ts
 * const stored = new StoredState('zone', false, encodeValues([{ freePages: 7 }]));
 * differenceFrom(stored, { freePages: 8 })?.path; // 'freePages'
 * ```
 */
export function differenceFrom(stored: StoredState, state: unknown, standIn?: StandIn): ValueDifference | null {
  if (stored.matches(state)) return null;
  const { actor, made } = stored;
  return firstDifference(unpackedState(actor, made.state, standIn), unpackedState(actor, state, standIn));
}
