/** `granule tlb`: the TLBs alone over a trace. */
import { type Command, Option } from 'commander';
import { corePresets, findCore } from '../arch/cores.ts';
import { invariant } from '../errors.ts';
import { formatCount, formatPageSize } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { runTlbOnly, type TlbOnlyCounts } from '../report/tlbOnly.ts';
import { openAnyTrace } from '../trace/rawTrace.ts';
import { type Cli, pageSize } from './cli.ts';
import { showImport } from './importProgress.ts';

interface TlbOptions {
  page?: number;
  core: string;
  format?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule tlb fixtures/traces/true-kernel.gtr
  granule tlb recorded.lackey.gz --page 64K --core neoverse-n1 --json
  zcat recorded.lackey.gz | granule tlb - --page 16K

--json prints one object {"references","l1i","l1d","l2"} with --page, and one such object by page size without.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addTlb(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addTlb(program: Command, cli: Cli): void {
  program
    .command('tlb')
    .description('run a trace through the TLBs of a core alone: no tables, no faults, every miss filled at once')
    .argument('<FILE>', 'a .gtr, or trace text, gzipped or not; - for standard input')
    .option('--page <SIZE>', 'page size of the process: 4K, 16K or 64K (default: all three)', pageSize)
    .addOption(new Option('--core <PRESET>', 'whose TLBs').choices(Object.keys(corePresets)).default('tlb-reference'))
    .option('--format <NAME>', 'format of trace text: lackey, perf-script or plain (default: by its first lines)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: TlbOptions) => tlb(cli, file, options));
}

async function tlb(cli: Cli, file: string, options: TlbOptions): Promise<void> {
  const core = findCore(options.core);
  invariant(core !== null, `there is a core ${options.core}`);
  const progress = cli.progress();
  const trace = await openAnyTrace(cli.path(file), { format: options.format, progress: showImport(progress) });
  try {
    const sizes = options.page === undefined ? core.granules : [options.page];
    const counts = sizes.map((pageBytes) => {
      const text = `${formatPageSize(pageBytes)} pages`;
      const onProgress = (done: number): void => progress.report({ done, total: trace.runs, text });
      return runTlbOnly(trace, core, pageBytes, { onProgress });
    });
    progress.end();
    if (options.json !== true) cli.out.write(countsTable(sizes, counts));
    else if (options.page === undefined) cli.json(Object.fromEntries(sizes.map((size, at) => [size, counts[at]])));
    else cli.json(counts[0]);
  } finally {
    trace.close();
  }
}

function countsTable(sizes: readonly number[], counts: readonly TlbOnlyCounts[]): string {
  const row = (name: string, cell: (count: TlbOnlyCounts) => number): string[] => {
    return [name, ...counts.map((count) => formatCount(cell(count)))];
  };
  return formatTable([
    ['page size', ...sizes.map(formatPageSize)],
    row('references', (count) => count.references),
    row('L1I accesses', (count) => count.l1i.accesses),
    row('L1I misses', (count) => count.l1i.misses),
    row('L1D accesses', (count) => count.l1d.accesses),
    row('L1D misses', (count) => count.l1d.misses),
    row('L2 accesses', (count) => count.l2.accesses),
    row('L2 misses', (count) => count.l2.misses),
  ]);
}
