/**
 * Who else in the kernel walks `mm->pgd` by the kernel's geometry, or hands it to hardware, and what each finds of a process that
 * has a native table beside the Linux table.
 *
 * @models D-10
 */
import { geometryOf } from '../../arch/granule.ts';

/** A consumer of the tables of a process. */
export interface TableConsumer {
  consumer: string;
  source: string;
  /** Which table answers it rightly. */
  table: 'linux' | 'native' | 'either';
  /** What it does with what it finds. */
  uses: 'pages' | 'leaf-size' | 'root-to-hardware';
  /** What follows for a 16K or 64K process. */
  follows: string;
}

/** The consumers, with what follows. */
export const tableConsumers: readonly TableConsumer[] = [
  {
    consumer: 'get_user_pages, mincore, smaps, pagemap',
    source: 'mm/gup.c:follow_page_mask, mm/pagewalk.c:walk_page_range',
    table: 'linux',
    uses: 'pages',
    follows:
      'right as they are: the Linux table has every page; accessed and dirty bits are gathered from the native one first',
  },
  {
    consumer: 'size of the page of a sample',
    source: 'kernel/events/core.c:perf_get_pgtable_size',
    table: 'native',
    uses: 'leaf-size',
    follows: 'walks the Linux table without a lock and reports 4K for what hardware maps with 64K, unless it is told',
  },
  {
    consumer: 'size of a stage-2 block for a guest’s memory',
    source: 'arch/arm64/kvm/mmu.c:get_user_mapping_size',
    table: 'linux',
    uses: 'leaf-size',
    follows: 'right as it is: stage 2 has the kernel’s granule, and maps what the Linux table has as one block',
  },
  {
    consumer: 'shared virtual addresses of a device',
    source: 'drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-sva.c:arm_smmu_make_sva_cd',
    table: 'either',
    uses: 'root-to-hardware',
    follows:
      'the Linux root with TG0=4K works, and the device’s accessed and dirty bits come into it at once; ' +
      'the native root wants the process’s TG0, and must be taken away at a fallback',
  },
  {
    consumer: 'breakpoints in code',
    source: 'kernel/events/uprobes.c:__replace_page',
    table: 'linux',
    uses: 'pages',
    follows: 'replaces one 4K page of the process page: a whole group has to be copied, or the process falls back',
  },
];

/**
 * Bytes that a walk finds mapped by one last-level entry, when it reads a table by the geometry of some granule
 * (`perf_get_pgtable_size`, `get_user_mapping_size`).
 *
 * @example
 * ```ts
 * leafBytes(4096); // 4096
 * leafBytes(65536); // 65536
 * ```
 */
export function leafBytes(granuleBytes: number): number {
  return geometryOf(granuleBytes).levels.at(-1)?.entrySpanBytes ?? granuleBytes;
}

/**
 * What a root table has to be for hardware that is told a granule: its bytes, and how many entries it has. A root of one granule that is
 * walked as one of another is read out of its bounds.
 *
 * @example
 * ```ts
 * rootOf(4096); // { bytes: 4096, entries: 512 }
 * rootOf(65536); // { bytes: 512, entries: 64 }
 * ```
 */
export function rootOf(granuleBytes: number): { bytes: number; entries: number } {
  const [root] = geometryOf(granuleBytes).levels;
  return { bytes: root?.tableBytes ?? 0, entries: root?.entries ?? 0 };
}
