/** Sentences with figures in them: `{naive.files.drops}` stands for the value, `{a / b:x}` for a ratio, `{bytes:bytes}` for an amount. */
import { formatBytes, formatCount } from '../report/format.ts';
import { type FigureExpression, type FigureValue, type Lookup, readFigures } from './expression.ts';

const PLACE = /\{([^{}]+?)(?::(bytes|%|x))?\}/g;

/** A sentence, ready to be said of any figures. */
export interface Sentence {
  readonly text: string;
  /** The figures that it names, each once. */
  readonly names: readonly string[];
  said(figures: Lookup): string;
}

/** Two digits behind the point where a number is small, none where it is a count. */
function numberText(value: number): string {
  if (Number.isInteger(value)) return formatCount(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/**
 * A value as a sentence has it: a count, an amount of memory, per cent of a part, or how many times.
 *
 * @example
 * ```ts
 * figureText(11_297_712 * 1024, 'bytes'); // '10.8 GiB'
 * figureText(0.471, '%'); // '47.1%'
 * figureText(16, 'x'); // '16 times'
 * ```
 */
export function figureText(value: FigureValue, unit = ''): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (unit === 'bytes') return formatBytes(value);
  if (unit === '%') return `${(value * 100).toFixed(1)}%`;
  if (unit === 'x') return `${numberText(value)} times`;
  return numberText(value);
}

/**
 * Reads a sentence.
 *
 * @throws GranuleError SCENARIO_INVALID for an expression in it that cannot be read
 * @example
 * ```ts
 * readSentence('It drops {naive.drops} pages.').said(() => 1203); // 'It drops 1,203 pages.'
 * ```
 */
export function readSentence(text: string): Sentence {
  const places: { at: number; end: number; value: FigureExpression; unit: string }[] = [];
  for (const match of text.matchAll(PLACE)) {
    const [whole, expression = '', unit = ''] = match;
    places.push({ at: match.index, end: match.index + whole.length, value: readFigures(expression), unit });
  }
  const said = (figures: Lookup): string => {
    let from = 0;
    const parts = places.map(({ at, end, value, unit }) => {
      const before = text.slice(from, at);
      from = end;
      return `${before}${figureText(value.value(figures), unit)}`;
    });
    return `${parts.join('')}${text.slice(from)}`;
  };
  return { text, names: [...new Set(places.flatMap(({ value }) => value.names))], said };
}
