/** `granule explore`: tries the orders in which the messages of a topology can be delivered, and looks for one that breaks a property. */
import { type Command, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import type { Discovery } from '../explore/model.ts';
import { type ExploreOptions, isFault, STRATEGIES, type Strategy } from '../explore/search/types.ts';
import { type ModelRequest, openModel, type OpenedModel, type OpenedTopology, type SomeModel } from '../explore/world/openModel.node.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { searchBudget, type SearchBudget } from './exploreBudget.ts';
import { type FoundLog, writeFound } from './exploreFound.ts';
import { printSearch } from './exploreReport.ts';
import { searchShown, type SearchRun } from './exploreSearch.ts';
import { INTERRUPTED_EXIT } from './interruption.ts';
import { USES_HELP } from './openLog.ts';
import { outputPath, stemOf } from './outputPath.ts';

interface ExploreCommandOptions {
  property: string[];
  strategy: Strategy;
  budget: SearchBudget;
  seed?: number;
  maxDepth?: number;
  preemptions?: number;
  all?: boolean;
  set: string[];
  fault: string[];
  uses: string[];
  traces?: string;
  out?: string;
  force?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule explore two-processes.json
  granule explore two-processes.json --strategy pct --seed 7 --budget 10m
  granule explore two-processes.json --property no-stale-translation --budget 200000states
  granule explore my.json --property mine.mjs#pages-stay --set size=64K --fault lost-tlbi:nth=1
  granule explore classic:lost-update
  granule explore mine.mjs#model

Ends with 1 where something was found: its way is then in a log, which granule debug, inspect and replay open.
docs/exploration.md says which orders there are, and why; docs/search.md what each strategy promises.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addExplore(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addExplore(program: Command, cli: Cli): void {
  program
    .command('explore')
    .description('try the orders of the messages of a topology, and find one that breaks a property')
    .argument('<TOPOLOGY>', 'a topology, classic:NAME, or MODULE#EXPORT of a model')
    .option('--property <NAME>', 'what has to hold, or FILE#NAME of one that a module exports; all unless given', collect, [])
    .addOption(new Option('--strategy <NAME>', 'how states are gone through').choices([...STRATEGIES]).default('breadth-first'))
    .option('--budget <AMOUNT>', 'time or states: 90s, 10m, 100000states', searchBudget, { seconds: 60, states: null })
    .option('--seed <N>', 'seed of random walks', wholeNumber)
    .option('--max-depth <N>', 'deliveries on a way at most', wholeNumber)
    .option('--preemptions <N>', 'of the strategy "bounded"', wholeNumber)
    .option('--all', 'go on behind the first that is found, for the other properties')
    .option('--set <NAME=VALUE>', 'a parameter of the topology; may be given again', collect, [])
    .option('--fault <PLAN[:NAME=VALUE,...]>', 'add a named fault plan; may be given again', collect, [])
    .option('--traces <DIR>', 'folder to look for traces in, before those that come with granule')
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--out <FILE>', 'where to write the log of what is found')
    .option('--force', 'write over a log that is there')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string, options: ExploreCommandOptions) => exploreCommand(cli, what, options));
}

async function exploreCommand(cli: Cli, what: string, options: ExploreCommandOptions): Promise<void> {
  const { property: properties, set, fault: faults, uses, traces } = options;
  const request: ModelRequest = {
    what,
    cwd: cli.io.cwd,
    set,
    faults,
    uses,
    properties,
    ...(traces === undefined ? {} : { traces }),
  };
  const opened = await openModel(request);
  if (opened.kind === 'model' && options.out !== undefined) {
    throw new GranuleError('USAGE', `${what} is no topology: what is found has no log`, '--out');
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a search gives a model only what it got of it
  const model = opened.model as unknown as SomeModel;
  const run = await searchShown(cli, { model, options: searchOptions(options, opened), budget: options.budget, label: '' });
  const faultsFound = run.result.discoveries.filter(isFault);
  const logs = opened.kind === 'topology' ? logsOf(cli, what, { opened, found: faultsFound, options }) : new Map();
  if (run.interrupted) cli.exitCode = INTERRUPTED_EXIT;
  if (faultsFound.length > 0 || (run.result.complete && run.result.unmet.length > 0)) cli.exitCode = 1;
  report(cli, { opened, model, run, logs, json: options.json === true });
}

function searchOptions(options: ExploreCommandOptions, opened: OpenedTopology | OpenedModel): ExploreOptions {
  const { strategy, seed, maxDepth, preemptions, budget, all } = options;
  const { properties } = opened;
  return {
    strategy,
    stopAtFirst: all !== true,
    ...(properties === undefined ? {} : { properties }),
    ...(seed === undefined ? {} : { seed }),
    ...(maxDepth === undefined ? {} : { maxDepth }),
    ...(preemptions === undefined ? {} : { preemptions }),
    ...(budget.states === null ? {} : { maxStates: budget.states }),
    // Walks go on until the time is up.
    ...(strategy === 'random' || strategy === 'pct' ? { walks: Number.MAX_SAFE_INTEGER } : {}),
  };
}

/** The log of each fault, by its property: the first has the name that was asked for. */
function logsOf(
  cli: Cli,
  what: string,
  { opened, found, options }: { opened: OpenedTopology; found: readonly Discovery[]; options: ExploreCommandOptions },
): Map<string, FoundLog> {
  const logs = new Map<string, FoundLog>();
  for (const [index, discovery] of found.entries()) {
    const stem = `${stemOf(what)}-${discovery.kind === 'livelock' ? 'livelock' : discovery.property}`;
    const { out, ...others } = options;
    const path = outputPath(cli, stem, index === 0 && out !== undefined ? { out } : others);
    logs.set(discovery.property, writeFound(opened, discovery, path));
  }
  return logs;
}

function report(
  cli: Cli,
  done: { opened: OpenedTopology | OpenedModel; model: SomeModel; run: SearchRun; logs: Map<string, FoundLog>; json: boolean },
): void {
  const { opened, model, run, logs, json } = done;
  const looked = model.properties.filter(({ name }) => opened.properties?.includes(name) ?? true);
  printSearch(cli, { name: model.name, properties: looked, run, logs, json });
}
