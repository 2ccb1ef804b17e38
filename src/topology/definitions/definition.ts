/** What all definitions that a topology may bring along have in common. */

/** A registered symbol: definitions of two copies of granule know each other. */
const DEFINITION = Symbol.for('granule.definition');

/** The kinds of definition. */
export type DefinitionKind = 'message' | 'actor' | 'fault-plan' | 'page-cache-policy' | 'property' | 'topology';

/** Something defined in code that topologies name: see `defineMessage`, `defineActor`. */
export interface Definition<D extends DefinitionKind = DefinitionKind> {
  readonly definition: D;
}

/**
 * Marks an object as a definition, and freezes it: a topology's parts never change.
 *
 * @example
 * ```ts
 * isDefinition(markDefinition({ definition: 'message', type: 'DMA' })); // true
 * ```
 */
export function markDefinition<T extends Definition>(definition: T): T {
  Object.defineProperty(definition, DEFINITION, { value: true });
  return Object.freeze(definition);
}

/**
 * Whether a value is a definition, of one kind or of any.
 *
 * @example
 * ```ts
 * isDefinition({ definition: 'message' }); // false
 * ```
 */
export function isDefinition<D extends DefinitionKind>(value: unknown, kind?: D): value is Definition<D> {
  if (typeof value !== 'object' || value === null || !(DEFINITION in value)) return false;
  return kind === undefined || ('definition' in value && value.definition === kind);
}
