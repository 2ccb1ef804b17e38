/** The tables of docs/findings.md, made of what the catalogue came to. */
import { formatCount } from '../../report/format.ts';
import type { ExpectedVerdict } from '../expected.ts';
import { verdictCounts } from './section.ts';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/**
 * The verdicts, counted: a table by the kind of objection.
 *
 * @example
 * ```ts
 * countsTable([]).split('\n')[0]; // '| verdict | S | T | L | X | D | all |'
 * ```
 */
export function countsTable(all: readonly ExpectedVerdict[]): string {
  const kinds = ['S', 'T', 'L', 'X', 'D'];
  const rows = verdictCounts(all).map(({ verdict, count }) => {
    const of = kinds.map((kind) => all.filter(({ id, verdict: own }) => own === verdict && id.startsWith(kind)).length);
    return `| ${verdict} | ${of.map(formatCount).join(' | ')} | ${formatCount(count)} |`;
  });
  return [`| verdict | ${kinds.join(' | ')} | all |`, '|---|---|---|---|---|---|---|', ...rows].join('\n');
}

function answersText({ answers }: ExpectedVerdict): string {
  const measured = answers.filter(({ answers: does }) => does !== false);
  return measured.map(({ name, says }) => `${name}: ${says}`).join(' ');
}

/**
 * The scenarios of one verdict: question, answer, and the alternatives that answer it.
 *
 * @example
 * ```ts
 * verdictTable([], 'holds'); // '| id | question | answer |\n|---|---|---|'
 * ```
 */
export function verdictTable(all: readonly ExpectedVerdict[], verdict: string): string {
  const chosen = all.filter((each) => each.verdict === verdict);
  const withAnswers = chosen.some((each) => answersText(each) !== '');
  const head = `| id | question | answer |${withAnswers ? ' what answers it |' : ''}`;
  const rows = chosen.map((each) => {
    const { id, question, because, claims } = each;
    const first = claims.slice(0, 2).join(' ');
    const more = withAnswers ? ` ${cell(answersText(each))} |` : '';
    return `| ${id} | ${cell(question)} | ${cell(`${because}${first === '' ? '' : ` ${first}`}`)} |${more}`;
  });
  return [head, `|---|---|---|${withAnswers ? '---|' : ''}`, ...rows].join('\n');
}

/**
 * The charts, as they stand in a mail.
 *
 * @example
 * ```ts
 * chartsText([]); // ''
 * ```
 */
export function chartsText(all: readonly ExpectedVerdict[]): string {
  return all
    .flatMap(({ charts }) => charts)
    .map((chart) => `\`\`\`text\n${chart}\`\`\``)
    .join('\n\n');
}

/**
 * A document with the parts between its markers made anew: `<!-- counts -->`, `<!-- verdict NAME -->` and `<!-- charts -->`, each up to
 * `<!-- end -->`.
 *
 * @example
 * ```ts
 * withFindings('<!-- charts -->\nold\n<!-- end -->\n', []); // '<!-- charts -->\n\n<!-- end -->\n'
 * ```
 */
export function withFindings(document: string, all: readonly ExpectedVerdict[]): string {
  const part = /<!-- (counts|charts|verdict ([a-z ]+?)) -->\n[\s\S]*?<!-- end -->/g;
  return document.replaceAll(part, (_, what: string, verdict: string | undefined) => {
    const text =
      what === 'counts' ? countsTable(all) : what === 'charts' ? chartsText(all) : verdictTable(all, verdict ?? '');
    return `<!-- ${what} -->\n${text}\n<!-- end -->`;
  });
}
