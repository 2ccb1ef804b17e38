/**
 * Whether an event descriptor with a wildcard matches a type, as XState's matchesEventDescriptor says: `*`, or `prefix.*` by whole
 * tokens. A descriptor without a wildcard matches nothing here.
 *
 * @example
 * ```ts
 * matchesWildcard('mm.fault', 'mm.*'); // true
 * matchesWildcard('mmu', 'mm.*'); // false
 * ```
 */
export function matchesWildcard(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  const prefix = descriptor.slice(0, -2);
  return descriptor.endsWith('.*') && (type === prefix || type.startsWith(`${prefix}.`));
}
