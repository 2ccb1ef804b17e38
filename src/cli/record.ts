/** `granule record`: a real program's accesses and system calls. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { formatCount, formatPageSize } from '../report/format.ts';
import { relayoutTrace } from '../trace/copyTrace.ts';
import { record, type RecordResult } from '../trace/record.ts';
import { type Cli, layoutSize, wholeNumber } from './cli.ts';
import { printImport } from './import.ts';

interface RecordCommandOptions {
  out?: string;
  references?: number;
  relayout?: 16384 | 65536;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule record -- git log --oneline                   writes git.gtr
  granule record --out build.gtr -- make -j1
  granule record --references 5000000 -- cc1 x.i        the first part of a long program
  granule record --relayout 64K -- sqlite3 test.db      writes sqlite3-64K.gtr

The program runs under Valgrind, with the terminal to itself; child processes run, and are not recorded. Ctrl-C ends it, and
the trace holds what happened until then. To run it, name it in a topology, or: granule run TOPOLOGY --trace PID=FILE`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addRecord(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addRecord(program: Command, cli: Cli): void {
  program
    .command('record')
    .description('record the memory accesses and system calls of a program, with Valgrind')
    .argument('<COMMAND...>', 'the program and its arguments, after --')
    .option('--out <FILE>', 'where to write the trace (default: the name of the program with .gtr)')
    .option('--references <N>', 'end the program once so many references are recorded', wholeNumber)
    .option('--relayout <SIZE>', 'lay the program out again as if linked for 16K or 64K pages', layoutSize)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (command: string[], options: RecordCommandOptions) => recordCommand(cli, command, options));
}

async function recordCommand(cli: Cli, command: string[], options: RecordCommandOptions): Promise<void> {
  const suffix = options.relayout === undefined ? '' : `-${formatPageSize(options.relayout)}`;
  const out = cli.path(options.out ?? `${basename(command[0] ?? '')}${suffix}.gtr`);
  const progress = cli.progress();
  const started = performance.now();
  const recorded = await record({
    command,
    out,
    referencesMost: options.references,
    progress: ({ lines, references }) => {
      progress.report({ done: 0, text: `${formatCount(references)} references, ${formatCount(lines)} lines` });
    },
  });
  const done =
    options.relayout === undefined ? recorded : { ...recorded, ...(await relayoutTrace(out, options.relayout, out)) };
  progress.end();
  cli.note(endText(recorded, options.references));
  printImport(cli, done, { seconds: (performance.now() - started) / 1000, json: options.json === true });
}

function endText({ exitStatus, exitSignal, references }: RecordResult, most = Number.POSITIVE_INFINITY): string {
  if (references >= most) return 'the program was ended at the limit of references';
  if (exitSignal !== null) return `the program was ended by ${exitSignal}; the trace holds what happened until then`;
  return `the program ended with status ${exitStatus ?? 'unknown'}`;
}
