/** What `granule validate abi` prints of a file. */
import { formatCount, formatPageSize, formatRate, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { ABI_FIELDS, type AbiDifference, type AbiTally, type SideOfDifference } from '../validate/abiCompare.ts';
import type { AbiWorld } from '../validate/abiRun.ts';
import type { AbiAnswer, MapsArea } from '../validate/abiStep.ts';
import { agreementTable, type FileReport } from './validateFiles.ts';

/** What came of one file. */
export interface AbiFileReport extends FileReport {
  file: string;
  worlds: AbiWorld[];
  tally: AbiTally;
  events: number;
  seconds: number;
  first: AbiDifference | null;
  /** The log of the run that first differed; empty where none did. */
  log: string;
}

/** Places where sequences first went apart that are listed. */
const PLACES_SHOWN = 12;

/** Names a kernel as people do: 'a 64K process on a 4K kernel'. */
function worldText({ pageBytes, kernelPageBytes }: AbiWorld): string {
  if (pageBytes === kernelPageBytes) return `a plain ${formatPageSize(pageBytes)} kernel`;
  return `a ${formatPageSize(pageBytes)} process on a ${formatPageSize(kernelPageBytes)} kernel`;
}

function answerText(answer: AbiAnswer, isPlace: boolean): string {
  const ret = answer.ret === null ? null : isPlace ? `0x${answer.ret.toString(16)}` : String(answer.ret);
  const parts = [
    ret === null ? '' : `ret ${ret}`,
    answer.err === null ? '' : `err ${answer.err}`,
    answer.vec === null ? '' : `vec "${answer.vec}"`,
    answer.signal === null ? '' : `signal ${answer.signal}`,
    answer.code === null ? '' : `code ${answer.code}`,
    answer.minflt === null ? '' : `minflt ${answer.minflt}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function areaText([start, end, perms, offset, isFile]: MapsArea): string {
  return `${start}-${end} ${perms}${isFile === 1 ? ` file ${offset}` : ''}`;
}

/** The areas of both sides side by side, those that only one of them has marked. */
function mapsTable(title: string, kernel: readonly MapsArea[] | null, model: readonly MapsArea[] | null): string {
  const left = kernel?.map(areaText) ?? [];
  const right = model?.map(areaText) ?? [];
  const starts = new Set([...(kernel ?? []), ...(model ?? [])].map(([start]) => Number.parseInt(start, 16)));
  const rows = [...starts]
    .sort((a, b) => a - b)
    .map((start) => {
      const isHere = (area: MapsArea): boolean => Number.parseInt(area[0], 16) === start;
      const [a, b] = [left[kernel?.findIndex(isHere) ?? -1] ?? '', right[model?.findIndex(isHere) ?? -1] ?? ''];
      return [a === b ? '' : '!', a, b];
    });
  if (rows.length === 0) return '';
  return `\n${formatTable([['', `${title}: kernel`, 'model'], ...rows], { align: ['left', 'left', 'left'], indent: '  ' })}`;
}

function actionText(action: AbiDifference['step']['action']): string {
  const { op, ...fields } = action;
  const shown = Object.entries(fields).map(([name, value]) => {
    const isPlace = /addr/i.test(name) && typeof value === 'number';
    return `${name}=${isPlace ? `0x${value.toString(16)}` : String(value)}`;
  });
  return `${op} ${shown.join(' ')}`;
}

/** The command that opens the first differing run where the answer came. */
function commandFor({ log }: AbiFileReport, { eventSeq }: AbiDifference): string {
  return `granule state ${log} --at ${Math.max(0, eventSeq)} --actor mm:1`;
}

function differenceText(first: AbiDifference, report: AbiFileReport): string {
  const { seq, step, fields, kernel, model, failure } = first;
  const { op } = step.action;
  const isPlace = op === 'mmap' || op === 'mremap';
  const sides: [SideOfDifference, SideOfDifference | null] = [kernel, model];
  const [theirs, ours] = sides.map((side) => (side === null ? '' : answerText(side.answer, isPlace)));
  const where = `sequence ${seq}, step ${step.index} (${report.file}:${step.line})`;
  return [
    `First difference: ${where}${fields.length === 0 ? '' : `, in ${fields.join(', ')}`}\n`,
    `  ${actionText(step.action)}\n`,
    `  kernel  ${theirs}\n`,
    `  model   ${failure ?? ours}\n`,
    mapsTable('before', kernel.mapsBefore, model?.mapsBefore ?? null),
    fields.includes('maps') ? mapsTable('after', kernel.mapsAfter, model?.mapsAfter ?? null) : '',
    `\n  ${commandFor(report, first)}\n\n`,
  ].join('');
}

/**
 * The report of a file as text.
 *
 * @example
 * ```ts
 * const done = { tally: new AbiTally(), events: 0, seconds: 0, first: null, log: '', interrupted: false };
 * abiFileText({ file: 'a.ndjson', worlds: [abiWorld(65536, 4096)], ...done }).startsWith('a.ndjson, a 64K process on a 4K'); // true
 * ```
 */
export function abiFileText(report: AbiFileReport): string {
  const { file, worlds, tally, events, seconds, first } = report;
  const steps = `${formatCount(tally.sequences)} sequences, ${formatCount(tally.checks)} checks, ${formatCount(events)} events`;
  const head = `${file}, ${worlds.map(worldText).join(' and ')}: ${steps} in ${formatSeconds(seconds)}`;
  const rate = seconds > 0 ? ` (${formatRate(events / seconds, 'events')})` : '';
  const places = tally.firstDifferences().slice(0, PLACES_SHOWN);
  const rows = places.map(({ where, sequences }) => [where, formatCount(sequences)]);
  const table = rows.length === 0 ? '' : `${formatTable([['sequences first differ at', 'sequences'], ...rows])}\n`;
  const difference = first === null ? '' : differenceText(first, report);
  const differing = `${formatCount(tally.differences)} of ${formatCount(tally.checks)} checks differ\n\n`;
  const agreement = tally.rows().map(({ op, fields }) => ({
    name: op,
    fields: new Map(
      [...fields].map(([field, { checks, differences }]) => [field, { checks, agreed: checks - differences }]),
    ),
  }));
  return `${head}${rate}\n\n${agreementTable(ABI_FIELDS, agreement)}\n${differing}${table}${difference}`;
}

/**
 * The report of a file as plain data.
 *
 * @example
 * ```ts
 * const done = { tally: new AbiTally(), events: 0, seconds: 0, first: null, log: '', interrupted: false };
 * JSON.stringify(abiFileJson({ file: 'a.ndjson', worlds: [], ...done })).includes('"sequences":0'); // true
 * ```
 */
export function abiFileJson(report: AbiFileReport): unknown {
  const { file, worlds, tally, events, seconds, first, log } = report;
  return {
    file,
    kernels: worlds.map(({ pageBytes, kernelPageBytes, design }) => ({ pageBytes, kernelPageBytes, design })),
    sequences: tally.sequences,
    failedSequences: tally.failedSequences,
    checks: tally.checks,
    differences: tally.differences,
    events,
    seconds,
    agreement: tally.rows().map(({ op, fields }) => ({ op, ...Object.fromEntries(fields) })),
    firstDifferences: tally.firstDifferences(),
    first,
    log,
    command: first === null ? '' : commandFor(report, first),
  };
}
