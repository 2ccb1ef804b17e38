/** The words, values and signs of a query, each with its place. */
import { GranuleError } from '../errors.ts';
import { parsePath, type PathStep } from '../timeline/statePath.ts';
import { globOf } from './globs.ts';

/** A piece of a query. `at` counts characters from 0; people are told columns from 1. */
export type Token = { readonly at: number; readonly text: string } & (
  | { readonly kind: 'word' }
  | { readonly kind: 'sign' }
  | { readonly kind: 'end' }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string; readonly glob: RegExp | null }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'path'; readonly steps: readonly PathStep[] }
);

const SPACE = /\s+/y;
const WORD = /[A-Za-z_$][\w$]*/y;
/** `mm:200`, `file:/usr/bin/git`, `tlb:*`: an actor needs no quotes. */
const ACTOR = /[A-Za-z_][\w-]*:[^\s()[\],'"&|!<>=]+/y;
const NUMBER = /0[xX][\dA-Fa-f_]+|(\d[\d_]*(?:\.\d+)?)(?:([KMGT])(?:i?B)?(?![A-Za-z\d]))?/y;
const TEXT = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/y;
const PATTERN = /\/((?:[^/\\\n]|\\.)+)\/([a-z]*)/y;
const SIGN = /&&|\|\||==|!=|<=|>=|=~|!~|\.\.|[<>!()[\],+\-*/%&|=]/y;
/** What follows a word without a space; a dash belongs to a name only before a letter. */
const PATH =
  /(?:\.[A-Za-z_$][\w$]*(?:-[A-Za-z][\w$]*)*|\[\d+\]|\[\d+\.\.\]|\[[A-Za-z]\w*=[^\]"]+\]|\["(?:[^"\\]|\\.)*"\])+/y;
const UNIT_BYTES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
/** Characters of what is named in a message. */
const SHOWN = 30;

/**
 * The error of a query, with the column and what stands there.
 *
 * @example
 * ```ts
 * queryError('FAULT &&', 8, 'a condition is missing').where; // 'column 9, at the end'
 * ```
 */
export function queryError(text: string, at: number, what: string): GranuleError {
  const rest = text.slice(at).split(/\s/, 1)[0] ?? '';
  const shown = rest.length > SHOWN ? `${rest.slice(0, SHOWN)}...` : rest;
  return new GranuleError('QUERY_INVALID', what, `column ${at + 1}, ${shown === '' ? 'at the end' : `at "${shown}"`}`);
}

/** Goes through a text once. */
class Scanner {
  readonly text: string;
  readonly tokens: Token[] = [];
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** What an expression finds just here, gone past. */
  take(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.at;
    const match = expression.exec(this.text);
    if (match !== null) this.at += match[0].length;
    return match;
  }

  /** What comes before decides: a path follows what it leads into, a pattern what it is held against. */
  next(): Token {
    const { at } = this;
    const last = this.tokens.at(-1);
    if (last !== undefined && isPathAllowed(last) && last.at + last.text.length === at) {
      const path = this.take(PATH);
      if (path !== null) return { kind: 'path', at, text: path[0], steps: parsePath(path[0].replace(/^\./, '')) };
    }
    if (last?.kind === 'sign' && (last.text === '=~' || last.text === '!~')) {
      const pattern = this.take(PATTERN);
      if (pattern !== null) return this.#pattern(at, pattern[0], pattern[1] ?? '', pattern[2] ?? '');
    }
    const actor = this.take(ACTOR);
    if (actor !== null) return { kind: 'text', at, text: actor[0], value: actor[0], glob: globOf(actor[0]) };
    const word = this.take(WORD);
    if (word !== null) return { kind: 'word', at, text: word[0] };
    const number = this.take(NUMBER);
    if (number !== null) return { kind: 'number', at, text: number[0], value: this.#number(at, number) };
    const quoted = this.take(TEXT);
    if (quoted !== null) {
      const raw = quoted[1] ?? quoted[2] ?? '';
      return { kind: 'text', at, text: quoted[0], value: raw.replaceAll(/\\(.)/g, '$1'), glob: globOf(raw) };
    }
    const sign = this.take(SIGN);
    if (sign !== null) return { kind: 'sign', at, text: sign[0] };
    const isQuote = /^['"]/.test(this.text.slice(at));
    throw queryError(this.text, at, isQuote ? 'the quote is not closed' : 'this is no part of a query');
  }

  #number(at: number, match: RegExpExecArray): number {
    const [whole, decimal, unit] = match;
    const digits = (decimal ?? whole).replaceAll('_', '');
    const value = Number(digits) * (unit === undefined ? 1 : (UNIT_BYTES[unit] ?? 1));
    if (!Number.isFinite(value)) throw queryError(this.text, at, 'this is no number');
    return value;
  }

  #pattern(at: number, text: string, source: string, flags: string): Token {
    return { kind: 'pattern', at, text, pattern: patternOf(this.text, at, source, flags) };
  }
}

/**
 * A regular expression of a query. Flags that make matching remember its place are left out.
 *
 * @throws GranuleError QUERY_INVALID where it is none
 * @example
 * ```ts
 * patternOf("type =~ '^SET'", 8, '^SET', '').test('SET_PTES'); // true
 * ```
 */
export function patternOf(text: string, at: number, source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags.replaceAll(/[gy]/g, ''));
  } catch (error) {
    throw queryError(text, at, `no regular expression: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isPathAllowed(last: Token): boolean {
  if (last.kind === 'word') return last.text !== 'in';
  return last.kind === 'sign' && last.text === ')';
}

/**
 * The pieces of a query, with one of kind `end` behind the last.
 *
 * @throws GranuleError QUERY_INVALID with the column of what is no piece of one
 * @example
 * ```ts
 * tokensOf("FAULT && to == 'mm:*'").map(({ kind }) => kind); // ['word', 'sign', 'word', 'sign', 'text', 'end']
 * tokensOf('payload.nr >= 64K')[3]?.text; // '64K'
 * ```
 */
export function tokensOf(text: string): readonly Token[] {
  const scanner = new Scanner(text);
  for (;;) {
    scanner.take(SPACE);
    if (scanner.at >= text.length) break;
    scanner.tokens.push(scanner.next());
  }
  return [...scanner.tokens, { kind: 'end', at: text.length, text: '' }];
}
