/**
 * The slots of a swap device (`mm/swapfile.c`): a count for each, how many page table entries name it, and whether the swap
 * cache has its page. Slots are found cluster by cluster, and a cluster that was begun for one order serves that order, so
 * that aligned runs of slots are left for process pages of 16K and 64K (`cluster_alloc_swap_entry`).
 *
 * @models S-10 D-07
 */
import { invariant } from '../../errors.ts';
import { IntMap } from '../intMap.ts';

/** Slots of a cluster with CONFIG_THP_SWAP on a 4K kernel: a huge page of them [mm/swapfile.c:SWAPFILE_CLUSTER]. */
export const CLUSTER_SLOTS = 512;

/** A slot in use: a count, doubled, and one more while the swap cache holds it. Zero cannot be: such a slot is free. */
type Use = number;

/** A cluster that is not wholly free. */
interface Cluster {
  order: number;
  used: number;
}

/** The plain form of a swap map. */
export interface PlainSwapMap {
  slots: number;
  uses: { keys: number[]; values: number[] };
  clusters: { keys: number[]; values: Cluster[] };
}

/**
 * A version of the map; it never changes, and every change gives another one.
 *
 * @example
 * ```ts
 * const taken = SwapMap.empty(1024).allocate(4);
 * taken?.offset; // 0
 * taken?.map.freeSlots; // 1008
 * ```
 */
export class SwapMap {
  readonly slots: number;
  readonly #uses: IntMap<Use>;
  readonly #clusters: IntMap<Cluster>;

  constructor(slots: number, uses: IntMap<Use>, clusters: IntMap<Cluster>) {
    this.slots = slots;
    this.#uses = uses;
    this.#clusters = clusters;
  }

  static empty(slots: number): SwapMap {
    return new SwapMap(slots, IntMap.empty(), IntMap.empty());
  }

  /** The inverse of `toPlain`. */
  static fromPlain({ slots, uses, clusters }: PlainSwapMap): SwapMap {
    return new SwapMap(slots, IntMap.fromPlain(uses), IntMap.fromPlain(clusters));
  }

  toPlain(): PlainSwapMap {
    return { slots: this.slots, uses: this.#uses.toPlain(), clusters: this.#clusters.toPlain() };
  }

  get freeSlots(): number {
    return this.slots - this.#uses.size;
  }

  /** Page table entries that name a slot (`__swap_count`). */
  countOf(offset: number): number {
    return Math.floor((this.#uses.get(offset) ?? 0) / 2);
  }

  /** The swap cache has the page of a slot (`SWAP_HAS_CACHE`). */
  isCached(offset: number): boolean {
    return (this.#uses.get(offset) ?? 0) % 2 === 1;
  }

  /** Slots in use, with their counts. */
  forEach(visit: (offset: number, count: number, cached: boolean) => unknown): void {
    this.#uses.forEach(0, this.slots, (offset, use) => visit(offset, Math.floor(use / 2), use % 2 === 1));
  }

  /**
   * An aligned run of 2^order slots for the swap cache (`folio_alloc_swap`), or null where no cluster of that order has one: the
   * space is too broken up. Single slots are taken wherever there is one.
   */
  allocate(order: number): { map: SwapMap; offset: number } | null {
    const nr = 2 ** order;
    const own = this.clusterWith((cluster) => cluster.order === order && cluster.used < CLUSTER_SLOTS, nr);
    const found = own ?? this.freeCluster(nr) ?? (order === 0 ? this.clusterWith(() => true, 1) : null);
    return found === null ? null : { map: this.take(found, nr, order), offset: found };
  }

  /** So many single slots from anywhere, in order of offset; null where there are not enough. */
  allocateScattered(nr: number): { map: SwapMap; offsets: number[] } | null {
    if (this.freeSlots < nr) return null;
    const offsets: number[] = [];
    let map = new SwapMap(this.slots, this.#uses, this.#clusters);
    while (offsets.length < nr) {
      const taken = map.allocate(0);
      invariant(taken !== null, 'there are as many free slots');
      offsets.push(taken.offset);
      map = taken.map;
    }
    return { map, offsets };
  }

  /** More or fewer entries name a run of slots (`swap_duplicate`, `swap_free`); slots that nobody needs are free again. */
  count(offset: number, nr: number, by: number): SwapMap {
    return this.change(offset, nr, (use) => {
      invariant(use + 2 * by >= 0, 'no entry gives up a slot that it does not name');
      return use + 2 * by;
    });
  }

  /** The swap cache takes a run of slots up, or gives it up (`swapcache_prepare`, `swapcache_free`). */
  cache(offset: number, nr: number, cached: boolean): SwapMap {
    return this.change(offset, nr, (use) => use - (use % 2) + (cached ? 1 : 0));
  }

  private change(offset: number, nr: number, next: (use: Use) => Use): SwapMap {
    const uses = this.#uses.edit();
    const clusters = this.#clusters.edit();
    for (let slot = offset; slot < offset + nr; slot++) {
      const before = uses.get(slot);
      invariant(before !== undefined, `slot ${slot} is in use`);
      const after = next(before);
      if (after > 0) {
        uses.set(slot, after);
        continue;
      }
      uses.delete(slot);
      const at = Math.floor(slot / CLUSTER_SLOTS);
      const cluster = clusters.get(at);
      invariant(cluster !== undefined, 'a slot in use lies in a cluster that was begun');
      if (cluster.used === 1) clusters.delete(at);
      else clusters.set(at, { ...cluster, used: cluster.used - 1 });
    }
    return new SwapMap(this.slots, uses.done(), clusters.done());
  }

  private take(offset: number, nr: number, order: number): SwapMap {
    const uses = this.#uses.edit();
    for (let slot = offset; slot < offset + nr; slot++) uses.set(slot, 1);
    const at = Math.floor(offset / CLUSTER_SLOTS);
    const cluster = this.#clusters.get(at) ?? { order, used: 0 };
    return new SwapMap(this.slots, uses.done(), this.#clusters.set(at, { ...cluster, used: cluster.used + nr }));
  }

  /** The first aligned free run in a cluster that fits. */
  private clusterWith(fits: (cluster: Cluster) => boolean, nr: number): number | null {
    let found: number | null = null;
    this.#clusters.forEach(0, Number.MAX_SAFE_INTEGER, (at, cluster) => {
      if (fits(cluster)) found = this.runIn(at, nr);
      return found === null;
    });
    return found;
  }

  /** The start of the first cluster that nothing was taken from yet. */
  private freeCluster(nr: number): number | null {
    for (let at = 0; at * CLUSTER_SLOTS < this.slots; at++) {
      if (!this.#clusters.has(at)) return at * CLUSTER_SLOTS + nr <= this.slots ? at * CLUSTER_SLOTS : null;
    }
    return null;
  }

  private runIn(at: number, nr: number): number | null {
    const end = Math.min((at + 1) * CLUSTER_SLOTS, this.slots);
    for (let offset = at * CLUSTER_SLOTS; offset + nr <= end; offset += nr) {
      let free = 0;
      while (free < nr && !this.#uses.has(offset + free)) free++;
      if (free === nr) return offset;
    }
    return null;
  }
}
