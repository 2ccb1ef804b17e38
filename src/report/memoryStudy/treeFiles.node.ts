/** Trees of files on this machine, and those that come with the project. */
import { readdirSync, readFileSync, lstatSync } from 'node:fs';
import { join, relative } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import { type FileTree, fileTreeSchema, treeOfFiles } from './fileTree.ts';

/** What is made up when it is read, and has no size to look at. */
const MADE_UP = new Set(['/proc', '/sys', '/dev']);

function* filesUnder(root: string): Generator<{ path: string; bytes: number }> {
  const folders = [root];
  const seen = new Set<string>();
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let names: string[] = [];
    try {
      names = readdirSync(folder).sort();
    } catch (error) {
      if (folder === root) throw new GranuleError('FILE_UNREADABLE', (error as Error).message, root);
      continue;
    }
    for (const name of names) {
      const path = join(folder, name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (stats.isDirectory() && !MADE_UP.has(path)) folders.push(path);
      // A file with several names is cached once.
      const inode = `${stats.dev}:${stats.ino}`;
      if (!stats.isFile() || seen.has(inode)) continue;
      seen.add(inode);
      yield { path: relative(root, path), bytes: stats.size };
    }
  }
}

/**
 * The regular files below a folder, symbolic links not followed. What may not be read is left out.
 *
 * @throws GranuleError FILE_UNREADABLE where the folder itself cannot be
 * @example
 * ```ts
 * treeOfFolder('fixtures/oracle').sizes.length > 2; // true
 * ```
 */
export function treeOfFolder(folder: string): FileTree {
  return treeOfFiles(folder, `${folder} of this machine`, filesUnder(folder));
}

/**
 * The trees that come with the project, by name.
 *
 * @example
 * ```ts
 * storedTrees().map(({ name }) => name).includes('linux-6.12'); // true
 * ```
 */
export function storedTrees(): FileTree[] {
  const folder = fixturesFolder('trees');
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => fileTreeSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))));
}
