/** What a named formula is: operands in, figures out, and the place in Linux or in the architecture that it is taken from. */
import { GranuleError } from '../../errors.ts';
import { parseSize } from '../../topology/schema.ts';
import type { FigureValue } from '../expression.ts';

/** An operand of a formula. */
export interface Operand {
  readonly name: string;
  readonly says: string;
  /** What it is where nothing is given; without one it has to be. */
  readonly usual?: number | string | boolean;
}

/** Operands, as a formula reads them. */
export interface Operands {
  /** A number. */
  count(name: string): number;
  /** A size in bytes: a number, or text such as `64K`. */
  bytes(name: string): number;
  word(name: string): string;
}

/** A formula. */
export interface Formula {
  readonly name: string;
  readonly says: string;
  readonly source: string;
  readonly operands: readonly Operand[];
  work(operands: Operands): Readonly<Record<string, FigureValue>>;
}

/**
 * The operands of a formula, checked against what it asks for.
 *
 * @throws GranuleError SCENARIO_INVALID for an operand that is missing, not asked for, or of another kind
 * @example
 * ```ts
 * const formula = { name: 'twice', says: '', source: '', operands: [{ name: 'of', says: '' }], work: () => ({}) };
 * operandsOf(formula, { of: '64K' }).bytes('of'); // 65536
 * operandsOf(formula, {}); // throws SCENARIO_INVALID
 * ```
 */
export function operandsOf(
  { name: formula, operands }: Formula,
  given: Readonly<Record<string, number | string | boolean>>,
): Operands {
  const known = operands.map(({ name }) => name);
  const stranger = Object.keys(given).find((name) => !known.includes(name));
  const fault = (what: string): GranuleError => new GranuleError('SCENARIO_INVALID', what, `formula ${formula}`);
  if (stranger !== undefined) throw fault(`it has no operand ${stranger}: ${known.join(', ')}`);
  const valueOf = (name: string): number | string | boolean => {
    const value = given[name] ?? operands.find((operand) => operand.name === name)?.usual;
    if (value === undefined) throw fault(`its operand ${name} is missing`);
    return value;
  };
  for (const name of known) valueOf(name);
  return {
    count(name) {
      const value = valueOf(name);
      if (typeof value !== 'number') throw fault(`${name} is a number`);
      return value;
    },
    bytes(name) {
      const value = valueOf(name);
      const bytes = typeof value === 'string' ? parseSize(value) : value;
      if (typeof bytes !== 'number') throw fault(`${name} is a size`);
      return bytes;
    },
    word: (name) => String(valueOf(name)),
  };
}
