/** `granule make-trace`: a trace of one pattern of access, without any program. */
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { formatBytes, formatCount } from '../report/format.ts';
import { type Pattern, PATTERNS, patternTrace } from '../report/patternTrace.ts';
import { parseSize } from '../topology/schema.ts';
import { writeTrace } from '../trace/copyTrace.ts';
import { type Cli, wholeNumber } from './cli.ts';

interface MakeTraceOptions {
  bytes: number;
  accesses: number;
  seed: number;
  out?: string;
  json?: boolean;
}

const PAGE_BYTES = 4096;
/** Each page has its number in memory while the trace is made, and in the file. */
const BYTES_MAX = 2 ** 37;
const DEFAULT_BYTES = 2 ** 30;
const DEFAULT_ACCESSES = 1_000_000;

const EXAMPLES = `
Examples:
  granule make-trace random                              1 GiB, a million accesses: random.gtr
  granule make-trace strided --bytes 64M --out walks.gtr
  granule tlb random.gtr                                 how often each TLB misses`;

function areaSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null || bytes === 0 || bytes % PAGE_BYTES !== 0 || bytes > BYTES_MAX) {
    throw new InvalidArgumentError('It must be whole pages of 4K, up to 128G.');
  }
  return bytes;
}

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addMakeTrace(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addMakeTrace(program: Command, cli: Cli): void {
  program
    .command('make-trace')
    .description('make a page-run trace (.gtr) of one pattern of access')
    .addArgument(new Argument('<PATTERN>', 'where the accesses go').choices(PATTERNS))
    .option('--bytes <SIZE>', 'the memory that is accessed', areaSize, DEFAULT_BYTES)
    .option('--accesses <N>', 'accesses, after each page was written to once', wholeNumber, DEFAULT_ACCESSES)
    .option('--seed <N>', 'seed of the random pattern', wholeNumber, 1)
    .option('--out <FILE>', 'where to write it (default: PATTERN.gtr, in this folder)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (pattern: Pattern, options: MakeTraceOptions) => makeTrace(cli, pattern, options));
}

async function makeTrace(cli: Cli, pattern: Pattern, options: MakeTraceOptions): Promise<void> {
  const { bytes, accesses, seed, out } = options;
  const trace = patternTrace(pattern, { bytes, accesses, seed });
  const name = out ?? `${pattern}.gtr`;
  const written = await writeTrace(trace, cli.path(name));
  if (options.json === true) {
    cli.json(written);
    return;
  }
  const { references, runs, fileBytes, hash } = written;
  cli.out.write(
    `${written.out}: ${formatCount(references)} references in ${formatCount(runs)} runs, ${formatBytes(fileBytes)}\n` +
      `trace hash ${hash}\n` +
      `try next: granule info ${name}; granule tlb ${name}\n`,
  );
}
