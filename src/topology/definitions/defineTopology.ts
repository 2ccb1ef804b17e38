/** A topology written in code: what a file says, with the definitions themselves in the place of their names. */
import type { WrittenParameters } from '../form/parameters.ts';
import type { TopologyInput } from '../schema.ts';
import type { ActorDefinition, PlacedActor } from './actorTypes.ts';
import type { PageCachePolicyDefinition } from './definePageCachePolicy.ts';
import { type Definition, isDefinition, markDefinition } from './definition.ts';

type Plain = TopologyInput;
type PlainActor = NonNullable<Plain['actors']>[number];
type PlainStandIns = NonNullable<Plain['replace']>;

/** What {@link defineTopology} is told: a topology as a file has it, whose actors may be placed by `definition.at`. */
export type TopologyOptions = Omit<Plain, 'actors' | 'replace' | 'pageCache'> & {
  readonly actors?: readonly (PlacedActor | PlainActor)[];
  readonly replace?: { readonly [K in keyof PlainStandIns]: ActorDefinition | PlainStandIns[K] };
  readonly pageCache?: PageCachePolicyDefinition | Plain['pageCache'];
  /** Definitions that are only named: of fault plans, of actors that are placed by their kind. */
  readonly definitions?: readonly Definition[];
  /** Names for values that whoever runs it may set: `"${NAME}"` stands where the value belongs. */
  readonly parameters?: WrittenParameters;
};

/** A topology as a file says it, which may have parameters. */
export type TopologyForm = TopologyInput & { readonly parameters?: WrittenParameters };

/** A topology and the definitions that it rests on. */
export interface TopologyDefinition extends Definition<'topology'> {
  /** What a file would say. */
  readonly data: TopologyForm;
  readonly definitions: readonly Definition[];
}

/**
 * Describes a system of actors. `data` of what it gives is the plain form: written to a JSON file beside the modules of the
 * definitions, it means the same.
 *
 * @example
 * ```ts
 * const tick = defineMessage('TICK', { says: 'Time goes by.', fields: z.strictObject({}) });
 * const clock = defineActor({
 *   kind: 'clock',
 *   says: 'Counts.',
 *   messages: [tick],
 *   accepts: ['TICK'],
 *   transition: { initial: () => ({ ticks: 0 }), on: { TICK: ({ ticks }) => ({ ticks: ticks + 1 }) } },
 * });
 * const topology = defineTopology({
 *   name: 'a clock beside a program',
 *   processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
 *   actors: [clock.at('clock:wall')],
 *   messages: [{ to: 'clock:wall', type: 'TICK' }],
 * });
 * topology.data.actors; // [{ id: 'clock:wall' }]
 * ```
 */
export function defineTopology(options: TopologyOptions): TopologyDefinition {
  const { actors, replace, pageCache, definitions: named = [], ...rest } = options;
  const definitions = new Set<Definition>(named);
  const plainActors = actors?.map((actor): PlainActor => {
    if (!('definition' in actor)) return actor;
    const { definition, ...plain } = actor;
    definitions.add(definition);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what an input is made of is judged when it is built
    return plain as PlainActor;
  });
  const plainReplace = Object.entries(replace ?? {}).map(([kind, by]) => {
    if (!isDefinition(by, 'actor')) return [kind, by];
    definitions.add(by);
    return [kind, by.kind];
  });
  if (typeof pageCache === 'object') definitions.add(pageCache);
  const data: TopologyForm = {
    ...rest,
    ...(pageCache === undefined ? {} : { pageCache: typeof pageCache === 'string' ? pageCache : pageCache.name }),
    ...(plainActors === undefined ? {} : { actors: plainActors }),
    ...(replace === undefined ? {} : { replace: Object.fromEntries(plainReplace) as PlainStandIns }),
  };
  return markDefinition({ definition: 'topology', data, definitions: [...definitions] });
}
