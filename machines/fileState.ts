/** What an address space keeps (`struct address_space` with its inode), and what is under way on it. */
import { IntMap } from '../src/mm/intMap.ts';
import { IntRecord } from '../src/mm/intRecord.ts';
import { PageCacheIndex } from '../src/mm/pageCache.ts';
import { PersistentList } from '../src/mm/persistentList.ts';
import type { ReadaheadState } from '../src/mm/readahead.ts';
import { Mappers } from './fileMappers.ts';
import { rulesOf } from './filePolicy.ts';
import type { FileRun, MessageOf } from './messages.ts';
import type { ResourceHolder } from './support.ts';
import type { FileShrink } from './reclaim/fileShrink.ts';
import { reviseFile } from './revise.ts';

/** How the folio orders of a file follow those who map it: built in, or of a definition (`filePolicy.ts`). */
export type PageCachePolicy = BuiltInPolicy | (string & {});

/** The policies that are built in. */
export type BuiltInPolicy =
  /** The least order is that of the largest page size that maps the file now; smaller folios go when it rises. */
  | 'drop-and-re-read'
  /** Once raised it stays. */
  | 'sticky-order'
  /** The first mapping by anybody raises it to the largest page size there is, for good. */
  | 'convert-at-first-mmap'
  /** Nothing is dropped: blocks of the largest page size wherever they do not reach past the end; the tail stays small. */
  | 'large-folios-to-eof';

/** File systems: `ext4` has no large folios in 6.12, `xfs` has; `tmpfs` and `shmem` have nothing to read again from. */
export type FileKind = 'ext4' | 'xfs' | 'tmpfs' | 'shmem';

/** What an address space is built with. */
export interface FileInput {
  resources: ResourceHolder;
  path: string;
  sizeBytes: number;
  kernelPageBytes: number;
  policy: PageCachePolicy;
  /** By default `ext4`. */
  kind?: FileKind;
  /** Whether its content is in the page cache from the start, in single pages. */
  cached?: boolean;
  /** Tells inodes of one actor apart. */
  ino?: number;
}

/** What the operation under way waits for. */
export type FilePhase = 'none' | 'unmapping' | 'asking' | 'allocating' | 'reading' | 'referencing' | 'writing';

/** Pages that somebody holds (`pin_user_pages`), and whether the page cache has let go of any of them since. */
export interface PagePin {
  holder: string;
  runs: FileRun[];
  orphanedPages: number;
}

/** Why folios could not be invalidated or collapsed at once, in folios. */
export interface BusyFolios {
  /** Dirtied again after they were written back (-EBUSY of `invalidate_complete_folio2`). */
  dirty: number;
  /** Pinned memory of tmpfs, which must not be copied behind the holder's back (`mm/khugepaged.c:collapse_file`). */
  pinned: number;
}

/** An address space's state. */
export interface FileContext {
  resources: ResourceHolder;
  path: string;
  kind: FileKind;
  ino: number;
  sizeBytes: number;
  kernelPageBytes: number;
  policy: PageCachePolicy;
  minOrderPages: number;
  cache: PageCacheIndex;
  /** The content is to be put into the cache before anything else happens. */
  prefill: boolean;
  mappers: Mappers;
  /** Handles on it: of memfd_create and shmget. */
  handles: number;
  /** The readahead state of each process that has it open, by pid. */
  readahead: IntRecord<ReadaheadState>;
  pins: PagePin[];
  /** Pages that were dropped and not read again yet. */
  gone: IntMap<true>;
  current: FileOperation | null;
  phase: FilePhase;
  /** Answers that are outstanding: of mms that unmap. */
  pending: number;
  queue: PersistentList<FileMessage>;
  /** Times that folios were dropped for a larger order, pages dropped, and pages read again after that. */
  drops: number;
  droppedPages: number;
  rereadPages: number;
  readPages: number;
  writtenPages: number;
  hits: number;
  misses: number;
  /** Pages that left the cache while somebody held them pinned. */
  orphanedPages: number;
  /** Blocks of smaller folios that were copied into one, as tmpfs needs it, and the bytes copied. */
  collapses: number;
  copiedBytes: number;
  busy: BusyFolios;
  /** Mappings refused because the cache could not take their order. */
  refusedMaps: number;
  /** Inserts that met a smaller folio in their range (-EEXIST), and took single pages instead. */
  existing: number;
  /** Bytes that truncation and hole punching cleared in folios that stay. */
  zeroedBytes: number;
  /** Bytes of folios past the end of the file. */
  paddingBytes: number;
  /** Reclaim wants some of its folios; absent at other times. */
  shrink?: FileShrink;
  /** Dirty data was lost to a memory error, and no fsync has heard of it yet (AS_EIO). */
  lostData?: boolean;
}

/** Operations that are done one at a time, as `invalidate_lock` and `i_rwsem` serialise them. */
export type FileMessage = MessageOf<
  | 'MAP_FILE'
  | 'GET_PAGES'
  | 'READ_FILE'
  | 'WRITE_FILE'
  | 'DIRECT_IO'
  | 'TRUNCATE_FILE'
  | 'ALLOCATE_FILE'
  | 'READ_AHEAD'
  | 'SYNC_FILE'
  | 'PIN_PAGES'
>;

/** A folio that is being brought in, in kernel pages; `pfn` is -1 until it has its frames. */
export interface NewFolio {
  index: number;
  order: number;
  readahead: boolean;
  pfn: number;
}

/** An operation under way. */
export interface FileOperation {
  message: FileMessage;
  /** The one who asked has the answer: what is left is readahead that nobody waits for. */
  answered: boolean;
  /** Folios that are being brought in, and those that readahead brings in after the answer. */
  folios: NewFolio[];
  ahead: NewFolio[];
  /** Pages that came from the disk for it. */
  rereadPages: number;
  major: boolean;
  failed: boolean;
  eof: boolean;
  errno: number;
  /** How far a read has come, in bytes. */
  doneBytes: number;
  /** What a fault gets, while the references to it are being taken. */
  runs: FileRun[];
  /** Pages of folios that somebody has pinned and that stay as small as they are; absent until that is known. */
  kept?: readonly number[];
  /** Of a fault: times that it was sent round, or that its insert met another folio; absent: never. */
  rounds?: number;
}

/**
 * An address space that caches nothing yet.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * file.cache.counts.pages; // 0
 * ```
 */
export function initialFile(input: FileInput): FileContext {
  return {
    resources: input.resources,
    path: input.path,
    kind: input.kind ?? 'ext4',
    ino: input.ino ?? 1,
    sizeBytes: input.sizeBytes,
    kernelPageBytes: input.kernelPageBytes,
    policy: input.policy,
    minOrderPages: 0,
    cache: PageCacheIndex.empty(input.kernelPageBytes),
    prefill: input.cached === true,
    mappers: Mappers.fromPlain([]),
    handles: 0,
    readahead: IntRecord.empty(),
    pins: [],
    gone: IntMap.empty<true>(),
    current: null,
    phase: 'none',
    pending: 0,
    queue: PersistentList.empty(),
    drops: 0,
    droppedPages: 0,
    rereadPages: 0,
    readPages: 0,
    writtenPages: 0,
    hits: 0,
    misses: 0,
    orphanedPages: 0,
    collapses: 0,
    copiedBytes: 0,
    busy: { dirty: 0, pinned: 0 },
    refusedMaps: 0,
    existing: 0,
    zeroedBytes: 0,
    paddingBytes: 0,
  };
}

/**
 * An operation that has just begun.
 *
 * @example
 * ```ts
 * newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 }).failed; // false
 * ```
 */
export function newOperation(message: FileMessage): FileOperation {
  return {
    message,
    answered: false,
    folios: [],
    ahead: [],
    runs: [],
    rereadPages: 0,
    major: false,
    failed: false,
    eof: false,
    errno: 0,
    doneBytes: 0,
  };
}

/**
 * The actor that has a file: one for each file of the topology, and one for the kernel's internal tmpfs mount with all
 * of shared anonymous memory, System V segments and memfds. Objects of the kernel have one owner, a device is its
 * driver's.
 *
 * @example
 * ```ts
 * actorOfFile('/bin/true'); // 'file:/bin/true'
 * actorOfFile('shmem:7.1'); // 'shmem'
 * actorOfFile('hugetlb:2048kB:7.1'); // 'hugetlb'
 * actorOfFile('object:3'); // 'object'
 * actorOfFile('driver:nic'); // 'driver:nic'
 * ```
 */
export function actorOfFile(path: string): string {
  if (path.startsWith('shmem:')) return 'shmem';
  if (path.startsWith('object:')) return 'object';
  if (path.startsWith('hugetlb:')) return 'hugetlb';
  return path.startsWith('driver:') ? path : `file:${path}`;
}

/**
 * The operation under way, and what it waits for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const operation = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * inStep(file, operation, 'writing').phase; // 'writing'
 * ```
 */
export function inStep(context: FileContext, operation: FileOperation, phase: FilePhase): FileContext {
  return reviseFile(context, (draft) => {
    draft.current = operation;
    draft.phase = phase;
  });
}

/**
 * Whether the file lives in memory alone (`mm/shmem.c`): it cannot be read again, and is never written back without swap.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' as const };
 * inMemory(initialFile({ ...input, kind: 'tmpfs' })); // true
 * ```
 */
export function inMemory(context: FileContext): boolean {
  return context.kind === 'tmpfs' || context.kind === 'shmem';
}

/**
 * Pages of the file that hold any of its bytes.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8193, kernelPageBytes: 4096, policy: 'sticky-order' });
 * filePages(file); // 3
 * ```
 */
export function filePages(context: FileContext): number {
  return Math.ceil(context.sizeBytes / context.kernelPageBytes);
}

/**
 * The page that no process may touch (`filemap_fault`, `filemap_map_pages`: i_size in pages): the end in whole process
 * pages, or in kernel pages where the design or a small tail leaves nothing else to map.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * endIndex(file, 0); // 2
 * endIndex(file, 4); // 16
 * ```
 */
export function endIndex(context: FileContext, orderPages: number): number {
  const pages = filePages(context);
  if (context.resources.design.fileTail === 'kernel-page') return pages;
  const smallTail = hasSmallTail(context);
  const block = smallTail ? 1 : 1 << orderPages;
  return Math.ceil(pages / block) * block;
}

/** Whether blocks that would reach past the end of the file are made of single pages: whole ones are wished for, and not demanded. */
function hasSmallTail(context: FileContext): boolean {
  const { smallTail, blockOrder } = rulesOf(context);
  if (smallTail !== undefined) return smallTail(context);
  return blockOrder !== undefined && blockOrder(context) > context.minOrderPages;
}

/**
 * The address space with another cache, its bytes past the end of the file counted anew.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 4096, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const cache = file.cache.insert({ index: 0, pfn: 16, order: 4, dirty: false, uptodate: true }) as PageCacheIndex;
 * withCache(file, cache).paddingBytes; // 61440
 * ```
 */
export function withCache(context: FileContext, cache: PageCacheIndex): FileContext {
  const end = filePages(context);
  let pages = 0;
  for (const folio of cache.range(end)) pages += folio.index + (1 << folio.order) - Math.max(folio.index, end);
  return reviseFile(context, (draft) => {
    draft.cache = cache;
    draft.paddingBytes = pages * context.kernelPageBytes;
  });
}
