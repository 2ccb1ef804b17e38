/** `granule compare-designs`: recorded programs on every design, side by side. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CorePreset, corePresets, supportsPage } from '../arch/cores.ts';
import { type ErrorCode, GranuleError } from '../errors.ts';
import { comparisonsCsv } from '../report/designs/csv.ts';
import { compareDesigns, type DesignComparison } from '../report/designs/comparison.ts';
import { type ComparedDesign, DEFAULT_COVERAGES, type DesignSetting, designsOf } from '../report/designs/designList.ts';
import type { DesignFigures } from '../report/designs/runDesign.ts';
import { comparisonText } from '../report/designs/text.ts';
import { formatCount } from '../report/format.ts';
import { Pool } from '../sweep/pool.node.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { startThread } from '../timeline/sourceThread.node.ts';
import { fixturesFolder } from '../topology/fixtures.node.ts';
import { parseSize } from '../topology/schema.ts';
import { openTrace } from '../trace/gtrReader.ts';
import { type Cli, wholeNumber } from './cli.ts';
import { type DesignAnswer, DesignRunner, type DesignTask } from './designRunner.ts';
import type { Progress } from './progress.ts';

/** Workers at most: each is a thread with a heap of its own. */
const WORKERS_MAX = 64;
const PERCENT_MAX = 100;
const EVERY_GRANULE = [4096, 16384, 65536];

interface CompareDesignsOptions {
  core: string;
  coverage: number[];
  memory: number;
  kernelPageEvery?: number;
  cache: 'cold' | 'warm';
  csv?: string;
  workers?: number;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule compare-designs git-log-kernel
  granule compare-designs fixtures/traces/*.gtr --coverage 0,50,100 --csv designs.csv
  granule compare-designs sqlite-kernel --cache warm --core cortex-a76 --json
  granule compare-designs git-log-kernel --memory 128M --kernel-page-every 24

TRACE is a .gtr, or the name of one that comes with granule. docs/compare-designs.md says what every row means, and what the
estimates rest on. Exits with 1 when a program ends otherwise on one design than on another.`;

/** Cores whose TLBs take every page size of the comparison. */
function coreNames(): string[] {
  const cores = Object.values<CorePreset>(corePresets);
  return cores
    .filter((core) => core.name !== 'tlb-reference' && EVERY_GRANULE.every((bytes) => supportsPage(core, bytes)))
    .map(({ name }) => name);
}

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addCompareDesigns(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addCompareDesigns(program: Command, cli: Cli): void {
  program
    .command('compare-designs')
    .description('recorded programs on plain kernels, large folios, the proposal and its parts, side by side')
    .argument('<TRACE...>', '.gtr files, or names of traces that come with granule')
    .addOption(new Option('--core <PRESET>', 'whose TLBs').choices(coreNames()).default('neoverse-v2'))
    .option('--coverage <PERCENTS>', 'shares of memory that get 64K folios, by commas', percents, [
      ...DEFAULT_COVERAGES,
    ])
    .option('--memory <SIZE>', 'memory of the machine', memorySize, 2 ** 31)
    .option(
      '--kernel-page-every <N>',
      'fragment memory: one page in N is the kernel and stays where it is',
      wholeNumber,
    )
    .addOption(
      new Option('--cache <STATE>', 'whether the page cache has the files of the program, in 4K folios')
        .choices(['cold', 'warm'])
        .default('cold'),
    )
    .option('--csv <FILE>', 'write a row for each trace and design')
    .option('--workers <N>', 'threads (default: one for each core)', workerCount)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (names: string[], options: CompareDesignsOptions) => compareDesignsCommand(cli, names, options));
}

function percents(text: string): number[] {
  return text.split(',').map((part) => {
    const percent = wholeNumber(part.trim());
    if (percent > PERCENT_MAX) throw new InvalidArgumentError('It must be 0 to 100.');
    return percent;
  });
}

function memorySize(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null) throw new InvalidArgumentError('It must be a size, as 512M.');
  return bytes;
}

function workerCount(text: string): number {
  const workers = wholeNumber(text);
  if (workers < 1 || workers > WORKERS_MAX) throw new InvalidArgumentError(`It must be 1 to ${WORKERS_MAX}.`);
  return workers;
}

function pathOf(cli: Cli, name: string): string {
  const given = cli.path(name);
  const fixture = join(fixturesFolder('traces'), `${name}.gtr`);
  return !existsSync(given) && existsSync(fixture) ? fixture : given;
}

async function compareDesignsCommand(cli: Cli, names: string[], options: CompareDesignsOptions): Promise<void> {
  const paths = names.map((name) => pathOf(cli, name));
  const designs = designsOf(options.coverage);
  const { core, memory: memoryBytes, cache } = options;
  const setting: DesignSetting = { core, memoryBytes, cache, kernelPageEvery: options.kernelPageEvery ?? null };
  const traces = paths.map(factsOf);
  const progress = cli.progress();
  const tasks = paths.flatMap((path) => designs.map((design): DesignTask => ({ path, design })));
  const figures = await runAll(tasks, setting, options.workers ?? availableParallelism(), progress);
  progress.end();
  const comparisons = traces.map((trace, at) => {
    const runs = designs.map((design, index) => ({ design, figures: figures[at * designs.length + index] }));
    return compareDesigns(trace, setting, runs);
  });
  if (options.csv !== undefined) writeWhole(cli.path(options.csv), Buffer.from(comparisonsCsv(comparisons)));
  if (options.json === true) cli.json(comparisons);
  else cli.out.write(comparisons.map((comparison) => comparisonText(comparison, cli.out.columns)).join('\n'));
  sayDifferentEnds(cli, comparisons);
}

function factsOf(path: string): DesignComparison['trace'] {
  const trace = openTrace(path);
  const { name, hash, command, references } = trace;
  trace.close();
  return { name, hash, command, references };
}

/** Runs every task, on threads where more than one is asked for. The figures are in the order of the tasks. */
async function runAll(
  tasks: readonly DesignTask[],
  setting: DesignSetting,
  workers: number,
  progress: Progress,
): Promise<DesignFigures[]> {
  const answers = new Map<DesignTask, DesignAnswer>();
  const take = (task: DesignTask, answer: DesignAnswer): void => {
    answers.set(task, answer);
    if (answer.error !== null) throw refused(answer.error);
    const text = `${formatCount(answers.size)} of ${formatCount(tasks.length)} runs`;
    progress.report({ done: answers.size, total: tasks.length, text });
  };
  const threads = Math.min(workers, tasks.length);
  if (threads <= 1) {
    const runner = new DesignRunner(setting);
    for (const task of tasks) take(task, runner.answer(task));
  } else {
    const pool = new Pool<DesignTask, never, DesignAnswer>({
      workers: threads,
      start: () => startThread(import.meta.url, 'designWorker', { workerData: setting }),
      onNews: () => undefined,
      onAnswer: take,
      onDeath: (task, why) => {
        throw new GranuleError('WORKER_DIED', why, `${task.path}, ${task.design.name}`);
      },
    });
    await pool.run(tasks);
  }
  return tasks.flatMap((task) => answers.get(task)?.figures ?? []);
}

function refused({ code, what, where, next }: NonNullable<DesignAnswer['error']>): GranuleError {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was the code of such an error in the thread
  return new GranuleError(code as ErrorCode, what, where, next);
}

/** What a program can see must not depend on the design: where it ends otherwise, figures cannot be compared. */
function sayDifferentEnds(cli: Cli, comparisons: readonly DesignComparison[]): void {
  for (const { trace, columns } of comparisons) {
    const ends = new Map<string, ComparedDesign[]>();
    for (const { design, figures } of columns) ends.set(figures.end, [...(ends.get(figures.end) ?? []), design]);
    if (ends.size < 2) continue;
    const said = [...ends].map(([end, designs]) => `${end} on ${designs.map(({ name }) => name).join(', ')}`);
    cli.note(`${trace.name} does not end alike: ${said.join('; ')}`);
    cli.exitCode = 1;
  }
}
