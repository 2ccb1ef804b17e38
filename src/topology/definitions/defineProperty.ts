/** What has to hold in every order of a system's messages, said by whoever made the system. */
import { GranuleError } from '../../errors.ts';
import type { Message } from '../../runtime/envelope.ts';
import type { Look } from './actorTypes.ts';
import { type Definition, markDefinition } from './definition.ts';

/** When a property has to hold: `always`, at least once, on every way to an end, or where nothing more can happen. */
export type WhenItHolds = 'always' | 'sometimes' | 'eventually' | 'at-end';

/** A state of a system, as a property sees it. */
export interface PropertySight {
  /** The ids of all actors. */
  readonly actors: readonly string[];
  /** The context of an actor of a kind that laws may look at. */
  readonly look: Look;
  /** The context of any actor. */
  readonly contextOf: (id: string) => unknown;
  /** The state value of an actor's statechart. */
  readonly valueOf: (id: string) => unknown;
}

/** A message that was delivered, as a property that watches sees it. */
export interface PropertyEvent {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

/** What a property remembers of what it has seen: a fold over the events on a way. What it keeps is plain data. */
export interface PropertyWatch<M> {
  readonly start: M;
  /** What is remembered behind an event; the same value where it changes nothing. */
  readonly next: (memory: M, event: PropertyEvent, sight: PropertySight) => M;
}

/** What {@link defineProperty} is told. */
export interface PropertyOptions<M> {
  /** Names it on the command line: lower case, with hyphens. */
  readonly name: string;
  readonly kind: WhenItHolds;
  /** One sentence for readers. */
  readonly says: string;
  /** Ids of the actors whose states `fault` reads, a final `*` for any ending; absent: any. Fewer make a search faster. */
  readonly reads?: readonly string[];
  /** What the events on a way leave behind, where the state alone does not say. */
  readonly watch?: PropertyWatch<M>;
  /** Null where it holds; otherwise what is wrong there. Pure: of equal states it says the same. */
  readonly fault: (sight: PropertySight, memory: M) => string | null;
}

/** A property, defined. */
export interface PropertyDefinition<M = never> extends Definition<'property'>, PropertyOptions<M> {}

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/**
 * Defines a property for `granule explore`. A module exports it beside a topology, which names the module in `uses`; or the
 * command line names both: `--property FILE#NAME`.
 *
 * @throws GranuleError DEFINITION_INVALID for a name that is none
 * @example
 * ```ts
 * const calm = defineProperty({
 *   name: 'nobody-faults',
 *   kind: 'always',
 *   says: 'No process has taken a major fault.',
 *   reads: ['mm:*'],
 *   fault: ({ actors, look }) =>
 *     actors.filter((id) => id.startsWith('mm:')).find((id) => look(id as 'mm:1').majorFaults > 0) ?? null,
 * });
 * calm.name; // 'nobody-faults'
 * ```
 */
export function defineProperty<M = null>(options: PropertyOptions<M>): PropertyDefinition<M> {
  const { name } = options;
  if (!NAME.test(name)) {
    const what = `"${name}" is no name: lower-case words, joined by hyphens`;
    throw new GranuleError('DEFINITION_INVALID', what, 'defineProperty: name');
  }
  return markDefinition({ ...options, definition: 'property' });
}
