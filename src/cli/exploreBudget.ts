/** Budgets of explorations as a command line says them. */
import { InvalidArgumentError } from 'commander';

/** How long a search may go on. */
export interface SearchBudget {
  /** Null: no limit of this kind. */
  readonly seconds: number | null;
  readonly states: number | null;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/**
 * Reads a budget: a time such as 90s, 10m or 2h, or a number of states.
 *
 * @throws InvalidArgumentError
 * @example
 * ```ts
 * searchBudget('10m'); // { seconds: 600, states: null }
 * searchBudget('100000'); // { seconds: null, states: 100000 }
 * searchBudget('100000states').states; // 100000
 * ```
 */
export function searchBudget(text: string): SearchBudget {
  const match = /^(\d+(?:\.\d+)?)(s|m|h|states|)$/.exec(text);
  const amount = Number(match?.[1]);
  const unit = match?.[2] ?? '';
  const seconds = SECONDS[unit];
  if (match === null || amount <= 0) {
    throw new InvalidArgumentError('It must be a time such as 90s, 10m or 2h, or a number of states such as 100000.');
  }
  if (seconds !== undefined) return { seconds: amount * seconds, states: null };
  if (!Number.isSafeInteger(amount)) throw new InvalidArgumentError('A number of states is whole.');
  return { seconds: null, states: amount };
}
