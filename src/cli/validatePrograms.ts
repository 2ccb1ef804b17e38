/** `granule validate programs`: whole recorded programs, faults and resident memory beside what wait4 told on real kernels. */
import type { Command } from 'commander';
import { formatCount, formatPageSize, formatSeconds } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { abiDesign } from '../validate/abiDesign.ts';
import { readAnswers, type ReadProgress } from '../validate/ndjson.node.ts';
import { compareProgram, PROGRAM_TOLERANCE, type ProgramOutcome } from '../validate/programs/programCompare.ts';
import { parseProgramLine, type ProgramLine } from '../validate/programs/programLine.ts';
import { type ProgramAnswers, runProgram } from '../validate/programs/programRun.ts';
import { ProgramShelf } from '../validate/programs/programTraces.node.ts';
import { type Cli, collect, pageSize } from './cli.ts';
import { untilInterrupted } from './interruption.ts';
import { type FileReport, playedOn, validateFiles } from './validateFiles.ts';

const PROGRAM_CHARACTERS = 36;
const PERCENT = 100;

interface ValidateProgramsOptions {
  on?: number;
  design: string[];
  traces?: string;
  json?: boolean;
}

/** What came of one file. */
interface ProgramsFileReport extends FileReport {
  file: string;
  outcomes: ProgramOutcome[];
  /** Commands that no recording is there of, with how many lines each has. */
  skipped: Map<string, number>;
  read: ReadProgress;
  events: number;
  seconds: number;
}

const EXAMPLES = `
Examples:
  granule validate programs programs.ndjson           each program on a plain kernel of its page size
  granule validate programs programs.ndjson --on 4K   16K and 64K as processes of that page size on a kernel of 4K pages

Here readOrder is process-page unless --design says otherwise. Each program was recorded whole with 4K pages and is laid out again
for the others; it runs twice, with a cold page cache and with what the first run left. Exits with 1 when a figure differs by more
than ${PROGRAM_TOLERANCE * PERCENT}%. docs/validation.md tells what is in the rest.`;

/**
 * Adds the subcommand.
 *
 * @example
 * ```ts
 * addValidatePrograms(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addValidatePrograms(group: Command, cli: Cli): void {
  group
    .command('programs')
    .description('minor faults and peak resident size of whole programs, cold and warm')
    .argument('<FILE...>', 'what kernels answered: .ndjson or .ndjson.gz')
    .option('--on <SIZE>', 'run them as processes of the page size of the line on a kernel of this one', pageSize)
    .option('--design <NAME=VALUE>', 'a choice of the design (docs/topology.md); may be given again', collect, [])
    .option('--traces <DIR>', 'folder with recordings and their programs.json (default: those of granule)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((files: string[], options: ValidateProgramsOptions) =>
      validateFiles(cli, files, {
        json: options.json === true,
        subject: {
          unit: 'lines',
          validate: (file) => validateFile(cli, file, options),
          counts: ({ outcomes }) => ({
            all: outcomes.length,
            failed: outcomes.filter(({ passed }) => !passed).length,
          }),
          text: fileText,
          json: fileJson,
        },
      }),
    );
}

async function validateFile(cli: Cli, file: string, options: ValidateProgramsOptions): Promise<ProgramsFileReport> {
  const report: ProgramsFileReport = {
    file,
    outcomes: [],
    skipped: new Map(),
    read: { readBytes: 0, fileBytes: 0 },
    events: 0,
    seconds: 0,
    interrupted: false,
  };
  const progress = cli.progress();
  report.interrupted = await untilInterrupted(steps(cli, file, options, report), (lines) =>
    progress.report({ done: lines, text: `${file}: line ${formatCount(lines)}` }),
  );
  progress.end();
  return report;
}

/** Goes through a file, a line at a time. Cold and warm lines of a program come out of one run. */
async function* steps(
  cli: Cli,
  file: string,
  { on, design, traces }: ValidateProgramsOptions,
  report: ProgramsFileReport,
): AsyncGenerator<number, void, undefined> {
  const shelf = new ProgramShelf(traces === undefined ? undefined : cli.path(traces));
  // As for workloads: what agrees with a kernel of the page size of the process, unless something else is asked for.
  const choices = abiDesign(['readOrder=process-page', ...design]);
  const runs = new Map<string, ProgramAnswers>();
  const started = performance.now();
  for await (const at of readAnswers(cli.path(file), report.read)) {
    const line = parseProgramLine(at);
    const recorded = shelf.tracesOf(line.program, line.pageBytes);
    if (recorded === null) {
      report.skipped.set(line.program, (report.skipped.get(line.program) ?? 0) + 1);
      continue;
    }
    const { pageBytes, thpAlwaysBytes } = line;
    const key = JSON.stringify([line.program, pageBytes, thpAlwaysBytes]);
    const setting = { kernelPageBytes: playedOn(pageBytes, on), pageBytes, thpAlwaysBytes, design: choices };
    const known = runs.get(key);
    const answers = known ?? runProgram(recorded, setting);
    if (known === undefined) report.events += answers.events;
    runs.set(key, answers);
    report.outcomes.push(compareProgram(line, answers[line.cache], answers.ends));
    report.seconds = (performance.now() - started) / 1000;
    yield at.line;
  }
}

function shortened(program: string): string {
  const name = program.replace(/^\/usr\/bin\//, '');
  return name.length <= PROGRAM_CHARACTERS ? name : `${name.slice(0, PROGRAM_CHARACTERS - 3)}...`;
}

function kernelText({ pageBytes, thpAlwaysBytes }: ProgramLine): string {
  return formatPageSize(pageBytes) + thpAlwaysBytes.map((bytes) => `+mthp${bytes / 1024}`).join('');
}

function fileText({ file, outcomes, skipped, events, seconds }: ProgramsFileReport): string {
  const cell = ({ checks }: ProgramOutcome, field: string): string[] => {
    const check = checks.find((one) => one.field === field);
    if (check === undefined) return ['', '', ''];
    const { kernel, model, deviation, agrees } = check;
    const sign = deviation > 0 ? '+' : '';
    const percent = `${sign}${(deviation * PERCENT).toFixed(1)}%${agrees ? '' : ' !'}`;
    return [formatCount(kernel), formatCount(model), percent];
  };
  const head = ['program', 'kernel', 'cache', 'minflt', 'model', '', 'maxRssKB', 'model', '', 'majflt', 'model'];
  const rows = outcomes.map((outcome) => [
    shortened(outcome.line.program),
    kernelText(outcome.line),
    outcome.line.cache,
    ...cell(outcome, 'minflt'),
    ...cell(outcome, 'maxRssKB'),
    formatCount(outcome.line.answer.majflt ?? 0),
    formatCount(outcome.model.majflt ?? 0),
  ]);
  const ends = [...new Set(outcomes.flatMap((outcome) => outcome.ends))].map((end) => `${end}\n`);
  const left = [...skipped].map(
    ([program, lines]) => `skipped ${formatCount(lines)} of ${shortened(program)}: not recorded\n`,
  );
  const amount = `${file}: ${formatCount(outcomes.length)} lines, ${formatCount(events)} events in ${formatSeconds(seconds)}`;
  const table = formatTable([head, ...rows], { align: ['left', 'left', 'left'] });
  return `${amount}\n\n${table}\n${ends.join('')}${left.join('')}`;
}

function fileJson({ file, outcomes, skipped, events }: ProgramsFileReport): unknown {
  const lines = outcomes.map(({ line, checks, model, ends, passed }) => {
    const { program, pageBytes, thpAlwaysBytes, cache } = line;
    return { line: line.line, program, pageBytes, thpAlwaysBytes, cache, checks, model, ends, passed };
  });
  return { file, events, lines, skipped: Object.fromEntries(skipped) };
}
