/**
 * The choices a design of per-process page size leaves open, and the settings of a kernel that the model obeys.
 *
 * @models S-42 L-05
 */

import type { ConversionChoices } from './conversion.ts';
import type { GetAndClear } from './getAndClear.ts';
import type { LiveFallbackChoices } from './liveFallback.ts';
import type { PinChoices } from './pinChoices.ts';

/** When a transparent huge page size is used (`/sys/kernel/mm/transparent_hugepage/hugepages-SIZEkB/enabled`). */
export type ThpMode = 'always' | 'madvise' | 'inherit' | 'never';

/** Settings of transparent huge pages, as sysfs has them. */
export interface ThpSettings {
  /** `/sys/kernel/mm/transparent_hugepage/enabled`, which sizes set to `inherit` follow. */
  enabled: 'always' | 'madvise' | 'never';
  /** Mode of each size in bytes; a size that is not named is `never`, the PMD size `inherit`. */
  sizes: Readonly<Record<number, ThpMode>>;
  /**
   * Share of 64K windows, anonymous and of files, that get a folio above the least order (`src/mm/thpCoverage.ts`). Absent: every
   * one that may. No setting of Linux: what a machine reaches.
   */
  coveragePercent?: number | undefined;
}

/**
 * Named choices. The first of each pair is what matches a kernel built for the process page size; it is the default, but
 * for `readOrder`: small files that are only read are what the proposal keeps small.
 */
export interface Design {
  /**
   * Where a file ends for a mapping: at the end of the last process page, or of the last kernel page as an unmodified
   * `mm/filemap.c:filemap_fault` has it, so that the tail of the last process page is SIGBUS.
   */
  fileTail: 'process-page' | 'kernel-page';
  /** `stack_guard_gap` of 256 process pages, or of 256 kernel pages (`mm/mmap.c`). */
  stackGuardGap: 'process-pages' | 'kernel-pages';
  /** The least folio of a process is its page, or nothing is asked of the allocator (layer 1 alone). */
  minimumOrder: 'process-page' | 'none';
  /** What a write to a shared page copies: the process page, or one kernel page (`mm/memory.c:wp_page_copy`). */
  copyOnWrite: 'process-page' | 'kernel-page';
  /** A read of untouched anonymous memory maps a run of zero frames as large as the process page, or allocates. */
  zeroPage: 'process-page' | 'allocate';
  /** What becomes of an operation that layer 3 cannot translate: warn and run on the Linux table, or fail the call. */
  untranslatable: 'fall-back' | 'fail';
  /**
   * What read() brings into the cache of a file that nobody has cached yet: folios of the reader's page, so that mapping it
   * later finds them large enough, or kernel pages as the proposal has it, which a mapping drops and reads again.
   */
  readOrder: 'process-page' | 'kernel-page';
  /**
   * When native entries are written: with each change of the Linux table, by twins of its primitives, or only for what a fault
   * enters and touches, as `update_mmu_cache` would. With the second, a native table may be dropped and comes back by faults.
   */
  nativeFill: 'eager' | 'lazy';
  /** The contiguous bit is used in Linux tables of the kernel page size (`CONFIG_ARM64_CONTPTE`). */
  contpte: boolean;
  /**
   * Broadcast maintenance by VA reaches CPUs that use another granule, or is ignored there, as the architecture permits
   * (Arm ARM D8.17.7 RXMZFH).
   */
  crossGranuleTlbi: 'honoured' | 'ignored';
  /**
   * How user ranges are flushed: by address, as Linux does, or always the whole ASID, which CPUs of every granule obey. The
   * issuer cannot know which granule another CPU uses at the moment, so the safe choice is for every flush.
   */
  crossGranuleFlush: 'by-va' | 'asid';
  /**
   * Which granule the operands of TLBI name in TTL and TG: that of the process, or the kernel's, as an unmodified kernel
   * encodes it (`arch/arm64/include/asm/tlbflush.h:get_trans_granule`): then nothing need be invalidated.
   */
  tlbiOperands: 'process-page' | 'kernel-page';
  /** What the TLBs keep of a contiguous group: an entry for each page, or one for the group, as hardware may. */
  contiguousTlb: 'per-page' | 'per-group';
  /** Kernel page-table isolation: every user TLBI twice, ASIDs in pairs (`__tlbi_user`, `set_kpti_asid_bits`). */
  kpti: boolean;
  /** CONFIG_MEM_SOFT_DIRTY, which arm64 of 6.12 does not have; absent is false. */
  softDirty?: boolean | undefined;
  thp: ThpSettings;
  /** Choices about pinned pages, where a topology has anybody who pins (`src/arch/pinChoices.ts`). */
  pins?: PinChoices;
  /** How running CPUs change the table, where that is modelled step by step (`src/arch/liveFallback.ts`). */
  liveFallback?: LiveFallbackChoices;
  /** How entries go from both tables, where that is two steps (`src/arch/getAndClear.ts`); absent: one step. */
  getAndClear?: GetAndClear | undefined;
  /** How files are converted under running faults, where that is modelled step by step (`src/arch/conversion.ts`). */
  conversion?: ConversionChoices;
  /** Whose pages the key of a shared futex counts; the kernel's where nothing is said (`src/mm/uaccess/futexKey.ts`). */
  futexKeys?: 'kernel-page' | 'process-page';
}

/**
 * The design that matches a kernel built for the process page size, on the kernel the oracle ran: mTHP off.
 *
 * @example
 * ```ts
 * defaultDesign.fileTail; // 'process-page'
 * ```
 */
export const defaultDesign: Design = {
  fileTail: 'process-page',
  stackGuardGap: 'process-pages',
  minimumOrder: 'process-page',
  copyOnWrite: 'process-page',
  zeroPage: 'process-page',
  untranslatable: 'fall-back',
  readOrder: 'kernel-page',
  nativeFill: 'eager',
  contpte: true,
  crossGranuleTlbi: 'honoured',
  crossGranuleFlush: 'by-va',
  tlbiOperands: 'process-page',
  contiguousTlb: 'per-page',
  kpti: false,
  thp: { enabled: 'madvise', sizes: {} },
};
