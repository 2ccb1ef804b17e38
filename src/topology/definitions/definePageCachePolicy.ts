/** Page-cache policies of a user's own. */
import { builtInPolicies, type PageCacheRules } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import { type Definition, markDefinition } from './definition.ts';

/** What {@link definePageCachePolicy} is told. */
export interface PageCachePolicyOptions extends PageCacheRules {
  /** What a topology's `pageCache` names it by. */
  readonly name: string;
  /** One sentence: what it does. */
  readonly says: string;
  /** Raised when it decides otherwise than before: logs name it. */
  readonly version?: number;
}

/** A policy, defined. */
export interface PageCachePolicyDefinition extends Definition<'page-cache-policy'> {
  readonly name: string;
  readonly says: string;
  readonly version: number;
  readonly rules: PageCacheRules;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

function refuse(name: string, field: string, what: string): never {
  throw new GranuleError('DEFINITION_INVALID', what, `page-cache policy ${name}: ${field}`);
}

/**
 * Defines a page-cache policy: which folio orders a file has while some processes map it, and what becomes of smaller folios. The
 * functions are pure: the same file, the same answer.
 *
 * @throws GranuleError DEFINITION_INVALID, naming the field
 * @example
 * ```ts
 * const never = definePageCachePolicy({
 *   name: 'never-convert',
 *   says: 'What is cached small stays small.',
 *   leastOrder: (_file, mappers) => mappers.largestOrder,
 *   atMap: () => 'keep',
 * });
 * never.name; // 'never-convert'
 * ```
 */
export function definePageCachePolicy(options: PageCachePolicyOptions): PageCachePolicyDefinition {
  const { name, says, version = 1, leastOrder, blockOrder, atMap } = options;
  if (!NAME.test(name)) refuse(name, 'name', `a name is written in small letters, as sticky-order, not "${name}"`);
  if (name in builtInPolicies) refuse(name, 'name', `${name} is a policy that granule has; take another name`);
  if (typeof says !== 'string' || says === '') refuse(name, 'says', 'it has no sentence that says what it does');
  if (typeof leastOrder !== 'function') refuse(name, 'leastOrder', 'it is no function');
  for (const [field, rule] of Object.entries({ blockOrder, atMap })) {
    if (rule !== undefined && typeof rule !== 'function') refuse(name, field, 'it is no function');
  }
  const rules: PageCacheRules = {
    leastOrder,
    ...(blockOrder === undefined ? {} : { blockOrder }),
    ...(atMap === undefined ? {} : { atMap }),
  };
  return markDefinition({ definition: 'page-cache-policy', name, says, version, rules });
}
