/** A facility of the kernel that a topology may ask for: what is written for it, and the actors that it brings. */
import type { ResourceHolder } from '../../../machines/index.ts';
import type { ActorSpec } from '../../runtime/hosting.ts';
import type { Topology } from '../schema.ts';

/** What a part's actors are made with. */
export interface PartSurroundings {
  topology: Topology;
  resources: ResourceHolder;
}

/**
 * Makes the actors of one part; none where the topology does not ask for it.
 *
 * @example
 * ```ts
 * const nothing: PartActors = () => [];
 * nothing({ topology: loadTopology('plain-4k'), resources: new ResourceHolder({ traces: new Map(), costs: defaultCosts }) }); // []
 * ```
 */
export type PartActors = (surroundings: PartSurroundings) => ActorSpec[];

/**
 * Makes the messages from outside that start a part; none where the topology does not ask for it.
 *
 * @example
 * ```ts
 * const nothing: PartMessages = () => [];
 * nothing(loadTopology('plain-4k')); // []
 * ```
 */
export type PartMessages = (topology: Topology) => { to: string; atCycles: number; message: { type: string } }[];
