/** What `granule validate footprint` prints of a file. */
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { FootprintOutcome, FootprintTally } from '../validate/footprintCompare.ts';
import { FOOTPRINT_FIELDS, type SkippedLine } from '../validate/footprintLine.ts';
import type { ReadProgress } from '../validate/ndjson.node.ts';
import { agreementTable, type FileReport } from './validateFiles.ts';

/** What came of one file. */
export interface FootprintFileReport extends FileReport {
  file: string;
  /** The kernels that were stood in for, as text. */
  kernels: Set<string>;
  tally: FootprintTally;
  skipped: SkippedLine[];
  read: ReadProgress;
  seconds: number;
  /** The log of the line that first differed; empty where none did. */
  log: string;
}

/** Lines that differ which are listed. */
const LINES_SHOWN = 20;

function skippedText(skipped: readonly SkippedLine[]): string {
  const reasons = new Map<string, number>();
  for (const { workload, reason } of skipped) {
    const text = `${workload} ${reason}`;
    reasons.set(text, (reasons.get(text) ?? 0) + 1);
  }
  const lines = [...reasons].map(([text, count]) => `skipped ${formatCount(count)} of ${text}\n`);
  return lines.length === 0 ? '' : `${lines.join('')}\n`;
}

function differing(outcome: FootprintOutcome): string {
  if (outcome.run.failure !== null) return outcome.run.failure;
  const wrong = outcome.checks.filter(({ agrees }) => !agrees);
  return wrong.map(({ field, kernel, model }) => `${field} ${String(model)} for ${kernel}`).join(', ');
}

function failedTable(failed: readonly FootprintOutcome[]): string {
  const shown = failed.slice(0, LINES_SHOWN);
  const rows = shown.map((outcome) => [
    String(outcome.line.line),
    outcome.line.title,
    String(outcome.line.pageBytes),
    differing(outcome),
  ]);
  const left = failed.length - shown.length;
  const more = left > 0 ? `and ${formatCount(left)} more\n` : '';
  const align = ['right', 'left', 'right', 'left'] as const;
  return `${formatTable([['line', 'workload', 'page', 'model for kernel'], ...rows], { align })}${more}\n`;
}

/** The command that opens the first differing run where its program reads its counters the second time. */
function commandFor({ log, tally }: FootprintFileReport): string {
  const measured = tally.first?.run.measured;
  if (tally.first === null) return '';
  const at = measured?.endSeq ?? Math.max(0, tally.first.run.events - 1);
  const pid = tally.first.line.workload.kind === 'cow' ? 101 : 100;
  return `granule state ${log} --at ${at} --actor mm:${pid}`;
}

function firstText(report: FootprintFileReport): string {
  const { first } = report.tally;
  if (first === null) return '';
  const { line, checks, run } = first;
  const rows = checks.map(({ field, kernel, model, tolerance, agrees }) => [
    agrees ? '' : '!',
    field,
    String(kernel),
    model === null ? '' : String(model),
    tolerance === 0 ? '' : `within ${tolerance}`,
  ]);
  const align = ['left', 'left', 'right', 'right', 'left'] as const;
  return [
    `First difference: ${line.title} (${report.file}:${line.line})\n`,
    run.failure === null ? '' : `  the model failed: ${run.failure}\n`,
    formatTable([['', 'counter', 'kernel', 'model', ''], ...rows], { indent: '  ', align }),
    `\n  ${commandFor(report)}\n\n`,
  ].join('');
}

/**
 * The report of a file as text.
 *
 * @example
 * ```ts
 * const read = { readBytes: 0, fileBytes: 0 };
 * const done = { tally: new FootprintTally(), skipped: [], read, seconds: 0, log: '', interrupted: false };
 * footprintFileText({ file: 'a.ndjson', kernels: new Set(), ...done }).startsWith('a.ndjson: 0 lines'); // true
 * ```
 */
export function footprintFileText(report: FootprintFileReport): string {
  const { file, kernels, tally, seconds, skipped } = report;
  const amount = `${formatCount(tally.lines)} lines, ${formatCount(tally.checks)} checks, ${formatCount(tally.events)} events`;
  const rate = seconds > 0 ? ` (${formatRate(tally.events / seconds, 'events')})` : '';
  const head = `${file}: ${amount} in ${formatSeconds(seconds)}${rate}\nkernels: ${[...kernels].join('; ')}\n\n`;
  const counts = `${formatCount(tally.differences)} of ${formatCount(tally.checks)} checks differ\n\n`;
  const failed = tally.failed.length === 0 ? '' : failedTable(tally.failed);
  const first = firstText(report);
  const agreement = tally.rows().map(({ workload, fields }) => ({ name: workload, fields }));
  return `${head}${agreementTable(FOOTPRINT_FIELDS, agreement)}\n${skippedText(skipped)}${counts}${failed}${first}`;
}

function outcomeJson({ line, checks, run }: FootprintOutcome): unknown {
  const { title, pageBytes, thpAlwaysBytes } = line;
  return { line: line.line, title, pageBytes, thpAlwaysBytes, checks, ...run };
}

/**
 * The report of a file as plain data.
 *
 * @example
 * ```ts
 * const read = { readBytes: 0, fileBytes: 0 };
 * const done = { tally: new FootprintTally(), skipped: [], read, seconds: 0, log: '', interrupted: false };
 * JSON.stringify(footprintFileJson({ file: 'a.ndjson', kernels: new Set(), ...done })).includes('"lines":0'); // true
 * ```
 */
export function footprintFileJson(report: FootprintFileReport): unknown {
  const { file, kernels, tally, skipped, seconds, log } = report;
  const { lines, failedLines, checks, differences, events } = tally;
  return {
    file,
    kernels: [...kernels],
    lines,
    failedLines,
    checks,
    differences,
    events,
    seconds,
    agreement: tally.rows().map(({ workload, fields }) => ({ workload, ...Object.fromEntries(fields) })),
    skipped: skipped.map(({ line, workload, reason }) => ({ line, workload, reason })),
    failed: tally.failed.map(outcomeJson),
    first: tally.first === null ? null : outcomeJson(tally.first),
    log,
    command: commandFor(report),
  };
}
