/** `granule validate abi`: sequences of calls and accesses, every answer compared with a kernel's. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { abiDesign } from '../validate/abiDesign.ts';
import { AbiTally, type AbiOutcome } from '../validate/abiCompare.ts';
import { type AbiSequence, readAbiFile } from '../validate/abiFile.node.ts';
import { type AbiProgram, abiWorld, type AbiWorld, runAbi } from '../validate/abiRun.ts';
import { keepRun } from '../validate/keepRun.node.ts';
import { type Cli, pageSize } from './cli.ts';
import { untilInterrupted } from './interruption.ts';
import { abiJson, abiText, type AbiReport } from './validateText.ts';

interface AbiOptions {
  on?: number;
  kernel?: number;
  design: string[];
  keep: string;
  checked?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule validate abi abi-64K.ndjson.gz              a plain kernel of the size that the file is of
  granule validate abi abi-64K.ndjson.gz --on 4K      a process of that page size on a kernel of 4K pages
  granule validate abi abi-64K.ndjson.gz --on 4K --design fileTail=kernel-page

The first sequence that differs is run again, and kept with its topology, trace and log in the folder of --keep.
Exits with 1 when any answer differs. docs/validation.md describes the format.`;

/**
 * Adds the subcommand.
 *
 * @example
 * ```ts
 * addValidateAbi(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addValidateAbi(group: Command, cli: Cli): void {
  group
    .command('abi')
    .description('results, errnos, signals, areas, residency and fault counts of sequences of calls')
    .argument('<FILE...>', 'what a kernel answered: .ndjson or .ndjson.gz')
    .option('--on <SIZE>', 'run them as a process of the page size of the file on a kernel of this one', pageSize)
    .option('--kernel <SIZE>', 'page size of the kernel that answered, over what the file says', pageSize)
    .option('--design <NAME=VALUE>', 'a choice of the design (docs/topology.md); may be given again', collect, [])
    .option('--keep <DIR>', 'folder for the run that first differs', 'granule-validate')
    .option('--checked', 'look at the laws of memory and translation after every event')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((files: string[], options: AbiOptions) => validateAbi(cli, files, options));
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value];
}

/** The world for answers of a kernel: that kernel itself, or a process of its page size on another. */
function worldFor(pageBytes: number, { on, design }: AbiOptions): AbiWorld {
  if (on !== undefined && on > pageBytes) {
    const what = `a process of ${formatBytes(pageBytes)} pages cannot run on a kernel of ${formatBytes(on)}`;
    throw new GranuleError('USAGE', what, '--on');
  }
  return abiWorld(pageBytes, on ?? pageBytes, abiDesign(design));
}

function programOf({ seq, fileBytes, steps }: AbiSequence): AbiProgram {
  return { name: `seq-${seq}`, fileBytes, actions: steps.map(({ action }) => action) };
}

async function validateAbi(cli: Cli, files: readonly string[], options: AbiOptions): Promise<void> {
  const report: AbiReport = { files: [], interrupted: false };
  for (const file of files) {
    if (report.interrupted) break;
    await validateFile(cli, file, options, report);
  }
  if (report.interrupted) cli.exitCode = 130;
  else if (report.files.some(({ tally }) => tally.differences > 0)) cli.exitCode = 1;
  if (options.json === true) cli.json(abiJson(report));
  else cli.out.write(abiText(report));
}

async function validateFile(cli: Cli, file: string, options: AbiOptions, report: AbiReport): Promise<void> {
  const progress = cli.progress();
  const read = { readBytes: 0, fileBytes: 0 };
  const tally = new AbiTally();
  let kept: { world: AbiWorld; program: AbiProgram; outcome: AbiOutcome } | null = null;
  const worlds = new Map<number, AbiWorld>();
  const started = performance.now();
  let events = 0;
  const sequences = readAbiFile(cli.path(file), read);
  report.interrupted = await untilInterrupted(sequences, (sequence) => {
    const pageBytes = options.kernel ?? sequence.kernelPageBytes;
    const world = worlds.get(pageBytes) ?? worldFor(pageBytes, options);
    worlds.set(pageBytes, world);
    const program = programOf(sequence);
    const outcome = tally.add(sequence, runAbi(world, program, { checked: options.checked === true }));
    events += outcome.events;
    if (outcome.first !== null) kept ??= { world, program, outcome };
    if (progress.wanted) {
      const text = `${file}: ${formatCount(tally.sequences)} sequences, ${formatCount(tally.failedSequences)} failed`;
      progress.report({ done: read.readBytes, total: read.fileBytes, text });
    }
  });
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  const done = { file, worlds: [...worlds.values()], tally, events, seconds };
  // The closure above is not seen by the analysis of types.
  const first = kept as { world: AbiWorld; program: AbiProgram; outcome: AbiOutcome } | null;
  if (first === null) report.files.push({ ...done, first: null, log: '' });
  else {
    const log = await keepRun(first.world, first.program, cli.path(options.keep));
    report.files.push({ ...done, first: first.outcome.first, log });
  }
}
