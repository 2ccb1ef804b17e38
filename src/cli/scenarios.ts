/** `granule scenarios`: every objection as a question to runs, answered with a verdict and the events behind it. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { formatCount, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { chosenScenarios, readScenarios } from '../scenarios/catalogue.node.ts';
import { expectedOf, expectedText } from '../scenarios/expected.ts';
import { markdownReport } from '../scenarios/report/markdown.ts';
import { sectionOf } from '../scenarios/report/section.ts';
import { runScenarios, type ScenariosRun } from '../scenarios/scenarios.node.ts';
import { type Scenario, scenarioSchemaText } from '../scenarios/schema.ts';
import { figureText } from '../scenarios/sentence.ts';
import { readExpected, writeVerdicts } from '../scenarios/verdictFile.node.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { type Cli, wholeNumber } from './cli.ts';

interface ScenariosOptions {
  out: string;
  from?: string;
  workers?: number;
  expected?: string;
  list?: boolean;
  schema?: boolean;
  figures?: boolean;
  markdown?: boolean;
  json?: boolean;
}

/** More threads than any machine has, and fewer than would take all its memory at once. */
const WORKERS_MAX = 256;
/** A sentence beside a verdict, before it is cut for the table. */
const BECAUSE_CHARACTERS = 96;

const EXAMPLES = `
Examples:
  granule scenarios --list
  granule scenarios S-36 --out pingpong
  granule scenarios --workers 2                    all of them
  granule scenarios S-14 S-15 --figures            every figure of two, with the command that shows it
  granule report granule-scenarios --html out.html

Logs, and verdict.json with the events behind every figure, go to the folder of --out; "granule report" makes pages of it.
Exits with 1 when a verdict is not the one that the scenario expects. docs/scenarios.md says what the verdicts mean.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addScenarios(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addScenarios(program: Command, cli: Cli): void {
  program
    .command('scenarios')
    .description('answer objections by runs: a verdict for each, with the events behind it')
    .argument('[ID...]', 'ids of objections, as S-36 (default: all)')
    .option('--out <DIR>', 'folder for logs and verdicts', 'granule-scenarios')
    .option('--from <DIR>', 'folder with scenarios, in the place of those that come with granule')
    .option('--workers <N>', 'threads (default: one for each core)', workerCount)
    .option('--expected <FILE>', 'put what came of them into the file that documents are made of')
    .option('--list', 'list the questions, and run nothing')
    .option('--schema', 'print the JSON Schema of scenarios')
    .option('--figures', 'print every figure of every step')
    .option('--markdown', 'print the report as Markdown')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((ids: string[], options: ScenariosOptions) => scenarios(cli, ids, options));
}

function workerCount(text: string): number {
  const workers = wholeNumber(text);
  if (workers < 1 || workers > WORKERS_MAX) throw new InvalidArgumentError(`It must be 1 to ${WORKERS_MAX}.`);
  return workers;
}

async function scenarios(cli: Cli, ids: readonly string[], options: ScenariosOptions): Promise<void> {
  if (options.schema === true) {
    cli.out.write(scenarioSchemaText());
    return;
  }
  const all = readScenarios(options.from === undefined ? undefined : cli.path(options.from));
  const chosen = chosenScenarios(all, ids);
  if (options.list === true) {
    const rows = chosen.map(({ id, question, expected }) => ({ id, question, expected }));
    if (options.json === true) cli.json(rows);
    else {
      const cells = rows.map(({ id, expected, question }) => [id, expected, question]);
      cli.out.write(formatTable([['id', 'expected', 'question'], ...cells], { align: ['left', 'left', 'left'] }));
    }
    return;
  }
  const progress = cli.progress({ lines: true });
  const run = await runScenarios({
    chosen,
    all,
    folder: cli.path(options.out),
    workers: options.workers ?? availableParallelism(),
    onDone: (done, total, what) => progress.report({ done, total, text: `${done} of ${total} steps, ${what}` }),
  });
  progress.end();
  writeVerdicts(cli.path(options.out), run.verdicts);
  if (options.expected !== undefined) writeExpected(cli.path(options.expected), run, all);
  const changed = run.verdicts.filter(({ verdict, expected }) => verdict !== expected);
  if (changed.length > 0) cli.exitCode = 1;
  if (options.json === true) cli.json(runJson(run, options.figures === true));
  else if (options.markdown === true) cli.out.write(markdownReport(run.verdicts.map(sectionOf)));
  else if (options.figures === true) cli.out.write(figuresText(run));
  else cli.out.write(runText(run, options.out));
  for (const { id, verdict, expected } of changed) cli.note(`${id}: ${verdict}, and ${expected} was expected`);
}

/** Those that were run take the places of their old ones; the order is that of the catalogue. */
function writeExpected(path: string, { verdicts }: ScenariosRun, all: readonly Scenario[]): void {
  const kept = existsSync(path) ? readExpected(path) : [];
  const known = new Map([...kept, ...verdicts.map(expectedOf)].map((each) => [each.id, each]));
  const ordered = all.flatMap(({ id }) => known.get(id) ?? []);
  writeWhole(path, new TextEncoder().encode(expectedText(ordered)));
}

function runJson({ verdicts, results, tasks, seconds }: ScenariosRun, withFigures: boolean): object {
  if (!withFigures) return { tasks, seconds, verdicts };
  const figures = [...results].map(([id, steps]) => [
    id,
    Object.fromEntries([...steps].map(([step, result]) => [step, result.figures])),
  ]);
  return { tasks, seconds, verdicts, figures: Object.fromEntries(figures) as unknown };
}

function cut(text: string): string {
  return text.length <= BECAUSE_CHARACTERS ? text : `${text.slice(0, BECAUSE_CHARACTERS - 3)}...`;
}

function runText({ verdicts, tasks, seconds }: ScenariosRun, folder: string): string {
  const rows = verdicts.map(({ id, verdict, expected, because }) => {
    return [id, verdict === expected ? verdict : `${verdict}, not ${expected}`, cut(because.text)];
  });
  const counts = new Map<string, number>();
  for (const { verdict } of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const sums = [...counts].map(([verdict, count]) => `${formatCount(count)} ${verdict}`).join(', ');
  return (
    `${formatTable([['id', 'verdict', 'because'], ...rows], { align: ['left', 'left', 'left'] })}\n` +
    `${formatCount(verdicts.length)} scenarios: ${sums}\n` +
    `${formatCount(tasks)} steps in ${formatSeconds(seconds)}; try next: granule report ${folder} --html report.html\n`
  );
}

function figuresText({ results }: ScenariosRun): string {
  const rows = [...results].flatMap(([id, steps]) =>
    [...steps].flatMap(([step, { figures }]) =>
      Object.entries(figures).map(([name, { value, evidence }]) => {
        return [id, `${step}.${name}`, figureText(value), evidence.command];
      }),
    ),
  );
  return formatTable([['id', 'figure', 'value', 'shown by'], ...rows], { align: ['left', 'left', 'right', 'left'] });
}
