/**
 * Peak resident memory as Linux reads it: its counters of resident pages are kept for each CPU, and what a CPU has not handed
 * over yet is not
 * seen. With pages of 64K that is up to 2 MiB of each kind.
 */

/**
 * Pages that a CPU keeps to itself of one counter before it hands them over: `percpu_counter_batch`, the larger of 32 and
 * twice the number of
 * CPUs (lib/percpu_counter.c:compute_batch_value).
 */
export const COUNTER_BATCH_PAGES = 32;

/** One of `mm->rss_stat` (include/linux/mm_types.h), as a single CPU counts. */
class BatchedCounter {
  /** What `percpu_counter_read_positive` sees. */
  seen = 0;
  #kept = 0;
  #last = 0;

  /** The true count is now `pages` (lib/percpu_counter.c:percpu_counter_add_batch). */
  set(pages: number): void {
    this.#kept += pages - this.#last;
    this.#last = pages;
    if (Math.abs(this.#kept) < COUNTER_BATCH_PAGES) return;
    this.seen += this.#kept;
    this.#kept = 0;
  }
}

/**
 * `ru_maxrss` of a process, told of its true counts as they change: the most that `get_mm_rss` has seen (include/linux/mm.h:
 * setmax_mm_hiwater_rss).
 *
 * @example
 * ```ts
 * const batches = new ResidentBatches();
 * batches.set(20, 40);
 * batches.set(31, 50);
 * batches.peakPages; // 40
 * ```
 */
export class ResidentBatches {
  peakPages = 0;
  readonly #anon = new BatchedCounter();
  readonly #file = new BatchedCounter();

  set(anonPages: number, filePages: number): void {
    this.#anon.set(anonPages);
    this.#file.set(filePages);
    const seen = Math.max(0, this.#anon.seen) + Math.max(0, this.#file.seen);
    this.peakPages = Math.max(this.peakPages, seen);
  }
}
