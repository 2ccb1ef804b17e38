/** `granule debug`: the debugger in a terminal, or doing the commands of a script. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { lineOf } from '../debugger/commands.ts';
import { type HandOver, isQuit } from '../debugger/said.ts';
import { Session } from '../debugger/session.ts';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { coloured, converse, promptOf } from './debugTerminal.ts';
import { Interruption, INTERRUPTED_EXIT } from './interruption.ts';
import { openLog, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface DebugOptions {
  uses: string[];
  at?: number;
  traces?: string;
  command?: string;
  execute: string[];
  echo?: boolean;
}

const EXAMPLES = `
Examples:
  granule debug mixed-page-sizes.glog
  granule debug mixed-page-sizes.glog -e 'break FAULT && payload.va >= 0x900000' -e continue -e why
  granule debug mixed-page-sizes.glog --at 1200
  granule debug mixed-page-sizes.glog --command questions.txt --echo
  echo 'goto end' | granule debug mixed-page-sizes.glog

In it "help" lists the commands: step, next, finish, continue and the same backwards, break, watch, last, why, state, print and more.
Ctrl-C stops a long search, Ctrl-D leaves. GRANULE_HISTORY names a file that keeps the lines typed. docs/debugger.md is the manual.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addDebug(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addDebug(program: Command, cli: Cli): void {
  program
    .command('debug')
    .description('go about in a log, forwards and backwards, and ask it questions')
    .argument('<LOG>', 'a .glog')
    .option('--at <SEQ>', 'begin behind this event, and show it', wholeNumber)
    .option('--command <FILE>', 'do the commands of a file, a line each, then end')
    .option('--execute, -e <COMMAND>', 'do this command, then end; may be given again', collect, [])
    .option('--echo', 'print each command of a script before what it says')
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .addHelpText('after', EXAMPLES)
    .action((log: string, options: DebugOptions) => debug(program, cli, log, options));
}

async function debug(program: Command, cli: Cli, log: string, options: DebugOptions): Promise<void> {
  const reader = await openLog(cli, log, options.uses);
  const traces = tracesOrNote(cli, reader, options.traces);
  const session = new Session({ reader, traces, name: basename(log) });
  const handOver = (asked: HandOver): Promise<void> => goOn(program, log, session, asked);
  const script = scriptOf(cli, options);
  if (options.at !== undefined)
    await runScript(cli, session, [`goto ${options.at}`], { echo: options.echo === true, handOver });
  if (options.at !== undefined && script === null && cli.io.stdin === undefined) return;
  if (script !== null) {
    await runScript(cli, session, script, { echo: options.echo === true, handOver });
    return;
  }
  await converse(cli, session, { echo: options.echo === true, handOver });
}

/** Without its traces, a log can be looked at, but its states cannot be folded. */
function tracesOrNote(cli: Cli, reader: LogReader, folder: string | undefined) {
  try {
    return tracesOf(cli, reader, folder);
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    cli.note(`${error.format()}\nevents can be looked at, states cannot`);
    return null;
  }
}

/** The commands of a file, then those of the command line; null where there is neither. */
function scriptOf(cli: Cli, { command, execute }: DebugOptions): string[] | null {
  if (command === undefined) return execute.length === 0 ? null : execute;
  const path = cli.path(command);
  if (!existsSync(path)) throw new GranuleError('FILE_NOT_FOUND', 'there is no file of that name', command);
  return [...readFileSync(path, 'utf8').replace(/\n$/, '').split('\n'), ...execute];
}

/** What a script needs beside its lines. */
interface Script {
  readonly echo: boolean;
  readonly handOver: (asked: HandOver) => Promise<void>;
}

/** Does lines one after the other; a failure ends it, as that of any command does. */
async function runScript(cli: Cli, session: Session, lines: readonly string[], script: Script): Promise<void> {
  const interruption = new Interruption();
  try {
    for (const line of lines) {
      // An empty line is there to be read; only at the keyboard does it do something again.
      if (script.echo) cli.out.write(line.trim() === '' ? '\n' : `${promptOf(session)}${line}\n`);
      if (line.trim() === '') continue;
      for (const said of lineOf(session, line)) {
        if (isQuit(said)) return;
        if (typeof said === 'string') await cli.out.stream(coloured(said, cli.colours));
        else if (said !== null) {
          await cli.out.flush();
          await script.handOver(said);
        }
        await interruption.pause();
        if (interruption.asked) {
          cli.exitCode = INTERRUPTED_EXIT;
          return;
        }
      }
    }
  } finally {
    interruption.end();
  }
}

/** Lets another command of granule go on, with the log as the command line named it. */
async function goOn(program: Command, log: string, session: Session, { command, args }: HandOver): Promise<void> {
  const found = program.commands.find((one) => one.name() === command);
  if (found === undefined) throw new GranuleError('USAGE', `this granule has no ${command}`, 'granule debug');
  const words = args.map((word) => (word === session.name ? log : word));
  try {
    await found.parseAsync(words, { from: 'user' });
  } catch (error) {
    // What commander says of a mistake is a mistake in this line, and no end of the conversation.
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0)
      throw new GranuleError('USAGE', error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' '), command);
  }
}
