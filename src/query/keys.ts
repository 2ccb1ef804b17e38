/** Which equalities tie an event to those named before it: `payload.pid == FAULT.payload.pid` is a key to find it by. */
import type { Evaluate, Scope } from './evaluate.ts';
import { someExpr } from './expression.ts';
import { dotted } from './globs.ts';
import { eventsIn } from './pattern.ts';
import type { Expr } from './syntax.ts';

/** Keys of which the nearest event is remembered. */
export const KEYS_KEPT = 1 << 16;

/** A condition in parts: what is said of the event alone, and what of it equals what of those named. */
export interface Split {
  /** Null where nothing is said of the event alone. */
  readonly own: Expr | null;
  readonly keys: readonly { readonly ofOther: Expr; readonly ofNamed: Expr }[];
}

function conjuncts(expr: Expr): Expr[] {
  return expr.kind === 'and' ? [...conjuncts(expr.left), ...conjuncts(expr.right)] : [expr];
}

function looksAtOther(expr: Expr): boolean {
  return eventsIn(expr).length > 0;
}

function looksAtOwn(expr: Expr): boolean {
  return someExpr(expr, (part) => {
    if (part.kind === 'state') return part.event < 0;
    return part.kind === 'field' && part.event < 0;
  });
}

/**
 * The parts of a condition; null where it ties events together by more than equality.
 *
 * @example
 * ```ts
 * splitOf(readOnly('FAULT && payload.nr > 3', {}))?.keys; // []
 * ```
 */
export function splitOf(condition: Expr): Split | null {
  let own: Expr | null = null;
  const keys: { ofOther: Expr; ofNamed: Expr }[] = [];
  for (const part of conjuncts(condition)) {
    if (!looksAtOther(part)) {
      own = own === null ? part : { kind: 'and', at: part.at, left: own, right: part };
      continue;
    }
    if (part.kind !== 'equal' || part.isNot) return null;
    const { left, right } = part;
    if (!looksAtOther(left) && !looksAtOwn(right)) keys.push({ ofOther: left, ofNamed: right });
    else if (!looksAtOther(right) && !looksAtOwn(left)) keys.push({ ofOther: right, ofNamed: left });
    else return null;
  }
  return { own, keys };
}

/**
 * The key that some values make; null where one is none that a key can be made of.
 *
 * @example
 * ```ts
 * keyOf([() => 3, () => 'a'], {} as never); // '["number3","stringa"]'
 * keyOf([() => undefined], {} as never); // null
 * keyOf([], {} as never); // ''
 * ```
 */
export function keyOf(values: readonly Evaluate[], scope: Scope): string | null {
  if (values.length === 0) return '';
  const parts: string[] = [];
  for (const evaluate of values) {
    const value = dotted(evaluate(scope));
    if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'boolean') return null;
    parts.push(`${typeof value}${String(value)}`);
  }
  return parts.length === 1 ? (parts[0] ?? '') : JSON.stringify(parts);
}
