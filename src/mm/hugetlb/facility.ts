/** What a topology says of hugetlb, where it asks for it. */
import type { ControlPolicy } from '../thp/units.ts';
import type { PmdSharing } from './sharing.ts';
import type { DefaultHugeSize } from './sizes.ts';

/** A pool as the kernel boots with it, and the limits of its mount. */
export interface PoolSettings {
  pages: number;
  overcommit: number;
  mount?: { maxPages: number | null; minPages: number } | undefined;
}

/** The settings of the part. */
export interface HugetlbFacility {
  /** Pools that the kernel boots with, by size in bytes; a size of the kernel that is not named has an empty one. */
  pools: Readonly<Record<number, PoolSettings>>;
  /** What processes of a larger page size are told of the pools. */
  policy: ControlPolicy;
  defaultSize: DefaultHugeSize;
  pmdSharing: PmdSharing;
}
