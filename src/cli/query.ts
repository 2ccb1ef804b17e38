/** `granule query`: the events of a log that an expression holds for, or SQL over them. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import { type Count, countHits } from '../query/counts.ts';
import { compileQuery, type CompiledQuery, namesOf } from '../query/query.ts';
import { type Hit, type QueryOptions as RunOptions, runQuery } from '../query/run.ts';
import { formatCount } from '../report/format.ts';
import { recordHead, recordLine } from '../report/recordText.ts';
import { formatTable } from '../report/table.ts';
import { type SystemView, viewOf } from '../timeline/systemView.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';
import { sqlRows } from './sql.ts';

interface QueryOptions {
  from?: number;
  to?: number;
  limit?: number;
  backwards?: boolean;
  count?: boolean;
  sql?: string;
  traces?: string;
  uses: string[];
  json?: boolean;
}

const ROLE_WIDTH = 13;

const EXAMPLES = `
Examples:
  granule query mixed-page-sizes.glog 'FAULT && payload.access == write'
  granule query mixed-page-sizes.glog "changed(state('mm:200').context.rssAnonPages)" --limit 10
  granule query mixed-page-sizes.glog 'FAULT preceded by TLBI within 1000 cycles'
  granule query mixed-page-sizes.glog 'FRAMES not preceded by ALLOC where from == FRAMES.to within 5 us'
  granule query mixed-page-sizes.glog 'count FAULT by to, payload.access'
  granule query mixed-page-sizes.glog --sql 'SELECT type, count(*) AS n FROM events GROUP BY type ORDER BY n DESC'

docs/query.md has the language. --json prints one event a line: {"seq","timeCycles","to","from","cause","type","payload","with"},
"with" a list of {"role","name","record"}; of a count {"by","count"}; of --sql an object for each row, and of --count {"count"}.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addQuery(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addQuery(program: Command, cli: Cli): void {
  program
    .command('query')
    .description('find events by their fields, by states, and by what came before and after')
    .argument('<LOG>', 'a .glog')
    .argument('[EXPR]', 'the query, in quotes')
    .option('--from <SEQ>', 'first event that is looked at', wholeNumber)
    .option('--to <SEQ>', 'last event that is looked at', wholeNumber)
    .option('--limit <N>', 'events at most', wholeNumber)
    .option('--backwards', 'from the end to the beginning')
    .option('--count', 'print only how many there are')
    .option('--sql <STATEMENT>', 'ask DuckDB, which has to be installed: the tables are events, and hits of EXPR')
    .option('--traces <DIR>', `where the query looks at states: ${TRACES_HELP}`)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--json', 'print JSON lines')
    .addHelpText('after', EXAMPLES)
    .action(async (log: string, text: string | undefined, options: QueryOptions) =>
      queryCommand(cli, log, text, options),
    );
}

/** A query with all that it needs. */
interface Asked {
  readonly query: CompiledQuery;
  readonly view: SystemView | null;
  readonly run: RunOptions;
}

async function queryCommand(cli: Cli, log: string, text: string | undefined, options: QueryOptions): Promise<void> {
  if (text === undefined && options.sql === undefined) {
    throw new GranuleError(
      'USAGE',
      'a query is missing',
      'EXPR',
      'Give one in quotes, or --sql; see granule query --help.',
    );
  }
  // States are folded with the definitions of the modules; the records alone can be looked at without.
  const plain = await openLog(cli, log, text === undefined ? null : options.uses);
  const asked = text === undefined ? null : askedOf(cli, plain, text, options);
  if (options.sql !== undefined) await printSql(cli, plain, asked, options.sql, options.json === true);
  else if (asked !== null && asked.query.query.countBy !== null) printCounts(cli, plain, asked, options.json === true);
  else if (asked !== null && options.count === true) printCount(cli, plain, asked, options.json === true);
  else if (asked !== null) await printHits(cli, plain, asked, options.json === true);
}

function askedOf(cli: Cli, reader: LogReader, text: string, options: QueryOptions): Asked {
  // Read once for whether it needs states, and so traces; then with the names that there are.
  const needsState = compileQuery(text).needsState;
  const view = needsState ? viewOf(reader, tracesOf(cli, reader, options.traces)) : null;
  const { from, to, limit, backwards } = options;
  const run = {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(limit === undefined ? {} : { limit }),
    backwards: backwards === true,
  };
  return { query: compileQuery(text, namesOf(reader, view?.run.actors)), view, run };
}

async function printHits(cli: Cli, reader: LogReader, { query, view, run }: Asked, isJson: boolean): Promise<void> {
  if (!isJson) await cli.out.stream(`${recordHead()}\n`);
  let hits = 0;
  for (const hit of runQuery(reader, view, query, run)) {
    if (!cli.out.open) break;
    hits += 1;
    await cli.out.stream(isJson ? `${JSON.stringify({ ...hit.record, with: hit.with })}\n` : hitText(hit));
  }
  if (hits === 0 && !isJson) cli.note('no event is as asked');
}

function hitText({ record, with: related }: Hit): string {
  const lines = related.map((one) => `  ${one.role.padEnd(ROLE_WIDTH)}${recordLine(one.record).trimStart()}`);
  return `${[recordLine(record), ...lines].join('\n')}\n`;
}

function printCount(cli: Cli, reader: LogReader, { query, view, run }: Asked, isJson: boolean): void {
  let count = 0;
  for (const _ of runQuery(reader, view, query, run)) count += 1;
  if (isJson) cli.json({ count });
  else cli.out.write(`${formatCount(count)}\n`);
}

function printCounts(cli: Cli, reader: LogReader, { query, view, run }: Asked, isJson: boolean): void {
  const { limit = Number.POSITIVE_INFINITY, ...all } = run;
  const counts = countHits(reader, view, query, all).slice(0, limit);
  if (isJson) {
    for (const { by, count } of counts)
      cli.json({ by: Object.fromEntries(by.map(({ name, value }) => [name, value])), count });
    return;
  }
  const head = ['count', ...(query.query.countBy ?? []).map(({ text }) => text)];
  cli.out.write(
    formatTable([head, ...counts.map(countRow)], { align: ['right', ...head.slice(1).map(() => 'left' as const)] }),
  );
}

function countRow({ by, count }: Count): string[] {
  return [
    formatCount(count),
    ...by.map(({ value }) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))),
  ];
}

async function printSql(
  cli: Cli,
  reader: LogReader,
  asked: Asked | null,
  statement: string,
  isJson: boolean,
): Promise<void> {
  const hits = asked === null ? null : runQuery(reader, asked.view, asked.query, asked.run);
  const { names, rows } = await sqlRows(reader, hits, statement);
  if (isJson) {
    for (const row of rows)
      await cli.out.stream(`${JSON.stringify(Object.fromEntries(names.map((name, at) => [name, row[at]])))}\n`);
    return;
  }
  const cells = rows.map((row) => row.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))));
  const align = names.map((_, at) =>
    rows.some((row) => typeof row[at] === 'string') ? ('left' as const) : ('right' as const),
  );
  cli.out.write(formatTable([names, ...cells], { align }));
}
