/** What the subcommands of `granule validate` share: options, the kernel that stands in, one file after the other, exit codes. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatCount, formatPageSize } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { type Cli, collect, pageSize } from './cli.ts';
import { INTERRUPTED_EXIT } from './interruption.ts';

/** The options of every subcommand. */
export interface ValidateOptions {
  on?: number;
  design: string[];
  keep: string;
  checked?: boolean;
  json?: boolean;
}

/** What came of a file, as far as every subcommand has it. */
export interface FileReport {
  /** A signal ended it. */
  interrupted: boolean;
}

/** What is held against the model. */
export interface Subject<F extends FileReport> {
  /** What the last line counts: `sequences`. */
  unit: string;
  validate: (file: string) => Promise<F>;
  counts: (report: F) => { all: number; failed: number };
  text: (report: F) => string;
  json: (report: F) => unknown;
}

/**
 * Gives a subcommand the argument and the options that all have.
 *
 * @example
 * ```ts
 * addValidateOptions(new Command('abi')).options.length; // 5
 * ```
 */
export function addValidateOptions(command: Command): Command {
  return command
    .argument('<FILE...>', 'what kernels answered: .ndjson or .ndjson.gz')
    .option('--on <SIZE>', 'run them as processes of the page size of the file on a kernel of this one', pageSize)
    .option('--design <NAME=VALUE>', 'a choice of the design (docs/topology.md); may be given again', collect, [])
    .option('--keep <DIR>', 'folder for the run that first differs', 'granule-validate')
    .option('--checked', 'look at the laws of memory and translation after every event')
    .option('--json', 'print JSON');
}

/**
 * The page size of the kernel that plays answers of a kernel of `pageBytes`: the same, or that of `--on`.
 *
 * @throws GranuleError USAGE where that one is larger
 * @example
 * ```ts
 * playedOn(65536, undefined); // 65536
 * playedOn(65536, 4096); // 4096
 * ```
 */
export function playedOn(pageBytes: number, on: number | undefined): number {
  if (on === undefined) return pageBytes;
  if (on <= pageBytes) return on;
  const sizes = `${formatPageSize(pageBytes)} pages cannot run on a kernel of ${formatPageSize(on)}`;
  throw new GranuleError('USAGE', `a process of ${sizes}`, '--on');
}

/**
 * A table of agreement: a row for each operation, a column for each field, `agreed/checks` where not all agree.
 *
 * @example
 * ```ts
 * agreementTable(['ret'], [{ name: 'mmap', fields: new Map([['ret', { checks: 3, agreed: 2 }]]) }]).includes('2/3'); // true
 * ```
 */
export function agreementTable<K extends string>(
  columns: readonly K[],
  rows: readonly { name: string; fields: ReadonlyMap<K, { checks: number; agreed: number }> }[],
): string {
  const body = rows.map(({ name, fields }) => [
    name,
    ...columns.map((column) => {
      const cell = fields.get(column);
      if (cell === undefined) return '';
      const checks = formatCount(cell.checks);
      return cell.agreed === cell.checks ? checks : `${formatCount(cell.agreed)}/${checks}`;
    }),
  ]);
  return formatTable([['agree', ...columns], ...body]);
}

/**
 * Goes through files, prints what came of them, and sets the exit code: 1 where anything differs.
 *
 * @throws GranuleError of the first file that cannot be read; then nothing is printed
 * @example
 * ```ts
 * const validate = async () => ({ interrupted: false });
 * const subject = { unit: 'lines', validate, counts: () => ({ all: 3, failed: 1 }), text: () => '', json: () => null };
 * const cli = new Cli(textIo('/'));
 * await validateFiles(cli, ['a.ndjson'], { json: false, subject }); // prints 'lines: 2 passed, 1 failed'
 * cli.exitCode; // 1
 * ```
 */
export async function validateFiles<F extends FileReport>(
  cli: Cli,
  files: readonly string[],
  { json, subject }: { json: boolean; subject: Subject<F> },
): Promise<void> {
  const reports: F[] = [];
  let [all, failed, interrupted] = [0, 0, false];
  for (const file of files) {
    const report = await subject.validate(file);
    reports.push(report);
    const counts = subject.counts(report);
    all += counts.all;
    failed += counts.failed;
    interrupted = report.interrupted;
    if (interrupted) break;
  }
  if (interrupted) cli.exitCode = INTERRUPTED_EXIT;
  else if (failed > 0) cli.exitCode = 1;
  const passed = all - failed;
  if (json) {
    cli.json({ passed, failed, interrupted, files: reports.map((report) => subject.json(report)) });
    return;
  }
  const note = interrupted ? 'ended by a signal; what was done until then:\n\n' : '';
  const texts = reports.map((report) => subject.text(report)).join('');
  cli.out.write(`${note}${texts}${subject.unit}: ${formatCount(passed)} passed, ${formatCount(failed)} failed\n`);
}
