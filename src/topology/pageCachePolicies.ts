/** The page-cache policies that a topology may name: those that are built in, and those of definitions. */
import { builtInPolicies, type PageCacheRules } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import type { Topology } from './schema.ts';

/**
 * The policies of definitions, by name, for the files of a system.
 *
 * @throws GranuleError DEFINITION_MISSING where the topology names one that is neither built in nor defined
 * @example
 * ```ts
 * pageCachePolicies({ name: 'one', pageCache: 'sticky-order' }, builtIns).size; // 0
 * pageCachePolicies({ name: 'one', pageCache: 'both-sizes' }, builtIns); // throws DEFINITION_MISSING
 * ```
 */
export function pageCachePolicies(
  { name, pageCache }: Pick<Topology, 'name' | 'pageCache'>,
  { policies }: Pick<Catalogue, 'policies'>,
): Map<string, PageCacheRules> {
  if (!(pageCache in builtInPolicies) && !policies.has(pageCache)) {
    const known = [...Object.keys(builtInPolicies), ...policies.keys()].join(', ');
    const what = `there is no page-cache policy "${pageCache}"; there are ${known}`;
    throw new GranuleError('DEFINITION_MISSING', what, `${name}: pageCache`);
  }
  return new Map(Array.from(policies, ([policy, { rules }]) => [policy, rules]));
}
