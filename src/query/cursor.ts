/** Goes through the pieces of a query while it is read, and knows the names that there are. */
import { didYouMean } from '../topology/faultPlans/near.ts';
import type { GranuleError } from '../errors.ts';
import { queryError, type Token, tokensOf } from './tokens.ts';

/** The names that a log knows. Where they are given, others are refused. */
export interface QueryNames {
  readonly types?: Iterable<string>;
  readonly actors?: Iterable<string>;
}

/**
 * The place in a query that is being read.
 *
 * @example
 * ```ts
 * const cursor = new Cursor('FAULT && seq > 3', {});
 * cursor.token.text; // 'FAULT'
 * ```
 */
export class Cursor {
  readonly text: string;
  readonly types: ReadonlySet<string> | null;
  readonly actors: ReadonlySet<string> | null;
  /** Names of the events of the pattern that were read so far, by their index; null where one has none. */
  readonly events: (string | null)[] = [];
  readonly #tokens: readonly Token[];
  #at = 0;

  /** @throws GranuleError QUERY_INVALID */
  constructor(text: string, names: QueryNames) {
    this.text = text;
    this.types = names.types === undefined ? null : new Set(names.types);
    this.actors = names.actors === undefined ? null : new Set(names.actors);
    this.#tokens = tokensOf(text);
  }

  /** The piece to be read next. */
  get token(): Token {
    return this.#tokens[this.#at];
  }

  /** The one behind it. */
  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)];
  }

  /** Takes the piece and goes on. */
  take(): Token {
    const { token } = this;
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }

  /** Whether all was read. */
  isEnd(): boolean {
    return this.token.kind === 'end';
  }

  /** Whether the next piece is one of some signs or words. */
  isAt(...texts: readonly string[]): boolean {
    const { kind, text } = this.token;
    return (kind === 'sign' || kind === 'word') && texts.includes(text);
  }

  /** Takes the piece when it is one of some signs or words. */
  takeIf(...texts: readonly string[]): Token | null {
    return this.isAt(...texts) ? this.take() : null;
  }

  /**
   * Takes a sign or word that has to be here.
   *
   * @throws GranuleError QUERY_INVALID
   */
  expect(text: string, why: string): Token {
    const token = this.takeIf(text);
    if (token === null) throw this.error(`"${text}" is missing: ${why}`);
    return token;
  }

  /** An error at the next piece, or at a place. */
  error(what: string, at: number = this.token.at): GranuleError {
    return queryError(this.text, at, what);
  }

  /** The text from a place up to the next piece. */
  since(at: number): string {
    return this.text.slice(at, this.token.at).trim();
  }

  /**
   * Refuses a message type or an actor that the log does not know.
   *
   * @throws GranuleError QUERY_INVALID
   */
  check(kind: 'types' | 'actors', name: string, at: number): void {
    const known = this[kind];
    if (known === null || known.has(name)) return;
    const what = kind === 'types' ? `there is no message ${name}` : `there is no actor ${name}`;
    throw this.error(`${what}${didYouMean(name, known)}`, at);
  }
}
