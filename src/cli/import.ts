/** `granule import`: trace text to a page-run trace. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatBytes, formatCount, formatPageSize, formatRate } from '../report/format.ts';
import { reduceTrace } from '../trace/copyTrace.ts';
import { type ImportResult, importTrace, traceName } from '../trace/import.ts';
import { type Cli, layoutSize } from './cli.ts';
import { showImport } from './importProgress.ts';
import { importAndRelayout } from './relayoutFile.ts';

interface ImportCommandOptions {
  out?: string;
  format?: string;
  relayout?: 16384 | 65536;
  firstTouches?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule import recorded.lackey.gz                      writes recorded.gtr
  granule import recorded.lackey.gz --relayout 64K       writes recorded-64K.gtr
  perf script -F comm,pid,tid,time,event,ip,addr | granule import - --out samples.gtr`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addImport(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addImport(program: Command, cli: Cli): void {
  program
    .command('import')
    .description('turn trace text into a page-run trace (.gtr)')
    .argument('<FILE>', 'trace text, gzipped or not; - for standard input')
    .option('--out <FILE>', 'where to write it (default: the name of the input with .gtr, in this folder)')
    .option('--format <NAME>', 'lackey, perf-script or plain (default: by its first lines)')
    .option('--relayout <SIZE>', 'lay the program out again as if linked for 16K or 64K pages', layoutSize)
    .option('--first-touches', 'keep only the accesses that can fault: faults and memory stay, TLB counts do not')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: ImportCommandOptions) => importCommand(cli, file, options));
}

async function importCommand(cli: Cli, file: string, options: ImportCommandOptions): Promise<void> {
  if (file === '-' && options.out === undefined) {
    throw new GranuleError('USAGE', 'standard input has no name to call the trace by', 'granule import', 'Give --out.');
  }
  const suffix = options.relayout === undefined ? '' : `-${formatPageSize(options.relayout)}`;
  const out = cli.path(options.out ?? `${traceName(file)}${suffix}.gtr`);
  const progress = cli.progress();
  const started = performance.now();
  const request = { out, format: options.format, progress: showImport(progress) };
  const imported =
    options.relayout === undefined
      ? await importTrace(cli.path(file), request)
      : await importAndRelayout(cli.path(file), options.relayout, request);
  const done = options.firstTouches === true ? { ...imported, ...(await reduceTrace(out, out)) } : imported;
  progress.end();
  printImport(cli, done, { seconds: (performance.now() - started) / 1000, json: options.json === true });
}

/**
 * Prints what an import made.
 *
 * @example
 * ```ts
 * const cli = new Cli(textIo('/'));
 * const done = { out: 'a.gtr', hash: 'ab', runs: 1, references: 2, lines: 2, textBytes: 40, fileBytes: 400 };
 * printImport(cli, done, { seconds: 1, json: true });
 * ```
 */
export function printImport(cli: Cli, done: ImportResult, how: { seconds: number; json: boolean }): void {
  if (how.json) {
    cli.json(done);
    return;
  }
  const ratio = done.fileBytes === 0 ? 0 : done.textBytes / done.fileBytes;
  cli.out.write(
    `${done.out}: ${formatCount(done.references)} references in ${formatCount(done.runs)} runs, ` +
      `${formatBytes(done.fileBytes)}, ${ratio.toFixed(0)} times smaller than the text (${formatBytes(done.textBytes)})\n` +
      `trace hash ${done.hash}\n` +
      `${formatRate(done.lines / how.seconds, 'lines')}\n` +
      `try next: granule info ${done.out}; granule tlb ${done.out}\n`,
  );
}
