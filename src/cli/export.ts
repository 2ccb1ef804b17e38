/** `granule export`: a log in the forms of other tools. */
import { type Command, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { EXPORT_FORMATS, type ExportFormat, exportFormat } from '../export/formats.ts';
import { stretchOf, type ToExport } from '../export/stretch.ts';
import type { LogReader } from '../log/logReader.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { streamWhole, type WriteBytes } from '../sweep/wholeFile.node.ts';
import { type SystemView, viewOf } from '../timeline/systemView.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface ExportOptions {
  to?: string;
  out?: string;
  from?: number;
  until?: number;
  actor?: string;
  type?: string;
  traces?: string;
  uses: string[];
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule export mixed-page-sizes.glog --to perfetto
  granule export mixed-page-sizes.glog --to text --from 100 --until 140 --actor mm:200
  granule export mixed-page-sizes.glog --to dot --from 100 --until 140 --out causes.dot
  granule export mixed-page-sizes.glog --to csv --type FAULT > faults.csv
  granule export mixed-page-sizes.glog --to parquet --out events.parquet

--json prints {"out","format","events","bytes"}; docs/exports.md says what each form shows.`;

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
    .description('write a log in a form of other tools: Perfetto, Chrome, Mermaid, Graphviz, CSV, Parquet')
    .argument('<LOG>', 'a .glog')
    .addOption(new Option('--to <FORMAT>', 'the form; without it the ending of --out decides').choices(names))
    .option('--out <FILE>', 'where to write it (default: standard output; a binary form, a file beside the log)')
    .option('--from <SEQ>', 'first event', wholeNumber)
    .option('--until <SEQ>', 'last event', wholeNumber)
    .option('--actor <ID>', 'only what this actor received; in a sequence chart what it sent, too')
    .option('--type <TYPE>', 'only messages of this type')
    .option('--traces <DIR>', `for metrics: ${TRACES_HELP}`)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--json', 'with a file: print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (log: string, options: ExportOptions) => exportCommand(cli, log, options));
}

async function exportCommand(cli: Cli, log: string, options: ExportOptions): Promise<void> {
  const format = formatOf(options);
  const reader = await openLog(cli, log, format.hasMetrics ? options.uses : null);
  const { from, until: to, actor, type } = options;
  const view = format.hasMetrics ? viewOrNote(cli, reader, options) : null;
  const toExport = stretchOf(reader, { from, to, actor, type }, view);
  const out = options.out ?? (format.isBinary ? log.replace(/\.glog$/, '') + format.ending : null);
  if (out === null) return printed(cli, format, toExport);
  const bytes = streamWhole(cli.path(out), (write) => written(format, toExport, write));
  const { events } = toExport.tally;
  if (options.json === true) cli.json({ out: cli.path(out), format: format.name, events, bytes });
  else cli.out.write(`${out}: ${formatCount(events)} events, ${formatBytes(bytes)}\n`);
}

async function printed(cli: Cli, format: ExportFormat, toExport: ToExport): Promise<void> {
  for (const piece of format.pieces?.(toExport) ?? []) {
    if (!cli.out.open) break;
    if (typeof piece === 'string') await cli.out.stream(piece);
  }
}

/** Bytes that are gathered before they are written: small writes cost more than the work itself. */
const CHUNK_BYTES = 1 << 18;

/** Writes a form to a file; gives its bytes. */
function written(format: ExportFormat, toExport: ToExport, write: WriteBytes): number {
  let bytes = 0;
  const counted = (piece: Uint8Array): void => {
    bytes += piece.length;
    write(piece);
  };
  if (format.write !== undefined) {
    format.write(toExport, counted);
    return bytes;
  }
  const chunk = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  const encoder = new TextEncoder();
  for (const piece of format.pieces?.(toExport) ?? []) {
    const part = typeof piece === 'string' ? encoder.encode(piece) : piece;
    if (length + part.length > CHUNK_BYTES) {
      counted(chunk.subarray(0, length));
      length = 0;
    }
    if (part.length >= CHUNK_BYTES) counted(part);
    else chunk.set(part, length);
    if (part.length < CHUNK_BYTES) length += part.length;
  }
  counted(chunk.subarray(0, length));
  return bytes;
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
