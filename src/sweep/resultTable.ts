/** The results of a sweep as one table: a row for each point, or for each process of each point. */
import type { ProcessSummary } from '../report/runSummary.ts';
import type { SweepPoint } from './points.ts';
import type { PointFigures, PointResult } from './runPoint.ts';
import type { Scalar, VariedKey } from './varied.ts';

/** What the cells of a column are; a cell is null that a failed point, or a stand-in, has no value for. */
export type CellType = 'integer' | 'number' | 'boolean' | 'text';
/** One cell. */
export type Cell = Scalar | null;

/** A named column with all its cells. */
export interface Column {
  name: string;
  type: CellType;
  cells: readonly Cell[];
}

/** A finished point. */
export interface PointOutcome {
  point: SweepPoint;
  result: PointResult;
  /** Name of its log in the folder of logs; null where none was asked for. */
  log: string | null;
}

/** Which columns and rows a table has. */
export interface TableShape {
  /** A row for each process instead of one for each point. */
  perProcess: boolean;
  /** With the time that each point took on the host: no two runs agree on it. */
  timings: boolean;
  /** With the names of the logs. */
  logs: boolean;
}

/** What one row is made from: one process of a run, or all of them, or no figures at all. */
interface RowSource extends PointOutcome {
  processes: readonly ProcessSummary[];
}

interface Measure {
  name: string;
  type: CellType;
  cell: (row: RowSource) => Cell;
}

function whole(name: string, type: CellType, figure: (figures: PointFigures) => Cell): Measure {
  return { name, type, cell: ({ result }) => (result.figures === null ? null : figure(result.figures)) };
}

/** Summed over the processes of the row. */
function summed(name: string, figure: (process: ProcessSummary) => number): Measure {
  const sum = (processes: readonly ProcessSummary[]): number =>
    processes.reduce((total, process) => total + figure(process), 0);
  return { name, type: 'integer', cell: ({ processes }) => (processes.length === 0 ? null : sum(processes)) };
}

function ofProcess(name: string, type: CellType, figure: (process: ProcessSummary) => Scalar): Measure {
  return { name, type, cell: ({ processes: [process] }) => (process === undefined ? null : figure(process)) };
}

const PROCESS: readonly Measure[] = [
  ofProcess('pid', 'integer', (process) => process.pid),
  ofProcess('program', 'text', (process) => process.program),
  ofProcess('page_size_bytes', 'integer', (process) => process.pageBytes),
];

const RUN: readonly Measure[] = [
  whole('head_hash', 'text', (figures) => figures.headHash),
  whole('events', 'integer', (figures) => figures.events),
  whole('virtual_time_cycles', 'integer', (figures) => figures.timeCycles),
  whole('log_bytes', 'integer', (figures) => figures.logBytes),
];

const SUMS: readonly Measure[] = [
  summed('user_time_cycles', (process) => process.userCycles),
  summed('references', ({ counts }) => counts.references),
  summed('l1i_misses', ({ counts }) => counts.l1iMisses),
  summed('l1d_misses', ({ counts }) => counts.l1dMisses),
  summed('l2_misses', ({ counts }) => counts.l2Misses),
  summed('walks', ({ counts }) => counts.walks),
  summed('walk_reads', ({ counts }) => counts.walkReads),
  summed('minor_faults', (process) => process.minorFaults),
  summed('major_faults', (process) => process.majorFaults),
  summed('resident_peak_bytes', (process) => process.residentPeakBytes),
  summed('linux_tables_peak_bytes', ({ tablePeak }) => tablePeak.linuxBytes),
  summed('native_tables_peak_bytes', ({ tablePeak }) => tablePeak.nativeBytes),
  summed('cache_dropped_pages', (process) => process.droppedPages),
  summed('cache_reread_pages', (process) => process.rereadPages),
  summed('fallbacks', (process) => process.fallbacks),
  summed('calls', (process) => process.calls),
  summed('calls_failed', (process) => process.callsFailed),
];

const END: readonly Measure[] = [
  whole('allocations_failed', 'integer', ({ summary }) => summary.memory.failures),
  whole('processes_not_ended', 'integer', ({ summary }) => summary.unfinished),
  { name: 'error_code', type: 'text', cell: ({ result }) => result.error?.code ?? null },
];

function measures({ perProcess, timings, logs }: TableShape): Measure[] {
  return [
    ...(perProcess ? PROCESS : []),
    ...RUN,
    ...SUMS,
    ...(perProcess ? [ofProcess('end', 'text', (process) => process.end)] : []),
    ...END,
    ...(logs ? [{ name: 'log_file', type: 'text' as const, cell: ({ log }: RowSource) => log }] : []),
    ...(timings
      ? [{ name: 'host_time_seconds', type: 'number' as const, cell: ({ result }: RowSource) => result.wallSeconds }]
      : []),
  ];
}

/** The rows of one point: of a failed one there is one, in both shapes. */
function rowsOf(outcome: PointOutcome, perProcess: boolean): RowSource[] {
  const processes = outcome.result.figures?.summary.processes ?? [];
  if (!perProcess || processes.length === 0) return [{ ...outcome, processes }];
  return processes.map((process) => ({ ...outcome, processes: [process] }));
}

function typeOf(values: readonly Scalar[]): CellType {
  if (values.every((value) => typeof value === 'number')) return values.every(Number.isInteger) ? 'integer' : 'number';
  return values.every((value) => typeof value === 'boolean') ? 'boolean' : 'text';
}

function variedColumn({ key, values, isSize }: VariedKey, at: number, rows: readonly RowSource[]): Column {
  const type = typeOf(values.map(({ value }) => value));
  const cells = rows.map(({ point }) => {
    const value = point.values[at]?.value ?? '';
    return type === 'text' ? String(value) : value;
  });
  return { name: isSize ? `${key}_bytes` : key, type, cells };
}

/**
 * The table of a sweep: the varied keys, then what each run came to, in the order of the points given. Sums are over the
 * processes of a run; peaks are the sum of each process's own.
 *
 * @example
 * ```ts
 * const base = parseTopology({ name: 'one', processes: [{ pid: 7, trace: 'made', pageSize: '4K' }] }, 'example');
 * const keys = variedKeys(base, ['memory=1G,2G']);
 * const error = { code: 'RUN_LIMIT' as const, what: '50 events delivered', where: '' };
 * const outcomes = pointsOf(base, keys).map((point) => ({ point, result: { wallSeconds: 1, figures: null, error }, log: null }));
 * const [memory] = resultTable(keys, outcomes, { perProcess: false, timings: false, logs: false });
 * memory; // { name: 'memory_bytes', type: 'integer', cells: [1073741824, 2147483648] }
 * ```
 */
export function resultTable(
  keys: readonly VariedKey[],
  outcomes: readonly PointOutcome[],
  shape: TableShape,
): Column[] {
  const rows = outcomes.flatMap((outcome) => rowsOf(outcome, shape.perProcess));
  return [
    ...keys.map((key, at) => variedColumn(key, at, rows)),
    ...measures(shape).map(({ name, type, cell }) => ({ name, type, cells: rows.map(cell) })),
  ];
}
