/** `granule export`: a log in the formats of other tools. */
import { type Command, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { writeParquet } from '../export/parquet.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { streamWhole, type WriteBytes } from '../sweep/wholeFile.node.ts';
import { type Cli, wholeNumber } from './cli.ts';
import { openLog } from './openLog.ts';

interface ExportOptions {
  to: string;
  out: string;
  from?: number;
  until?: number;
  json?: boolean;
}

/** What a format is made of. */
interface ToExport {
  readonly reader: LogReader;
  /** The events of the part that was asked for, from the first each time. */
  readonly events: () => Iterable<LogRecord>;
}

/** What was written, for people and for `--json`. */
interface Exported {
  readonly events: number;
  readonly bytes: number;
}

/** One format. */
interface ExportFormat {
  readonly about: string;
  readonly write: (work: ToExport, write: WriteBytes) => Exported;
}

/** The formats by name. */
const FORMATS: Readonly<Record<string, ExportFormat>> = {
  parquet: {
    about: 'a table of events for data frames and SQL',
    write: ({ events }, write) => {
      const { rows, bytes } = writeParquet(events, write);
      return { events: rows, bytes };
    },
  },
};

const EXAMPLES = `
Formats:
${Object.entries(FORMATS)
  .map(([name, { about }]) => `  ${name.padEnd(10)}${about}`)
  .join('\n')}

Examples:
  granule export mixed-page-sizes.glog --to parquet --out events.parquet
  granule export mixed-page-sizes.glog --to parquet --out part.parquet --from 1000 --until 2000

--json prints {"out","format","events","bytes"}.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addExport(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addExport(program: Command, cli: Cli): void {
  program
    .command('export')
    .description('write the events of a log in the format of another tool')
    .argument('<LOG>', 'a .glog')
    .addOption(new Option('--to <FORMAT>', 'the format').choices(Object.keys(FORMATS)).makeOptionMandatory())
    .requiredOption('--out <FILE>', 'where to write it')
    .option('--from <SEQ>', 'first event', wholeNumber)
    .option('--until <SEQ>', 'last event', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (log: string, options: ExportOptions) => exportCommand(cli, log, options));
}

async function exportCommand(cli: Cli, log: string, options: ExportOptions): Promise<void> {
  const { to, out, from, until } = options;
  const format = FORMATS[to];
  if (format === undefined) throw new GranuleError('USAGE', `there is no format ${to}`, '--to');
  const reader = await openLog(cli, log, null);
  const work = { reader, events: () => reader.range(from ?? reader.firstSeq, until ?? reader.lastSeq) };
  const { events, bytes } = streamWhole(cli.path(out), (write) => format.write(work, write));
  if (options.json === true) cli.json({ out: cli.path(out), format: to, events, bytes });
  else cli.out.write(`${out}: ${formatCount(events)} events, ${formatBytes(bytes)}\n`);
}
