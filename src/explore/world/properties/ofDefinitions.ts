/** Properties that definitions bring along, as a model looks at them. */
import type { Look } from '../../../topology/definitions/actorTypes.ts';
import type { PropertyDefinition, PropertySight } from '../../../topology/definitions/defineProperty.ts';
import type { LawSight } from '../../../topology/lawSight.ts';
import type { WorldProperty } from '../inspections.ts';

function sightOf(sight: LawSight): PropertySight {
  return {
    actors: sight.actors,
    look: ((id) => sight.snapshot(id).context) as Look,
    contextOf: (id) => sight.snapshot(id).context,
    valueOf: (id) => sight.snapshot(id).value,
  };
}

/** Whether an actor is one of those that patterns name. */
function matcher(patterns: readonly string[]): (id: string) => boolean {
  return (id) => patterns.some((each) => (each.endsWith('*') ? id.startsWith(each.slice(0, -1)) : each === id));
}

/**
 * A property of a user's own, for a system of these actors.
 *
 * @example
 * ```ts
 * const calm = defineProperty({ name: 'calm', kind: 'always', says: 'All is well.', reads: ['zone'], fault: () => null });
 * propertyOf(calm, ['zone', 'disk']).inspections?.[0]?.reads; // ['zone']
 * ```
 */
export function propertyOf(definition: PropertyDefinition, ids: readonly string[]): WorldProperty {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it remembers is its own
  const { name, kind, says, reads, watch, fault } = definition as unknown as PropertyDefinition<unknown>;
  const matches = reads === undefined ? undefined : matcher(reads);
  const common = { name, kind, says, ...(matches === undefined ? {} : { reads: matches }) };
  if (watch === undefined) {
    const read = matches === undefined ? {} : { reads: ids.filter(matches) };
    return { ...common, inspections: [{ ...read, look: (sight) => fault(sightOf(sight), null) }] };
  }
  return {
    ...common,
    watch: {
      start: watch.start,
      next: (memory, { sent: { channel, content } }, sight) =>
        watch.next(memory, { from: channel.from, to: channel.to, message: content.message }, sightOf(sight)),
    },
    whole: (sight, _world, memory) => fault(sightOf(sight), memory),
  };
}
