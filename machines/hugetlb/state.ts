/** The state of hugetlb: its pools, its inodes, and the operation under way. */
import { hugeSizes } from '../../src/mm/hugetlb/sizes.ts';
import type { HugetlbFacility } from '../../src/mm/hugetlb/facility.ts';
import type { HugeInode } from '../../src/mm/hugetlb/inode.ts';
import { emptyPool, type HugePool } from '../../src/mm/hugetlb/pool.ts';
import type { Sharer } from '../../src/mm/hugetlb/sharing.ts';
import type { MessageOf } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';

/** What hugetlb is built with. */
export interface HugetlbInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  facility: HugetlbFacility;
}

/** A request that may have to wait for frames, references or others. */
export type HugeRequest =
  | MessageOf<'RESERVE_HUGE' | 'HUGE_FAULT' | 'CREATE_FILE' | 'WRITE_CONTROL' | 'TRUNCATE_FILE' | 'ALLOCATE_FILE'>
  /** A pool gets its first pages. */
  | { type: 'FILL'; bytes: number; pages: number };

/** The request under way. */
export interface HugeOperation {
  message: HugeRequest;
  /** What it waits for: pages from the zone, references, mappers that unmap. */
  step: 'frames' | 'references' | 'unmapping';
  /** Pages still to be had, or mappers still to answer. */
  left: number;
  /** The answer that goes out with the references. */
  page: Omit<MessageOf<'HUGE_PAGE'>, 'type' | 'request'> | null;
}

/** An address space that mapped a part of a file whose tables may be shared. */
export interface SharingArea extends Sharer {
  mm: string;
  file: string;
  /** Spans of tables that it shares with others: index of the first huge page of each. */
  spans: number[];
}

/** Entries that are brought into, or taken out of, the tables of an address space that shares them. */
export interface SharedWork {
  mm: string;
  va: number;
  pfn: number;
  nr: number;
  flags: number;
  /** Waits for its references, or for the exchange of its entries. */
  step: 'references' | 'entering' | 'leaving';
}

/** Its state. */
export interface HugetlbContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  facility: HugetlbFacility;
  /** By size, ascending. */
  pools: HugePool[];
  inodes: Record<string, HugeInode>;
  current: HugeOperation | null;
  queue: HugeRequest[];
  nextRequest: number;
  sharing: SharingArea[];
  /** By the request that is answered. */
  shared: Record<number, SharedWork>;
  /** Who has asked to leave and waits. */
  leaving: MessageOf<'HUGE_UNSHARE'>[];
  /** Faults served, huge pages entered into tables of others, sharings that page sizes forbade, spans given up. */
  faults: number;
  sharedEntries: number;
  refusedSharings: number;
  unshared: number;
}

/**
 * hugetlb before it has a page: the pools that it boots with are filled first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const pools = { [2 ** 21]: { pages: 2, overcommit: 0 } };
 * const facility = { pools, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * initialHugetlb({ resources, kernelPageBytes: 4096, facility }).queue; // [{ type: 'FILL', bytes: 2097152, pages: 2 }]
 * ```
 */
export function initialHugetlb({ resources, kernelPageBytes, facility }: HugetlbInput): HugetlbContext {
  const pools = hugeSizes(kernelPageBytes).map((bytes) => emptyPool(bytes, facility.pools[bytes]?.overcommit ?? 0));
  const queue = pools.flatMap(({ bytes }): HugeRequest[] => {
    const { pages, mount } = facility.pools[bytes] ?? { pages: 0 };
    return pages === 0 && mount === undefined ? [] : [{ type: 'FILL', bytes, pages }];
  });
  return {
    resources,
    kernelPageBytes,
    facility,
    pools,
    inodes: {},
    current: null,
    queue,
    nextRequest: 1,
    sharing: [],
    shared: {},
    leaving: [],
    faults: 0,
    sharedEntries: 0,
    refusedSharings: 0,
    unshared: 0,
  };
}

/**
 * The pool of a size; one without pages where the kernel has not the size.
 *
 * @example
 * ```ts
 * poolOf({ pools: [] }, 2 ** 29).total; // 0
 * ```
 */
export function poolOf({ pools }: Pick<HugetlbContext, 'pools'>, bytes: number): HugePool {
  return pools.find((pool) => pool.bytes === bytes) ?? emptyPool(bytes, 0);
}

/**
 * The state with a pool as it is now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * withPool(hugetlb, emptyPool(2 ** 21, 7)).pools[1]?.overcommit; // 7
 * ```
 */
export function withPool(context: HugetlbContext, pool: HugePool): HugetlbContext {
  return { ...context, pools: context.pools.map((other) => (other.bytes === pool.bytes ? pool : other)) };
}

/**
 * The state with an inode as it is now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * Object.keys(withInode(hugetlb, newInode('hugetlb:2048kB:1.0', 2 ** 21, 0)).inodes); // ['hugetlb:2048kB:1.0']
 * ```
 */
export function withInode(context: HugetlbContext, inode: HugeInode): HugetlbContext {
  return { ...context, inodes: { ...context.inodes, [inode.file]: inode } };
}
