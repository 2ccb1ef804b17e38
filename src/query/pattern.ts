/** Reads a whole query: which events, after or before which others, and what is counted. */
import { Cursor, type QueryNames } from './cursor.ts';
import { looksAtState, readExpression, someExpr } from './expression.ts';
import { type Clause, type Distance, type Expr, type Operand, type Query, type Selection, UNITS } from './syntax.ts';

/** Units as people write them. */
const UNIT_WORDS: ReadonlyMap<string, Distance['unit']> = new Map([
  ...UNITS.map((unit): [string, Distance['unit']] => [unit, unit]),
  ['cycle', 'cycles'],
  ['event', 'events'],
]);

/**
 * Reads a query.
 *
 * @throws GranuleError QUERY_INVALID with the column of what is wrong
 * @example
 * ```ts
 * readQuery('FAULT preceded by INVALIDATE within 100 events', {}).clauses[0]?.within; // { count: 100, unit: 'events' }
 * readQuery('count FAULT by to', {}).countBy?.length; // 1
 * ```
 */
export function readQuery(text: string, names: QueryNames): Query {
  const cursor = new Cursor(text, names);
  if (cursor.isEnd()) throw cursor.error('the query is empty');
  const isCount = takesWord(cursor, 'count');
  const selection = isCount ? null : readSelection(cursor);
  const main = isCount && (cursor.isAt('by') || cursor.isEnd()) ? anything(cursor) : readOperand(cursor);
  const clauses: Clause[] = [];
  for (;;) {
    if (clauses.length > 0) cursor.takeIf('and', '&&');
    const clause = readClause(cursor);
    if (clause === null) break;
    clauses.push(clause);
    forgetUnfound(cursor, clause);
  }
  const countBy = isCount ? readCountBy(cursor) : null;
  if (!cursor.isEnd()) throw cursor.error('the query has ended before here; && or || joins conditions');
  return { text, selection, main, clauses, countBy };
}

/**
 * Reads one value or condition, which is all that there is.
 *
 * @throws GranuleError QUERY_INVALID
 * @example
 * ```ts
 * readOnly('payload.va / 4K', {}).kind; // 'sum'
 * ```
 */
export function readOnly(text: string, names: QueryNames): Expr {
  const cursor = new Cursor(text, names);
  const expr = readExpression(cursor);
  if (!cursor.isEnd()) throw cursor.error('the expression has ended before here');
  return expr;
}

/** A word that begins a query, unless it stands for a value. */
function takesWord(cursor: Cursor, word: string): boolean {
  if (!cursor.isAt(word)) return false;
  cursor.take();
  return true;
}

function readSelection(cursor: Cursor): Selection | null {
  const word = cursor.takeIf('first', 'last', 'nth');
  if (word === null) return null;
  const { token } = cursor;
  const kind = word.text === 'nth' ? 'nth' : word.text === 'first' ? 'first' : 'last';
  if (token.kind !== 'number') {
    if (kind === 'nth') throw cursor.error('which one? write nth 3 and the condition');
    return { kind, count: 1 };
  }
  cursor.take();
  if (!Number.isSafeInteger(token.value) || token.value < 1) throw cursor.error('events are counted from 1', token.at);
  return { kind, count: token.value };
}

function anything(cursor: Cursor): Operand {
  cursor.events.push(null);
  return {
    condition: { kind: 'literal', at: cursor.token.at, value: true },
    name: null,
    index: cursor.events.length - 1,
  };
}

function readOperand(cursor: Cursor): Operand {
  let condition = readExpression(cursor);
  let name: string | null = null;
  if (cursor.takeIf('as') !== null) name = readName(cursor);
  const where = cursor.takeIf('where');
  if (where !== null) condition = { kind: 'and', at: where.at, left: condition, right: readExpression(cursor) };
  name ??= impliedName(cursor, condition);
  cursor.events.push(name);
  return { condition, name, index: cursor.events.length - 1 };
}

function readName(cursor: Cursor): string {
  const token = cursor.take();
  if (token.kind !== 'word') throw cursor.error('behind "as" comes a name', token.at);
  if (cursor.events.includes(token.text))
    throw cursor.error(`there is an event named "${token.text}" already`, token.at);
  return token.text;
}

/** An event of one type is called by it, when no event before is. */
function impliedName(cursor: Cursor, condition: Expr): string | null {
  const types = typesOf(condition);
  const [only] = types;
  return only === undefined || types.length > 1 || cursor.events.includes(only) ? null : only;
}

function typesOf(expr: Expr): string[] {
  if (expr.kind === 'and') return [...typesOf(expr.left), ...typesOf(expr.right)];
  if (expr.kind !== 'equal' || expr.isNot || expr.left.kind !== 'field' || expr.left.field !== 'type') return [];
  if (expr.left.event >= 0 || expr.right.kind !== 'literal') return [];
  return typeof expr.right.value === 'string' ? [expr.right.value] : [];
}

function readClause(cursor: Cursor): Clause | null {
  const { at } = cursor.token;
  const isNot = cursor.takeIf('not') !== null;
  const word = cursor.takeIf('preceded', 'followed', 'between', 'after');
  if (word === null) {
    if (!isNot) return null;
    throw cursor.error('behind "not" comes preceded by, followed by, between or after');
  }
  if (word.text === 'preceded' || word.text === 'followed') {
    cursor.expect('by', `write ${word.text} by`);
    const first = readOperand(cursor);
    return { kind: word.text, at, isNot, first, second: null, within: readWithin(cursor) };
  }
  const kind = word.text === 'between' ? 'between' : 'after';
  const first = readOperand(cursor);
  const joint = kind === 'between' ? 'and' : 'until';
  cursor.expect(joint, `write ${kind} ... ${joint} ...`);
  const second = readOperand(cursor);
  return { kind, at, isNot, first, second, within: readWithin(cursor) };
}

/** What was not found, or need not be there, can be named by no condition behind it. */
function forgetUnfound(cursor: Cursor, { isNot, kind, first, second }: Clause): void {
  if (isNot) cursor.events[first.index] = null;
  if (second !== null && (isNot || kind === 'after')) cursor.events[second.index] = null;
}

function readWithin(cursor: Cursor): Distance | null {
  if (cursor.takeIf('within') === null) return null;
  const number = cursor.take();
  if (number.kind !== 'number') throw cursor.error('behind "within" comes a number', number.at);
  const word = cursor.take();
  const unit = UNIT_WORDS.get(word.text);
  if (unit === undefined) throw cursor.error(`a distance is in ${UNITS.join(', ')}`, word.at);
  return { count: number.value, unit };
}

function readCountBy(cursor: Cursor): { text: string; value: Expr }[] {
  const by: { text: string; value: Expr }[] = [];
  if (cursor.takeIf('by') === null) return by;
  do {
    const { at } = cursor.token;
    const value = readExpression(cursor);
    by.push({ text: cursor.since(at), value });
  } while (cursor.takeIf(',') !== null);
  return by;
}

/**
 * Whether a query looks at states, anywhere in it.
 *
 * @example
 * ```ts
 * queryLooksAtState(readQuery('FAULT followed by changed(context.brk)', {})); // true
 * ```
 */
export function queryLooksAtState({ main, clauses, countBy }: Query): boolean {
  const operands = clauses.flatMap(({ first, second }) => (second === null ? [first] : [first, second]));
  const exprs = [main, ...operands].map(({ condition }) => condition);
  return [...exprs, ...(countBy ?? []).map(({ value }) => value)].some(looksAtState);
}

/**
 * The indexes of the named events that an expression refers to.
 *
 * @example
 * ```ts
 * const query = readQuery('FAULT preceded by INVALIDATE where to == FAULT.to', {});
 * eventsIn(query.clauses[0]?.first.condition ?? query.main.condition); // [0]
 * ```
 */
export function eventsIn(expr: Expr): number[] {
  const found = new Set<number>();
  someExpr(expr, (part) => {
    if ((part.kind === 'field' || part.kind === 'state') && part.event >= 0) found.add(part.event);
    return false;
  });
  return [...found].sort((left, right) => left - right);
}
