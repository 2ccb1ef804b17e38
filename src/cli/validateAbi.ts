/** `granule validate abi`: sequences of calls and accesses, every answer compared with a kernel's. */
import type { Command } from 'commander';
import { formatCount } from '../report/format.ts';
import { AbiTally } from '../validate/abiCompare.ts';
import { abiDesign } from '../validate/abiDesign.ts';
import { type AbiSequence, readAbiFile } from '../validate/abiFile.node.ts';
import { type AbiProgram, abiWorld, type AbiWorld, runAbi } from '../validate/abiRun.ts';
import { keepRun } from '../validate/keepRun.node.ts';
import { type Cli, pageSize } from './cli.ts';
import { untilInterrupted } from './interruption.ts';
import { addValidateOptions, playedOn, validateFiles, type ValidateOptions } from './validateFiles.ts';
import { abiFileJson, abiFileText, type AbiFileReport } from './validateText.ts';

interface AbiOptions extends ValidateOptions {
  kernel?: number;
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
  const command = group
    .command('abi')
    .description('results, errnos, signals, areas, residency and fault counts of sequences of calls')
    .option('--kernel <SIZE>', 'page size of the kernel that answered, over what the file says', pageSize)
    .addHelpText('after', EXAMPLES);
  addValidateOptions(command).action((files: string[], options: AbiOptions) =>
    validateFiles(cli, files, {
      json: options.json === true,
      subject: {
        unit: 'sequences',
        validate: (file) => validateFile(cli, file, options),
        counts: ({ tally }) => ({ all: tally.sequences, failed: tally.failedSequences }),
        text: abiFileText,
        json: abiFileJson,
      },
    }),
  );
}

function programOf({ seq, fileBytes, steps }: AbiSequence): AbiProgram {
  return { name: `seq-${seq}`, fileBytes, actions: steps.map(({ action }) => action) };
}

async function validateFile(cli: Cli, file: string, options: AbiOptions): Promise<AbiFileReport> {
  const tally = new AbiTally();
  const report: AbiFileReport = {
    file,
    worlds: [],
    tally,
    events: 0,
    seconds: 0,
    first: null,
    log: '',
    interrupted: false,
  };
  const design = abiDesign(options.design);
  const read = { readBytes: 0, fileBytes: 0 };
  const worlds = new Map<number, AbiWorld>();
  const differing: { world: AbiWorld; program: AbiProgram }[] = [];
  const progress = cli.progress();
  const started = performance.now();
  report.interrupted = await untilInterrupted(readAbiFile(cli.path(file), read), (sequence) => {
    const pageBytes = options.kernel ?? sequence.kernelPageBytes;
    const world = worlds.get(pageBytes) ?? abiWorld(pageBytes, playedOn(pageBytes, options.on), design);
    worlds.set(pageBytes, world);
    const program = programOf(sequence);
    const { events, first } = tally.add(sequence, runAbi(world, program, { checked: options.checked === true }));
    report.events += events;
    if (first !== null && report.first === null) {
      report.first = first;
      differing.push({ world, program });
    }
    if (progress.wanted) {
      const text = `${file}: ${formatCount(tally.sequences)} sequences, ${formatCount(tally.failedSequences)} failed`;
      progress.report({ done: read.readBytes, total: read.fileBytes, text });
    }
  });
  progress.end();
  report.seconds = (performance.now() - started) / 1000;
  report.worlds = [...worlds.values()];
  for (const { world, program } of differing) report.log = await keepRun(world, program, cli.path(options.keep));
  return report;
}
