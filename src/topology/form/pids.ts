/** Numbers for processes that were given none. */

/**
 * Gives each item without a pid the least number from 1 that no other has, in order.
 *
 * @example
 * ```ts
 * withPids([{ trace: 'a' }, { pid: 1, trace: 'b' }, { trace: 'c' }]).map(({ pid }) => pid); // [2, 1, 3]
 * ```
 */
export function withPids<T extends { pid?: unknown }>(items: readonly T[]): (T & { pid: NonNullable<T['pid']> })[] {
  const taken = new Set<unknown>(items.map(({ pid }) => pid));
  let next = 1;
  return items.map((item) => {
    if (item.pid !== undefined) return item as T & { pid: NonNullable<T['pid']> };
    while (taken.has(next)) next++;
    const { pid: _, ...rest } = item;
    return { pid: next++, ...rest } as unknown as T & { pid: NonNullable<T['pid']> };
  });
}
