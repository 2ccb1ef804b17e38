/**
 * The pool of one size of huge pages: free ones, those that are promised, and those beyond the number asked for.
 * Sources: mm/hugetlb.c:hugetlb_acct_memory, gather_surplus_pages, alloc_hugetlb_folio, free_huge_folio, set_max_huge_pages.
 *
 * @models S-28 S-25
 */
import { invariant } from '../../errors.ts';
import { type Subpool, subpoolGet, subpoolPut } from './subpool.ts';

/** Pages for the files of a mount: what the pool has to give, and the mount afterwards; null where it may not have them. */
function fromMount({ mount }: HugePool, pages: number): { global: number; mount?: Subpool } | null {
  if (mount === undefined) return { global: pages };
  const got = subpoolGet(mount, pages);
  return got === null ? null : { global: got.global, mount: got.subpool };
}

/** The same back. */
function toMount({ mount }: HugePool, pages: number): { global: number; mount?: Subpool } {
  if (mount === undefined) return { global: pages };
  const put = subpoolPut(mount, pages);
  return { global: put.global, mount: put.subpool };
}

/** A pool (`struct hstate`). Plain data; treat it as immutable. */
export interface HugePool {
  bytes: number;
  /** All pages, surplus ones among them (`nr_huge_pages`). */
  total: number;
  /** First frames of the pages that are free. */
  free: readonly number[];
  /** Free pages that are promised to mappings (`resv_huge_pages`). */
  reserved: number;
  /** Pages beyond the number that was asked for: they leave the pool when they come free. */
  surplus: number;
  /** How many of those there may be (`nr_overcommit_huge_pages`). */
  overcommit: number;
  /** The limits of its mount, where it has any. */
  mount?: Subpool;
}

/**
 * A pool without pages.
 *
 * @example
 * ```ts
 * emptyPool(2 ** 21, 1); // { bytes: 2097152, total: 0, free: [], reserved: 0, surplus: 0, overcommit: 1 }
 * ```
 */
export function emptyPool(bytes: number, overcommit: number): HugePool {
  return { bytes, total: 0, free: [], reserved: 0, surplus: 0, overcommit };
}

/**
 * The pool with a page more, which came from the zone: a surplus page, or one of the number that was asked for.
 *
 * @example
 * ```ts
 * withPage(emptyPool(2 ** 21, 1), 512, true).surplus; // 1
 * ```
 */
export function withPage(pool: HugePool, pfn: number, surplus: boolean): HugePool {
  return {
    ...pool,
    total: pool.total + 1,
    surplus: pool.surplus + Number(surplus),
    free: [...pool.free, pfn],
  };
}

/**
 * How many surplus pages a promise of `pages` lacks: 0 where the free ones do, null where more would be needed than may be had
 * (`gather_surplus_pages`).
 *
 * @example
 * ```ts
 * surplusFor(emptyPool(2 ** 21, 1), 1); // 1
 * surplusFor(emptyPool(2 ** 21, 1), 2); // null
 * ```
 */
export function surplusFor(pool: HugePool, pages: number): number | null {
  const got = fromMount(pool, pages);
  if (got === null) return null;
  const needed = Math.max(0, pool.reserved + got.global - pool.free.length);
  return pool.surplus + needed > pool.overcommit && needed > 0 ? null : needed;
}

/**
 * Promises free pages; there must be enough of them (`hugetlb_acct_memory`).
 *
 * @throws GranuleError INVARIANT where there are not
 * @example
 * ```ts
 * promise(withPage(emptyPool(2 ** 21, 1), 512, true), 1).reserved; // 1
 * ```
 */
export function promise(pool: HugePool, pages: number): HugePool {
  const got = fromMount(pool, pages);
  invariant(got !== null, 'a mount that may have pages is promised them');
  const { global, ...mount } = got;
  const reserved = pool.reserved + global;
  invariant(reserved <= pool.free.length, 'what is promised is free');
  return { ...pool, ...mount, reserved };
}

/**
 * Takes a promise back; surplus pages that nobody needs any more leave the pool (`return_unused_surplus_pages`).
 *
 * @example
 * ```ts
 * unpromise(promise(withPage(emptyPool(2 ** 21, 1), 512, true), 1), 1).freed; // [512]
 * ```
 */
export function unpromise(pool: HugePool, pages: number): { pool: HugePool; freed: number[] } {
  const { global, ...mount } = toMount(pool, pages);
  invariant(global <= pool.reserved, 'only promises that were made are taken back');
  const reserved = pool.reserved - global;
  const leaving = Math.min(global, pool.surplus, pool.free.length - reserved);
  const stay = pool.free.length - leaving;
  const kept = { ...pool, ...mount, reserved, free: pool.free.slice(0, stay) };
  return {
    pool: { ...kept, total: pool.total - leaving, surplus: pool.surplus - leaving },
    freed: pool.free.slice(stay),
  };
}

/**
 * Takes a page out for a mapping: one that was promised to it, or one that was promised to nobody; null where there is none
 * (`dequeue_hugetlb_folio_vma`).
 *
 * @example
 * ```ts
 * const pool = withPage(emptyPool(2 ** 21, 1), 512, false);
 * takePage(pool, false)?.pfn; // 512
 * takePage(promise(pool, 1), false); // null
 * takePage(promise(pool, 1), true)?.pool.reserved; // 0
 * ```
 */
export function takePage(pool: HugePool, promised: boolean): { pool: HugePool; pfn: number } | null {
  const got = promised ? { global: 0 } : fromMount(pool, 1);
  if (got === null) return null;
  // What was kept for the mount is promised as well.
  const { global, ...mount } = got;
  const available = global === 0 ? pool.free.length : pool.free.length - pool.reserved;
  const [pfn, ...free] = pool.free;
  if (available <= 0 || pfn === undefined) return null;
  return { pool: { ...pool, ...mount, free, reserved: pool.reserved - Number(global === 0) }, pfn };
}

/**
 * A mapping gives a page back, with the promise restored or not: it is free again, or leaves the pool where there is a surplus
 * (`free_huge_folio`).
 *
 * @example
 * ```ts
 * const pool = { ...emptyPool(2 ** 21, 1), total: 2, surplus: 1 };
 * givePage(pool, 512, false); // { pool: { bytes: 2097152, total: 1, free: [], reserved: 0, surplus: 0, overcommit: 1 }, freed: [512] }
 * ```
 */
export function givePage(pool: HugePool, pfn: number, restore: boolean): { pool: HugePool; freed: number[] } {
  const { global, ...mount } = restore ? { global: 0 } : toMount(pool, 1);
  if (pool.surplus > 0 && global > 0) {
    return { pool: { ...pool, ...mount, total: pool.total - 1, surplus: pool.surplus - 1 }, freed: [pfn] };
  }
  const reserved = pool.reserved + Number(global === 0);
  return { pool: { ...pool, ...mount, free: [...pool.free, pfn], reserved }, freed: [] };
}

/**
 * Whether the mount may have a page more that was promised to nobody.
 *
 * @example
 * ```ts
 * mayTake({ ...emptyPool(2 ** 21, 0), mount: newSubpool(0, 0) }); // false
 * mayTake(emptyPool(2 ** 21, 0)); // true
 * ```
 */
export function mayTake(pool: HugePool): boolean {
  return fromMount(pool, 1) !== null;
}

/**
 * The pool with pages kept for its mount, where there are so many that nobody was promised; a mount that asks for more does not come to be.
 *
 * @example
 * ```ts
 * const pool = withPage(emptyPool(2 ** 21, 0), 512, false);
 * mounted(pool, newSubpool(null, 1)).reserved; // 1
 * mounted(pool, newSubpool(null, 2)).mount; // undefined
 * ```
 */
export function mounted(pool: HugePool, mount: Subpool): HugePool {
  const { minPages } = mount;
  if (pool.reserved + minPages > pool.free.length) return pool;
  return { ...pool, reserved: pool.reserved + minPages, mount: { ...mount, unused: minPages } };
}

/** What a new number of pages asks for: pages to get from the zone, and those that go back to it. */
export interface Resized {
  pool: HugePool;
  wanted: number;
  freed: number[];
}

/**
 * Another number of pages (`/proc/sys/vm/nr_hugepages`). Surplus pages count first where it grows; where it shrinks, pages in use and
 * promised ones stay as a surplus (`set_max_huge_pages`).
 *
 * @example
 * ```ts
 * const pool = withPage(withPage(emptyPool(2 ** 21, 0), 512, false), 1024, false);
 * resized(pool, 5).wanted; // 3
 * resized(pool, 0).freed; // [512, 1024]
 * resized(promise(pool, 2), 0).pool.surplus; // 2
 * ```
 */
export function resized(pool: HugePool, pages: number): Resized {
  const persistent = pool.total - pool.surplus;
  if (pages >= persistent) {
    const adopted = Math.min(pool.surplus, pages - persistent);
    return {
      pool: { ...pool, surplus: pool.surplus - adopted },
      wanted: pages - persistent - adopted,
      freed: [],
    };
  }
  const inUse = pool.total - pool.free.length;
  const least = Math.max(pages, inUse + pool.reserved);
  const leaving = Math.max(0, Math.min(pool.free.length - pool.reserved, persistent - least));
  const stay = pool.free.length - leaving;
  const total = pool.total - leaving;
  return {
    pool: { ...pool, total, free: pool.free.slice(0, stay), surplus: Math.max(pool.surplus, total - pages) },
    wanted: 0,
    freed: pool.free.slice(stay),
  };
}
