/** What comes with the package: the folders of its topologies and traces, and their names. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How the file of a topology may end. */
export const TOPOLOGY_ENDINGS: readonly string[] = ['.json', '.yaml', '.yml'];

/** What of the fixtures comes with the package, each in a folder of its name. */
export type FixtureKind =
  | 'topologies'
  | 'exploration'
  | 'scenarios'
  | 'mutation'
  | 'traces'
  | 'strace'
  | 'oracle'
  | 'trees';

function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/**
 * The folder of a kind of fixtures that comes with the package.
 *
 * @example
 * ```ts
 * fixturesFolder('topologies').endsWith('topologies'); // true
 * ```
 */
export function fixturesFolder(kind: FixtureKind): string {
  return join(packageFolder(), 'fixtures', kind);
}

/**
 * The names of the topologies that come with the package.
 *
 * @example
 * ```ts
 * topologyNames().includes('plain-4k'); // true
 * ```
 */
export function topologyNames(): string[] {
  const files = readdirSync(fixturesFolder('topologies'));
  return files
    .flatMap((file) => (TOPOLOGY_ENDINGS.includes(extname(file)) ? [basename(file, extname(file))] : []))
    .sort();
}
