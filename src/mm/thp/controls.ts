/**
 * The controls of transparent huge pages as state: what `/sys/kernel/mm/transparent_hugepage` holds. One kernel has one
 * set of them, whatever the page sizes of its processes.
 *
 * @models S-17 S-23
 */
import type { ThpMode, ThpSettings } from '../../arch/design.ts';
import { pmdPagesOf } from './sizes.ts';

/** How hard a fault tries for a huge page (`defrag`). */
export type ThpDefrag = 'always' | 'defer' | 'defer+madvise' | 'madvise' | 'never';
/** When shmem uses huge pages (`shmem_enabled`); the last two are for the whole system. */
export type ShmemThp = 'always' | 'within_size' | 'advise' | 'never' | 'deny' | 'force';
/** The same for one size (`hugepages-SIZEkB/shmem_enabled`). */
export type ShmemSizeThp = 'always' | 'inherit' | 'within_size' | 'advise' | 'never';

/** What khugepaged obeys, and what it counts; pages and PTEs are those of the kernel. */
export interface KhugepagedControls {
  /** It may compact to get a huge page (`defrag`). */
  defrag: boolean;
  pagesToScan: number;
  scanSleepMilliseconds: number;
  allocSleepMilliseconds: number;
  maxPtesNone: number;
  maxPtesSwap: number;
  maxPtesShared: number;
  pagesCollapsed: number;
  fullScans: number;
}

/** All controls. Plain data; treat it as immutable. */
export interface ThpControls {
  enabled: ThpSettings['enabled'];
  defrag: ThpDefrag;
  useZeroPage: boolean;
  shmemEnabled: ShmemThp;
  shrinkUnderused: boolean;
  /** Mode of each size in bytes that was set; one that was not is `inherit` where it is the PMD size, else `never`. */
  sizes: Readonly<Record<number, ThpMode>>;
  shmemSizes: Readonly<Record<number, ShmemSizeThp>>;
  khugepaged: KhugepagedControls;
}

/**
 * The controls as a kernel of a page size boots with them, `thp` from its command line.
 * Sources: mm/khugepaged.c:khugepaged_init, mm/huge_memory.c (`transparent_hugepage_flags`, `split_underused_thp`).
 *
 * @example
 * ```ts
 * bootControls(4096, { enabled: 'madvise', sizes: {} }).khugepaged.maxPtesNone; // 511
 * bootControls(65536, { enabled: 'madvise', sizes: {} }).khugepaged.pagesToScan; // 65536
 * ```
 */
export function bootControls(kernelPageBytes: number, thp: ThpSettings): ThpControls {
  const pmdPages = pmdPagesOf(kernelPageBytes);
  return {
    enabled: thp.enabled,
    defrag: 'madvise',
    useZeroPage: true,
    shmemEnabled: 'never',
    shrinkUnderused: true,
    sizes: { ...thp.sizes },
    shmemSizes: {},
    khugepaged: {
      defrag: true,
      pagesToScan: pmdPages * 8,
      scanSleepMilliseconds: 10_000,
      allocSleepMilliseconds: 60_000,
      maxPtesNone: pmdPages - 1,
      maxPtesSwap: pmdPages / 8,
      maxPtesShared: pmdPages / 2,
      pagesCollapsed: 0,
      fullScans: 0,
    },
  };
}

/**
 * What faults obey of the controls.
 *
 * @example
 * ```ts
 * settingsOf(bootControls(4096, { enabled: 'always', sizes: { 65536: 'always' } })).sizes; // { 65536: 'always' }
 * ```
 */
export function settingsOf({ enabled, sizes }: ThpControls): ThpSettings {
  return { enabled, sizes };
}
