/**
 * Page-cache policies: what a file's folios do when processes of other page sizes map it. A policy decides; the file carries it out
 * (`fileInvalidate.ts`), so that whatever is decided is coherent.
 *
 * @models S-16 S-36 S-37
 */
import { invariant } from '../src/errors.ts';
import type { FileContext } from './fileState.ts';
import type { Mapper } from './fileMappers.ts';
import { ZERO_BYTES } from './support.ts';

/** What a policy may look at of a file. */
export interface CachedFile
  extends Readonly<
    Pick<
      FileContext,
      | 'path'
      | 'kind'
      | 'sizeBytes'
      | 'kernelPageBytes'
      | 'minOrderPages'
      | 'drops'
      | 'droppedPages'
      | 'rereadPages'
      | 'readPages'
      | 'writtenPages'
      | 'refusedMaps'
    >
  > {
  /** Pages that are cached, those of them that are dirty, and folios by order. */
  readonly cache: { readonly counts: Readonly<FileContext['cache']['counts']> };
  readonly mappers: FileMappers;
}

/** Who maps a file, each with the order of its process page. */
export interface FileMappers extends Iterable<Mapper> {
  readonly length: number;
  /** 0 where nobody maps it. */
  readonly largestOrder: number;
}

/** What becomes of folios that are smaller than a new mapping needs. */
export type SmallFolios =
  /** They are written back and dropped, or copied together where the file lives in memory. */
  | 'convert'
  /** They stay: the process maps a page in pieces, which no native table can hold. */
  | 'keep'
  /** The mapping fails with EBUSY. */
  | 'refuse';

/** The decisions of a policy: pure functions of the file as it is. Orders are log2 of kernel pages. */
export interface PageCacheRules {
  /** No folio is brought in below this order while the file is mapped as said. */
  readonly leastOrder: (file: CachedFile, mappers: FileMappers) => number;
  /** The order of blocks that are cached and read ahead; the least order unless given. Past the end of the file they stay small. */
  readonly blockOrder?: (file: CachedFile) => number;
  /** Asked when somebody maps a file that has folios below the least order; `convert` unless given. */
  readonly atMap?: (file: CachedFile, mapping: Mapper) => SmallFolios;
}

/** The built-in ones say of the tail what others have by their block order. */
interface BuiltInRules extends PageCacheRules {
  readonly smallTail?: (file: CachedFile) => boolean;
}

/**
 * The order of the largest page that a process can have.
 *
 * @example
 * ```ts
 * largestOrder(4096); // 4
 * ```
 */
export function largestOrder(kernelPageBytes: number): number {
  return Math.log2(ZERO_BYTES / kernelPageBytes);
}

const inMemory = ({ kind }: CachedFile): boolean => kind === 'tmpfs' || kind === 'shmem';

/**
 * The policies that are built in, by name.
 *
 * @example
 * ```ts
 * Object.keys(builtInPolicies)[0]; // 'drop-and-re-read'
 * ```
 */
export const builtInPolicies = {
  'drop-and-re-read': { leastOrder: (_file, mappers) => mappers.largestOrder },
  'sticky-order': { leastOrder: (file, mappers) => Math.max(mappers.largestOrder, file.minOrderPages) },
  'convert-at-first-mmap': {
    leastOrder: (file, mappers) =>
      Math.max(mappers.length > 0 ? largestOrder(file.kernelPageBytes) : 0, file.minOrderPages),
  },
  // Memory files never have a small tail: their blocks past the end are zero memory, so for them it is the one before.
  'large-folios-to-eof': {
    leastOrder: (file, mappers) => (inMemory(file) ? Math.max(mappers.largestOrder, file.minOrderPages) : 0),
    blockOrder: (file) => (inMemory(file) ? file.minOrderPages : largestOrder(file.kernelPageBytes)),
    smallTail: (file) => !inMemory(file),
  },
} as const satisfies Record<string, BuiltInRules>;

/**
 * The rules of the policy that a file has.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * rulesOf(file) === builtInPolicies['sticky-order']; // true
 * ```
 */
export function rulesOf({ policy, resources }: Pick<FileContext, 'policy' | 'resources'>): BuiltInRules {
  if (policy in builtInPolicies) return builtInPolicies[policy as keyof typeof builtInPolicies];
  const rules = resources.pageCachePolicies.get(policy);
  invariant(rules !== undefined, `there is a page-cache policy ${policy}`);
  return rules;
}
