/** `granule explore`: tries the orders in which the messages of a topology can be delivered, and looks for one that breaks a property. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { type ExploreOptions, isFault, STRATEGIES, type Strategy } from '../explore/search/types.ts';
import type { ModelRequest } from '../explore/world/openModel.node.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { searchBudget, type SearchBudget } from './exploreBudget.ts';
import { findingInModel, findingInTopology } from './exploreFound.ts';
import { keepFound } from './exploreKeep.ts';
import { type ExplorePoint, explorePoints } from './explorePoints.ts';
import { jsonOf, outcomeText, printSearch, type SearchReport } from './exploreReport.ts';
import { layAside, searchFrom } from './exploreSaved.ts';
import { searchShown, type SearchRun } from './exploreSearch.ts';
import { INTERRUPTED_EXIT } from './interruption.ts';
import { USES_HELP } from './openLog.ts';
import { outputPath, stemOf } from './outputPath.ts';

/** Threads at most: each has a heap of its own. */
const WORKERS_MAX = 256;

interface ExploreCommandOptions {
  property: string[];
  strategy: Strategy;
  budget: SearchBudget;
  seed?: number;
  maxDepth?: number;
  preemptions?: number;
  workers: number;
  resume?: string;
  vary: string[];
  all?: boolean;
  shrink: boolean;
  set: string[];
  fault: string[];
  uses: string[];
  traces?: string;
  out?: string;
  keep?: string;
  mended: string[];
  force?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule explore two-processes.json
  granule explore two-processes.json --strategy pct --seed 7 --budget 10m --workers 4
  granule explore two-processes.json --property no-stale-translation --budget 200000states
  granule explore two-processes.json --strategy depth-first --budget 1h --resume two.search
  granule explore my.json --property mine.mjs#pages-stay --set size=64K --fault lost-tlbi:nth=1
  granule explore my.json --strategy pct --vary design.minimumOrder=process-page,any --vary seed=1..20 --budget 20m
  granule explore my.json --budget 20000states --keep findings/my-race --mended design.kpti=true
  granule explore classic:lost-update
  granule explore mine.mjs#model

Ends with 1 where something was found: its way is then in a log, which granule debug, inspect and replay open.
docs/exploration.md says which orders there are, and why; docs/search.md what each strategy promises; docs/corpus.md what is kept.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addExplore(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addExplore(program: Command, cli: Cli): void {
  const strategy = new Option('--strategy <NAME>', 'how states are gone through').choices([...STRATEGIES]);
  const budget = new Option('--budget <AMOUNT>', 'time or states: 90s, 10m, 100000states')
    .argParser(searchBudget)
    .default({ seconds: 60, states: null }, '60s');
  program
    .command('explore')
    .description('try the orders of the messages of a topology, and find one that breaks a property')
    .argument('<TOPOLOGY>', 'a topology, classic:NAME, or MODULE#EXPORT of a model')
    .option(
      '--property <NAME>',
      'what has to hold, or FILE#NAME of one that a module exports; may be given again',
      collect,
      [],
    )
    .addOption(strategy.default('breadth-first'))
    .addOption(budget)
    .option('--seed <N>', 'seed of random walks, over that of the topology', wholeNumber)
    .option('--max-depth <N>', 'deliveries on a way at most', wholeNumber)
    .option('--preemptions <N>', 'of the strategy "bounded"', wholeNumber)
    .option('--workers <N>', 'threads, for depth-first, bounded, random and pct', workerCount, 1)
    .option(
      '--resume <FILE>',
      'go on with the search laid aside there, and lay it aside there when the budget is used up',
    )
    .option(
      '--vary <KEY=VALUES>',
      'a field or a parameter of the topology and its values, each searched; may be given again',
      collect,
      [],
    )
    .option('--all', 'go on behind the first that is found, for the other properties')
    .option('--no-shrink', 'leave the way that is found as it is')
    .option('--set <NAME=VALUE>', 'a parameter of the topology; may be given again', collect, [])
    .option('--fault <PLAN[:NAME=VALUE,...]>', 'add a named fault plan; may be given again', collect, [])
    .option('--traces <DIR>', 'folder to look for traces in, before those that come with granule')
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--out <FILE>', 'where to write the log of what is found')
    .option('--keep <FOLDER>', 'keep what is found first as a folder, in the smallest topology that shows it')
    .option(
      '--mended <NAME=VALUE>',
      'with --keep: what mends it, a parameter or a field; may be given again',
      collect,
      [],
    )
    .option('--force', 'write NAME.glog, or over a folder, even when it is there')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string, options: ExploreCommandOptions) => exploreCommand(cli, what, options));
}

function workerCount(text: string): number {
  const workers = wholeNumber(text);
  if (workers < 1 || workers > WORKERS_MAX) throw new InvalidArgumentError(`It must be 1 to ${WORKERS_MAX}.`);
  return workers;
}

async function exploreCommand(cli: Cli, what: string, options: ExploreCommandOptions): Promise<void> {
  const { property: properties, set, fault: faults, uses, traces, vary } = options;
  const cwd = cli.io.cwd;
  const request: ModelRequest = {
    what,
    cwd,
    set,
    faults,
    uses,
    properties,
    ...(traces === undefined ? {} : { traces }),
  };
  if (options.resume !== undefined && (vary.length > 0 || options.workers > 1))
    throw new GranuleError('USAGE', 'a search that is laid aside is one, of one thread', '--resume');
  const points = await explorePoints(request, vary);
  if (points[0]?.opened.kind === 'model' && (options.out ?? options.keep) !== undefined)
    throw new GranuleError('USAGE', `${what} is no topology: what is found has no log`, '--out');
  const reports: SearchReport[] = [];
  for (const [index, point] of points.entries()) {
    const run = await searched(cli, point, { options, points: points.length, index });
    const report = reportOf(cli, point, { what, run, options });
    reports.push(report);
    if (options.json !== true) said(cli, report, points.length);
    await kept(cli, point, report, options);
    if (run.interrupted) cli.exitCode = INTERRUPTED_EXIT;
    if (isBroken(report)) cli.exitCode = 1;
    if (run.interrupted || (isBroken(report) && options.all !== true)) break;
  }
  if (options.json === true) cli.json(points.length === 1 ? jsonOf(reports[0]) : reports.map(jsonOf));
}

/** Keeps the first thing that was found, where that is asked for. */
async function kept(cli: Cli, { opened }: ExplorePoint, report: SearchReport, options: ExploreCommandOptions) {
  const { keep: folder, mended, force = false } = options;
  const [discovery] = report.run.result.discoveries.filter(isFault);
  if (folder === undefined || discovery === undefined || opened.kind === 'model') return;
  const search = searchOptions({ seed: opened.topology.seed, ...options }, opened.properties);
  await keepFound(cli, { folder, opened, discovery, options: search, set: options.set, mended, force });
}

function isBroken({ run: { result }, findings }: SearchReport): boolean {
  return findings.length > 0 || (result.complete && result.unmet.length > 0);
}

/** Of many points a line each, until one of them has found something. */
function said(cli: Cli, report: SearchReport, points: number): void {
  if (points === 1 || isBroken(report)) printSearch(cli, report);
  else cli.out.write(`${outcomeText(report.name, report.run)}\n`);
}

/** Searches one point, with its share of the time. */
async function searched(
  cli: Cli,
  { name, opened, request }: ExplorePoint,
  at: { readonly options: ExploreCommandOptions; readonly points: number; readonly index: number },
): Promise<SearchRun> {
  const { options, points, index } = at;
  const { resume, workers, budget: asked } = options;
  const budget = asked.seconds === null ? asked : { ...asked, seconds: asked.seconds / points };
  const own = opened.kind === 'topology' ? { seed: opened.topology.seed, ...options } : options;
  const how = searchOptions(own, opened.properties);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a search gives a model only what it got of it
  const model = opened.model as unknown as Parameters<typeof searchShown>[1]['model'];
  const laid = resume === undefined ? null : searchFrom(cli.path(resume), opened, how);
  const label = points === 1 ? '' : `${index + 1} of ${points}, ${name}: `;
  const given = { model, request, options: how, budget, workers, label };
  const run = await searchShown(cli, { ...given, ...(laid === null ? {} : { search: laid }) });
  if (resume !== undefined && run.search !== null && !run.result.complete) {
    layAside(cli.path(resume), opened, run.search);
    cli.note(`the search is laid aside in ${cli.path(resume)}; the same command goes on with it`);
  }
  return run;
}

function searchOptions(options: ExploreCommandOptions, properties: readonly string[] | undefined): ExploreOptions {
  const { strategy, seed, maxDepth, preemptions, budget, all } = options;
  return {
    strategy,
    stopAtFirst: all !== true,
    ...(properties === undefined ? {} : { properties }),
    ...(seed === undefined ? {} : { seed }),
    ...(maxDepth === undefined ? {} : { maxDepth }),
    ...(preemptions === undefined ? {} : { preemptions }),
    ...(budget.states === null ? {} : { maxStates: budget.states }),
    // Walks go on until the time is up.
    ...(strategy === 'random' || strategy === 'pct' ? { walks: WALKS_WITHOUT_END } : {}),
  };
}

/** More than any budget of time lets be made. */
const WALKS_WITHOUT_END = 2 ** 40;

function reportOf(
  cli: Cli,
  { name, opened }: ExplorePoint,
  { what, run, options }: { readonly what: string; readonly run: SearchRun; readonly options: ExploreCommandOptions },
): SearchReport {
  const { properties: asked, model } = opened;
  const found = run.result.discoveries.filter(isFault);
  const how = outcomeText(name, run);
  const findings = found.map((discovery, index) => {
    if (opened.kind === 'model') return findingInModel(opened.model, discovery, options.shrink);
    const { out, ...others } = options;
    const stem = `${stemOf(what)}-${discovery.property === '' ? 'livelock' : discovery.property}`;
    const file = outputPath(cli, stem, index === 0 && out !== undefined ? { out } : others);
    return findingInTopology(opened, discovery, { shrinks: options.shrink, file, how });
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only names and sentences of them are read
  const all = model.properties as unknown as SearchReport['properties'];
  const properties = all.filter((property) => asked === undefined || asked.includes(property.name));
  const leftOut = opened.kind === 'topology' ? opened.model.leftOut : [];
  return { name, properties, leftOut, run, findings };
}
