/**
 * Memory cgroups: what is charged, in which unit, and what a charge meets at the limit
 * (`mm/memcontrol.c:try_charge_memcg`, `mm/page_counter.c`). A counter counts pages of the kernel. A limit in bytes is
 * rounded down to them, and a CPU charges 64 of them ahead; so both depend on whose page the unit is.
 *
 * @models D-17 D-12
 */

/** Pages that a CPU charges ahead (`MEMCG_CHARGE_BATCH`). */
export const CHARGE_BATCH = 64;
/** `PAGE_ALLOC_COSTLY_ORDER`. */
const COSTLY_ORDER = 3;

/** One group. Counts are in pages of the kernel that runs. */
export interface Memcg {
  name: string;
  /** Kernel pages in the unit that the group's limit and its batches are counted in. */
  unitPages: number;
  /** `memory.max`; null for none. */
  limitPages: number | null;
  /** The counter, with what is charged ahead: `memory.current` is this. */
  usedPages: number;
  /** Charged ahead; one stock, as of a single CPU. */
  stockPages: number;
  /** `memory.peak`. */
  peakPages: number;
  /** `memory.events`: times that a charge met the limit, and charges that failed. */
  maxEvents: number;
  failed: number;
}

/**
 * A group without charges. `unitBytes` is the page that its limit is rounded down to: that of the kernel, or of a
 * process whose kernel it should look like.
 *
 * @example
 * ```ts
 * newMemcg('web', { limitBytes: 100_000, unitBytes: 4096, kernelPageBytes: 4096 }).limitPages; // 24
 * newMemcg('web', { limitBytes: 100_000, unitBytes: 65536, kernelPageBytes: 4096 }).limitPages; // 16
 * ```
 */
export function newMemcg(
  name: string,
  size: { limitBytes: number | null; unitBytes: number; kernelPageBytes: number },
): Memcg {
  const { limitBytes, unitBytes, kernelPageBytes } = size;
  const unitPages = unitBytes / kernelPageBytes;
  const limitPages = limitBytes === null ? null : Math.floor(limitBytes / unitBytes) * unitPages;
  const counts = { usedPages: 0, stockPages: 0, peakPages: 0, maxEvents: 0, failed: 0 };
  return { name, unitPages, limitPages, ...counts };
}

function fits({ limitPages }: Memcg, usedPages: number): boolean {
  return limitPages === null || usedPages <= limitPages;
}

function withUsed(group: Memcg, usedPages: number, stockPages: number): Memcg {
  return { ...group, usedPages, stockPages, peakPages: Math.max(group.peakPages, usedPages) };
}

/** `refill_stock`: what is too much to keep is given back. */
function refilled(group: Memcg, usedPages: number, morePages: number): Memcg {
  const stockPages = group.stockPages + morePages;
  const counted = withUsed(group, usedPages, stockPages);
  if (stockPages <= CHARGE_BATCH * group.unitPages) return counted;
  return { ...counted, usedPages: usedPages - stockPages, stockPages: 0 };
}

/**
 * Charges pages: from the stock, else a batch, else no more than is asked for, else that after the stock is given back.
 * Reclaim within the group is not modelled.
 *
 * @returns the group, and whether the charge was made
 * @example
 * ```ts
 * const group = newMemcg('web', { limitBytes: 2 ** 20, unitBytes: 4096, kernelPageBytes: 4096 });
 * charge(group, 16).group.usedPages; // 64
 * charge(charge(group, 16).group, 16).group.usedPages; // 64
 * charge(group, 257).isCharged; // false
 * ```
 */
export function charge(group: Memcg, pages: number): { group: Memcg; isCharged: boolean } {
  const batchPages = CHARGE_BATCH * group.unitPages;
  const { usedPages, stockPages } = group;
  if (pages <= batchPages && stockPages >= pages) {
    return { group: { ...group, stockPages: stockPages - pages }, isCharged: true };
  }
  const wantedPages = Math.max(batchPages, pages);
  if (fits(group, usedPages + wantedPages)) {
    return { group: refilled(group, usedPages + wantedPages, wantedPages - pages), isCharged: true };
  }
  if (fits(group, usedPages + pages)) return { group: withUsed(group, usedPages + pages, stockPages), isCharged: true };
  const met = { ...group, maxEvents: group.maxEvents + 1 };
  const drainedPages = usedPages - stockPages;
  if (fits(group, drainedPages + pages)) return { group: withUsed(met, drainedPages + pages, 0), isCharged: true };
  return { group: { ...met, usedPages: drainedPages, stockPages: 0, failed: group.failed + 1 }, isCharged: false };
}

/**
 * Gives pages back (`uncharge_batch`): to the counter, not to the stock.
 *
 * @example
 * ```ts
 * const group = newMemcg('web', { limitBytes: null, unitBytes: 4096, kernelPageBytes: 4096 });
 * uncharge(charge(group, 80).group, 80).usedPages; // 0
 * ```
 */
export function uncharge(group: Memcg, pages: number): Memcg {
  return { ...group, usedPages: group.usedPages - pages };
}

/**
 * `memory.current` in bytes, with what is charged ahead, as every reader sees it.
 *
 * @example
 * ```ts
 * const group = newMemcg('web', { limitBytes: null, unitBytes: 65536, kernelPageBytes: 4096 });
 * currentBytes(charge(group, 16).group, 4096); // 4194304
 * ```
 */
export function currentBytes({ usedPages }: Memcg, kernelPageBytes: number): number {
  return usedPages * kernelPageBytes;
}

/**
 * What becomes of a fault whose charge of one folio fails (`mem_cgroup_oom`, `pagefault_out_of_memory`). Of a folio
 * above order 3 the group's OOM killer is not asked: the fault returns VM_FAULT_OOM, and is tried again without end. On
 * a kernel of today such a folio falls back to single pages; one that is the least of its process cannot.
 *
 * @example
 * ```ts
 * overLimit(0); // 'oom-kill'
 * overLimit(2); // 'oom-kill'
 * overLimit(4); // 'retries-without-end'
 * ```
 */
export function overLimit(orderPages: number): 'oom-kill' | 'retries-without-end' {
  return orderPages > COSTLY_ORDER ? 'retries-without-end' : 'oom-kill';
}
