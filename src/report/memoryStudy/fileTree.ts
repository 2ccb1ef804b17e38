/** The sizes of the files of a tree, as page caches see them: how many files have so many 4K pages. */
import { z } from 'zod';

/** Files of one size class: 4K pages of each, how many there are, and whether programs map such files (programs and libraries). */
export type SizeClass = readonly [pages: number, files: number, mapped: number];

const sizeClass = z.tuple([z.int().nonnegative(), z.int().positive(), z.int().nonnegative()]);

/** The form of a stored tree (`fixtures/trees`). */
export const fileTreeSchema = z.object({
  name: z.string().min(1),
  /** What it is, and how it was listed. */
  source: z.string(),
  bytes: z.int().nonnegative(),
  sizes: z.array(sizeClass),
});

/** A tree of files. */
export interface FileTree {
  name: string;
  source: string;
  /** Sum of the sizes. */
  bytes: number;
  /** Rising by pages. `mapped` of the files of a class are programs or libraries. */
  sizes: readonly SizeClass[];
}

const KERNEL_PAGE_BYTES = 4096;
/** Shared libraries by their names; programs lie in these folders. */
const LIBRARY = /\.so(?:\.[\d.]+)?$/;
const PROGRAM_FOLDER = /(?:^|\/)s?bin\/[^/]+$/;

/**
 * Whether a file is one that programs map rather than read: a shared library, or a file in a folder of programs.
 *
 * @example
 * ```ts
 * isMappable('usr/lib/aarch64-linux-gnu/libc.so.6'); // true
 * isMappable('etc/passwd'); // false
 * ```
 */
export function isMappable(path: string): boolean {
  return LIBRARY.test(path) || PROGRAM_FOLDER.test(path);
}

/**
 * A tree from its files.
 *
 * @example
 * ```ts
 * treeOfFiles('two', 'made', [{ path: 'etc/a', bytes: 100 }, { path: 'bin/b', bytes: 5000 }]).sizes; // [[1, 1, 0], [2, 1, 1]]
 * ```
 */
export function treeOfFiles(name: string, source: string, files: Iterable<{ path: string; bytes: number }>): FileTree {
  const classes = new Map<number, [number, number]>();
  let bytes = 0;
  for (const file of files) {
    const pages = Math.ceil(file.bytes / KERNEL_PAGE_BYTES);
    const [count, mapped] = classes.get(pages) ?? [0, 0];
    classes.set(pages, [count + 1, mapped + (isMappable(file.path) ? 1 : 0)]);
    bytes += file.bytes;
  }
  const sizes = [...classes]
    .sort(([a], [b]) => a - b)
    .map(([pages, [count, mapped]]): SizeClass => [pages, count, mapped]);
  return { name, source, bytes, sizes };
}

/**
 * Page-cache bytes of a tree where every file is cached whole, in pages of a size; `which` picks the files that programs map,
 * the others, or all.
 *
 * @example
 * ```ts
 * const tree = treeOfFiles('two', 'made', [{ path: 'etc/a', bytes: 100 }, { path: 'bin/b', bytes: 5000 }]);
 * [cachedBytes(tree, 4096), cachedBytes(tree, 65536), cachedBytes(tree, 65536, 'mapped')]; // [12288, 131072, 65536]
 * ```
 */
export function cachedBytes(tree: FileTree, pageBytes: number, which: 'all' | 'mapped' | 'read' = 'all'): number {
  const unit = pageBytes / KERNEL_PAGE_BYTES;
  return tree.sizes.reduce((sum, [pages, files, mapped]) => {
    const count = which === 'all' ? files : which === 'mapped' ? mapped : files - mapped;
    return sum + Math.ceil(pages / unit) * pageBytes * count;
  }, 0);
}

/**
 * Number of files.
 *
 * @example
 * ```ts
 * fileCount(treeOfFiles('one', 'made', [{ path: 'a', bytes: 1 }])); // 1
 * ```
 */
export function fileCount(tree: FileTree): number {
  return tree.sizes.reduce((sum, [, files]) => sum + files, 0);
}
