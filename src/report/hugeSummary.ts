/**
 * What became of huge pages: what khugepaged looked at and made, and the pools of hugetlb.
 *
 * @models S-17 S-28 S-34
 */
import { type ShownState, statesOfKind } from './actorStates.ts';
import { formatBytes, formatCount } from './format.ts';

/** One pool of hugetlb at the end of a run. */
export interface PoolState {
  bytes: number;
  total: number;
  free: number;
  reserved: number;
  surplus: number;
}

/** Huge pages of a run. */
export interface HugeSummary {
  /** How khugepaged's scans of single huge pages ended, by outcome; null where there is no khugepaged. */
  scans: Record<string, number> | null;
  fullScans: number;
  /** Pools with pages, and what was shared of their tables; null where there is no hugetlb. */
  hugetlb: { pools: PoolState[]; sharedEntries: number; refusedSharings: number; unshared: number } | null;
}

/**
 * The huge pages among the states of a run; null where the topology asks for neither part.
 *
 * @example
 * ```ts
 * hugeSummary([]); // null
 * ```
 */
export function hugeSummary(states: readonly ShownState[]): HugeSummary | null {
  const [khugepaged] = statesOfKind(states, 'khugepaged');
  const [hugetlb] = statesOfKind(states, 'hugetlb');
  if (khugepaged === undefined && hugetlb === undefined) return null;
  const poolsOf = (): HugeSummary['hugetlb'] => {
    if (hugetlb === undefined) return null;
    const { pools, sharedEntries, refusedSharings, unshared } = hugetlb.context;
    const held = pools.filter(({ total }) => total > 0);
    return {
      pools: held.map(({ bytes, total, free, reserved, surplus }) => {
        return { bytes, total, free: free.length, reserved, surplus };
      }),
      sharedEntries,
      refusedSharings,
      unshared,
    };
  };
  return {
    scans: khugepaged === undefined ? null : { ...khugepaged.context.results },
    fullScans: khugepaged?.context.controls.khugepaged.fullScans ?? 0,
    hugetlb: poolsOf(),
  };
}

/**
 * The lines of a run's summary.
 *
 * @example
 * ```ts
 * const scans = { succeed: 2, 'exceed-none': 5 };
 * hugeLines({ scans, fullScans: 3, hugetlb: null })[0]; // 'khugepaged: 3 rounds; 2 succeed, 5 exceed-none'
 * ```
 */
export function hugeLines({ scans, fullScans, hugetlb }: HugeSummary): string[] {
  const lines: string[] = [];
  if (scans !== null) {
    const outcomes = Object.entries(scans).map(([outcome, count]) => `${formatCount(count)} ${outcome}`);
    const found = outcomes.length === 0 ? 'nothing to look at' : outcomes.join(', ');
    lines.push(`khugepaged: ${formatCount(fullScans)} rounds; ${found}`);
  }
  if (hugetlb === null) return lines;
  for (const { bytes, total, free, reserved, surplus } of hugetlb.pools) {
    const promised = `${formatCount(reserved)} promised, ${formatCount(surplus)} surplus`;
    lines.push(`huge pages of ${formatBytes(bytes)}: ${formatCount(total)}, ${formatCount(free)} free, ${promised}`);
  }
  const { sharedEntries, refusedSharings, unshared } = hugetlb;
  if (sharedEntries + refusedSharings + unshared > 0) {
    const refused = `${formatCount(refusedSharings)} sharings refused for page sizes`;
    lines.push(`tables of huge pages: ${formatCount(sharedEntries)} entries made for others, ${refused}`);
  }
  return lines;
}
