/** `granule replay`: the run again, held against its log. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { liveStates, type ShownState } from '../report/actorStates.ts';
import { summarize } from '../report/runSummary.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { formatDivergence } from '../timeline/divergence.ts';
import { parallelReplay, type ParallelReplayed } from '../timeline/parallelReplay.node.ts';
import { replay, type Replayed, type ReplayOptions } from '../timeline/replay.ts';
import { openMeta } from '../topology/meta.ts';
import { type Cli, collect, interpreterOption, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface ReplayCommandOptions {
  parent: string[];
  uses: string[];
  traces?: string;
  workers?: number;
  interpreter: Interpreter;
  json?: boolean;
}

/** What a replay found, on one thread or on many. */
type Found = Omit<Replayed, 'system'> & Partial<Pick<ParallelReplayed, 'workers' | 'oneThreadBecause'>>;

const EXAMPLES = `
Examples:
  granule replay mixed-page-sizes.glog
  granule replay sent-to-me.glog --traces ~/traces --json
  granule replay long.glog --workers 2    fold the actors on two threads

Exits with 1 when a record, a checkpoint or the head hash differs, and says where, why it may be, and what to run next.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addReplay(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addReplay(program: Command, cli: Cli): void {
  program
    .command('replay')
    .description('run a log again and compare every record, every checkpoint and the head hash')
    .argument('<LOG>', 'a .glog')
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--workers <N>', 'fold the actors on so many threads; pays from some 100,000 events on', wholeNumber)
    .addOption(interpreterOption())
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((log: string, options: ReplayCommandOptions) => replayCommand(cli, log, options));
}

async function replayCommand(cli: Cli, log: string, options: ReplayCommandOptions): Promise<void> {
  const reader = await openLog(cli, log, options.uses, options.parent);
  const traces = tracesOf(cli, reader, options.traces);
  if (options.workers !== undefined && options.interpreter === 'xstate') {
    throw new GranuleError('USAGE', 'workers fold by compiled tables', '--interpreter xstate', 'Leave out --workers.');
  }
  const progress = cli.progress();
  const started = performance.now();
  const onProgress: ReplayOptions['onProgress'] = ({ records, total }) => {
    const text = `${formatCount(records)} of ${formatCount(total)} events compared`;
    progress.report({ done: records, total, text });
  };
  const { found, states } =
    options.workers === undefined
      ? onOneThread(replay(reader, traces, { interpreter: options.interpreter, onProgress }))
      : onManyThreads(await parallelReplay(reader, traces, { workers: options.workers, onProgress }));
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  if (found.divergence !== null) cli.exitCode = 1;
  if (options.json === true) {
    const { failure, ...rest } = found;
    const programs = new Map(openMeta(reader.meta).traces.map(({ pid, name }) => [pid, name]));
    const summary = summarize(states, { programs });
    cli.json({ log, ...rest, failure: failure?.format() ?? null, wallSeconds: seconds, ...summary });
    return;
  }
  const because = found.oneThreadBecause ?? null;
  if (because !== null) cli.note(`replayed in one thread: ${because}`);
  cli.out.write(found.divergence === null ? sameText(found, seconds) : `${formatDivergence(found.divergence)}\n`);
}

function onOneThread({ system, ...found }: Replayed): { found: Found; states: ShownState[] } {
  return { found, states: liveStates(system) };
}

function onManyThreads({ states, ...found }: ParallelReplayed): { found: Found; states: ShownState[] } {
  const shown = states.map(({ actor, state: { value, context }, standIn }) => ({ actor, value, context, standIn }));
  return { found, states: shown };
}

function sameText(found: Found, seconds: number): string {
  const { records, checkpoints, headHash, pending, failure, workers = 0 } = found;
  const threads = workers === 0 ? '' : ` on ${formatCount(workers)} ${workers === 1 ? 'worker' : 'workers'}`;
  const lines = [
    `the replay is the same: ${formatCount(records)} events and ${formatCount(checkpoints)} checkpoints compared in ` +
      `${formatSeconds(seconds)}${threads}, ${formatRate(records / seconds, 'events')}`,
    `head hash ${headHash}`,
  ];
  if (failure !== null) lines.push(`as in the recording it ends with ${failure.format()}`);
  if (pending > 0) lines.push(`${formatCount(pending)} messages were still to be delivered when the log ends`);
  return `${lines.join('\n')}\n`;
}
