/** What a topology says of hugetlb, where it asks for it. */
import type { ControlPolicy } from '../thp/units.ts';
import type { PmdSharing } from './sharing.ts';
import type { DefaultHugeSize } from './sizes.ts';

/** The settings of the part. */
export interface HugetlbFacility {
  /** Pools that the kernel boots with, by size in bytes; a size of the kernel that is not named has an empty one. */
  pools: Readonly<Record<number, { pages: number; overcommit: number }>>;
  /** What processes of a larger page size are told of the pools. */
  policy: ControlPolicy;
  defaultSize: DefaultHugeSize;
  pmdSharing: PmdSharing;
}
