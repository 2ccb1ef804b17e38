/** States in plain form, each part made once: a step changes little of a state, and what did not change is the very same object. */
import { stateValueOf } from '../../runtime/xstateAdapter.ts';
import type { ActorSnapshot } from '../../runtime/xstateInternals.ts';
import { plainContext } from '../../../machines/index.ts';

/** Plain forms of the parts of states, which never change once a snapshot holds them. */
const plains = new WeakMap<object, unknown>();

/** A state as paths see it. */
export interface PlainState {
  readonly value: unknown;
  readonly status: string;
  readonly context: Readonly<Record<string, unknown>>;
}

function isStructure(value: object): boolean {
  return 'toPlain' in value && typeof value.toPlain === 'function';
}

/** What `plainContext` gives, but an object that was made plain before is not made again. */
function plainOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const known = plains.get(value);
  if (known !== undefined) return known;
  const made = madePlain(value);
  plains.set(value, made);
  return made;
}

function madePlain(value: object): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (isStructure(value) || ArrayBuffer.isView(value)) return plainContext(value);
  const fields = Object.entries(value).filter(([key]) => key !== 'resources');
  return Object.fromEntries(fields.map(([key, inner]) => [key, plainOf(inner)]));
}

/**
 * The plain state of a snapshot. Parts that two snapshots share are one object in both plain states, so that whoever holds one
 * against the other passes over them.
 *
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', context: { n: 1 }, states: { idle: {} } });
 * plainStateOf(adaptMachine(machine).initial(undefined, createActorEnv('a')).snapshot).context; // { n: 1 }
 * ```
 */
export function plainStateOf(snapshot: ActorSnapshot): PlainState {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
  const context = plainOf(snapshot.context) as PlainState['context'];
  return { value: stateValueOf(snapshot), status: snapshot.status, context };
}
