/** Expressions over figures: what a scenario says of its measurements, read once and asked of any set of figures. */
import { GranuleError } from '../errors.ts';
import { holds, isEqual, isOrdered, type OrderSign, type SumSign, sumOf } from '../query/globs.ts';
import { type Token, tokensOf } from '../query/tokens.ts';
import type { PathStep } from '../timeline/statePath.ts';

/** What a figure can be: a number, a word such as how a process ended, or whether a law holds. */
export type FigureValue = number | string | boolean;

/** Gives the value of a figure by its name; what is not there is an error of whoever asks. */
export type Lookup = (name: string) => FigureValue;

/** An expression, ready to be asked. */
export interface FigureExpression {
  readonly text: string;
  /** The figures that stand in it, each once, in order. */
  readonly names: readonly string[];
  value(figures: Lookup): FigureValue;
}

type Evaluate = (figures: Lookup) => FigureValue;

/** Functions of several numbers. */
const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = { min: Math.min, max: Math.max };
const ORDERS: readonly string[] = ['<', '<=', '>', '>='];
const EQUALS: readonly string[] = ['==', '!='];
const SUMS: readonly (readonly string[])[] = [
  ['+', '-'],
  ['*', '/', '%'],
];

function invalid(text: string, token: Token, what: string): GranuleError {
  const shown = token.kind === 'end' ? 'at the end' : `at "${token.text}"`;
  return new GranuleError('SCENARIO_INVALID', what, `"${text}", column ${token.at + 1}, ${shown}`);
}

/** A name with its path as one text: `naive.files.drops`. */
function nameOf(word: string, steps: readonly PathStep[], fault: () => GranuleError): string {
  const parts = steps.map((step) => {
    if (step.kind !== 'field') throw fault();
    return step.name;
  });
  return [word, ...parts].join('.');
}

/** Reads one expression from left to right. */
class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly names = new Set<string>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    try {
      this.#tokens = tokensOf(text);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      throw new GranuleError('SCENARIO_INVALID', error.message, `"${text}", ${error.where}`);
    }
  }

  get #token(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)];
  }

  #takeIf(signs: readonly string[]): string | null {
    const token = this.#token;
    if (token.kind !== 'sign' || !signs.includes(token.text)) return null;
    this.#at += 1;
    return token.text;
  }

  whole(): Evaluate {
    const read = this.#either();
    if (this.#token.kind !== 'end') throw invalid(this.#text, this.#token, 'the expression ends here');
    return read;
  }

  #either(): Evaluate {
    let left = this.#both();
    while (this.#takeIf(['||']) !== null) {
      const [first, second] = [left, this.#both()];
      left = (figures) => holds(first(figures)) || holds(second(figures));
    }
    return left;
  }

  #both(): Evaluate {
    let left = this.#comparison();
    while (this.#takeIf(['&&']) !== null) {
      const [first, second] = [left, this.#comparison()];
      left = (figures) => holds(first(figures)) && holds(second(figures));
    }
    return left;
  }

  #comparison(): Evaluate {
    const left = this.#sum(0);
    const equal = this.#takeIf(EQUALS);
    if (equal !== null) {
      const right = this.#sum(0);
      return (figures) => isEqual(left(figures), right(figures)) === (equal === '==');
    }
    const order = this.#takeIf(ORDERS);
    if (order === null) return left;
    const right = this.#sum(0);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of ORDERS
    return (figures) => isOrdered(left(figures), order as OrderSign, right(figures));
  }

  #sum(level: number): Evaluate {
    const signs = SUMS[level];
    if (signs === undefined) return this.#unary();
    let left = this.#sum(level + 1);
    for (let sign = this.#takeIf(signs); sign !== null; sign = this.#takeIf(signs)) {
      const [first, second, name] = [left, this.#sum(level + 1), sign];
      left = (figures) => this.#sumOf(first(figures), name, second(figures));
    }
    return left;
  }

  #sumOf(left: FigureValue, sign: string, right: FigureValue): number {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of SUMS
    const result = sumOf(left, sign as SumSign, right);
    if (result !== undefined) return result;
    const what = `${String(left)} ${sign} ${String(right)} is no number`;
    throw new GranuleError('SCENARIO_FIGURE', what, `"${this.#text}"`);
  }

  #unary(): Evaluate {
    if (this.#takeIf(['!']) !== null) {
      const inner = this.#unary();
      return (figures) => !holds(inner(figures));
    }
    return this.#primary();
  }

  #primary(): Evaluate {
    const token = this.#token;
    this.#at += 1;
    if (token.kind === 'number' || token.kind === 'text') {
      const { value } = token;
      return () => value;
    }
    if (token.kind === 'sign' && token.text === '(') {
      const inner = this.#either();
      if (this.#takeIf([')']) === null) throw invalid(this.#text, this.#token, 'the parenthesis is not closed');
      return inner;
    }
    if (token.kind !== 'word') throw invalid(this.#text, token, 'a figure or a number is missing');
    if (token.text === 'true' || token.text === 'false') return () => token.text === 'true';
    const call = FUNCTIONS[token.text];
    if (call !== undefined && this.#takeIf(['(']) !== null) return this.#call(call);
    return this.#figure(token);
  }

  #call(call: (...values: number[]) => number): Evaluate {
    const values = [this.#either()];
    while (this.#takeIf([',']) !== null) values.push(this.#either());
    if (this.#takeIf([')']) === null) throw invalid(this.#text, this.#token, 'the parenthesis is not closed');
    return (figures) => call(...values.map((value) => Number(value(figures))));
  }

  #figure(word: Token): Evaluate {
    const next = this.#token;
    const steps = next.kind === 'path' ? next.steps : [];
    if (next.kind === 'path') this.#at += 1;
    const name = nameOf(word.text, steps, () => invalid(this.#text, next, 'a figure is written with dots alone'));
    this.names.add(name);
    return (figures) => figures(name);
  }
}

/**
 * Reads an expression: numbers with K, M and G, texts in quotes, names of figures with dots, `+ - * / %`, comparisons, `&& || !`,
 * `min(...)` and `max(...)`.
 *
 * @throws GranuleError SCENARIO_INVALID with the column of what is wrong
 * @example
 * ```ts
 * const more = readFigures('naive.files.drops > 3 * sticky.files.drops');
 * more.names; // ['naive.files.drops', 'sticky.files.drops']
 * more.value((name) => (name.startsWith('naive') ? 9 : 2)); // true
 * ```
 */
export function readFigures(text: string): FigureExpression {
  const reader = new Reader(text);
  const value = reader.whole();
  return { text, names: [...reader.names], value };
}
