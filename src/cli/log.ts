/** `granule log`: the events of a log, by actor, type, seq and time. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { recordChangeText } from '../report/changeText.ts';
import { recordHead, recordLine } from '../report/recordText.ts';
import { changesOf } from '../timeline/changes.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface LogOptions {
  parent: string[];
  uses: string[];
  actor?: string;
  type?: string;
  from?: number;
  to?: number;
  since?: number;
  until?: number;
  limit?: number;
  changes?: boolean;
  traces?: string;
  json?: boolean;
}

/** Differences shown for one event; `--json` has all. */
const CHANGES_SHOWN = 12;
const INDENT = ' '.repeat(8);

const EXAMPLES = `
Examples:
  granule log mixed-page-sizes.glog | head
  granule log mixed-page-sizes.glog --actor mm:200 --type FAULT
  granule log mixed-page-sizes.glog --since 2000000 --until 2100000 --json
  granule log mixed-page-sizes.glog --from 990 --to 1000 --changes

--json prints one record a line: {"seq","timeCycles","to","from","cause","type","payload"}, with --changes also
"changes": {"from","to","microsteps","changes","forward","inverse","sent"}, forward and inverse in Immer's patch form.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addLog(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addLog(program: Command, cli: Cli): void {
  program
    .command('log')
    .description('list the events of a log')
    .argument('<LOG>', 'a .glog')
    .option('--actor <ID>', 'events that this actor received')
    .option('--type <TYPE>', 'messages of this type')
    .option('--from <SEQ>', 'first event', wholeNumber)
    .option('--to <SEQ>', 'last event', wholeNumber)
    .option('--since <CYCLES>', 'not before this virtual time', wholeNumber)
    .option('--until <CYCLES>', 'not after this virtual time', wholeNumber)
    .option('--limit <N>', 'events at most', wholeNumber)
    .option('--changes', 'show what each event changed in the state of its receiver, and what it sent')
    .option('--traces <DIR>', `with --changes: ${TRACES_HELP}`)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON lines')
    .addHelpText('after', EXAMPLES)
    .action(async (log: string, options: LogOptions) => logCommand(cli, log, options));
}

async function logCommand(cli: Cli, log: string, options: LogOptions): Promise<void> {
  // Records are read without the definitions that handled them; only what they changed takes these.
  const needsModules = options.changes === true || options.uses.length > 0;
  const reader = await openLog(cli, log, needsModules ? options.uses : null, options.parent);
  checkNames(reader, options);
  if (options.json !== true) await cli.out.stream(`${recordHead()}\n`);
  const lines = options.changes === true ? changeLines(cli, reader, options) : recordLines(reader, options);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  for (const line of lines) {
    if (left <= 0 || !cli.out.open) break;
    left -= 1;
    await cli.out.stream(line);
  }
}

/** A name that the log does not hold would list nothing, and say nothing: more likely it is mistyped. */
function checkNames(reader: LogReader, { actor, type }: LogOptions): void {
  if (actor !== undefined && !reader.actors().some(({ id }) => id === actor)) {
    throw new GranuleError('ACTOR_UNKNOWN', `no event was received by ${actor}`, reader.storage.name);
  }
  if (type !== undefined && !reader.types().some(({ id }) => id === type)) {
    const next = 'Use "granule info LOG" to see the types.';
    throw new GranuleError('USAGE', `the log holds no message ${type}`, '--type', next);
  }
}

/** First and last seq that the options leave. */
function stretchOf(reader: LogReader, options: LogOptions): { from: number; to: number } {
  const { since, until } = options;
  const sinceSeq = since === undefined || since === 0 ? reader.firstSeq : reader.seqAtTime(since - 1) + 1;
  const untilSeq = until === undefined ? reader.lastSeq : reader.seqAtTime(until);
  const from = Math.max(options.from ?? reader.firstSeq, sinceSeq);
  return { from, to: Math.min(options.to ?? reader.lastSeq, untilSeq, reader.lastSeq) };
}

function* recordsOf(reader: LogReader, options: LogOptions): Generator<LogRecord, void, undefined> {
  const { actor, type } = options;
  const { from, to } = stretchOf(reader, options);
  if (actor === undefined) {
    yield* type === undefined ? reader.range(from, to) : reader.byType(type, from, to);
    return;
  }
  for (const record of reader.byActor(actor, from, to)) if (type === undefined || record.type === type) yield record;
}

function* recordLines(reader: LogReader, options: LogOptions): Generator<string, void, undefined> {
  for (const record of recordsOf(reader, options)) {
    yield options.json === true ? `${JSON.stringify(record)}\n` : `${recordLine(record)}\n`;
  }
}

function* changeLines(cli: Cli, reader: LogReader, options: LogOptions): Generator<string, void, undefined> {
  const { from, to } = stretchOf(reader, options);
  if (from > to) return;
  const traces = tracesOf(cli, reader, options.traces);
  for (const change of changesOf(reader, traces, from, to, options.actor)) {
    const { record, ...rest } = change;
    if (options.type !== undefined && record.type !== options.type) continue;
    if (options.json === true) yield `${JSON.stringify({ ...record, changes: rest })}\n`;
    else yield `${recordLine(record)}\n${recordChangeText(change, { lines: CHANGES_SHOWN, indent: INDENT })}`;
  }
}
