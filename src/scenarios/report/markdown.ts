/** A report as Markdown: each sentence with the command that shows the event behind it. */
import type { Claim } from '../judge.ts';
import { figureText } from '../sentence.ts';
import { asciiChart } from './asciiChart.ts';
import { countsText, type ReportSection } from './section.ts';

/** Commands behind one sentence; more would hide it. */
const COMMANDS_SHOWN = 3;

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/**
 * The commands behind a claim, as they stand behind its sentence.
 *
 * @example
 * ```ts
 * const evidence = [{ log: 'logs/a.glog', seq: 7, command: 'granule debug logs/a.glog --at 7' }];
 * behind('S-36', { text: '', evidence }); // '[S-36: granule debug logs/a.glog --at 7]'
 * ```
 */
export function behind(id: string, { evidence }: Claim): string {
  if (evidence.length === 0) return '';
  const shown = evidence.slice(0, COMMANDS_SHOWN).map(({ command }) => command);
  return `[${id}: ${shown.join('; ')}]`;
}

function sentence(id: string, claim: Claim): string {
  const commands = behind(id, claim);
  return commands === '' ? claim.text : `${claim.text} \`${commands}\``;
}

function sectionText(section: ReportSection): string {
  const { id, title, verdict, expected, lead, claims, answers, figures, notes, charts } = section;
  const parts = [`## ${id}: ${title}`];
  const badge = verdict === null ? '' : `**${verdict}**${expected === null ? '' : ` (expected: ${expected})`}. `;
  parts.push(`${badge}${sentence(id, lead)}`);
  if (claims.length > 0) parts.push(claims.map((claim) => `* ${sentence(id, claim)}`).join('\n'));
  if (answers.length > 0) {
    const rows = answers.map(({ name, mark, claim }) => `| ${cell(name)} | ${mark} | ${cell(sentence(id, claim))} |`);
    parts.push(['| alternative | | by these figures |', '|---|---|---|', ...rows].join('\n'));
  }
  parts.push(...charts.map((chart) => `\`\`\`text\n${asciiChart(chart)}\`\`\``));
  if (figures.length > 0) {
    const rows = figures.map(
      ({ name, value, evidence }) => `| \`${name}\` | ${cell(figureText(value))} | \`${evidence[0]?.command ?? ''}\` |`,
    );
    const table = ['| figure | value | shown by |', '|---|---|---|', ...rows];
    parts.push(['<details><summary>figures</summary>', '', ...table, '', '</details>'].join('\n'));
  }
  parts.push(...notes);
  return parts.join('\n\n');
}

/**
 * The whole report.
 *
 * @example
 * ```ts
 * markdownReport([]).startsWith('# Granule: report'); // true
 * ```
 */
export function markdownReport(sections: readonly ReportSection[]): string {
  const counts = countsText(sections);
  const head = ['# Granule: report'];
  if (counts !== '') head.push(`${counts}. Commands are given in the folder of the scenarios.`);
  return `${[...head, ...sections.map(sectionText)].join('\n\n')}\n`;
}
