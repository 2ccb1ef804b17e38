/** What the whole catalogue came to when it was last run: what documents are made of, and what a run is held against. */
import type { FigureValue } from './expression.ts';
import type { Verdict } from './judge.ts';
import { asciiChart } from './report/asciiChart.ts';

/** A verdict without its events, which may move when the model changes and the figures do not. */
export interface ExpectedVerdict {
  readonly id: string;
  readonly question: string;
  readonly verdict: string;
  readonly because: string;
  readonly claims: readonly string[];
  readonly answers: readonly { readonly name: string; readonly answers: boolean | null; readonly says: string }[];
  readonly figures: Readonly<Record<string, FigureValue>>;
  readonly limits: string;
  /** Charts in plain text. */
  readonly charts: readonly string[];
}

/**
 * A verdict as it is kept.
 *
 * @example
 * ```ts
 * const because = { text: 'A question of a word.', evidence: [] };
 * const empty = { claims: [], answers: [], figures: [], steps: [], limits: '', workload: '', charts: [] };
 * const verdict = 'cannot be modelled' as const;
 * expectedOf({ id: 'T-01', question: 'Which word?', verdict, expected: verdict, because, ...empty }).because; // 'A question of a word.'
 * ```
 */
export function expectedOf({
  id,
  question,
  verdict,
  because,
  claims,
  answers,
  figures,
  limits,
  charts,
}: Verdict): ExpectedVerdict {
  return {
    id,
    question,
    verdict,
    because: because.text,
    claims: claims.map(({ text }) => text),
    answers: answers.map(({ name, answers: does, claim }) => ({ name, answers: does, says: claim.text })),
    figures: Object.fromEntries(figures.map(({ name, value }) => [name, value])),
    limits,
    charts: charts.map(asciiChart),
  };
}

/**
 * The text of the file that keeps them.
 *
 * @example
 * ```ts
 * expectedText([]); // '{\n "verdicts": []\n}\n'
 * ```
 */
export function expectedText(verdicts: readonly ExpectedVerdict[]): string {
  return `${JSON.stringify({ verdicts }, null, 1)}\n`;
}
