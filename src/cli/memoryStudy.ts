/** `granule memory-study`: what page sizes cost in memory, for real trees of files and real programs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { type FileTree } from '../report/memoryStudy/fileTree.ts';
import { type MixRow, studyMix } from '../report/memoryStudy/processMix.ts';
import { publishedReserves, type ReserveRow } from '../report/memoryStudy/reserves.ts';
import { againstPublished, type PublishedCheck, studyTree, type TreeStudy } from '../report/memoryStudy/study.ts';
import { storedTrees, treeOfFolder } from '../report/memoryStudy/treeFiles.node.ts';
import { formatTable } from '../report/table.ts';
import { fixturesFolder } from '../topology/fixtures.node.ts';
import { openTrace } from '../trace/gtrReader.ts';
import { laidOutFor } from '../trace/relayout.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';

/** Programs are laid out for this page size in every design. */
const LAYOUT_BYTES = 65536;
const PERCENT = 100;
const KERNEL_TREE = 'linux-6.12';

interface MemoryStudyOptions {
  processes: string[];
  json?: boolean;
}

/** What a study found. */
interface Study {
  trees: TreeStudy[];
  published: PublishedCheck | null;
  reserves: ReserveRow[];
  mix: MixRow[];
}

const EXAMPLES = `
Examples:
  granule memory-study                                 trees that come with granule: a kernel source, /usr, /etc
  granule memory-study /usr /srv                       trees of this machine
  granule memory-study /etc --processes nginx=8 --processes sort=2

Files are taken as cached whole. docs/memory-study.md says what the rows mean, and how they compare with published figures.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addMemoryStudy(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addMemoryStudy(program: Command, cli: Cli): void {
  program
    .command('memory-study')
    .description('page cache of real file trees and memory of real programs at each page size, and under each policy')
    .argument('[DIR...]', 'folders of this machine (default: the trees that come with granule)')
    .option('--processes <TRACE=COUNT>', 'so many processes of a recorded program; may be given again', collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((folders: string[], options: MemoryStudyOptions) => memoryStudy(cli, folders, options));
}

function memoryStudy(cli: Cli, folders: readonly string[], options: MemoryStudyOptions): void {
  const stored = storedTrees();
  const trees: FileTree[] = folders.length === 0 ? stored : folders.map((folder) => treeOfFolder(cli.path(folder)));
  const kernel = trees.find(({ name }) => name === KERNEL_TREE);
  const study: Study = {
    trees: trees.map(studyTree),
    published: kernel === undefined ? null : againstPublished(kernel),
    reserves: publishedReserves(),
    mix: options.processes.length === 0 ? [] : mixOf(cli, options.processes),
  };
  if (options.json === true) cli.json(study);
  else cli.out.write(studyText(study));
}

function mixOf(cli: Cli, wishes: readonly string[]): MixRow[] {
  const entries = wishes.map((wish) => {
    const at = wish.lastIndexOf('=');
    if (at <= 0) throw new GranuleError('USAGE', `"${wish}" names no count`, '--processes', 'Write TRACE=COUNT.');
    return { name: wish.slice(0, at), count: countOf(wish.slice(at + 1)) };
  });
  const opened = entries.map(({ name }) => {
    const given = cli.path(name);
    return openTrace(existsSync(given) ? given : join(fixturesFolder('traces'), `${name}.gtr`));
  });
  const progress = cli.progress();
  try {
    const mix = opened.map((trace, index) => {
      return { trace: laidOutFor(trace, LAYOUT_BYTES), count: entries[index].count };
    });
    return studyMix(mix, (design) => progress.report({ done: 0, text: design.name }));
  } finally {
    progress.end();
    for (const trace of opened) trace.close();
  }
}

function countOf(text: string): number {
  const count = wholeNumber(text);
  if (count < 1) throw new InvalidArgumentError('It must be 1 or more.');
  return count;
}

const more = (bytes: number, base: number): string =>
  base === 0 ? '' : `${bytes >= base ? '+' : ''}${(((bytes - base) / base) * PERCENT).toFixed(1)}%`;

function treesText(trees: readonly TreeStudy[]): string {
  const head = ['tree', 'files', 'bytes', 'cached at 4K', '16K', '', '64K', ''];
  const rows = trees.map(({ name, files, bytes, cache4K, cache16K, cache64K }) => [
    name,
    formatCount(files),
    formatBytes(bytes),
    formatBytes(cache4K),
    formatBytes(cache16K),
    more(cache16K, cache4K),
    formatBytes(cache64K),
    more(cache64K, cache4K),
  ]);
  return formatTable([head, ...rows]);
}

function policiesText({ name, files, mappedFiles, cache4K, policies }: TreeStudy): string {
  const rows = policies.map(({ policy, mappedBy, bytes }) => [
    policy,
    mappedBy,
    formatBytes(bytes),
    more(bytes, cache4K),
  ]);
  const title = `${name}: ${formatCount(mappedFiles)} of ${formatCount(files)} files are programs and libraries; on a 4K kernel`;
  return formatTable([[title, 'which are mapped by', 'page cache', ''], ...rows], { align: ['left', 'left'] });
}

function publishedText(check: PublishedCheck): string {
  const percent = (share: number): string => `${(share * PERCENT).toFixed(1)}%`;
  const { published, alone, roundingPerFileKB, filesBy, withLargeFiles } = check;
  const rows = [
    ['grows from 4K by', percent(published.growth16K), percent(published.growth64K)],
    [`${check.tree} alone`, percent(alone.growth16K), percent(alone.growth64K)],
    ['kB that a file of it adds', roundingPerFileKB.at16K.toFixed(2), roundingPerFileKB.at64K.toFixed(2)],
    [
      'files that explain the published growth',
      formatCount(Math.round(filesBy.at16K)),
      formatCount(Math.round(filesBy.at64K)),
    ],
    ['with large files to the published bytes', percent(withLargeFiles.growth16K), percent(withLargeFiles.growth64K)],
  ];
  return formatTable([['the published kernel tree', '16K', '64K'], ...rows]);
}

function reservesText(reserves: readonly ReserveRow[]): string {
  const mib = (value: number): string => `${formatCount(Math.floor(value))} MiB`;
  const rows = reserves.map(({ kernel, marksMiB: { min, low, high }, published, pageblockMiB }) => [
    kernel,
    ...[pageblockMiB, min, low, high].map(mib),
    published === null ? '' : published.join(', '),
  ]);
  const head = ['kernel of a server of 480G', 'page block', 'min', 'low', 'high', 'published'];
  return formatTable([head, ...rows]);
}

function mixText(mix: readonly MixRow[]): string {
  const base = mix[0]?.totalBytes ?? 0;
  const head = ['processes', 'anonymous', 'tables', 'page cache', 'together', ''];
  const rows = mix.map(({ design, anonBytes, tableBytes, pageCacheBytes, totalBytes }) => [
    design,
    ...[anonBytes, tableBytes, pageCacheBytes, totalBytes].map(formatBytes),
    more(totalBytes, base),
  ]);
  return formatTable([head, ...rows]);
}

function studyText({ trees, published, reserves, mix }: Study): string {
  return [
    treesText(trees),
    ...trees.map(policiesText),
    ...(published === null ? [] : [publishedText(published)]),
    reservesText(reserves),
    ...(mix.length === 0 ? [] : [mixText(mix)]),
  ].join('\n');
}
