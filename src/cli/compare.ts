/** `granule compare`: two runs held together. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { changesText } from '../report/changeText.ts';
import { compareRuns } from '../report/comparison.ts';
import { comparisonText } from '../report/comparisonText.ts';
import { type ComparedRun, compareStates } from '../timeline/compare.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface CompareOptions {
  atA?: number;
  atB?: number;
  actor?: string;
  lines: number;
  timelines: boolean;
  figures: boolean;
  uses: string[];
  parent: string[];
  traces?: string;
  json?: boolean;
}

/** Rows of each list. */
const DEFAULT_LINES = 20;

const EXAMPLES = `
Examples:
  granule compare run.glog run-fork.glog                             where they part, and what came of it
  granule compare on-4k.glog on-64k.glog --lines 100                 two topologies: every figure that differs
  granule compare run.glog run-fork.glog --at-a 1200 --at-b 1180 --actor mm:100
  granule compare run.glog run-fork.glog --no-figures --json

Figures are those of both runs at their ends. After the first difference the timelines are aligned actor by actor: events are taken
for the same when they are of one type and about one address, file, call or process.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addCompare(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addCompare(program: Command, cli: Cli): void {
  program
    .command('compare')
    .description('two runs: first difference, aligned timelines, every figure, states of any two moments')
    .argument('<A>', 'a .glog')
    .argument('<B>', 'another')
    .option('--at-a <SEQ>', 'compare states: of A after this event', wholeNumber)
    .option('--at-b <SEQ>', 'of B after this event (default: the same)', wholeNumber)
    .option('--actor <ID>', 'with --at-a: one actor (default: all that differ)')
    .option('--lines <N>', 'rows of each list at most', wholeNumber, DEFAULT_LINES)
    .option('--no-timelines', 'align no timelines')
    .option('--no-figures', 'compare no figures: needs no traces, and folds nothing')
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((a: string, b: string, options: CompareOptions) => compare(cli, [a, b], options));
}

async function opened(cli: Cli, name: string, options: CompareOptions, needsTraces: boolean): Promise<ComparedRun> {
  const reader = await openLog(cli, name, options.uses, options.parent);
  return { name, reader, traces: needsTraces ? tracesOf(cli, reader, options.traces) : new Map() };
}

async function compare(cli: Cli, [nameA, nameB]: readonly [string, string], options: CompareOptions): Promise<void> {
  const { atA = options.atB, atB = options.atA, actor } = options;
  const ofStates = atA !== undefined && atB !== undefined;
  if (!ofStates && actor !== undefined) {
    throw new GranuleError('USAGE', '--actor needs moments', 'granule compare', 'Give --at-a SEQ and --at-b SEQ.');
  }
  const a = await opened(cli, nameA, options, ofStates || options.figures);
  const b = await opened(cli, nameB, options, ofStates || options.figures);
  if (ofStates) {
    printStates(cli, compareStates({ ...a, at: atA }, { ...b, at: atB }, actor), { atA, atB, options });
    return;
  }
  const comparison = compareRuns(a, b, { timelines: options.timelines, metrics: options.figures });
  if (options.json === true) cli.json(comparison);
  else cli.out.write(comparisonText(comparison, { lines: options.lines }));
}

function printStates(
  cli: Cli,
  differences: ReturnType<typeof compareStates>,
  { atA, atB, options }: { atA: number; atB: number; options: CompareOptions },
): void {
  if (options.json === true) {
    cli.json(Object.fromEntries(differences.map(({ actor, changes }) => [actor, changes])));
    return;
  }
  for (const { actor, changes } of differences) {
    cli.out.write(`${actor}\n${changesText(changes, { lines: options.lines, indent: '  ' })}`);
  }
  if (differences.length === 0) cli.out.write(`no difference between A after ${atA} and B after ${atB}\n`);
}
