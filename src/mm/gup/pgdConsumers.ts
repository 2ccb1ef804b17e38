/**
 * Who else follows `mm->pgd`, with the geometry of the kernel's own page size: software that walks it without a lock, and
 * hardware that is given its address. With two tables each must be told which one it gets, and a device the granule too.
 *
 * @models D-10
 */
import { type Geometry, geometryOf } from '../../arch/granule.ts';

/** One of them. */
export interface PgdConsumer {
  name: string;
  /** Where in Linux 6.12. */
  source: string;
  /** What does the walk: code compiled for one geometry, or hardware that is programmed with one. */
  walks: 'software' | 'hardware';
  /** What it takes from the table. */
  wants: string;
}

/**
 * The consumers of a process's root besides the MMU and GUP.
 *
 * @example
 * ```ts
 * pgdConsumers.filter(({ walks }) => walks === 'hardware').map(({ name }) => name); // ['SMMU SVA']
 * ```
 */
export const pgdConsumers: readonly PgdConsumer[] = [
  {
    name: 'KVM host mapping size',
    source: 'arch/arm64/kvm/mmu.c:get_user_mapping_size',
    walks: 'software',
    wants: 'the level of the leaf, for the size of a stage-2 block',
  },
  {
    name: 'perf page size',
    source: 'kernel/events/core.c:perf_get_pgtable_size',
    walks: 'software',
    wants: 'the size of the leaf, for PERF_SAMPLE_DATA_PAGE_SIZE',
  },
  {
    name: 'show_pte',
    source: 'arch/arm64/mm/fault.c:show_pte',
    walks: 'software',
    wants: 'the entries on the way to a bad address',
  },
  {
    name: 'SMMU SVA',
    source: 'drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-sva.c:arm_smmu_make_sva_cd',
    walks: 'hardware',
    wants: 'the root and, from PAGE_SIZE, the granule of the context descriptor',
  },
];

/** How a walk with one geometry fares in a table of another. */
export type Misread =
  /** Root and geometry belong together. */
  | 'right'
  /** The index of the first level lies behind the end of the root. */
  | 'beyond-root'
  /** It lies inside, and names the entry of another address. */
  | 'other-entry'
  /** The first entry is that of the address by chance, and the walk goes on with the wrong number of levels. */
  | 'wrong-depth';

function firstIndex({ levels }: Geometry, va: number): number {
  const [root] = levels;
  return Math.floor(va / root.entrySpanBytes) % root.entries;
}

/**
 * What happens at the root when a table is walked with the geometry of another granule.
 *
 * @example
 * ```ts
 * misread(65536, 65536, 0x12345000); // 'right'
 * misread(4096, 65536, 0xffff00000000); // 'beyond-root'
 * misread(4096, 65536, 0x8000000000); // 'other-entry'
 * misread(4096, 65536, 0x12345000); // 'wrong-depth'
 * ```
 */
export function misread(walkerGranuleBytes: number, tableGranuleBytes: number, va: number): Misread {
  if (walkerGranuleBytes === tableGranuleBytes) return 'right';
  const walker = geometryOf(walkerGranuleBytes);
  const table = geometryOf(tableGranuleBytes);
  const index = firstIndex(walker, va);
  if (index >= (table.levels[0]?.entries ?? 0)) return 'beyond-root';
  return index === firstIndex(table, va) ? 'wrong-depth' : 'other-entry';
}
