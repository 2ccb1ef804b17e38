/** What a report is made of: a section for each scenario or log, whatever the form it is written in. */
import { formatCount } from '../../report/format.ts';
import type { Chart, Claim, ShownFigure, Verdict } from '../judge.ts';
import { UNDECIDED, VERDICTS } from '../schema.ts';

/** One scenario, or one log. */
export interface ReportSection {
  readonly id: string;
  readonly title: string;
  /** The verdict; null for a log. */
  readonly verdict: string | null;
  /** The verdict that was expected, where it is another one. */
  readonly expected: string | null;
  readonly lead: Claim;
  readonly claims: readonly Claim[];
  /** Alternatives: name, whether the figures say that it answers, and what it does. */
  readonly answers: readonly { readonly name: string; readonly mark: string; readonly claim: Claim }[];
  readonly figures: readonly ShownFigure[];
  /** What was run, and what is not shown by it. */
  readonly notes: readonly string[];
  readonly charts: readonly Chart[];
}

const MARKS = { yes: 'answers', no: 'does not', unmeasured: 'not measured' } as const;

/**
 * The section of a verdict.
 *
 * @example
 * ```ts
 * const because = { text: 'A question of a word.', evidence: [] };
 * const empty = { claims: [], answers: [], figures: [], steps: [], limits: '', workload: '', charts: [] };
 * const verdict = 'cannot be modelled' as const;
 * sectionOf({ id: 'T-01', question: 'Which word?', verdict, expected: verdict, because, ...empty }).lead.text; // 'A question of a word.'
 * ```
 */
export function sectionOf(made: Verdict): ReportSection {
  const { id, question, verdict, expected, because, claims, answers, figures, limits, workload, steps, charts } = made;
  return {
    id,
    title: question,
    verdict,
    expected: verdict === expected ? null : expected,
    lead: because,
    claims,
    answers: answers.map(({ name, answers: does, claim }) => {
      return { name, mark: does === null ? MARKS.unmeasured : does ? MARKS.yes : MARKS.no, claim };
    }),
    figures,
    notes: [
      ...(workload === '' ? [] : [`Recorded programs: ${workload}.`]),
      ...(limits === '' ? [] : [`Not shown: ${limits}`]),
      ...(steps.length === 0 ? [] : [`Steps: ${steps.map(({ name, account }) => `${name} (${account})`).join('; ')}.`]),
    ],
    charts,
  };
}

/**
 * How many sections came to each verdict, in the order of the verdicts.
 *
 * @example
 * ```ts
 * verdictCounts([]); // []
 * ```
 */
export function verdictCounts(
  sections: readonly Pick<ReportSection, 'verdict'>[],
): { verdict: string; count: number }[] {
  return [...VERDICTS, UNDECIDED].flatMap((verdict) => {
    const count = sections.filter((section) => section.verdict === verdict).length;
    return count === 0 ? [] : [{ verdict, count }];
  });
}

/**
 * The counts in one line.
 *
 * @example
 * ```ts
 * countsText([{ verdict: 'holds' }, { verdict: 'holds' }]); // '2 holds'
 * ```
 */
export function countsText(sections: readonly Pick<ReportSection, 'verdict'>[]): string {
  return verdictCounts(sections)
    .map(({ verdict, count }) => `${formatCount(count)} ${verdict}`)
    .join(', ');
}
