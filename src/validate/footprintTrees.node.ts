/**
 * The folder trees that the answers' programs walked: the sizes of their files, in the order they were read.
 *
 * @models S-51 X-06
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { fixturesFolder } from '../topology/load.node.ts';
import type { WorkloadTree } from '../trace/workloads/foot/footSteps.ts';

/** Entries of a small folder: they fit in what is left of the heap page that the directory stream begins on. */
const FEW_ENTRIES_BYTES = 2048;
/** Entries of a folder that reach into the next 4K page. */
const MANY_ENTRIES_BYTES = 4096;

/**
 * Shapes of the trees. Only sizes of files were recorded; depth and entries are the least that give the anonymous memory
 * which the walk took on all three kernels: four levels, and one large folder in `share`.
 */
const SHAPES: Record<string, readonly number[]> = {
  etc: [FEW_ENTRIES_BYTES, FEW_ENTRIES_BYTES, FEW_ENTRIES_BYTES, FEW_ENTRIES_BYTES],
  share: [FEW_ENTRIES_BYTES, MANY_ENTRIES_BYTES, FEW_ENTRIES_BYTES, FEW_ENTRIES_BYTES],
};

function readSizes(name: string): number[] {
  const path = join(fixturesFolder('oracle'), `footprint-tree-${name}-sizes.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as number[];
  } catch (error) {
    throw new GranuleError('FILE_UNREADABLE', (error as Error).message, path);
  }
}

const known = new Map<string, WorkloadTree>();

/**
 * The tree of so many files and bytes.
 *
 * @returns null where none is known
 * @throws GranuleError FILE_UNREADABLE where the package lacks its lists
 * @example
 * ```ts
 * treeOf(284, 913345)?.name; // 'etc'
 * treeOf(1, 1); // null
 * ```
 */
export function treeOf(files: number, bytes: number): WorkloadTree | null {
  for (const [name, entriesBytes] of Object.entries(SHAPES)) {
    const tree = known.get(name) ?? { name, sizesBytes: readSizes(name), entriesBytes };
    known.set(name, tree);
    const total = tree.sizesBytes.reduce((sum, size) => sum + size, 0);
    if (tree.sizesBytes.length === files && total === bytes) return tree;
  }
  return null;
}
