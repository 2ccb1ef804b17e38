/** `granule sweep`: a topology with the product of given values, over a pool of workers, into one table. */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { Journal } from '../sweep/journal.node.ts';
import { pointsOf } from '../sweep/points.ts';
import { type PointOutcome, resultTable } from '../sweep/resultTable.ts';
import { type CheckedPoints, checkPoints, Sweep } from '../sweep/sweep.node.ts';
import { bytesOf, csvOf, jsonOf, rowObjects, TABLE_FORMATS, type TableFormat } from '../sweep/tableFormats.ts';
import { firstValues, type VariedKey, variedKeys } from '../sweep/varied.ts';
import { writeWhole, writingTo } from '../sweep/wholeFile.node.ts';
import { settingsOf } from '../topology/form/form.node.ts';
import type { Catalogue } from '../topology/definitions/catalogue.ts';
import { loadSystem } from '../topology/loadSystem.node.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { INTERRUPTED_EXIT } from './interruption.ts';
import { USES_HELP } from './openLog.ts';
import { journalPathOf, outputsOf, shownTable, type TableOutput } from './sweepOutput.ts';
import { runShown, type SweepRun } from './sweepProgress.ts';

/** Workers at most: each is a thread with a heap of its own. */
const WORKERS_MAX = 256;
/** Points that are named one by one on standard error; `--json` has all. */
const NAMED_MAX = 20;

interface SweepOptions {
  uses: string[];
  vary?: string[];
  set: string[];
  out?: string[];
  format?: TableFormat;
  perProcess?: boolean;
  timings?: boolean;
  workers?: number;
  logs?: string;
  traces?: string;
  skipInvalid?: boolean;
  force?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule sweep mixed-page-sizes --vary pageCache=drop-and-re-read,sticky-order --vary cpus=2..4
  granule sweep mixed-page-sizes --vary processes.pid=200.pageSize=16K,64K --vary design.untranslatable=fall-back,fail
  granule sweep my.json --vary core=cortex-a76,neoverse-v2 --vary costs.walkStep=5,10,20 --out cores.csv --out cores.parquet
  granule sweep my.json --vary kernelPageSize=4K,16K --vary 'processes.*.pageSize=4K,64K' --skip-invalid --out sizes.csv

A key is the path of a field of the topology: pageCache, cpus, design.kpti, costs.walkStep, processes.0.pageSize,
processes.*.pageSize for all, processes.pid=100.cpu for one; or a parameter of the topology, if it has one of that name.
A value is what the field can have; 1..8 is all whole numbers of a range, 1..9..2 every second one. The first key changes
slowest.

With --out every finished point is kept at once in OUT.journal (OUT being the first): after Ctrl-C, or a kill, the same
command goes on from there.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addSweep(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addSweep(program: Command, cli: Cli): void {
  program
    .command('sweep')
    .description('run a topology with every combination of given values, and make one table of what came of it')
    .argument('<TOPOLOGY>', 'a file (.json, .yaml), or the name of a topology that comes with granule')
    .option('--vary <KEY=VALUES>', 'a field or a parameter of the topology and its values; may be given again', collect)
    .option('--set <NAME=VALUE>', 'a parameter of the topology, for all points; may be given again', collect, [])
    .option('--out <FILE>', 'where to write the table: .csv, .json or .parquet; may be given again', collect)
    .addOption(new Option('--format <NAME>', 'format of the table, whatever its name says').choices(TABLE_FORMATS))
    .option('--per-process', 'a row for each process, instead of one for each point')
    .option('--timings', 'with the time that each point took on this machine')
    .option('--workers <N>', 'threads (default: one for each core)', workerCount)
    .option('--logs <DIR>', 'folder to keep the log of each point in')
    .option('--traces <DIR>', 'folder to look for traces in, before those that come with granule')
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--skip-invalid', 'leave out combinations that cannot run, instead of refusing all')
    .option('--force', 'go on from the journal of another sweep: points that both have are not run again')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: SweepOptions) => sweep(cli, name, options));
}

function workerCount(text: string): number {
  const workers = wholeNumber(text);
  if (workers < 1 || workers > WORKERS_MAX) throw new InvalidArgumentError(`It must be 1 to ${WORKERS_MAX}.`);
  return workers;
}

/** What is to be done, all of it checked. */
interface Plan {
  keys: VariedKey[];
  checked: CheckedPoints;
  folders: string[];
  catalogue: Catalogue;
  outputs: TableOutput[];
  logs: string | null;
}

async function sweep(cli: Cli, name: string, options: SweepOptions): Promise<void> {
  const plan = await planned(cli, name, options);
  const { checked, folders, catalogue, outputs, logs } = plan;
  const { ready } = checked;
  const path = journalPathOf(outputs);
  if (logs !== null) writingTo(logs, () => mkdirSync(logs, { recursive: true }));
  const request = { sweep: checked.sweep, force: options.force === true };
  const journal = path === null ? null : Journal.open(path, request);
  try {
    const workers = options.workers ?? availableParallelism();
    const running = new Sweep({ ready, folders, catalogue, workers, logs, journal });
    if (journal !== null && running.resumed > 0) {
      const all = formatCount(ready.length);
      cli.note(`${formatCount(running.resumed)} of ${all} points are in ${journal.path}, and are not run again`);
    }
    const run = await runShown(cli, running, ready.length);
    if (run.interrupted) sayInterrupted(cli, { done: running.done, all: ready.length, journal });
    else finish(cli, { name, plan, running, run }, options);
  } finally {
    journal?.close();
  }
}

/** Reads and checks everything that can be wrong before anything runs. */
async function planned(cli: Cli, name: string, options: SweepOptions): Promise<Plan> {
  const { vary = [], out = [] } = options;
  const outputs = outputsOf(
    out.map((path) => cli.path(path)),
    options.format,
  );
  if (options.format === 'parquet' && outputs.length === 0) {
    throw new GranuleError('USAGE', 'Parquet is not for a terminal', '--format parquet', 'Give --out.');
  }
  if (vary.length === 0) {
    throw new GranuleError('USAGE', 'nothing is varied', 'granule sweep', 'Give --vary KEY=VALUE,VALUE at least once.');
  }
  const set = settingsOf(options.set);
  const loaded = await loadSystem(name, {
    cwd: cli.io.cwd,
    uses: options.uses,
    set: (parameterNames) => new Map([...firstValues(parameterNames, vary), ...set]),
  });
  const { topology: base, catalogue } = loaded;
  const form = { ...loaded, set };
  const keys = variedKeys(base, vary, form);
  const points = pointsOf(base, keys, form);
  const folders = [...(options.traces === undefined ? [] : [cli.path(options.traces)]), cli.io.cwd, ...loaded.folders];
  const checked = checkPoints(points, folders, catalogue);
  const [invalid] = checked.invalid;
  if (invalid !== undefined && (options.skipInvalid !== true || checked.ready.length === 0)) {
    const { error, point } = invalid;
    const share = `${formatCount(checked.invalid.length)} of ${formatCount(points.length)} points cannot run`;
    throw new GranuleError('SWEEP_POINT_INVALID', `${share}: ${error.message}`, `${point.name}: ${error.where}`);
  }
  named(cli, checked.invalid, ({ point, error }) => `left out: ${point.name}: ${error.message}`);
  const logs = options.logs === undefined ? null : cli.path(options.logs);
  return { keys, checked, folders, catalogue, outputs, logs };
}

/** Says something of each of a list, the first of them one by one. */
function named<T>(cli: Cli, items: readonly T[], text: (item: T) => string): void {
  for (const item of items.slice(0, NAMED_MAX)) cli.note(text(item));
  if (items.length > NAMED_MAX) cli.note(`and ${formatCount(items.length - NAMED_MAX)} more; --json lists all`);
}

function sayInterrupted(cli: Cli, at: { done: number; all: number; journal: Journal | null }): void {
  cli.exitCode = INTERRUPTED_EXIT;
  const done = `ended by a signal: ${formatCount(at.done)} of ${formatCount(at.all)} points are done`;
  const next =
    at.journal === null
      ? 'nothing of them is kept; with --out they are, and the same command goes on'
      : `they are in ${at.journal.path}, and the same command goes on from there`;
  cli.note(`${done}; ${next}`);
}

/** What has no figures, as `--json` lists it. */
function troubles(
  { invalid }: CheckedPoints,
  failed: readonly PointOutcome[],
): { leftOut: object[]; failed: object[] } {
  return {
    leftOut: invalid.map(({ point, error: { code, message, where } }) => ({ point: point.name, code, message, where })),
    failed: failed.map(({ point, result }) => ({ point: point.name, ...result.error })),
  };
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

/** What has been run, and what for. */
interface Finished {
  name: string;
  plan: Plan;
  running: Sweep;
  run: SweepRun;
}

function finish(cli: Cli, { name, plan, running, run }: Finished, options: SweepOptions): void {
  const { keys, checked, outputs, logs } = plan;
  const outcomes = checked.ready.flatMap(({ point, key, log }): PointOutcome[] => {
    const result = running.results.get(key);
    return result === undefined ? [] : [{ point, result, log: logs === null ? null : log }];
  });
  const shape = { perProcess: options.perProcess === true, timings: options.timings === true, logs: logs !== null };
  const table = resultTable(keys, outcomes, shape);
  const rows = table[0]?.cells.length ?? 0;
  for (const { path, format } of outputs) writeWhole(path, bytesOf(table, format));
  const failed = outcomes.filter(({ result }) => result.error !== null);
  if (failed.length > 0) cli.exitCode = 1;
  if (options.json === true) {
    const counts = { points: outcomes.length, resumed: running.resumed, ...troubles(checked, failed) };
    cli.json({ topology: name, ...counts, outputs: outputs.map(({ path }) => path), rows: rowObjects(table) });
    return;
  }
  named(cli, failed, ({ point, result: { error } }) => `failed: ${point.name}: ${error?.code}: ${error?.what}`);
  if (outputs.length === 0 && options.format !== undefined) {
    cli.out.write(options.format === 'csv' ? csvOf(table) : jsonOf(table));
    return;
  }
  for (const { path } of outputs) cli.out.write(`${path}: ${counted(rows, 'row')}\n`);
  if (outputs.length === 0) cli.out.write(`${shownTable(table, keys.length)}\n`);
  const ran = outcomes.length - running.resumed;
  if (ran === 0) return;
  const rate = formatRate(running.events / run.seconds, 'events');
  const end = failed.length === 0 ? '' : `; ${formatCount(failed.length)} failed`;
  cli.out.write(`${counted(ran, 'point')} run in ${formatSeconds(run.seconds)}, ${rate}${end}\n`);
}
