/** Reads the conditions of a query: what is said of one event. */
import { didYouMean } from '../topology/faultPlans/near.ts';
import type { PathStep } from '../timeline/statePath.ts';
import type { Cursor } from './cursor.ts';
import { type OrderSign, type SumSign } from './globs.ts';
import { EVENT_FIELDS, type EventField, type Expr, STATE_FIELDS } from './syntax.ts';
import { patternOf, type Token } from './tokens.ts';

/** Words that join events, and so stand behind a whole condition. */
const JOINING = ['preceded', 'followed', 'between', 'after', 'until', 'not', 'within', 'as', 'where', 'by', 'and'];
const FUNCTIONS = ['state', 'before', 'changed', 'became'];
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const TYPE_NAME = /^[A-Z][A-Z0-9_]*$/;

/**
 * Reads a condition or a value up to where it ends.
 *
 * @throws GranuleError QUERY_INVALID
 * @example
 * ```ts
 * readExpression(new Cursor('FAULT && payload.va >= 4K', {})).kind; // 'and'
 * ```
 */
export function readExpression(cursor: Cursor): Expr {
  let left = readAll(cursor);
  for (let sign = cursor.takeIf('||'); sign !== null; sign = cursor.takeIf('||')) {
    left = { kind: 'or', at: sign.at, left, right: readAll(cursor) };
  }
  return left;
}

function readAll(cursor: Cursor): Expr {
  let left = readComparison(cursor);
  for (let sign = cursor.takeIf('&&'); sign !== null; sign = cursor.takeIf('&&')) {
    left = { kind: 'and', at: sign.at, left, right: readComparison(cursor) };
  }
  return left;
}

function readComparison(cursor: Cursor): Expr {
  const left = readSum(cursor);
  const { at } = cursor.token;
  const equal = cursor.takeIf('==', '!=');
  if (equal !== null) {
    return { kind: 'equal', at, isNot: equal.text === '!=', left, right: readHeld(cursor, left) };
  }
  const order = cursor.takeIf('<', '<=', '>', '>=');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of those just named
  if (order !== null) return { kind: 'order', at, sign: order.text as OrderSign, left, right: readSum(cursor) };
  const like = cursor.takeIf('=~', '!~');
  if (like !== null) return { kind: 'equal', at, isNot: like.text === '!~', left, right: readPattern(cursor) };
  const isNot = cursor.isAt('not') && cursor.following.text === 'in';
  if (isNot) cursor.take();
  if (cursor.takeIf('in') !== null) return readMembership(cursor, left, at, isNot);
  if (cursor.isAt('=')) throw cursor.error('equality is written ==');
  return left;
}

function readPattern(cursor: Cursor): Expr {
  const token = cursor.take();
  const { at, text } = token;
  if (token.kind === 'pattern') return { kind: 'like', at, text, pattern: token.pattern };
  if (token.kind !== 'text') throw cursor.error('a regular expression is missing: /.../ or a text in quotes', at);
  return { kind: 'like', at, text, pattern: patternOf(cursor.text, at, token.value, '') };
}

function readMembership(cursor: Cursor, left: Expr, at: number, isNot: boolean): Expr {
  const open = cursor.takeIf('[', '(');
  if (open === null) {
    const low = readSum(cursor);
    cursor.expect('..', 'behind "in" comes a list [a, b] or a range LOW..HIGH, which HIGH no more belongs to');
    return { kind: 'range', at, isNot, left, low, high: readSum(cursor) };
  }
  const items = [readHeld(cursor, left)];
  while (cursor.takeIf(',') !== null) items.push(readHeld(cursor, left));
  cursor.expect(open.text === '[' ? ']' : ')', 'the list is not closed');
  return { kind: 'oneOf', at, isNot, left, items };
}

/** What a value is held against: here a word that means nothing else is a text, and a text may have stars. */
function readHeld(cursor: Cursor, left: Expr): Expr {
  const { token, following } = cursor;
  const { at } = token;
  if (token.kind === 'text') {
    cursor.take();
    if (token.glob !== null) return { kind: 'like', at, text: token.value, pattern: token.glob };
    return checkedText(cursor, left, token.value, at);
  }
  const isBare = token.kind === 'word' && following.kind !== 'path' && following.text !== '(';
  if (!isBare || isMeant(token.text)) return readSum(cursor);
  cursor.take();
  return checkedText(cursor, left, token.text, at);
}

function isMeant(word: string): boolean {
  return CONSTANTS.has(word) || isEventField(word) || isStateField(word) || FUNCTIONS.includes(word);
}

/** A text that a field of an event is held against is one that such a field can have. */
function checkedText(cursor: Cursor, left: Expr, value: string, at: number): Expr {
  if (left.kind === 'field' && left.field === 'type') cursor.check('types', value, at);
  if (left.kind === 'field' && left.field === 'to') cursor.check('actors', value, at);
  return { kind: 'literal', at, value };
}

const SUM_LEVELS: readonly (readonly string[])[] = [
  ['+', '-', '|'],
  ['*', '/', '%', '&'],
];

function readSum(cursor: Cursor, level = 0): Expr {
  const signs = SUM_LEVELS[level];
  if (signs === undefined) return readUnary(cursor);
  let left = readSum(cursor, level + 1);
  for (let sign = cursor.takeIf(...signs); sign !== null; sign = cursor.takeIf(...signs)) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of SUM_LEVELS
    left = { kind: 'sum', at: sign.at, sign: sign.text as SumSign, left, right: readSum(cursor, level + 1) };
  }
  return left;
}

function readUnary(cursor: Cursor): Expr {
  const { at } = cursor.token;
  if (cursor.takeIf('!') !== null) return { kind: 'not', at, inner: readUnary(cursor) };
  if (cursor.takeIf('-') === null) return readPrimary(cursor);
  const zero: Expr = { kind: 'literal', at, value: 0 };
  return { kind: 'sum', at, sign: '-', left: zero, right: readUnary(cursor) };
}

function readPrimary(cursor: Cursor): Expr {
  const { token } = cursor;
  const { at } = token;
  if (token.kind === 'number' || token.kind === 'text') {
    cursor.take();
    return { kind: 'literal', at, value: token.value };
  }
  if (cursor.takeIf('(') !== null) {
    const inner = readExpression(cursor);
    if (cursor.isAt(...JOINING)) {
      throw cursor.error(
        `"${cursor.token.text}" joins events: it stands behind a whole condition, outside of parentheses`,
      );
    }
    cursor.expect(')', 'the parenthesis is not closed');
    return inner;
  }
  if (token.kind === 'word') return readWord(cursor, token);
  throw cursor.error('a value or a condition is missing');
}

function readWord(cursor: Cursor, token: Token): Expr {
  const { at, text } = token;
  if (JOINING.includes(text)) throw cursor.error(`"${text}" stands behind a condition, and none is here`);
  cursor.take();
  const constant = CONSTANTS.get(text);
  if (constant !== undefined) return { kind: 'literal', at, value: constant };
  if (text === 'changed' || text === 'became') return readChange(cursor, text, at);
  if (text === 'state' || text === 'before') return readState(cursor, text, -1, at);
  if (isEventField(text)) return { kind: 'field', at, event: -1, field: text, steps: readPath(cursor) };
  if (isStateField(text)) {
    return {
      kind: 'state',
      at,
      event: -1,
      when: 'after',
      actor: null,
      steps: [{ kind: 'field', name: text }, ...readPath(cursor)],
    };
  }
  if (cursor.token.kind === 'path') return readNamed(cursor, text, at);
  if (TYPE_NAME.test(text) || cursor.types?.has(text) === true) {
    cursor.check('types', text, at);
    const type: Expr = { kind: 'field', at, event: -1, field: 'type', steps: [] };
    return { kind: 'equal', at, isNot: false, left: type, right: { kind: 'literal', at, value: text } };
  }
  throw unknownWord(cursor, text, at);
}

function unknownWord(cursor: Cursor, text: string, at: number): Error {
  if (text === 'and' || text === 'or') return cursor.error(`write ${text === 'and' ? '&&' : '||'} for "${text}"`, at);
  const words = [...EVENT_FIELDS, ...STATE_FIELDS, ...FUNCTIONS, ...(cursor.types ?? [])];
  const near = didYouMean(text, words);
  const fields = `; a field of the message is written payload.${text}`;
  return cursor.error(`there is no "${text}"${fields}${near}`, at);
}

/** `changed(PATH)`, `became(CONDITION)`. */
function readChange(cursor: Cursor, kind: 'changed' | 'became', at: number): Expr {
  cursor.expect('(', `${kind} is written ${kind}(...)`);
  const inner = readExpression(cursor);
  cursor.expect(')', 'the parenthesis is not closed');
  if (!looksAtState(inner)) throw cursor.error(`${kind}(...) is about a state, and no state is in it`, at);
  if (hasBefore(inner)) throw cursor.error(`inside of ${kind}(...) a state is taken after and before by itself`, at);
  return { kind, at, inner };
}

function partsOf(expr: Expr): readonly Expr[] {
  if (expr.kind === 'state') return expr.actor === null ? [] : [expr.actor];
  if (expr.kind === 'not' || expr.kind === 'changed' || expr.kind === 'became') return [expr.inner];
  if (expr.kind === 'oneOf') return [expr.left, ...expr.items];
  if (expr.kind === 'range') return [expr.left, expr.low, expr.high];
  return 'left' in expr ? [expr.left, expr.right] : [];
}

/**
 * Whether some part of an expression is as asked.
 *
 * @example
 * ```ts
 * someExpr(readExpression(new Cursor('!FAULT', {})), ({ kind }) => kind === 'equal'); // true
 * ```
 */
export function someExpr(expr: Expr, isAsked: (part: Expr) => boolean): boolean {
  return isAsked(expr) || partsOf(expr).some((part) => someExpr(part, isAsked));
}

/**
 * Whether an expression needs the states of actors.
 *
 * @example
 * ```ts
 * looksAtState(readExpression(new Cursor("state('mm:1').value == 'idle'", {}))); // true
 * ```
 */
export function looksAtState(expr: Expr): boolean {
  return someExpr(expr, ({ kind }) => kind === 'state');
}

function hasBefore(expr: Expr): boolean {
  const isEarlier = (part: Expr): boolean =>
    part.kind === 'changed' || part.kind === 'became' || (part.kind === 'state' && part.when === 'before');
  return someExpr(expr, isEarlier);
}

/** `state`, `before`, with an actor or without, and the path into it. */
function readState(cursor: Cursor, word: 'state' | 'before', event: number, at: number): Expr {
  let actor: Expr | null = null;
  if (cursor.takeIf('(') !== null) {
    actor = readHeld(cursor, { kind: 'field', at, event: -1, field: 'from', steps: [] });
    if (actor.kind === 'like') throw cursor.error('one actor is asked for, not all that a star stands for', actor.at);
    if (actor.kind === 'literal' && typeof actor.value === 'string') cursor.check('actors', actor.value, actor.at);
    cursor.expect(')', 'the parenthesis is not closed');
  }
  return stateAt(cursor, {
    kind: 'state',
    at,
    event,
    when: word === 'state' ? 'after' : 'before',
    actor,
    steps: readPath(cursor),
  });
}

function stateAt(cursor: Cursor, state: Extract<Expr, { kind: 'state' }>): Expr {
  const [root] = state.steps;
  if (root === undefined || (root.kind === 'field' && isStateField(root.name))) return state;
  const near = root.kind === 'field' ? didYouMean(root.name, STATE_FIELDS) : '';
  throw cursor.error(`a path into a state begins with .value, .status or .context${near}`, state.at);
}

/** A field or the state of an event that has a name. */
function readNamed(cursor: Cursor, name: string, at: number): Expr {
  const event = cursor.events.indexOf(name);
  const [field, ...steps] = readPath(cursor);
  if (event < 0) {
    const names = cursor.events.filter((known) => known !== null);
    const near = didYouMean(name, [...names, ...EVENT_FIELDS, ...STATE_FIELDS, ...FUNCTIONS]);
    throw cursor.error(`no event is named "${name}" before here${near}`, at);
  }
  if (field?.kind === 'field') {
    if (isEventField(field.name)) return { kind: 'field', at, event, field: field.name, steps };
    if (field.name === 'state' || field.name === 'before') {
      return stateAt(cursor, {
        kind: 'state',
        at,
        event,
        when: field.name === 'state' ? 'after' : 'before',
        actor: null,
        steps,
      });
    }
  }
  const near = field?.kind === 'field' ? didYouMean(field.name, [...EVENT_FIELDS, 'state', 'before']) : '';
  throw cursor.error(`an event has no such field${near}`, at + name.length);
}

function readPath(cursor: Cursor): readonly PathStep[] {
  const { token } = cursor;
  if (token.kind !== 'path') return [];
  cursor.take();
  return token.steps;
}

function isEventField(word: string): word is EventField {
  return (EVENT_FIELDS as readonly string[]).includes(word);
}

function isStateField(word: string): boolean {
  return (STATE_FIELDS as readonly string[]).includes(word);
}
