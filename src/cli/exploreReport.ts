/** What an exploration came to, in words or as JSON. */
import type { Property } from '../explore/model.ts';
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { Cli } from './cli.ts';
import type { Finding } from './exploreFound.ts';
import type { SearchRun } from './exploreSearch.ts';

/** What is said of a search. */
export interface SearchReport {
  readonly name: string;
  readonly properties: readonly Property<unknown>[];
  /** Properties that could not be looked at, with the reasons. */
  readonly leftOut: readonly string[];
  readonly run: SearchRun;
  readonly findings: readonly Finding[];
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

function verdictOf(property: Property<unknown>, { run: { result } }: SearchReport): string {
  const found = result.discoveries.find((each) => each.property === property.name);
  const within = result.complete ? 'in all that there is' : 'in what was seen';
  if (property.kind === 'sometimes') {
    if (found !== undefined) return `comes about, after ${counted(found.path.keys.length, 'step')}`;
    return `does not come about ${within}`;
  }
  if (result.unjudged.includes(property.name)) return 'was not judged: this search does not look at circles';
  if (property.isVacuous === true) return 'says nothing: what it is about is not in this system';
  if (found === undefined) return `holds ${within}`;
  return `BROKEN after ${counted(found.path.keys.length, 'step')}: ${found.fault}`;
}

function endOf({ complete, stoppedBy }: SearchRun['result']): string {
  if (complete) return 'all of it was seen';
  switch (stoppedBy) {
    case 'discovery':
      return 'it ended at what it found';
    case 'states':
    case 'transitions':
    case 'caller':
      return 'the budget was used up, and what lies behind was not seen';
    case 'depth':
      return 'what lies deeper was not seen';
    default:
      return 'walks see a part of it';
  }
}

/**
 * What came of a search, in one line.
 *
 * @example
 * ```ts
 * const run = { result: exploreAll(classic('lost-update')), search: null, seconds: 1, interrupted: false };
 * outcomeText('lost-update', run).startsWith('lost-update, breadth-first: '); // true
 * ```
 */
export function outcomeText(name: string, { result, seconds }: SearchRun): string {
  const rate = formatRate(result.states / Math.max(seconds, 1e-9), 'states');
  const size = `${counted(result.states, 'state')}, ${counted(result.transitions, 'step')}, depth ${formatCount(result.maxDepth)}`;
  return `${name}, ${result.strategy}: ${size}, in ${formatSeconds(seconds)} (${rate}); ${endOf(result)}`;
}

/**
 * Prints what came of a search.
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const run = { result: exploreAll(model), search: null, seconds: 1, interrupted: false };
 * printSearch(new Cli(textIo('/')), { name: model.name, properties: [], leftOut: [], run, findings: [] });
 * ```
 */
export function printSearch(cli: Cli, report: SearchReport): void {
  const { name, properties, run, findings } = report;
  cli.out.write(`${outcomeText(name, run)}\n`);
  const rows = properties.map((property) => [property.name, verdictOf(property, report)]);
  const livelock = run.result.discoveries.find(({ kind }) => kind === 'livelock');
  if (livelock !== undefined) rows.push(['livelock', `BROKEN: ${livelock.fault}`]);
  if (rows.length > 0) cli.out.write(formatTable(rows, { align: ['left', 'left'], header: false }));
  for (const line of report.leftOut) cli.out.write(`left out: ${line}\n`);
  for (const { account, log } of findings) {
    cli.out.write(`\n${account}`);
    if (log !== null) cli.out.write(`\nits log is ${log}\n`);
  }
}

/**
 * The same as plain data.
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const run = { result: exploreAll(model), search: null, seconds: 1, interrupted: false };
 * jsonOf({ name: model.name, properties: model.properties, leftOut: [], run, findings: [] }).model; // 'lost-update'
 * ```
 */
export function jsonOf({ name, properties, leftOut, run, findings }: SearchReport): Record<string, unknown> {
  const { result, seconds, interrupted } = run;
  return {
    model: name,
    ...result,
    seconds,
    interrupted,
    leftOut,
    properties: properties.map(({ name: property, kind, says, isVacuous = false }) => {
      const found = result.discoveries.find((each) => each.property === property);
      return { property, kind, says, isVacuous, steps: found?.path.keys.length ?? null, fault: found?.fault ?? null };
    }),
    findings: findings.map(({ discovery, shrunk, log }) => ({ ...discovery, shrunk, log })),
  };
}
