/** Texts with stars, and the comparisons of a query: what is equal, what is less, what holds. */
import { sameValue } from '../timeline/values.ts';

/**
 * The expression for a text with stars, each of which stands for any characters; null for a text without one. `\*` is a star
 * itself.
 *
 * @example
 * ```ts
 * globOf('mm:*')?.test('mm:200'); // true
 * globOf('mm:200'); // null
 * ```
 */
export function globOf(raw: string): RegExp | null {
  const parts: string[] = raw.match(/\\.|\*|[^\\*]+/g) ?? [];
  if (!parts.includes('*')) return null;
  const source = parts.map((part) => (part === '*' ? '.*' : escaped(part.replace(/^\\/, '')))).join('');
  return new RegExp(`^${source}$`, 's');
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}

/**
 * A state of a statechart as text; other values stay as they are.
 *
 * @example
 * ```ts
 * dotted({ busy: 'waiting' }); // 'busy.waiting'
 * dotted(3); // 3
 * ```
 */
export function dotted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries: [string, unknown][] = Object.entries(value);
  const [only] = entries;
  if (only === undefined || entries.length !== 1) return value;
  const rest = dotted(only[1]);
  return typeof rest === 'string' ? `${only[0]}.${rest}` : value;
}

/**
 * Whether two values of a query are equal. What is not there equals null and nothing else; a nested state of a statechart equals
 * its names with dots between.
 *
 * @example
 * ```ts
 * isEqual(undefined, null); // true
 * isEqual(undefined, undefined); // false
 * isEqual({ 'in-syscall': 'active' }, 'in-syscall.active'); // true
 * ```
 */
export function isEqual(left: unknown, right: unknown): boolean {
  if (left === right) return left !== undefined;
  if (typeof left !== 'object' && typeof right !== 'object') return false;
  if (typeof right === 'string') return dotted(left) === right;
  if (typeof left === 'string') return dotted(right) === left;
  return sameValue(left ?? null, right ?? null);
}

/**
 * Whether a value is a text that a pattern matches.
 *
 * @example
 * ```ts
 * isLike('SET_PTES', /^SET/); // true
 * isLike(3, /3/); // false
 * ```
 */
export function isLike(value: unknown, pattern: RegExp): boolean {
  const text = dotted(value);
  return typeof text === 'string' && pattern.test(text);
}

/** The comparisons by order. Values of two kinds are in none. */
export type OrderSign = '<' | '<=' | '>' | '>=';

/**
 * Whether two numbers, or two texts, are in an order.
 *
 * @example
 * ```ts
 * isOrdered(1, '<', 2); // true
 * isOrdered(1, '<', 'b'); // false
 * ```
 */
export function isOrdered(left: unknown, sign: OrderSign, right: unknown): boolean {
  const areNumbers = typeof left === 'number' && typeof right === 'number';
  if (!areNumbers && !(typeof left === 'string' && typeof right === 'string')) return false;
  if (sign === '<') return left < right;
  if (sign === '<=') return left <= right;
  return sign === '>' ? left > right : left >= right;
}

/** What can be done with two numbers. */
export type SumSign = '+' | '-' | '*' | '/' | '%' | '&' | '|';

const SUMS: Readonly<Record<SumSign, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  // Addresses have more bits than the numbers that JavaScript's own operators work on.
  '&': (left, right) => wholeBits(left, right, (a, b) => a & b),
  '|': (left, right) => wholeBits(left, right, (a, b) => a | b),
};

function wholeBits(left: number, right: number, work: (left: bigint, right: bigint) => bigint): number {
  if (!Number.isSafeInteger(left) || !Number.isSafeInteger(right)) return Number.NaN;
  return Number(work(BigInt(left), BigInt(right)));
}

/**
 * Two numbers added, multiplied, masked and so on; undefined where one is no number or nothing comes out.
 *
 * @example
 * ```ts
 * sumOf(0x7fff_1234_5000, '&', 0xffff); // 20480
 * sumOf('a', '+', 1); // undefined
 * ```
 */
export function sumOf(left: unknown, sign: SumSign, right: unknown): number | undefined {
  if (typeof left !== 'number' || typeof right !== 'number') return undefined;
  const result = SUMS[sign](left, right);
  return Number.isFinite(result) ? result : undefined;
}

/**
 * Whether a value that stands alone holds: it is there, and not false, 0 or empty.
 *
 * @example
 * ```ts
 * holds('read'); // true
 * holds(0); // false
 * ```
 */
export function holds(value: unknown): boolean {
  return Boolean(value);
}
