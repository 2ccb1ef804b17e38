/** What `granule validate` prints. */
import { formatCount, formatPageSize, formatRate, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { ABI_FIELDS, type AbiDifference, type AbiTally, type SideOfDifference } from '../validate/abiCompare.ts';
import type { AbiWorld } from '../validate/abiRun.ts';
import type { AbiAnswer, MapsArea } from '../validate/abiStep.ts';

/** What came of one file. */
export interface AbiFileReport {
  file: string;
  worlds: AbiWorld[];
  tally: AbiTally;
  events: number;
  seconds: number;
  first: AbiDifference | null;
  /** The log of the run that first differed; empty where none did. */
  log: string;
}

/** What came of all files. */
export interface AbiReport {
  files: AbiFileReport[];
  interrupted: boolean;
}

/** Places where sequences first went apart that are listed. */
const PLACES_SHOWN = 12;

/**
 * Names a kernel as people do.
 *
 * @example
 * ```ts
 * worldText(abiWorld(65536, 4096)); // 'a 64K process on a 4K kernel'
 * ```
 */
export function worldText({ pageBytes, kernelPageBytes }: AbiWorld): string {
  if (pageBytes === kernelPageBytes) return `a plain ${formatPageSize(pageBytes)} kernel`;
  return `a ${formatPageSize(pageBytes)} process on a ${formatPageSize(kernelPageBytes)} kernel`;
}

function agreementTable(tally: AbiTally): string {
  const rows = tally.rows().map(({ op, fields }) => [
    op,
    ...ABI_FIELDS.map((field) => {
      const cell = fields.get(field);
      if (cell === undefined) return '';
      const { checks, differences } = cell;
      return differences === 0 ? formatCount(checks) : `${formatCount(checks - differences)}/${formatCount(checks)}`;
    }),
  ]);
  return formatTable([['agree', ...ABI_FIELDS], ...rows]);
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

function differenceText(first: AbiDifference, { log, file }: AbiFileReport): string {
  const { seq, step, fields, kernel, model, failure } = first;
  const { op } = step.action;
  const isPlace = op === 'mmap' || op === 'mremap';
  const sides: [SideOfDifference, SideOfDifference | null] = [kernel, model];
  const [theirs, ours] = sides.map((side) => (side === null ? '' : answerText(side.answer, isPlace)));
  return [
    `First difference: sequence ${seq}, step ${step.index} (${file}:${step.line}), in ${fields.join(', ')}\n`,
    `  ${actionText(step.action)}\n`,
    `  kernel  ${theirs}\n`,
    `  model   ${failure ?? ours}\n`,
    mapsTable('before', kernel.mapsBefore, model?.mapsBefore ?? null),
    fields.includes('maps') ? mapsTable('after', kernel.mapsAfter, model?.mapsAfter ?? null) : '',
    `\n  granule state ${log} --at ${Math.max(0, first.eventSeq)} --actor mm:1\n\n`,
  ].join('');
}

function fileText(report: AbiFileReport): string {
  const { file, worlds, tally, events, seconds, first } = report;
  const steps = `${formatCount(tally.sequences)} sequences, ${formatCount(tally.checks)} checks, ${formatCount(events)} events`;
  const head = `${file}, ${worlds.map(worldText).join(' and ')}: ${steps} in ${formatSeconds(seconds)}`;
  const rate = seconds > 0 ? ` (${formatRate(events / seconds, 'events')})` : '';
  const places = tally.firstDifferences().slice(0, PLACES_SHOWN);
  const rows = places.map(({ where, sequences }) => [where, formatCount(sequences)]);
  const table = rows.length === 0 ? '' : `${formatTable([['sequences first differ at', 'sequences'], ...rows])}\n`;
  const difference = first === null ? '' : differenceText(first, report);
  const differing = `${formatCount(tally.differences)} of ${formatCount(tally.checks)} checks differ\n\n`;
  return `${head}${rate}\n\n${agreementTable(tally)}\n${differing}${table}${difference}`;
}

/**
 * The report as text; the last line counts sequences.
 *
 * @example
 * ```ts
 * abiText({ files: [], interrupted: false }); // 'sequences: 0 passed, 0 failed\n'
 * ```
 */
export function abiText({ files, interrupted }: AbiReport): string {
  const all = files.reduce((sum, { tally }) => sum + tally.sequences, 0);
  const failed = files.reduce((sum, { tally }) => sum + tally.failedSequences, 0);
  const note = interrupted ? 'ended by a signal; what was done until then:\n\n' : '';
  return `${note}${files.map(fileText).join('')}sequences: ${formatCount(all - failed)} passed, ${formatCount(failed)} failed\n`;
}

/**
 * The report as plain data.
 *
 * @example
 * ```ts
 * JSON.stringify(abiJson({ files: [], interrupted: false })); // '{"passed":0,"failed":0,"interrupted":false,"files":[]}'
 * ```
 */
export function abiJson({ files, interrupted }: AbiReport): unknown {
  const shown = files.map(({ file, worlds, tally, events, seconds, first, log }) => ({
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
    command: first === null ? '' : `granule state ${log} --at ${Math.max(0, first.eventSeq)} --actor mm:1`,
  }));
  const passed = shown.reduce((sum, { sequences, failedSequences }) => sum + sequences - failedSequences, 0);
  const failed = shown.reduce((sum, { failedSequences }) => sum + failedSequences, 0);
  return { passed, failed, interrupted, files: shown };
}
