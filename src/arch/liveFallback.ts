/**
 * How a CPU goes from one table and granule to the other while threads of the process run: the choices of layer 3 when it gives
 * the native table up, and when it takes it again.
 *
 * @models S-39 S-40 L-05 D-06
 */

/** Named choices; the first of each is the default. */
export interface LiveFallbackChoices {
  /**
   * `reserved-ttbr0`: every CPU installs the empty table and drops the ASID's translations, and only when all have done so are
   * the tables changed and the new root and TG0 installed. `in-place`: the tables change at once, and each CPU writes TG0
   * and then TTBR0 when it hears of it, so that it may walk a table with the other granule, or one that is gone.
   * `no-flush`: the reserved table, but the ASID keeps its translations, whose page numbers then mean other addresses.
   */
  protocol: 'reserved-ttbr0' | 'in-place' | 'no-flush';
  /** Fallen back for ever, or until every process page is one folio again (S-40). */
  returnToNative: 'never' | 'when-whole';
}

/**
 * What is safe and plain.
 *
 * @example
 * ```ts
 * defaultLiveFallback.protocol; // 'reserved-ttbr0'
 * ```
 */
export const defaultLiveFallback: LiveFallbackChoices = { protocol: 'reserved-ttbr0', returnToNative: 'never' };
