/** What a topology says of transparent huge pages beyond `design.thp`, where it asks for khugepaged and its controls. */
import type { KhugepagedControls } from './controls.ts';
import type { CollapseSize } from './eligible.ts';
import { pmdBytesOf } from './sizes.ts';
import type { ControlPolicy } from './units.ts';

/** The settings of the part. */
export interface ThpFacility {
  /** What processes of a larger page size are told of the controls. */
  policy: ControlPolicy;
  collapseSize: CollapseSize;
  /** Rounds over all processes after which khugepaged rests for good: a run has an end. */
  fullScans: number;
  useZeroPage?: boolean;
  /** Controls of khugepaged that are not as the kernel boots with them. */
  khugepaged: Partial<Omit<KhugepagedControls, 'pagesCollapsed' | 'fullScans'>>;
}

/**
 * Bytes of the huge page that the pages of a process are collapsed to.
 *
 * @example
 * ```ts
 * collapseBytes('kernel-pmd', 65536, 4096); // 2097152
 * collapseBytes('process-pmd', 65536, 4096); // 536870912
 * ```
 */
export function collapseBytes(size: CollapseSize, pageBytes: number, kernelPageBytes: number): number {
  return pmdBytesOf(size === 'process-pmd' ? pageBytes : kernelPageBytes);
}
