/** Keeps what a search found as a folder of the corpus. */
import { basename, resolve } from 'node:path';
import { GranuleError } from '../errors.ts';
import { type Kept, keepFinding } from '../explore/corpus/keep.node.ts';
import type { Discovery } from '../explore/model.ts';
import type { ExploreOptions } from '../explore/search/types.ts';
import type { OpenedTopology } from '../explore/world/openModel.node.ts';
import { formatCount } from '../report/format.ts';
import type { Cli } from './cli.ts';

/** What is to be kept of a search. */
export interface KeepAsked {
  readonly folder: string;
  readonly opened: OpenedTopology;
  readonly discovery: Discovery;
  readonly options: ExploreOptions;
  readonly set: readonly string[];
  readonly mended: readonly string[];
  readonly force: boolean;
}

/**
 * Writes a folder of the corpus of the first fault that a search found, and says so.
 *
 * @throws GranuleError USAGE for a search that has no budget of states; what `keepFinding` throws
 * @example
 * ```ts
 * const opened = (await openModel({ what: 'plain-4k', cwd: '/' })) as OpenedTopology;
 * const discovery = { property: 'made-up', kind: 'always' as const, path: { initial: 0, keys: [] }, fault: 'nothing' };
 * const asked = { folder: '/tmp/kept', discovery, options: {}, set: [], mended: [], force: false };
 * await keepFound(new Cli(textIo('/')), { ...asked, opened }); // throws USAGE
 * ```
 */
export async function keepFound(cli: Cli, asked: KeepAsked): Promise<Kept> {
  const { folder, opened, discovery, options, set, mended, force } = asked;
  if (options.maxStates === undefined) {
    const next = 'Give a budget in states, as --budget 20000states: a time is another one on each machine.';
    throw new GranuleError('USAGE', 'a finding is kept with the search that finds it again', '--keep', next);
  }
  const progress = cli.progress();
  try {
    const kept = await keepFinding({
      folder: resolve(cli.io.cwd, folder),
      name: basename(folder),
      loaded: opened.loaded,
      set,
      wanted: discovery,
      search: options,
      mended,
      force,
      onSearch: (searches) =>
        progress.report({ done: 0, text: `${formatCount(searches)} smaller topologies searched` }),
    });
    cli.note(keptText(folder, kept));
    return kept;
  } finally {
    progress.end();
  }
}

function keptText(folder: string, { finding, mended }: Kept): string {
  const { taken, length, found } = finding;
  const lines = [
    `kept in ${folder}: ${length.found} deliveries as it was found, ${length.kept} as it is kept`,
    `  found after ${formatCount(found.states)} states`,
    ...taken.map((what) => `  taken away: ${what}`),
  ];
  if (mended !== null) lines.push(`  with ${finding.mended.join(' and ')} the same search finds nothing`);
  return lines.join('\n');
}
