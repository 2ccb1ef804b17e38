/** What an exploration came to, in words or as JSON. */
import type { Discovery, Property } from '../explore/model.ts';
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { Cli } from './cli.ts';
import type { FoundLog } from './exploreFound.ts';
import type { SearchRun } from './exploreSearch.ts';

/** What is said of a search. */
export interface SearchReport {
  readonly name: string;
  readonly properties: readonly Property<unknown>[];
  readonly run: SearchRun;
  /** Logs of what was found, by property. */
  readonly logs: ReadonlyMap<string, FoundLog>;
  readonly json: boolean;
}

function verdictOf(property: Property<unknown>, { run: { result } }: SearchReport): string {
  const found = result.discoveries.find((each) => each.property === property.name);
  const within = result.complete ? 'in all that there is' : 'in what was seen';
  if (property.kind === 'sometimes') {
    if (found !== undefined) return `comes about, after ${formatCount(found.path.keys.length)} steps`;
    return `does not come about ${within}`;
  }
  if (found === undefined) return `holds ${within}`;
  return `BROKEN after ${formatCount(found.path.keys.length)} steps: ${found.fault}`;
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
 * Prints what came of a search.
 *
 * @example
 * ```ts
 * const cli = new Cli(textIo('/'));
 * const { model } = await openModel({ what: 'classic:lost-update', cwd: '/' });
 * const run = await searchShown(cli, { model, options: {}, budget: { seconds: null, states: 100 }, label: '' });
 * printSearch(cli, { name: model.name, properties: model.properties, run, logs: new Map(), json: true });
 * ```
 */
export function printSearch(cli: Cli, report: SearchReport): void {
  const { name, properties, run, logs } = report;
  const { result, seconds } = run;
  if (report.json) {
    cli.json(jsonOf(report));
    return;
  }
  const rate = formatRate(result.states / Math.max(seconds, 1e-9), 'states');
  const size = `${formatCount(result.states)} states, ${formatCount(result.transitions)} steps, depth ${formatCount(result.maxDepth)}`;
  cli.out.write(`${name}, ${result.strategy}: ${size}, in ${formatSeconds(seconds)} (${rate}); ${endOf(result)}\n`);
  const rows = properties.map((property) => [property.name, verdictOf(property, report)]);
  const livelock = result.discoveries.find(({ kind }) => kind === 'livelock');
  if (livelock !== undefined) rows.push(['livelock', `BROKEN: ${livelock.fault}`]);
  cli.out.write(formatTable(rows, { align: ['left', 'left'], header: false }));
  for (const discovery of result.discoveries) {
    const log = logs.get(discovery.property);
    if (log !== undefined) cli.out.write(`\n${nextCommands(discovery, log)}`);
  }
}

function nextCommands({ property }: Discovery, { path, lastSeq }: FoundLog): string {
  return [
    `${property}: the way there is in ${path}, its last event is ${lastSeq}`,
    `  granule debug ${path} -e "goto ${lastSeq}"`,
    `  granule inspect ${path}`,
    `  granule replay ${path}`,
    '',
  ].join('\n');
}

function jsonOf({ name, properties, run, logs }: SearchReport): unknown {
  const { result, seconds, interrupted } = run;
  return {
    model: name,
    ...result,
    seconds,
    interrupted,
    properties: properties.map(({ name: property, kind, says }) => {
      const found = result.discoveries.find((each) => each.property === property);
      return { property, kind, says, steps: found?.path.keys.length ?? null, fault: found?.fault ?? null };
    }),
    logs: [...logs].map(([property, { path, lastSeq }]) => ({ property, path, lastSeq })),
  };
}
