/**
 * What page size, and what the page cache does about it, costs in memory for real trees of files.
 *
 * @models S-51 X-06 S-36
 */
import { cachedBytes, fileCount, type FileTree } from './fileTree.ts';

/** A policy of the page cache, and who is on the machine. */
export interface CachePolicyRow {
  policy: string;
  /** Who maps the programs and libraries of the tree. */
  mappedBy: string;
  bytes: number;
}

/** A tree at each page size, and on a 4K kernel under each policy. */
export interface TreeStudy {
  name: string;
  source: string;
  files: number;
  bytes: number;
  /** Programs and libraries among the files. */
  mappedFiles: number;
  cache4K: number;
  cache16K: number;
  cache64K: number;
  policies: CachePolicyRow[];
}

const [SMALL, MIDDLE, LARGE] = [4096, 16384, 65536] as const;

function policiesOf(tree: FileTree): CachePolicyRow[] {
  const read = cachedBytes(tree, SMALL, 'read');
  const mapped = (pageBytes: number): number => cachedBytes(tree, pageBytes, 'mapped');
  const row = (policy: string, mappedBy: string, bytes: number): CachePolicyRow => ({ policy, mappedBy, bytes });
  return [
    row('drop-and-re-read', 'processes of 4K', read + mapped(SMALL)),
    row('drop-and-re-read', 'processes of 16K', read + mapped(MIDDLE)),
    row('drop-and-re-read', 'processes of 64K', read + mapped(LARGE)),
    // Once nobody maps a file with larger pages it may shrink again, or not.
    row('drop-and-re-read', '64K once, now 4K', read + mapped(SMALL)),
    row('sticky-order', '64K once, now 4K', read + mapped(LARGE)),
    row('convert-at-first-mmap', 'processes of any size', read + mapped(LARGE)),
    row('large-folios-to-eof', 'processes of any size', read + mapped(SMALL)),
  ];
}

/**
 * Studies a tree whose files are all in the page cache.
 *
 * @example
 * ```ts
 * const tree = treeOfFiles('two', 'made', [{ path: 'etc/a', bytes: 100 }, { path: 'bin/b', bytes: 5000 }]);
 * studyTree(tree).policies.map(({ bytes }) => bytes / 4096); // [3, 5, 17, 3, 17, 17, 3]
 * ```
 */
export function studyTree(tree: FileTree): TreeStudy {
  return {
    name: tree.name,
    source: tree.source,
    files: fileCount(tree),
    bytes: tree.bytes,
    mappedFiles: tree.sizes.reduce((sum, [, , mapped]) => sum + mapped, 0),
    cache4K: cachedBytes(tree, SMALL),
    cache16K: cachedBytes(tree, MIDDLE),
    cache64K: cachedBytes(tree, LARGE),
    policies: policiesOf(tree),
  };
}

/** A published measurement of one kernel tree (Dave Hansen, February 2026): kB on disk, and of page cache at each page size. */
export const PUBLISHED_TREE = { diskKB: 11_297_648, cache4K: 11_297_712, cache16K: 12_223_488, cache64K: 16_623_296 };

/** What a tree of the same kind makes of the published figures. */
export interface PublishedCheck {
  tree: string;
  /** Growth from 4K over its page cache at 4K: published, and of the tree alone. */
  published: { growth16K: number; growth64K: number };
  alone: { growth16K: number; growth64K: number };
  /** kB that rounding adds for each file of the tree, from 4K to 16K and to 64K. */
  roundingPerFileKB: { at16K: number; at64K: number };
  /** Files of this kind that explain the published growth, worked out from either size: they should agree. */
  filesBy: { at16K: number; at64K: number };
  /** (64K - 16K) / 16K of the two counts. */
  disagreement: number;
  /** The tree with so many kB more in files so large that rounding adds nothing (packs of git), that 4K agrees; and what comes of it. */
  withLargeFiles: { largeKB: number; cache16K: number; cache64K: number; growth16K: number; growth64K: number };
}

/**
 * Holds a tree of the same kind against the published one, of which only four figures are known. What larger pages add depends on how many
 * files there are and how large they are modulo the page, not on bytes in large files. So two things can be checked: that both page sizes
 * ask for the same number of files, and what the tree gives once the bytes that it lacks are put into large files.
 *
 * @example
 * ```ts
 * const check = againstPublished({ name: 'small', source: '', bytes: 4096, sizes: [[1, 100_000, 0]] });
 * [Math.round(check.filesBy.at16K), Math.round(check.filesBy.at64K)]; // [77148, 88760]
 * ```
 */
export function againstPublished(tree: FileTree): PublishedCheck {
  const kb = (pageBytes: number): number => cachedBytes(tree, pageBytes) / 1024;
  const [small, middle, large] = [kb(SMALL), kb(MIDDLE), kb(LARGE)];
  const files = fileCount(tree);
  const published = PUBLISHED_TREE;
  const perFile = { at16K: (middle - small) / files, at64K: (large - small) / files };
  const filesBy = {
    at16K: (published.cache16K - published.cache4K) / perFile.at16K,
    at64K: (published.cache64K - published.cache4K) / perFile.at64K,
  };
  const largeKB = published.cache4K - small;
  const [with16K, with64K] = [middle + largeKB, large + largeKB];
  const growth = (after: number, before: number): number => after / before - 1;
  return {
    tree: tree.name,
    published: {
      growth16K: growth(published.cache16K, published.cache4K),
      growth64K: growth(published.cache64K, published.cache4K),
    },
    alone: { growth16K: growth(middle, small), growth64K: growth(large, small) },
    roundingPerFileKB: perFile,
    filesBy,
    disagreement: (filesBy.at64K - filesBy.at16K) / filesBy.at16K,
    withLargeFiles: {
      largeKB,
      cache16K: with16K,
      cache64K: with64K,
      growth16K: growth(with16K, published.cache4K),
      growth64K: growth(with64K, published.cache4K),
    },
  };
}
