/** `granule state`: the state of one actor, or of all, at any event or time. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import { overviewText, stateText } from '../report/stateText.ts';
import { type StateAt, stateAt, statesAt } from '../timeline/state.ts';
import { valueAt } from '../timeline/statePath.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface StateOptions {
  parent: string[];
  uses: string[];
  at?: number;
  time?: number;
  actor?: string;
  path?: string;
  rows: number;
  traces?: string;
  json?: boolean;
}

const DEFAULT_ROWS = 40;

const EXAMPLES = `
Examples:
  granule state mixed-page-sizes.glog                               all actors at the end, a line each
  granule state mixed-page-sizes.glog --at 1000 --actor mm:100      VMAs and counters of one address space
  granule state mixed-page-sizes.glog --time 2000000 --actor tlb:0
  granule state mixed-page-sizes.glog --actor mm:100 --path 'vmas.vmas[0].startVa' --json`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addState(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addState(program: Command, cli: Cli): void {
  program
    .command('state')
    .description('the state of an actor, or of all, after any event')
    .argument('<LOG>', 'a .glog')
    .option('--at <SEQ>', 'after this event (default: the last)', wholeNumber)
    .option('--time <CYCLES>', 'at this virtual time', wholeNumber)
    .option('--actor <ID>', 'one actor: mm:100, mmu:100, tlb:0, zone, file:/lib/libc.so.6, ...')
    .option(
      '--path <PATH>',
      'with --actor: a part of its state, as diff names it: brk, vmas.vmas[startVa=0x400000].prot, ...',
    )
    .option('--rows <N>', 'rows of each table at most', wholeNumber, DEFAULT_ROWS)
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((log: string, options: StateOptions) => state(cli, log, options));
}

async function state(cli: Cli, log: string, options: StateOptions): Promise<void> {
  const reader = await openLog(cli, log, options.uses, options.parent);
  const seq = seqOf(reader, options);
  const traces = tracesOf(cli, reader, options.traces);
  if (options.actor === undefined) {
    if (options.path !== undefined) throw new GranuleError('USAGE', '--path needs an --actor', 'granule state');
    const states = statesAt(reader, traces, seq);
    if (options.json === true) cli.json(states);
    else cli.out.write(overviewText(states));
    return;
  }
  const found = stateAt(reader, traces, seq, options.actor);
  const { recordsDecoded, sectionsOpened } = reader.counters;
  if (options.path !== undefined)
    cli.out.write(`${JSON.stringify(partOf(found, options.path), null, json(options))}\n`);
  else if (options.json === true) cli.json(found);
  else {
    cli.out.write(stateText(found, { rows: options.rows }));
    cli.out.write(`\nfolded ${recordsDecoded} events of ${options.actor}, ${sectionsOpened} sections opened\n`);
  }
}

/** Indentation of JSON: none when a program reads it. */
function json(options: StateOptions): number {
  return options.json === true ? 0 : 2;
}

function seqOf(reader: LogReader, { at, time }: StateOptions): number {
  if (at !== undefined && time !== undefined) {
    throw new GranuleError('USAGE', '--at and --time say the same thing twice', 'granule state', 'Give one of them.');
  }
  if (time !== undefined) return reader.seqAtTime(time);
  return at ?? reader.lastSeq;
}

/** The part of a state that a path names; a path that begins with no part of a state is one into its context. */
function partOf(found: StateAt, path: string): unknown {
  const whole = /^(?:value|status|context)\b/.test(path) ? path : `context.${path}`;
  const value = valueAt(found, whole);
  if (value !== undefined) return value;
  const fields = Object.keys(found.context).filter((name) => name !== 'resources');
  throw new GranuleError('USAGE', `there is nothing at ${whole}`, '--path', `The context holds ${fields.join(', ')}.`);
}
