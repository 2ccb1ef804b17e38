/** `granule make-trace`: a trace of one pattern of access, without any program. */
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { GranuleError } from '../errors.ts';
import type { RunSource } from '../mm/runs.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { type Pattern, PATTERNS, patternTrace } from '../report/patternTrace.ts';
import { parseSize } from '../topology/schema.ts';
import { writeTrace } from '../trace/copyTrace.ts';
import { patternNames, patternOf, type PatternName } from '../trace/workloads/registry.ts';
import { workloadTrace } from '../trace/workloads/workload.ts';
import { workloadSchema } from '../trace/workloads/workloadSchema.ts';
import { type Cli, pageSize, wholeNumber } from './cli.ts';

interface MakeTraceOptions {
  bytes: number;
  accesses: number;
  seed: number;
  with: string[];
  pageSize?: number;
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
  granule make-trace zipf --bytes 256M --with exponent=1.2 --page-size 64K
  granule make-trace jvm-heap --with youngBytes=64M --with allocatedBytes=1G
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
    .addArgument(new Argument('<PATTERN>', 'what the program does (docs/workloads.md)').choices(patternNames))
    .option('--bytes <SIZE>', 'the memory that is accessed', areaSize, DEFAULT_BYTES)
    .option('--accesses <N>', 'accesses, after each page was written to once', wholeNumber, DEFAULT_ACCESSES)
    .option('--seed <N>', 'seed of what is drawn', wholeNumber, 1)
    .option('--with <NAME=VALUE>', 'an operand of the pattern; may be given again', collected, [])
    .option('--page-size <SIZE>', 'lay it out for processes of this page size', pageSize)
    .option('--out <FILE>', 'where to write it (default: PATTERN.gtr, in this folder)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (pattern: PatternName, options: MakeTraceOptions, command: Command) => {
      const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
      await makeTrace(cli, pattern, options, given);
    });
}

function collected(text: string, before: string[]): string[] {
  return [...before, text];
}

/** Operands that have options of their own, with the names of these. */
const SHORT_OPERANDS = { lengthBytes: 'bytes', accesses: 'accesses', seed: 'seed' } as const;

/** `NAME=VALUE`: a value is JSON where it is, and text otherwise. */
function operand(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at <= 0) throw new GranuleError('USAGE', `"${text}" is no NAME=VALUE`, '--with');
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value)];
  } catch {
    return [text.slice(0, at), value];
  }
}

/** The workload of the options: only what was given, so that the pattern has its own defaults. */
function workloadOf(pattern: PatternName, options: MakeTraceOptions, given: (name: string) => boolean): RunSource {
  const { shape } = patternOf(pattern).operands;
  const operands = new Map<string, unknown>();
  for (const [name, option] of Object.entries(SHORT_OPERANDS)) {
    if (name in shape && name !== 'seed') operands.set(name, options[option]);
    if (!given(option)) continue;
    if (!(name in shape)) throw new GranuleError('USAGE', `${pattern} has no ${name}`, `--${option}`);
    operands.set(name, options[option]);
  }
  for (const [name, value] of options.with.map(operand)) operands.set(name, value);
  const parsed = workloadSchema.safeParse({ ...Object.fromEntries(operands), pattern });
  if (parsed.success) return workloadTrace(parsed.data, options.pageSize ?? PAGE_BYTES);
  const [issue] = parsed.error.issues;
  throw new GranuleError('USAGE', issue?.message ?? 'no such workload', `make-trace ${pattern}`);
}

/** Patterns that there were before others came: without operands of their own they are what they always were. */
function isOfOld(pattern: string, options: MakeTraceOptions): pattern is Pattern {
  return (
    (PATTERNS as readonly string[]).includes(pattern) && options.with.length === 0 && options.pageSize === undefined
  );
}

async function makeTrace(
  cli: Cli,
  pattern: PatternName,
  options: MakeTraceOptions,
  given: (name: string) => boolean,
): Promise<void> {
  const { bytes, accesses, seed, out } = options;
  const trace = isOfOld(pattern, options)
    ? patternTrace(pattern, { bytes, accesses, seed })
    : workloadOf(pattern, options, given);
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
