/** `granule export`: a log in the forms of other tools. */
import { type Command, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { EXPORT_FORMATS, type ExportFormat, exportFormat } from '../export/formats.ts';
import { stretchOf } from '../export/stretch.ts';
import type { LogReader } from '../log/logReader.ts';
import { formatBytes } from '../report/format.ts';
import { writeWholePieces } from '../sweep/wholeFile.node.ts';
import { type SystemView, viewOf } from '../timeline/systemView.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface ExportOptions {
  to?: string;
  out?: string;
  first?: number;
  last?: number;
  actor?: string;
  type?: string;
  traces?: string;
  uses: string[];
}

const EXAMPLES = `
Examples:
  granule export mixed-page-sizes.glog --to perfetto
  granule export mixed-page-sizes.glog --to text --first 100 --last 140 --actor mm:200
  granule export mixed-page-sizes.glog --to dot --first 100 --last 140 --out causes.dot
  granule export mixed-page-sizes.glog --to csv --type FAULT > faults.csv

docs/exports.md says what each form shows.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addExport(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addExport(program: Command, cli: Cli): void {
  const names = EXPORT_FORMATS.map(({ name }) => name);
  program
    .command('export')
    .description('write a log in a form of other tools: Perfetto, Chrome, Mermaid, Graphviz, CSV')
    .argument('<LOG>', 'a .glog')
    .addOption(new Option('--to <FORMAT>', 'the form; without it the ending of --out decides').choices(names))
    .option('--out <FILE>', 'where to write it (default: standard output; a binary form, a file beside the log)')
    .option('--first <SEQ>', 'first event', wholeNumber)
    .option('--last <SEQ>', 'last event', wholeNumber)
    .option('--actor <ID>', 'only what this actor received; in a sequence chart what it sent, too')
    .option('--type <TYPE>', 'only messages of this type')
    .option('--traces <DIR>', `for metrics: ${TRACES_HELP}`)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .addHelpText('after', EXAMPLES)
    .action(async (log: string, options: ExportOptions) => exportCommand(cli, log, options));
}

async function exportCommand(cli: Cli, log: string, options: ExportOptions): Promise<void> {
  const format = formatOf(options);
  const reader = await openLog(cli, log, options.uses);
  const { first: from, last: to, actor, type } = options;
  const view = format.hasMetrics ? viewOrNote(cli, reader, options) : null;
  const pieces = format.pieces(stretchOf(reader, { from, to, actor, type }, view));
  const out = options.out ?? (format.isBinary ? log.replace(/\.glog$/, '') + format.ending : null);
  if (out !== null) {
    let bytes = 0;
    writeWholePieces(
      cli.path(out),
      encoded(pieces, (length) => (bytes += length)),
    );
    cli.out.write(`${out}: ${formatBytes(bytes)}\n`);
    return;
  }
  for (const piece of pieces) {
    if (!cli.out.open) break;
    if (typeof piece === 'string') await cli.out.stream(piece);
  }
}

function formatOf({ to, out }: ExportOptions): ExportFormat {
  const found = exportFormat(to ?? out ?? '');
  if (found !== null) return found;
  const names = EXPORT_FORMATS.map(({ name }) => name).join(', ');
  const what = out === undefined ? 'a form is missing' : `no form has the ending of "${out}"`;
  throw new GranuleError('USAGE', what, 'granule export', `Give --to with one of ${names}.`);
}

/** Metrics are worth having and not worth refusing the events for. */
function viewOrNote(cli: Cli, reader: LogReader, { traces, actor, type }: ExportOptions): SystemView | null {
  if (actor !== undefined || type !== undefined) return null;
  try {
    return viewOf(reader, tracesOf(cli, reader, traces));
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    cli.note(`without metrics: ${error.format()}`);
    return null;
  }
}

function* encoded(
  pieces: Iterable<string | Uint8Array>,
  count: (length: number) => void,
): Generator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece;
    count(bytes.length);
    yield bytes;
  }
}
