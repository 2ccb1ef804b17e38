/** `granule diff`: what is different between two moments of a run. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { changesText } from '../report/changeText.ts';
import { diff } from '../timeline/diff.ts';
import { stateAt, statesAt, type StateAt } from '../timeline/state.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface DiffOptions {
  parent: string[];
  uses: string[];
  from?: number;
  to?: number;
  actor?: string;
  lines: number;
  traces?: string;
  json?: boolean;
}

const DEFAULT_LINES = 60;

const EXAMPLES = `
Examples:
  granule diff mixed-page-sizes.glog --from 1000 --to 1010
  granule diff mixed-page-sizes.glog --from 1000 --to 2000 --actor mmu:200

Moments are those after the events named; lists are compared by address or index where their elements have one.
--json prints one object: an array of {"path","kind","before","after"} for each actor that differs.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addDiff(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addDiff(program: Command, cli: Cli): void {
  program
    .command('diff')
    .description('what is different between two moments of a run')
    .argument('<LOG>', 'a .glog')
    .option('--from <SEQ>', 'the earlier moment: after this event', wholeNumber)
    .option('--to <SEQ>', 'the later moment (default: the last event)', wholeNumber)
    .option('--actor <ID>', 'one actor (default: all that differ)')
    .option('--lines <N>', 'differences of each actor at most', wholeNumber, DEFAULT_LINES)
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((log: string, options: DiffOptions) => diffCommand(cli, log, options));
}

async function diffCommand(cli: Cli, log: string, options: DiffOptions): Promise<void> {
  const { from, actor } = options;
  if (from === undefined)
    throw new GranuleError('USAGE', 'the earlier moment is missing', 'granule diff', 'Give --from SEQ.');
  const reader = await openLog(cli, log, options.uses, options.parent);
  const traces = tracesOf(cli, reader, options.traces);
  const to = options.to ?? reader.lastSeq;
  const states = (seq: number): StateAt[] =>
    actor === undefined ? statesAt(reader, traces, seq) : [stateAt(reader, traces, seq, actor)];
  const before = states(from);
  const after = states(to);
  const differences = after.flatMap(({ actor: id, ...later }, at) => {
    const earlier = before[at];
    if (earlier === undefined) return [];
    const { value, status, context } = earlier;
    const changes = diff(
      { value, status, context },
      { value: later.value, status: later.status, context: later.context },
    );
    return changes.length === 0 ? [] : [{ actor: id, changes }];
  });
  if (options.json === true) {
    cli.json(Object.fromEntries(differences.map(({ actor: id, changes }) => [id, changes])));
    return;
  }
  for (const { actor: id, changes } of differences) {
    cli.out.write(`${id}\n${changesText(changes, { lines: options.lines, indent: '  ' })}`);
  }
  if (differences.length === 0) cli.out.write(`no difference between seq ${from} and seq ${to}\n`);
}
