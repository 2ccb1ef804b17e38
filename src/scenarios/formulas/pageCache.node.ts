/**
 * The page cache of a tree of files at each page size, by its list of sizes.
 *
 * @models S-51 X-06
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import type { Formula } from './formula.ts';

function cacheBytes(sizes: readonly number[], pageBytes: number): number {
  return sizes.reduce((sum, size) => sum + Math.ceil(size / pageBytes) * pageBytes, 0);
}

/**
 * What a tree takes when each of its files is cached whole.
 *
 * @example
 * ```ts
 * pageCache.work(operandsOf(pageCache, { tree: 'etc' })).files; // 284
 * ```
 */
export const pageCache: Formula = {
  name: 'pageCache',
  says: 'bytes of the files of a tree, and of its page cache in pages of 4K, 16K and 64K, each file cached whole',
  source: 'fixtures/oracle/footprint-tree-*-sizes.json: sizes of a real /etc and of a part of /usr/share',
  operands: [{ name: 'tree', says: '`etc` or `share`' }],
  work(operands) {
    const path = join(fixturesFolder('oracle'), `footprint-tree-${operands.word('tree')}-sizes.json`);
    const sizes = JSON.parse(readFileSync(path, 'utf8')) as number[];
    const [bytes4K, bytes16K, bytes64K] = [4096, 16384, 65536].map((pageBytes) => cacheBytes(sizes, pageBytes));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    return { files: sizes.length, bytes, bytes4K, bytes16K, bytes64K };
  },
};
