/** What `granule validate interfaces` prints of a file. */
import { formatCount, formatPageSize, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { InterfaceAnswer } from '../validate/interfaces/answer.ts';
import { type ChoiceName, interfaceChoices } from '../validate/interfaces/choices.ts';
import type { ColumnReport, InterfaceDifference } from '../validate/interfaces/interfaces.ts';
import type { FileReport } from './validateFiles.ts';

/** What came of one file. */
export interface InterfacesReport extends FileReport {
  file: string;
  questions: number;
  /** Texts that the grammar does not have. */
  notUnderstood: readonly string[];
  columns: ColumnReport[];
  seconds: number;
}

/** Differences of one column that are shown; the rest is counted. */
const SHOWN = 20;
/** Characters of an answer in one line. */
const ANSWER_CHARACTERS = 60;

/** The first line in which two texts differ, each as it has it. */
function textDifference(kernel: string, model: string): [string, string] {
  const [ours, theirs] = [model.split('\n'), kernel.split('\n')];
  const at = theirs.findIndex((line, number) => line !== ours[number]);
  if (at < 0 || theirs.length + ours.length <= 4) return [kernel, model];
  const area = theirs.slice(0, at + 1).findLast((line) => /^[0-9a-f]{8,}-/.test(line));
  const where = area === undefined ? '' : `${area.split(' ', 1)[0] ?? ''} `;
  return [`${where}${theirs[at] ?? ''}`, `${where}${ours[at] ?? ''}`];
}

function short(text: string): string {
  const line = text.replaceAll('\n', '\\n').replaceAll(/ {2,}/g, ' ');
  return line.length > ANSWER_CHARACTERS ? `${line.slice(0, ANSWER_CHARACTERS - 3)}...` : line;
}

function answerText(answer: InterfaceAnswer): string {
  const fields = Object.entries(answer).filter(([, value]) => value !== undefined);
  return fields.map(([name, value]) => (name === 'text' ? short(String(value)) : `${name} ${value}`)).join(', ');
}

function bothTexts({ kernel, model }: InterfaceDifference): [string, string] {
  if (model === null) return [answerText(kernel), 'no answer'];
  if (kernel.text === undefined || model.text === undefined) return [answerText(kernel), answerText(model)];
  const [theirs, ours] = textDifference(kernel.text, model.text);
  return [short(theirs), short(ours)];
}

/** Names a world as people do. */
function worldText({ column, kernelPageBytes }: ColumnReport): string {
  const { pageBytes, name } = column;
  const size = formatPageSize(pageBytes);
  const mthp = name.includes('+') ? `, ${name.slice(name.indexOf('+') + 1).replaceAll('+', ', ')}` : '';
  if (pageBytes === kernelPageBytes) return `a plain ${size} kernel${mthp}`;
  return `a ${size} process on a ${formatPageSize(kernelPageBytes)} kernel${mthp}`;
}

function summary(columns: readonly ColumnReport[]): string {
  const rows = columns.map((report) => {
    const { checks, differences, column } = report;
    const chosen = differences.filter(({ choice }) => choice !== null).length;
    return [worldText(report), column.name, formatCount(checks), formatCount(differences.length), formatCount(chosen)];
  });
  return formatTable([['played as', 'column', 'answers', 'differ', 'by a choice'], ...rows]);
}

function differencesText(report: ColumnReport): string {
  const { differences, failures } = report;
  const threw = failures.map((failure) => `  the model failed: ${failure}\n`).join('');
  if (differences.length === 0) return threw === '' ? '' : `\n${threw}`;
  const rows = differences.slice(0, SHOWN).map((difference) => {
    const [theirs, ours] = bothTexts(difference);
    return [short(difference.text), theirs, ours, difference.choice ?? ''];
  });
  const more = differences.length > SHOWN ? `  and ${formatCount(differences.length - SHOWN)} more\n` : '';
  const align = ['left', 'left', 'left', 'left'] as const;
  const table = formatTable([[worldText(report), 'kernel', 'model', 'choice'], ...rows], { align: [...align] });
  return `\n${table}${more}${threw}`;
}

/** Every choice that decides an answer: both outcomes, and how many answers turn on it in the column that has most. */
function choicesText(columns: readonly ColumnReport[]): string {
  const most = new Map<ChoiceName, { value: string; otherValue: string; answers: number }>();
  for (const { decides } of columns) {
    for (const { name, ...each } of decides) {
      const known = most.get(name);
      if (known === undefined || known.answers < each.answers) most.set(name, each);
    }
  }
  if (most.size === 0) return '';
  const rows = [...most].map(([name, { value, otherValue, answers }]) => [
    `${name}=${value}`,
    otherValue,
    formatCount(answers),
    interfaceChoices[name].says,
  ]);
  const head = ['choice', 'the other', 'answers', 'what it decides'];
  return `\n${formatTable([head, ...rows], { align: ['left', 'left', 'right', 'left'] })}`;
}

function unknownText(texts: readonly string[]): string {
  if (texts.length === 0) return '';
  return `\nnot understood: ${formatCount(texts.length)}\n${texts.map((text) => `  ${text}\n`).join('')}`;
}

/**
 * The report of a file as text.
 *
 * @example
 * ```ts
 * const report = { file: 'a.json', questions: 1, notUnderstood: ['when'], columns: [], seconds: 0, interrupted: false };
 * interfacesText(report, false).includes('not understood: 1'); // true
 * ```
 */
export function interfacesText(report: InterfacesReport, withAnswers: boolean): string {
  const { file, questions, columns, notUnderstood, seconds } = report;
  const head = `${file}: ${formatCount(questions)} questions in ${formatSeconds(seconds)}\n\n`;
  const details = columns.map(differencesText).join('');
  const answers = withAnswers ? columns.map(answersText).join('') : '';
  return `${head}${summary(columns)}${details}${choicesText(columns)}${unknownText(notUnderstood)}${answers}\n`;
}

function answersText(report: ColumnReport): string {
  const lines = [...report.answers].map(([text, answer]) => `  ${text}: ${answerText(answer)}\n`);
  return `\n${worldText(report)}\n${lines.join('')}`;
}

/**
 * The report of a file as plain data.
 *
 * @example
 * ```ts
 * const report = { file: 'a.json', questions: 1, notUnderstood: ['when'], columns: [], seconds: 0, interrupted: false };
 * JSON.stringify(interfacesJson(report)).includes('"notUnderstood":["when"]'); // true
 * ```
 */
export function interfacesJson({ file, questions, notUnderstood, columns, seconds }: InterfacesReport): unknown {
  return {
    file,
    questions,
    notUnderstood,
    seconds,
    columns: columns.map(({ column, kernelPageBytes, checks, differences, failures, decides }) => ({
      ...column,
      kernelPageBytes,
      checks,
      differing: differences.length,
      unexplained: differences.filter(({ choice }) => choice === null).length,
      differences,
      failures,
      choices: decides,
    })),
  };
}
