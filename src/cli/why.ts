/** `granule why`: what led to an event, and what came of it. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { formatCount } from '../report/format.ts';
import { changeLine } from '../report/changeText.ts';
import { recordHead, recordLine } from '../report/recordText.ts';
import { type LastChange, lastChange } from '../timeline/lastChange.ts';
import { causeChain, effects } from '../timeline/why.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface WhyOptions {
  parent: string[];
  uses: string[];
  effects?: boolean;
  actor?: string;
  path?: string;
  traces?: string;
  depth: number;
  limit: number;
  json?: boolean;
}

const DEFAULT_DEPTH = 4;
const DEFAULT_LIMIT = 1000;

const EXAMPLES = `
Examples:
  granule why mixed-page-sizes.glog 1000              from the event back to the message from outside
  granule why mixed-page-sizes.glog 1000 --effects    and what it caused, four messages deep
  granule why mixed-page-sizes.glog 1000 --actor mm:100 --path context.brk
                                                      what last changed a value, and why`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addWhy(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addWhy(program: Command, cli: Cli): void {
  program
    .command('why')
    .description('the chain of causes that led to an event')
    .argument('<LOG>', 'a .glog')
    .argument('<SEQ>', 'the event', wholeNumber)
    .option('--effects', 'show what came of the event, too')
    .option('--actor <ID>', 'with --path: whose state')
    .option('--path <PATH>', 'why a value is what it is after SEQ: begin at the event that last changed it')
    .option('--traces <DIR>', `with --path: ${TRACES_HELP}`)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--depth <N>', 'with --effects: how many messages deep', wholeNumber, DEFAULT_DEPTH)
    .option('--limit <N>', 'events of the chain, and of the effects, at most', wholeNumber, DEFAULT_LIMIT)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((log: string, seq: number, options: WhyOptions) => why(cli, log, seq, options));
}

async function why(cli: Cli, log: string, asked: number, options: WhyOptions): Promise<void> {
  const reader = await openLog(cli, log, options.uses, options.parent);
  const changed = options.path === undefined ? null : changeOf(cli, reader, asked, options);
  const seq = changed?.record.seq ?? asked;
  const chain = causeChain(reader, seq, options.limit);
  const caused = options.effects === true ? effects(reader, seq, options.depth, options.limit) : null;
  if (options.json === true) {
    cli.json({ ...(changed === null ? {} : { changed }), causes: chain, ...(caused === null ? {} : caused) });
    return;
  }
  if (changed !== null) {
    const { before, after } = changed;
    const line = changeLine({ path: options.path ?? '', kind: 'changed', before, after });
    cli.out.write(`seq ${seq} last changed it: ${line}\n\n`);
  }
  cli.out.write(`${recordHead()}\n`);
  for (const record of chain) cli.out.write(`${recordLine(record)}\n`);
  cli.out.write(`${chainEnd(chain, options.limit)}\n`);
  if (caused === null) return;
  cli.out.write(`\n${formatCount(caused.effects.length)} effects, ${options.depth} messages deep\n`);
  for (const { record, depth } of caused.effects) {
    cli.out.write(`${String(depth).padStart(2)} ${'  '.repeat(depth - 1)}${recordLine(record)}\n`);
  }
  if (caused.isCut) cli.out.write('and more: --limit shows them\n');
}

function changeOf(cli: Cli, reader: LogReader, seq: number, { actor, path = '', traces }: WhyOptions): LastChange {
  if (actor === undefined) throw new GranuleError('USAGE', '--path needs an --actor', 'granule why');
  const found = lastChange(reader, tracesOf(cli, reader, traces), actor, path, seq);
  if (found !== null) return found;
  const what = `${path} of ${actor} is still at seq ${seq} what it was at the beginning`;
  throw new GranuleError('USAGE', what, '--path', 'Ask about a later seq, or another value.');
}

function chainEnd(chain: readonly LogRecord[], limit: number): string {
  const last = chain.at(-1);
  if (last !== undefined && last.cause >= 0 && chain.length >= limit) return `and on from seq ${last.cause}`;
  return `from outside: ${formatCount(chain.length)} events in the chain`;
}
