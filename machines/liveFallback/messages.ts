/** Messages of a change of table and granule under running threads. */

/** What an MMU tells the CPUs, and what they answer. */
export type LiveFallbackMessage =
  /** Install the reserved table, and with `flush` drop the translations of the ASID. */
  | { type: 'TTBR0_RESERVE'; mmu: string; asid: number; flush: boolean }
  | { type: 'TTBR0_RESERVED'; cpu: number }
  /** The root to walk from now on, and the granule of it. */
  | { type: 'TTBR0_INSTALL'; mmu: string; root: TableRoot; pageBytes: number }
  /** TCR_EL1.TG0 alone, TTBR0 as it is: the step that must not come alone. */
  | { type: 'TCR_TG0'; mmu: string; pageBytes: number };

/** Which of the two tables of an mm. */
export type TableRoot = 'native' | 'linux';
