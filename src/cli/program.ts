/** The command line as a function: arguments and streams in, an exit code out. */
import { Command, CommanderError } from 'commander';
import { GranuleError } from '../errors.ts';
import { TopologyError } from '../topology/form/topologyError.ts';
import { GRANULE_VERSION } from '../topology/meta.ts';
import { Cli } from './cli.ts';
import { addAbiReport } from './abiReport.ts';
import { addDebug } from './debug.ts';
import { addCheck } from './check.ts';
import { addDiff } from './diff.ts';
import { addCompare } from './compare.ts';
import { addCompareDesigns } from './compareDesigns.ts';
import { addElf } from './elf.ts';
import { addExplore } from './explore.ts';
import { addExport } from './export.ts';
import { addGraph } from './graph.ts';
import { addFaults } from './faults.ts';
import { addFork } from './fork.ts';
import { addImport } from './import.ts';
import { addInfo } from './info.ts';
import { addInspect } from './inspect.ts';
import type { CliIo } from './io.ts';
import { addLog } from './log.ts';
import { addMakeTrace } from './makeTrace.ts';
import { addMemoryStudy } from './memoryStudy.ts';
import { addQuery } from './query.ts';
import { addNew } from './new.ts';
import { addRecord } from './record.ts';
import { addReplay } from './replay.ts';
import { addRun } from './run.ts';
import { addReport } from './report.ts';
import { addScenarios } from './scenarios.ts';
import { addSchema } from './schema.ts';
import { addShare } from './share.ts';
import { addState } from './state.ts';
import { addSweep } from './sweep.ts';
import { addTlb } from './tlb.ts';
import { addValidate } from './validate.ts';
import { addVerify } from './verify.ts';
import { addWhy } from './why.ts';

const ABOUT =
  'Time-travel laboratory for per-process page size: run processes of 4K, 16K and 64K pages on one modelled arm64 ' +
  'kernel, replay every event, look at any state at any time, and ask why.';

const EXAMPLES = `
Examples:
  granule run mixed-page-sizes            run a topology that comes with granule, and keep its log
  granule log mixed-page-sizes.glog       list its events
  granule state mixed-page-sizes.glog --at 1000 --actor mm:100
  granule why mixed-page-sizes.glog 1000
  granule replay mixed-page-sizes.glog    run it again and compare every event
  granule fork mixed-page-sizes.glog --at 1000 --set pageCache=sticky-order
  granule compare mixed-page-sizes.glog mixed-page-sizes-fork.glog
  granule record -- git log --oneline     record a program of your own

Exit codes: 0 all is well; 1 a check failed; 2 bad usage or bad input; 130 ended by Ctrl-C.`;

/**
 * All commands, for one invocation.
 *
 * @example
 * ```ts
 * const cli = new Cli(textIo('/'));
 * createProgram(cli).commands.some((command) => command.name() === 'replay'); // true
 * ```
 */
export function createProgram(cli: Cli): Command {
  const program = new Command('granule')
    .description(ABOUT)
    .version(GRANULE_VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--debug', 'print stack traces of failures')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.out.write(text),
      // What went wrong is printed once, by main.
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => cli.out.columns,
      getErrHelpWidth: () => cli.out.columns,
    });
  // Commands take over the settings above when they are made; these are in the order of the help.
  for (const add of [
    addRun,
    addCheck,
    addSchema,
    addFaults,
    addSweep,
    addExplore,
    addReplay,
    addDebug,
    addState,
    addDiff,
    addWhy,
    addFork,
    addCompare,
    addCompareDesigns,
    addMemoryStudy,
    addLog,
    addQuery,
    addInfo,
    addGraph,
    addNew,
    addInspect,
    addShare,
    addExport,
    addVerify,
    addValidate,
    addScenarios,
    addReport,
    addTlb,
    addElf,
    addAbiReport,
    addRecord,
    addImport,
    addMakeTrace,
  ]) {
    add(program, cli);
  }
  return program;
}

/** What commander says of a mistake, as one of granule's own errors. */
function usageError(error: CommanderError, args: readonly string[]): GranuleError {
  const text = error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const command = args.find((arg) => !arg.startsWith('-'));
  const where = command === undefined ? 'granule' : `granule ${command}`;
  if (error.code === 'commander.help') return new GranuleError('USAGE', 'no command was given', 'granule');
  return new GranuleError('USAGE', text, where);
}

/** Any failure as a typed one; what nobody foresaw is a fault of granule itself. */
function typedError(error: unknown, args: readonly string[]): GranuleError {
  if (error instanceof GranuleError) return error;
  if (error instanceof CommanderError) return usageError(error, args);
  return new GranuleError('INVARIANT', error instanceof Error ? error.message : String(error));
}

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

/**
 * Runs one command line. Failures are printed on standard error: one line `CODE: what (where). next`, or with `--json`
 * one line of JSON `{"error":{"code","message","where","next"}}`; with `--debug` a stack trace follows.
 *
 * @param args without the names of node and the program
 * @returns the exit code: 0, 1 when a check failed, 2 for bad usage or bad input
 * @example
 * ```ts
 * await main(['run', '--lisst'], textIo('/')); // 2
 * ```
 */
export async function main(args: readonly string[], io: CliIo): Promise<number> {
  const cli = new Cli(io);
  const program = createProgram(cli);
  try {
    await program.parseAsync(args, { from: 'user' });
    await cli.out.flush();
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) {
      await cli.out.flush();
      return 0;
    }
    await cli.out.flush().catch(() => undefined);
    return fail(cli, typedError(error, args), { args, debug: args.includes('--debug'), cause: error });
  }
}

function fail(
  cli: Cli,
  error: GranuleError,
  about: { args: readonly string[]; debug: boolean; cause: unknown },
): number {
  const { code, message, where, next } = error;
  const faults = error instanceof TopologyError ? { faults: error.faults } : {};
  const json = (): string => JSON.stringify({ error: { code, message, where, next, ...faults } });
  cli.note(wantsJson(about.args) ? json() : error.format());
  if (about.debug && about.cause instanceof Error) cli.note(about.cause.stack ?? '');
  return error.exitCode;
}
