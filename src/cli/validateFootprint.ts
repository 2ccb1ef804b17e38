/** `granule validate footprint`: workloads with their counters, every one compared with a kernel's. */
import type { Command } from 'commander';
import { formatCount, formatPageSize } from '../report/format.ts';
import { abiDesign } from '../validate/abiDesign.ts';
import { compareFootprint, FootprintTally } from '../validate/footprintCompare.ts';
import { type FootprintLine, parseFootprintLine } from '../validate/footprintLine.ts';
import { footprintSteps, type FootprintSystem, footprintSystem, runFootprint } from '../validate/footprintRun.ts';
import { keepLog } from '../validate/keepRun.node.ts';
import { readAnswers } from '../validate/ndjson.node.ts';
import type { Cli } from './cli.ts';
import { footprintFileJson, type FootprintFileReport, footprintFileText } from './footprintText.ts';
import { untilInterrupted } from './interruption.ts';
import type { Progress } from './progress.ts';
import { addValidateOptions, playedOn, validateFiles, type ValidateOptions } from './validateFiles.ts';

const EXAMPLES = `
Examples:
  granule validate footprint footprint.ndjson           each line on a plain kernel of its page size
  granule validate footprint footprint.ndjson --on 4K   each as a process of its page size on a kernel of 4K pages
  granule validate footprint footprint.ndjson --on 4K --design readOrder=kernel-page --json

Here readOrder is process-page unless --design says otherwise: that is what agrees with a kernel of that page size. The
first line that differs is run again, and kept with its topology, traces and log in the folder of --keep.
Exits with 1 when any counter differs. docs/validation.md describes the format and what may differ by how much.`;

/**
 * Adds the subcommand.
 *
 * @example
 * ```ts
 * addValidateFootprint(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addValidateFootprint(group: Command, cli: Cli): void {
  const command = group
    .command('footprint')
    .description('faults, resident memory, page tables and page cache of small workloads')
    .addHelpText('after', EXAMPLES);
  addValidateOptions(command).action((files: string[], options: ValidateOptions) =>
    validateFiles(cli, files, {
      json: options.json === true,
      subject: {
        unit: 'lines',
        validate: (file) => validateFile(cli, file, options),
        counts: ({ tally }) => ({ all: tally.lines, failed: tally.failedLines }),
        text: footprintFileText,
        json: footprintFileJson,
      },
    }),
  );
}

/** The model of the machine that a line is to be held against. */
function systemFor(line: FootprintLine, { on, design }: ValidateOptions): FootprintSystem {
  const { pageBytes, thpAlwaysBytes } = line;
  // What read() caches is the kernel's own affair, but for this: what is mapped later is there, or has to be read again.
  const choices = abiDesign(['readOrder=process-page', ...design]);
  const setting = { kernelPageBytes: playedOn(pageBytes, on), pageBytes, thpAlwaysBytes, design: choices };
  return footprintSystem(line.workload, setting, `line-${line.line}-${line.workload.kind}`);
}

/** Goes through a file, a line at a time, and comes back every few events. */
async function* steps(
  path: string,
  options: ValidateOptions,
  report: FootprintFileReport,
): AsyncGenerator<number, void, undefined> {
  for await (const at of readAnswers(path, report.read)) {
    const line = parseFootprintLine(at);
    if ('reason' in line) {
      report.skipped.push(line);
      continue;
    }
    const started = performance.now();
    const system = systemFor(line, options);
    const run = yield* footprintSteps(system, { checked: options.checked === true });
    report.tally.add(compareFootprint(line, run));
    report.kernels.add(kernelText(line, system.topology.kernelPageSize));
    report.seconds += (performance.now() - started) / 1000;
    yield run.events;
  }
}

/** Names the kernel of a line as people do. */
function kernelText({ pageBytes, thpAlwaysBytes }: FootprintLine, kernelPageBytes: number): string {
  const thp = thpAlwaysBytes.map((bytes) => ` with ${formatPageSize(bytes)} mTHP`).join('');
  if (pageBytes === kernelPageBytes) return `plain ${formatPageSize(pageBytes)}${thp}`;
  return `${formatPageSize(pageBytes)} on ${formatPageSize(kernelPageBytes)}${thp}`;
}

async function validateFile(cli: Cli, file: string, options: ValidateOptions): Promise<FootprintFileReport> {
  const report: FootprintFileReport = {
    file,
    kernels: new Set(),
    tally: new FootprintTally(),
    skipped: [],
    read: { readBytes: 0, fileBytes: 0 },
    seconds: 0,
    log: '',
    interrupted: false,
  };
  const progress = cli.progress();
  report.interrupted = await untilInterrupted(steps(cli.path(file), options, report), (events) =>
    show(progress, report, events),
  );
  progress.end();
  const { first } = report.tally;
  if (first !== null) report.log = await keep(cli, first.line, options);
  return report;
}

/** What is done in lines; a small file is read at once, so bytes would say nothing. */
function show(progress: Progress, { file, tally, skipped }: FootprintFileReport, events: number): void {
  if (!progress.wanted) return;
  const done = tally.lines + skipped.length;
  const text = `${file}: line ${formatCount(done + 1)}, event ${formatCount(events)}, ${formatCount(tally.failedLines)} failed`;
  progress.report({ done, text });
}

/** Plays a line again with a log. */
async function keep(cli: Cli, line: FootprintLine, options: ValidateOptions): Promise<string> {
  const system = systemFor(line, options);
  const { path, writer } = await keepLog(system.topology, system.traces, cli.path(options.keep));
  runFootprint(system, { writer });
  return path;
}
