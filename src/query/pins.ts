/** Which events a condition can hold for at all, by type and receiver: a log finds these without looking at the others. */
import type { Expr } from './syntax.ts';

/** Names, some with stars; null where any will do. */
export type Names = readonly (string | RegExp)[] | null;

/** What is known of each event that a condition holds for. */
export interface Pins {
  readonly types: Names;
  readonly actors: Names;
}

const FREE: Pins = { types: null, actors: null };

/**
 * The types and receivers of the events that a condition can hold for.
 *
 * @example
 * ```ts
 * pinsOf(readOnly("FAULT && to in ['mm:1', 'mm:2']", {})); // { types: ['FAULT'], actors: ['mm:1', 'mm:2'] }
 * pinsOf(readOnly('changed(state(zone).context.free)', {})).actors; // ['zone']
 * ```
 */
export function pinsOf(expr: Expr): Pins {
  switch (expr.kind) {
    case 'and': {
      const [left, right] = [pinsOf(expr.left), pinsOf(expr.right)];
      return { types: narrower(left.types, right.types), actors: narrower(left.actors, right.actors) };
    }
    case 'or': {
      const [left, right] = [pinsOf(expr.left), pinsOf(expr.right)];
      return { types: both(left.types, right.types), actors: both(left.actors, right.actors) };
    }
    case 'equal':
      return expr.isNot ? FREE : pinned(expr.left, [expr.right]);
    case 'oneOf':
      return expr.isNot ? FREE : pinned(expr.left, expr.items);
    case 'changed':
    case 'became':
      return { types: null, actors: actorsIn(expr.inner) };
    default:
      return FREE;
  }
}

/** An event for which both hold is one of the fewer. */
function narrower(left: Names, right: Names): Names {
  if (left === null || right === null) return left ?? right;
  return right.length < left.length ? right : left;
}

function both(left: Names, right: Names): Names {
  return left === null || right === null ? null : [...new Set([...left, ...right])];
}

function pinned(left: Expr, values: readonly Expr[]): Pins {
  if (left.kind !== 'field' || left.event >= 0 || left.steps.length > 0) return FREE;
  if (left.field !== 'type' && left.field !== 'to') return FREE;
  const names: (string | RegExp)[] = [];
  for (const value of values) {
    if (value.kind === 'like') names.push(value.pattern);
    else if (value.kind === 'literal' && typeof value.value === 'string') names.push(value.value);
    else return FREE;
  }
  return left.field === 'type' ? { types: names, actors: null } : { types: null, actors: names };
}

/** A state changes only by what its own actor receives. */
function actorsIn(expr: Expr): Names {
  if (expr.kind === 'literal' || expr.kind === 'like') return [];
  if (expr.kind === 'state') {
    if (expr.event >= 0 || expr.actor?.kind !== 'literal' || typeof expr.actor.value !== 'string') return null;
    return [expr.actor.value];
  }
  if (expr.kind === 'not') return actorsIn(expr.inner);
  if (expr.kind !== 'field' && 'left' in expr && 'right' in expr)
    return both(actorsIn(expr.left), actorsIn(expr.right));
  return null;
}
