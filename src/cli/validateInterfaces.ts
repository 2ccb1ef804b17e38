/** `granule validate interfaces`: fixed questions about page-size-dependent interfaces, every answer compared with a kernel's. */
import type { Command } from 'commander';
import { abiDesign } from '../validate/abiDesign.ts';
import { takeChoices } from '../validate/interfaces/choices.ts';
import { compareColumn, listQuestions } from '../validate/interfaces/interfaces.ts';
import { type Column, readInterfaces } from '../validate/interfaces/interfacesFile.node.ts';
import { type Cli, collect, pageSize } from './cli.ts';
import { playedOn, validateFiles } from './validateFiles.ts';
import { type InterfacesReport, interfacesJson, interfacesText } from './validateInterfacesText.ts';

interface InterfacesOptions {
  on?: number;
  design: string[];
  json?: boolean;
  questions?: boolean;
}

/** The kernel that processes run on where none is named: the one that the proposal is for. */
const KERNEL_PAGE_BYTES = 4096;

const EXAMPLES = `
Examples:
  granule validate interfaces fixtures/oracle/interfaces.json
  granule validate interfaces interfaces.json --on 16K
  granule validate interfaces interfaces.json --on 4K --design pipes=kernel-page

Without --on every answer is compared with the plain kernel of its page size, and with a process of that size on a kernel of 4K
pages. A question that is not understood is counted and named. Exits with 1 when any answer differs or any question is not
understood. docs/validation.md has the format, the grammar of questions, and the choices of --design.`;

/**
 * Adds the subcommand.
 *
 * @example
 * ```ts
 * addValidateInterfaces(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addValidateInterfaces(group: Command, cli: Cli): void {
  group
    .command('interfaces')
    .description('sysconf, sizes, odd addresses, mapped kernel objects, smaps and pagemap: fixed questions')
    .argument('<FILE...>', 'what kernels answered, as JSON: question, kernel, answer')
    .option('--on <SIZE>', 'only as processes on a kernel of this page size', pageSize)
    .option('--design <NAME=VALUE>', 'a choice of docs/validation.md or of the design; may be given again', collect, [])
    .option('--questions', 'print what the model answers to every question')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((files: string[], options: InterfacesOptions) =>
      validateFiles(cli, files, {
        json: options.json === true,
        subject: {
          unit: 'answers',
          validate: (file) => Promise.resolve(validateFile(cli, file, options)),
          counts: countsOf,
          text: (report) => interfacesText(report, options.questions === true),
          json: interfacesJson,
        },
      }),
    );
}

function countsOf({ columns, notUnderstood }: InterfacesReport): { all: number; failed: number } {
  const checks = columns.reduce((sum, column) => sum + column.checks, 0);
  const differences = columns.reduce((sum, column) => sum + column.differences.length, 0);
  return { all: checks + notUnderstood.length, failed: differences + notUnderstood.length };
}

/** The kernels on which a column is compared: its own, and one of small pages; with `--on` that one alone. */
function kernelsFor({ pageBytes }: Column, on: number | undefined): number[] {
  if (on !== undefined) return [playedOn(pageBytes, on)];
  return [...new Set([pageBytes, KERNEL_PAGE_BYTES])];
}

function validateFile(cli: Cli, file: string, options: InterfacesOptions): InterfacesReport {
  const { choices, others } = takeChoices(options.design);
  const design = abiDesign(others);
  const started = performance.now();
  const read = readInterfaces(cli.path(file));
  const list = listQuestions(read.questions.map(({ text }) => text));
  // A column of smaller pages than the kernel of --on has cannot run there, and is passed over.
  const fitting = read.columns.filter(({ pageBytes }) => options.on === undefined || options.on <= pageBytes);
  const first = read.columns.at(-1);
  if (fitting.length === 0 && first !== undefined) playedOn(first.pageBytes, options.on);
  const columns = fitting.flatMap((column) =>
    kernelsFor(column, options.on).map((kernelPageBytes) =>
      compareColumn(read, list, column, { kernelPageBytes, design, choices }),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  const questions = read.questions.length;
  return { file, questions, notUnderstood: list.notUnderstood, columns, seconds, interrupted: false };
}
