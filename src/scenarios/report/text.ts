/** A report as plain text for a mailing list: 72 columns, ASCII alone. */
import type { Claim } from '../judge.ts';
import { MAIL_COLUMNS, wrapText } from '../../report/wrapText.ts';
import { asciiChart } from './asciiChart.ts';
import { behind } from './markdown.ts';
import { countsText, type ReportSection } from './section.ts';

/** What mail readers of any age show. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/[\u2018\u2019]/g, "'"],
  [/[\u201c\u201d]/g, '"'],
  [/[\u2013\u2014]/g, '-'],
  [/[^\n -~]/g, '?'],
];

/**
 * A text in ASCII.
 *
 * @example
 * ```ts
 * ascii('the kernel\u2019s page'); // "the kernel's page"
 * ```
 */
export function ascii(text: string): string {
  return PLAIN.reduce((plain, [found, instead]) => plain.replaceAll(found, instead), text);
}

function wrapped(text: string, how?: Parameters<typeof wrapText>[1]): string[] {
  return wrapText(ascii(text), how);
}

function claimLines(id: string, claim: Claim, indent: string, mark: string): string[] {
  const sentence = wrapped(claim.text, { indent: `${indent}${mark}`, hanging: `${indent}${' '.repeat(mark.length)}` });
  const commands = behind(id, claim);
  const under = `${indent}${' '.repeat(mark.length)}`;
  return commands === '' ? sentence : [...sentence, ...wrapped(commands, { indent: under, hanging: `${under}  ` })];
}

function sectionText(section: ReportSection): string {
  const { id, title, verdict, expected, lead, claims, answers, notes, charts } = section;
  const badge = verdict === null ? '' : `Verdict: ${verdict}${expected === null ? '' : ` (expected: ${expected})`}`;
  const lines = [...wrapped(`${id}: ${title}`), '-'.repeat(Math.min(MAIL_COLUMNS, id.length + 2 + title.length))];
  if (badge !== '') lines.push(badge);
  lines.push('', ...claimLines(id, lead, '', ''));
  if (claims.length > 0) lines.push('', ...claims.flatMap((claim) => claimLines(id, claim, '', '* ')));
  if (answers.length > 0) {
    lines.push('', 'Alternatives:');
    for (const { name, mark, claim } of answers) {
      const said = { ...claim, text: `${name} (${mark}): ${claim.text}` };
      lines.push(...claimLines(id, said, '  ', '- '));
    }
  }
  for (const chart of charts) lines.push('', ...ascii(asciiChart(chart)).trimEnd().split('\n'));
  for (const note of notes) lines.push('', ...wrapped(note));
  return lines.join('\n');
}

/**
 * The whole report.
 *
 * @example
 * ```ts
 * textReport([]).split('\n')[0]; // 'Granule: report'
 * ```
 */
export function textReport(sections: readonly ReportSection[]): string {
  const counts = countsText(sections);
  const head = ['Granule: report', '===============', ''];
  if (counts !== '') head.push(...wrapped(`${counts}. Commands are given in the folder of the scenarios.`), '');
  return `${head.join('\n')}\n${sections.map(sectionText).join('\n\n\n')}\n`;
}
