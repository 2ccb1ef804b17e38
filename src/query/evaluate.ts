/** Makes a function of a condition: what a query asks of each event is worked out once, not at every event. */
import type { LogRecord } from '../log/record.ts';
import { SnapshotPath } from '../timeline/snapshotPath.ts';
import { valueAt } from '../timeline/statePath.ts';
import { sameValue } from '../timeline/values.ts';
import { GranuleError, invariant } from '../errors.ts';
import { looksAtState } from './expression.ts';
import { holds, isEqual, isLike, isOrdered, sumOf } from './globs.ts';
import type { EventField, Expr } from './syntax.ts';

/** Gives values out of the states of a run; {@link statesOf} makes one. */
export interface States {
  /** The value at a path of an actor's state once the event `seq` was handled; undefined where there is none. */
  value(actor: string, seq: number, path: SnapshotPath): unknown;
}

/** What a condition is asked of. */
export interface Scope {
  readonly record: LogRecord;
  /** The events that have names, by index. */
  readonly named: readonly (LogRecord | undefined)[];
  /** Null where no states can be had. */
  readonly states: States | null;
  /** True for the states before the event. */
  readonly isBefore: boolean;
}

/** A condition or value, made a function. */
export type Evaluate = (scope: Scope) => unknown;

/**
 * The function of an expression. Parts of a condition that need no state are asked first.
 *
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: 2, type: 'FAULT', payload: { va: 0x5000 } };
 * const scope = { record, named: [], states: null, isBefore: false };
 * evaluator(readOnly('payload.va / 4K', {}))(scope); // 5
 * evaluator(readOnly("FAULT && to == 'mm:*'", {}))(scope); // true
 * ```
 */
export function evaluator(expr: Expr): Evaluate {
  switch (expr.kind) {
    case 'literal': {
      const { value } = expr;
      return () => value;
    }
    case 'like':
      return () => expr.text;
    case 'field':
      return fieldOf(expr);
    case 'state':
      return stateOf(expr);
    case 'not': {
      const inner = evaluator(expr.inner);
      return (scope) => !holds(inner(scope));
    }
    case 'and':
    case 'or':
      return joined(expr);
    case 'changed':
    case 'became':
      return changeOf(expr);
    default:
      return comparison(expr);
  }
}

type Comparison = Extract<Expr, { kind: 'equal' | 'order' | 'sum' | 'oneOf' | 'range' }>;

function comparison(expr: Comparison): Evaluate {
  const left = evaluator(expr.left);
  if (expr.kind === 'equal') {
    const test = equalTo(expr.right);
    return expr.isNot ? (scope) => !test(left(scope), scope) : (scope) => test(left(scope), scope);
  }
  if (expr.kind === 'oneOf') {
    const tests = expr.items.map(equalTo);
    return (scope) => {
      const value = left(scope);
      return tests.some((test) => test(value, scope)) !== expr.isNot;
    };
  }
  if (expr.kind === 'range') {
    const [low, high] = [evaluator(expr.low), evaluator(expr.high)];
    return (scope) => {
      const value = left(scope);
      return (isOrdered(value, '>=', low(scope)) && isOrdered(value, '<', high(scope))) !== expr.isNot;
    };
  }
  const right = evaluator(expr.right);
  if (expr.kind === 'sum') return (scope) => sumOf(left(scope), expr.sign, right(scope));
  return (scope) => isOrdered(left(scope), expr.sign, right(scope));
}

function equalTo(right: Expr): (value: unknown, scope: Scope) => boolean {
  if (right.kind === 'like') return (value) => isLike(value, right.pattern);
  const other = evaluator(right);
  return (value, scope) => isEqual(value, other(scope));
}

function joined({ kind, left, right }: Extract<Expr, { kind: 'and' | 'or' }>): Evaluate {
  const isLater = looksAtState(left) && !looksAtState(right);
  const [first, second] = [evaluator(isLater ? right : left), evaluator(isLater ? left : right)];
  if (kind === 'and') return (scope) => holds(first(scope)) && holds(second(scope));
  return (scope) => holds(first(scope)) || holds(second(scope));
}

const FIELDS: Readonly<Record<EventField, (record: LogRecord) => unknown>> = {
  seq: ({ seq }) => seq,
  timeCycles: ({ timeCycles }) => timeCycles,
  to: ({ to }) => to,
  from: ({ from }) => from,
  cause: ({ cause }) => cause,
  type: ({ type }) => type,
  payload: ({ payload }) => payload,
};

function eventOf(scope: Scope, event: number): LogRecord {
  if (event < 0) return scope.record;
  const record = scope.named[event];
  invariant(record !== undefined, 'an event that a condition refers to was found before it');
  return record;
}

function fieldOf({ event, field, steps }: Extract<Expr, { kind: 'field' }>): Evaluate {
  const read = FIELDS[field];
  const [step] = steps;
  if (event < 0 && steps.length === 0) return (scope) => read(scope.record);
  if (event < 0 && field === 'payload' && steps.length === 1 && step?.kind === 'field') {
    const { name } = step;
    return ({ record: { payload } }) =>
      typeof payload === 'object' && payload !== null && Object.hasOwn(payload, name)
        ? (payload as Record<string, unknown>)[name]
        : undefined;
  }
  return (scope) => valueAt(read(eventOf(scope, event)), steps);
}

function stateOf({ event, when, actor, steps }: Extract<Expr, { kind: 'state' }>): Evaluate {
  const path = new SnapshotPath(steps);
  const earlier = when === 'before' ? 1 : 0;
  const actorOf: Evaluate = actor === null ? (scope) => eventOf(scope, event).to : evaluator(actor);
  return (scope) => {
    if (scope.states === null)
      throw new GranuleError('TRACE_MISSING', 'the query asks for states, and none can be had');
    const whose = actorOf(scope);
    const { seq } = eventOf(scope, event);
    if (typeof whose !== 'string') return undefined;
    return scope.states.value(whose, seq - earlier - (scope.isBefore ? 1 : 0), path);
  };
}

function changeOf({ kind, inner }: Extract<Expr, { kind: 'changed' | 'became' }>): Evaluate {
  const value = evaluator(inner);
  return (scope) => {
    const after = value(scope);
    if (kind === 'became' && !holds(after)) return false;
    const before = value({ ...scope, isBefore: true });
    return kind === 'became' ? !holds(before) : !sameValue(before, after);
  };
}
