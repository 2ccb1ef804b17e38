/** Comparison of plain data: payloads of records and states of actors. */
import type { Message } from '../runtime/envelope.ts';

/** A place where two values differ. */
export interface ValueDifference {
  /** As `describePath` writes it: `context.vmas[3].prot`; empty for the values themselves. */
  readonly path: string;
  readonly left: unknown;
  readonly right: unknown;
}

const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

/**
 * A path of keys and indexes as text.
 *
 * @example
 * ```ts
 * describePath(['context', 'cpus', 0, 'pid']); // 'context.cpus[0].pid'
 * ```
 */
export function describePath(keys: readonly (string | number)[]): string {
  let text = '';
  for (const key of keys) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (PLAIN_KEY.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** True for what has fields or elements to go into. Typed arrays count as arrays. */
function isComposite(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function elementsOf(value: object): ArrayLike<unknown> | null {
  if (Array.isArray(value)) return value as unknown[];
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? (value as unknown as ArrayLike<unknown>) : null;
}

/**
 * The first difference of two plain values, in the order of the left one's fields; null when they are equal. Numbers are
 * compared as the log keeps them: -0 is not 0.
 *
 * @example
 * ```ts
 * firstDifference({ a: [1, 2] }, { a: [1, 3] })?.path; // 'a[1]'
 * ```
 */
export function firstDifference(left: unknown, right: unknown): ValueDifference | null {
  const keys: (string | number)[] = [];
  const found = differ(left, right, keys);
  return found === null ? null : { path: describePath(keys), ...found };
}

/** Leaves the path of the difference in `keys`. */
function differ(left: unknown, right: unknown, keys: (string | number)[]): { left: unknown; right: unknown } | null {
  if (Object.is(left, right)) return null;
  if (!isComposite(left) || !isComposite(right)) return { left, right };
  const leftElements = elementsOf(left);
  const rightElements = elementsOf(right);
  if (leftElements !== null && rightElements !== null) return differElements(leftElements, rightElements, keys);
  if (leftElements !== null || rightElements !== null) return { left, right };
  return differFields(left as Record<string, unknown>, right as Record<string, unknown>, keys);
}

function differElements(
  left: ArrayLike<unknown>,
  right: ArrayLike<unknown>,
  keys: (string | number)[],
): { left: unknown; right: unknown } | null {
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    if (Object.is(left[i], right[i])) continue;
    keys.push(i);
    const found = differ(left[i], right[i], keys);
    if (found !== null) return found;
    keys.pop();
  }
  if (left.length === right.length) return null;
  keys.push('length');
  return { left: left.length, right: right.length };
}

function differFields(
  left: Record<string, unknown>,
  right: Record<string, unknown>,
  keys: (string | number)[],
): { left: unknown; right: unknown } | null {
  const leftKeys = Object.keys(left);
  for (const key of leftKeys) {
    const isShared = Object.hasOwn(right, key);
    if (isShared && Object.is(left[key], right[key])) continue;
    keys.push(key);
    const found = isShared ? differ(left[key], right[key], keys) : { left: left[key], right: undefined };
    if (found !== null) return found;
    keys.pop();
  }
  const extra = Object.keys(right).find((key) => !Object.hasOwn(left, key));
  if (extra === undefined) return null;
  keys.push(extra);
  return { left: undefined, right: right[extra] };
}

/**
 * Whether two plain values are equal.
 *
 * @example
 * ```ts
 * sameValue({ runs: [1, 2] }, { runs: [1, 2] }); // true
 * ```
 */
export function sameValue(left: unknown, right: unknown): boolean {
  return differ(left, right, []) === null;
}

/**
 * Whether two plain values would be written alike: equal, with the fields of objects in one order and typed arrays of one
 * kind. Cheaper than `firstDifference`, which forgives both.
 *
 * @example
 * ```ts
 * isWrittenAlike({ a: 1, b: 2 }, { a: 1, b: 2 }); // true
 * isWrittenAlike({ a: 1, b: 2 }, { b: 2, a: 1 }); // false
 * ```
 */
export function isWrittenAlike(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (!isComposite(left) || !isComposite(right)) return false;
  const leftElements = elementsOf(left);
  const rightElements = elementsOf(right);
  if (leftElements === null && rightElements === null) {
    return haveFieldsAlike(left as Record<string, unknown>, right as Record<string, unknown>);
  }
  if (leftElements === null || rightElements === null || left.constructor !== right.constructor) return false;
  if (leftElements.length !== rightElements.length) return false;
  for (let i = 0; i < leftElements.length; i++) if (!isWrittenAlike(leftElements[i], rightElements[i])) return false;
  return true;
}

function haveFieldsAlike(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  const keys = Object.keys(left);
  const rightKeys = Object.keys(right);
  if (keys.length !== rightKeys.length) return false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key !== rightKeys[i] || !isWrittenAlike(left[key], right[key])) return false;
  }
  return true;
}

/**
 * Whether a message is written with a payload: its fields without the type are those of the payload, in one order.
 *
 * @example
 * ```ts
 * isPayloadOf({ request: 1 }, { type: 'GOT', request: 1 }); // true
 * isPayloadOf({ request: 1 }, { type: 'GOT', request: 2 }); // false
 * ```
 */
export function isPayloadOf(payload: unknown, message: Message): boolean {
  if (!isComposite(payload) || elementsOf(payload) !== null) return false;
  const fields = payload as Record<string, unknown>;
  const keys = Object.keys(fields);
  let at = 0;
  for (const key of Object.keys(message)) {
    if (key === 'type') continue;
    if (keys[at] !== key || !isWrittenAlike(fields[key], message[key])) return false;
    at++;
  }
  return at === keys.length;
}
