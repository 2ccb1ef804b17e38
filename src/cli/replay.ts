/** `granule replay`: the run again, held against its log. */
import type { Command } from 'commander';
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { liveStates } from '../report/actorStates.ts';
import { summarize } from '../report/runSummary.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { formatDivergence } from '../timeline/divergence.ts';
import { replay, type Replayed } from '../timeline/replay.ts';
import { openMeta } from '../topology/meta.ts';
import { type Cli, interpreterOption } from './cli.ts';
import { openLog, TRACES_HELP, tracesOf } from './openLog.ts';

interface ReplayCommandOptions {
  traces?: string;
  interpreter: Interpreter;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule replay mixed-page-sizes.glog
  granule replay sent-to-me.glog --traces ~/traces --json

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
    .addOption(interpreterOption())
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((log: string, options: ReplayCommandOptions) => replayCommand(cli, log, options));
}

function replayCommand(cli: Cli, log: string, options: ReplayCommandOptions): void {
  const reader = openLog(cli, log);
  const traces = tracesOf(cli, reader, options.traces);
  const progress = cli.progress();
  const started = performance.now();
  const replayed = replay(reader, traces, {
    interpreter: options.interpreter,
    onProgress: ({ records, total }) => {
      progress.report({
        done: records,
        total,
        text: `${formatCount(records)} of ${formatCount(total)} events compared`,
      });
    },
  });
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  if (replayed.divergence !== null) cli.exitCode = 1;
  if (options.json === true) {
    const { system, failure, ...rest } = replayed;
    const programs = new Map(openMeta(reader.meta).traces.map(({ pid, name }) => [pid, name]));
    const summary = summarize(liveStates(system), { programs });
    cli.json({ log, ...rest, failure: failure?.format() ?? null, wallSeconds: seconds, ...summary });
    return;
  }
  cli.out.write(
    replayed.divergence === null ? sameText(replayed, seconds) : `${formatDivergence(replayed.divergence)}\n`,
  );
}

function sameText(replayed: Replayed, seconds: number): string {
  const { records, checkpoints, headHash, pending, failure } = replayed;
  const lines = [
    `the replay is the same: ${formatCount(records)} events and ${formatCount(checkpoints)} checkpoints compared in ` +
      `${formatSeconds(seconds)}, ${formatRate(records / seconds, 'events')}`,
    `head hash ${headHash}`,
  ];
  if (failure !== null) lines.push(`as in the recording it ends with ${failure.format()}`);
  if (pending > 0) lines.push(`${formatCount(pending)} messages were still to be delivered when the log ends`);
  return `${lines.join('\n')}\n`;
}
