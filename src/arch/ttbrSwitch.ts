/**
 * What a CPU writes to install another address space, in order, and what of it a change of granule adds. TG0 must not change
 * while TTBR0 points to a table of the other granule: a walk, speculative ones included, would read it wrongly. So the
 * reserved, empty table stands in for it, as for the change of T0SZ [arch/arm64/include/asm/mmu_context.h:cpu_install_idmap].
 */
import { granuleOf } from './granule.ts';

/** One register write or barrier. */
export type SwitchStep = 'TTBR0_EL1 reserved' | 'TTBR1_EL1 ASID' | 'TCR_EL1 TG0' | 'TTBR0_EL1 pgd' | 'ISB';

/** TCR_EL1.TG0, bits 15:14. */
const TG0 = { 4096: 0b00, 65536: 0b01, 16384: 0b10 } as const;

/**
 * TCR_EL1.TG0 of a granule, bits 15:14.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * [4096, 16384, 65536].map(tg0Of); // [0, 2, 1]
 * ```
 */
export function tg0Of(granuleBytes: number): number {
  return TG0[granuleOf(granuleBytes)];
}

/**
 * The steps of a switch: those of `arch/arm64/mm/context.c:cpu_do_switch_mm`, and where the granule changes, TCR_EL1 between
 * two ISBs while the reserved table is installed. No TLB maintenance belongs to it: an ASID belongs to one granule for as
 * long as a generation lasts. `fromBytes` is null for a CPU that has nothing installed.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * switchSteps(4096, 4096); // ['TTBR0_EL1 reserved', 'TTBR1_EL1 ASID', 'TTBR0_EL1 pgd', 'ISB']
 * switchSteps(4096, 65536).indexOf('TCR_EL1 TG0'); // 2
 * ```
 */
export function switchSteps(fromBytes: number | null, toBytes: number): SwitchStep[] {
  const changes = fromBytes !== null && tg0Of(fromBytes) !== tg0Of(toBytes);
  if (!changes) return ['TTBR0_EL1 reserved', 'TTBR1_EL1 ASID', 'TTBR0_EL1 pgd', 'ISB'];
  return ['TTBR0_EL1 reserved', 'ISB', 'TCR_EL1 TG0', 'ISB', 'TTBR1_EL1 ASID', 'TTBR0_EL1 pgd', 'ISB'];
}
