/** `granule abi-report`: what a program's recorded calls would meet in a process of larger pages. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { abiReport } from '../report/abiReport/report.ts';
import { abiReportText } from '../report/abiReportText.ts';
import { inputError } from '../trace/gtrReader.ts';
import { openAnyTrace } from '../trace/rawTrace.ts';
import { eventsOfTrace, type RecordedEvent } from '../trace/recordedCalls.ts';
import { eventsOfStrace } from '../trace/strace/calls.ts';
import { looksLikeStrace } from '../trace/strace/text.ts';
import { type Cli, layoutSize } from './cli.ts';
import { showImport } from './importProgress.ts';

interface AbiReportOptions {
  page: 16384 | 65536;
  all?: boolean;
  json?: boolean;
}

/** Lines that are looked at to tell strace's text. */
const HEAD_LINES = 50;
/** Kinds of finding that are listed without --all. */
const GROUPS_SHOWN = 12;

const EXAMPLES = `
Examples:
  strace -f -o prog.strace prog; granule abi-report prog.strace
  granule abi-report fixtures/strace/sort.strace.gz --page 16K
  granule abi-report fixtures/traces/git-log-kernel.gtr --json

odd address: no whole page as recorded. chosen by kernel: would be one, since another kernel would have chosen
another place. asks: the caller is known to compute with the page size (thread stacks, malloc).`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addAbiReport(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addAbiReport(program: Command, cli: Cli): void {
  program
    .command('abi-report')
    .description('which recorded calls a larger page size would refuse or answer otherwise')
    .argument('<FILE...>', 'text of strace (-f), a .gtr, or trace text; gzipped or not; several of strace -ff')
    .option('--page <SIZE>', 'page size of the process: 16K or 64K', layoutSize, 65536)
    .option('--all', 'list every kind of finding')
    .option('--json', 'print JSON, with every finding')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], options: AbiReportOptions) => report(cli, files, options));
}

async function report(cli: Cli, files: readonly string[], options: AbiReportOptions): Promise<void> {
  const events: RecordedEvent[] = [];
  for (const file of files) {
    const path = cli.path(file);
    const read = (await straceEvents(path)) ?? (await traceEvents(cli, path));
    events.push(...(files.length === 1 ? read : apart(read, file, events)));
  }
  const made = abiReport(events, options.page);
  if (options.json === true) cli.json(made);
  else cli.out.write(abiReportText(made, options.all === true ? Number.MAX_SAFE_INTEGER : GROUPS_SHOWN));
}

async function traceEvents(cli: Cli, path: string): Promise<RecordedEvent[]> {
  const progress = cli.progress();
  const trace = await openAnyTrace(path, { progress: showImport(progress) });
  try {
    return eventsOfTrace(trace);
  } finally {
    progress.end();
    trace.close();
  }
}

/** The events of one file of several: its address spaces are not those of the others, and its places name it. */
function apart(events: readonly RecordedEvent[], file: string, before: readonly RecordedEvent[]): RecordedEvent[] {
  const base = before.reduce((most, event) => Math.max(most, event.space, event.kind === 'fork' ? event.child : 0), 0);
  return events.map((event) => {
    const moved = { ...event, space: event.space + base, place: `${basename(file)}, ${event.place}` };
    return moved.kind === 'fork' ? { ...moved, child: moved.child + base } : moved;
  });
}

/** The events of strace's text; null where the file is something else. */
async function straceEvents(path: string): Promise<RecordedEvent[] | null> {
  const lines: string[] = [];
  try {
    for await (const line of createInterface({ input: textOf(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      lines.push(line);
      if (lines.length === HEAD_LINES && !looksLikeStrace(lines)) return null;
    }
  } catch (error) {
    // What is no gzip text either is told by whoever opens it as a trace.
    if (error instanceof Error && ((error as Error & { code?: string }).code ?? '').startsWith('Z_')) return null;
    throw inputError(error, path);
  }
  if (!looksLikeStrace(lines.slice(0, HEAD_LINES))) return null;
  const { events, strange } = eventsOfStrace(lines);
  if (strange > lines.length / 2) {
    throw new GranuleError('TRACE_MALFORMED', `${strange} of ${lines.length} lines are no text of strace`, path);
  }
  return events;
}

function textOf(path: string): Readable {
  const file = createReadStream(path);
  if (!path.endsWith('.gz')) return file;
  const text = new PassThrough();
  file.on('error', (error) => text.destroy(error));
  const unzipped = createGunzip();
  unzipped.on('error', (error) => text.destroy(error));
  file.pipe(unzipped).pipe(text);
  return text;
}
