/** Freezing and copying of plain data: objects of the default prototype, arrays, and primitive values. */

import { GranuleError } from '../errors.ts';

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Freezes plain objects and arrays in place, all the way down, and returns the value. An instance of a class is left as
 * it is: the persistent structures of `src/mm` guard their own immutability.
 *
 * @example
 * ```ts
 * Object.isFrozen(deepFreeze({ pages: [1, 2] }).pages); // true
 * ```
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && !isPlainObject(value)) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
  return value;
}

/**
 * A frozen copy of plain data: what observers get, so that nothing they do reaches the run. A copy and not a freeze in
 * place: else a machine that wrongly writes to a message would fail only while somebody watches.
 *
 * @example
 * ```ts
 * const message = { type: 'FREE', pfns: [1] };
 * frozenCopy(message).pfns === message.pfns; // false
 * ```
 */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a copy of plain data has the shape of its original
  return (Array.isArray(value) ? frozenArray(value) : frozenObject(value)) as T;
}

function frozenArray(values: readonly unknown[]): readonly unknown[] {
  const copy = values.slice();
  for (const [at, value] of copy.entries()) if (typeof value === 'object') copy[at] = frozenCopy(value);
  return Object.freeze(copy);
}

/** A spread keeps the shape of its original: that is some ten times as fast as putting fields together one by one. */
function frozenObject(value: object): object {
  const copy: Record<string, unknown> = { ...value };
  for (const key in copy) {
    const child = copy[key];
    if (typeof child === 'object') copy[key] = frozenCopy(child);
  }
  return Object.freeze(copy);
}

/**
 * Checks that a message holds plain data alone: what a log can hold and another machine can read again.
 *
 * @throws GranuleError INVARIANT with the path of the first field that is something else
 * @example
 * ```ts
 * checkPlain({ type: 'FREE', pfns: [1] }, 'FREE');
 * ```
 */
export function checkPlain(value: unknown, path: string): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (typeof value === 'object' && (Array.isArray(value) || isPlainObject(value))) {
    for (const [key, child] of Object.entries(value)) checkPlain(child, `${path}.${key}`);
    return;
  }
  throw new GranuleError('INVARIANT', `a message holds plain data alone, not a ${typeof value}`, path);
}
