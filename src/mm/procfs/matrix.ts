/**
 * Reader size by target size by file: what a process sees of another, or of the kernel, in procfs. A row of the table says for
 * each file what stands in it, in what unit, and what a reader of the same, of smaller and of larger pages gets under each policy.
 * docs/procfs.md is generated from it.
 *
 * @models S-49 S-32 L-06 L-07 L-09 T-21
 */
import { ERRNO, type ErrnoName } from '../abi/numbers.ts';

/** How the kernel shows what depends on a page size to a reader of another one. */
export type ProcfsPolicy =
  /** Values are put into the reader's pages where that can be done, and refused where it cannot. */
  | 'translate'
  /** What cannot be shown in the reader's pages is not there for it. */
  | 'defeature';

/** What a reader gets. */
export type Verdict =
  /** The value, exact. */
  | 'value'
  /** A count of the reader's pages, rounded where it does not come out even. */
  | 'rounded'
  /** An errno. */
  | ErrnoName
  /** ENOENT: the file, or the process with all its files, is not there for this reader. */
  | 'hidden';

/** The reader's page beside the target's: the target of a file of the system is the kernel. */
export type Relation = 'same' | 'smaller' | 'larger';

/** What a row of the matrix says. */
export interface MatrixRow {
  /** In the words of `parsePath`. */
  scope: 'process' | 'system' | 'sysfs';
  name: string;
  /** What its numbers count. */
  unit: 'bytes' | 'kB' | 'pages' | 'entries' | 'events';
  says: string;
  /** The reader has the target's page size; its pages are smaller, or larger. */
  same: Verdict;
  smaller: Verdict;
  larger: Verdict;
  /** What `defeature` makes of a reader of larger pages; of files of one process always `hidden`. */
  defeatured?: Verdict;
}

type Verdicts = Pick<MatrixRow, 'same' | 'smaller' | 'larger'>;

const everywhere: Verdicts = { same: 'value', smaller: 'value', larger: 'value' };
const roundedUp: Verdicts = { same: 'value', smaller: 'value', larger: 'rounded' };

function ofProcess(name: string, unit: MatrixRow['unit'], says: string, verdicts = everywhere): MatrixRow {
  return { scope: 'process', name, unit, says, ...verdicts };
}

function ofSystem(
  name: string,
  unit: MatrixRow['unit'],
  says: string,
  verdicts = everywhere,
  defeatured?: Verdict,
): MatrixRow {
  return { scope: 'system', name, unit, says, ...verdicts, ...(defeatured === undefined ? {} : { defeatured }) };
}

/**
 * The rows.
 *
 * @example
 * ```ts
 * procfsMatrix.find(({ name }) => name === 'pagemap')?.larger; // 'EOPNOTSUPP'
 * ```
 */
export const procfsMatrix: readonly MatrixRow[] = [
  ofProcess('maps', 'bytes', 'bounds need not be multiples of the reader’s page'),
  ofProcess('smaps', 'kB', 'KernelPageSize and MMUPageSize are the target’s, whoever reads'),
  ofProcess('smaps_rollup', 'kB', 'sums over all areas'),
  ofProcess('statm', 'pages', 'each count is rounded up on its own', roundedUp),
  ofProcess('stat', 'pages', 'rss is rounded up; vsize is in bytes, faults are events of the target', roundedUp),
  ofProcess('status', 'kB', 'VmXxx and RssXxx'),
  ofProcess('pagemap', 'entries', 'one entry a page of the reader: no single frame stands for many pages', {
    same: 'value',
    smaller: 'value',
    larger: 'EOPNOTSUPP',
  }),
  ofProcess('numa_maps', 'pages', 'counts are in the target’s pages, which kernelpagesize_kB names'),
  ofProcess('clear_refs', 'entries', 'acts on every page of the target, whatever the writer’s'),
  ofSystem('meminfo', 'kB', 'Hugepagesize is the reader’s PMD; arm64 has no DirectMap lines'),
  ofSystem('vmstat', 'pages', 'used pages are rounded up, free ones down; events are not converted', roundedUp),
  ofSystem(
    'buddyinfo',
    'pages',
    'a block of order n is one of a smaller order of the reader; smaller blocks fall away',
    roundedUp,
    'hidden',
  ),
  ofSystem('zoneinfo', 'pages', 'watermarks are rounded up, free and managed pages down', roundedUp, 'hidden'),
  ofSystem(
    'kpagecount',
    'entries',
    'one entry a frame of the kernel; a frame of the reader is many',
    {
      same: 'value',
      smaller: 'EOPNOTSUPP',
      larger: 'EOPNOTSUPP',
    },
    'hidden',
  ),
  ofSystem(
    'kpageflags',
    'entries',
    'as kpagecount',
    { same: 'value', smaller: 'EOPNOTSUPP', larger: 'EOPNOTSUPP' },
    'hidden',
  ),
  ofSystem('kcore', 'bytes', 'copied through one page of the kernel at a time: the bytes do not depend on it'),
  ofSystem('sys/vm/*', 'kB', 'settings of the kernel; none of those modelled counts pages'),
  {
    scope: 'sysfs',
    name: 'transparent_hugepage/*',
    unit: 'bytes',
    says: 'sizes of a kernel of the reader’s page size',
    ...everywhere,
    defeatured: 'hidden',
  },
  {
    scope: 'sysfs',
    name: 'hugepages/',
    unit: 'kB',
    says: 'sizes of a kernel of the reader’s page size; under defeature those it can use',
    ...everywhere,
    defeatured: 'value',
  },
];

/**
 * How the reader's page is beside the target's.
 *
 * @example
 * ```ts
 * relationOf(65536, 4096); // 'larger'
 * ```
 */
export function relationOf(readerPageBytes: number, targetPageBytes: number): Relation {
  if (readerPageBytes === targetPageBytes) return 'same';
  return readerPageBytes < targetPageBytes ? 'smaller' : 'larger';
}

/**
 * The row of a file; a name that ends in `*` stands for all that begin so. Null for a file that is not modelled.
 *
 * @example
 * ```ts
 * rowOf('system', 'sys/vm/swappiness')?.name; // 'sys/vm/*'
 * ```
 */
export function rowOf(scope: MatrixRow['scope'], name: string): MatrixRow | null {
  const fits = (row: MatrixRow): boolean =>
    row.scope === scope && (row.name.endsWith('*') ? name.startsWith(row.name.slice(0, -1)) : row.name === name);
  return procfsMatrix.find(fits) ?? null;
}

/**
 * What a reader gets of a file.
 *
 * @example
 * ```ts
 * const [statm, pagemap] = ['statm', 'pagemap'].map((name) => rowOf('process', name) as MatrixRow);
 * verdictOf(statm, 'larger', 'translate'); // 'rounded'
 * verdictOf(statm, 'larger', 'defeature'); // 'hidden'
 * verdictOf(pagemap, 'smaller', 'defeature'); // 'value'
 * ```
 */
export function verdictOf(row: MatrixRow, relation: Relation, policy: ProcfsPolicy): Verdict {
  if (relation !== 'larger' || policy === 'translate') return row[relation];
  return row.scope === 'process' ? 'hidden' : (row.defeatured ?? row.larger);
}

/**
 * The errno of a verdict, 0 where there is something to read.
 *
 * @example
 * ```ts
 * verdictErrno('hidden'); // 2
 * verdictErrno('rounded'); // 0
 * ```
 */
export function verdictErrno(verdict: Verdict): number {
  if (verdict === 'value' || verdict === 'rounded') return 0;
  return verdict === 'hidden' ? ERRNO.ENOENT : ERRNO[verdict];
}

/** What common tools read, and so what becomes of them where a file is refused or hidden. */
export const toolReads: readonly { tool: string; reads: readonly string[] }[] = [
  { tool: 'ps, top', reads: ['stat', 'statm', 'status'] },
  { tool: 'pmap, a container runtime’s memory report', reads: ['smaps', 'smaps_rollup'] },
  { tool: 'a debugger attaching, a profiler’s symbols', reads: ['maps'] },
  { tool: 'a heap walker, checkpoint and restore', reads: ['maps', 'pagemap'] },
  { tool: 'a working-set estimator', reads: ['clear_refs', 'smaps'] },
];

/**
 * Whether a tool of one page size works on a target of another: it does when it can read all its files.
 *
 * @example
 * ```ts
 * toolWorks(['maps', 'pagemap'], 'larger', 'translate'); // false
 * toolWorks(['maps'], 'larger', 'translate'); // true
 * ```
 */
export function toolWorks(reads: readonly string[], relation: Relation, policy: ProcfsPolicy): boolean {
  return reads.every((name) => {
    const row = rowOf('process', name);
    return row !== null && verdictErrno(verdictOf(row, relation, policy)) === 0;
  });
}
