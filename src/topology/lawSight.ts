/** What laws see of a system: a run, or any state of one that is laid out the same way. */
import type { Address } from '../runtime/envelope.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';

/** The states of all actors at one moment; a `System` will do. */
export interface LawSight {
  readonly actors: readonly Address[];
  /** @throws GranuleError ACTOR_UNKNOWN */
  snapshot(id: Address): Pick<ActorSnapshot, 'context' | 'value'>;
}
