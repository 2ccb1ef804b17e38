/**
 * How the folios of a file come to the order that a mapping needs while others use them: the locks and the unit of that, where it is
 * modelled step by step.
 *
 * @models S-36 T-02 T-07 T-08 D-15
 */

/** Named choices; the first of each is the default, and what is safe. */
export interface ConversionChoices {
  /**
   * `whole-file`: at mmap, with `invalidate_lock` held over all of it: the least order rises, every smaller folio is unmapped,
   * written back and dropped, and faults wait. `order-first`: at the first fault that finds smaller folios: with the lock held the
   * order of the inode rises, and the one process page is dropped and read again; others may be partly filled. `each-its-own`:
   * nothing remembers an order; a fault drops smaller folios by `invalidate_inode_pages2_range` without the lock, and reads in
   * the order of its own process.
   */
  protocol: 'whole-file' | 'order-first' | 'each-its-own';
  /** Writers are shut out of a conversion (`i_rwsem` is held too), or make folios dirty beside it. */
  writers: 'shut-out' | 'beside';
}

/**
 * What is safe and plain.
 *
 * @example
 * ```ts
 * defaultConversion.protocol; // 'whole-file'
 * ```
 */
export const defaultConversion: ConversionChoices = { protocol: 'whole-file', writers: 'shut-out' };
