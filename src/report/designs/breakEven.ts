/**
 * From which coverage on large folios with the contiguous bit are as good as the proposal.
 *
 * @models S-03 S-05
 */

/** A point of the curve: what a coverage costs. */
export interface CoveragePoint {
  coveragePercent: number;
  cycles: number;
}

/** Where the curves meet. */
export type BreakEven =
  /** From this coverage on large folios cost no more. */
  | { kind: 'at'; coveragePercent: number }
  /** The other design costs less even at the greatest coverage that was run; by so many cycles. */
  | { kind: 'none-design-wins'; atCoveragePercent: number; cycles: number }
  /** Large folios cost no more even at the least coverage that was run. */
  | { kind: 'none-design-loses'; atCoveragePercent: number; cycles: number };

/**
 * The least coverage from which on the curve lies at or below `cycles`, between points along straight lines. A curve that dips below and
 * rises above again counts from its last crossing on.
 *
 * @param points rising by coverage, at least one
 * @example
 * ```ts
 * breakEven([{ coveragePercent: 0, cycles: 100 }, { coveragePercent: 100, cycles: 50 }], 60); // { kind: 'at', coveragePercent: 80 }
 * breakEven([{ coveragePercent: 0, cycles: 100 }, { coveragePercent: 100, cycles: 50 }], 40).kind; // 'none-design-wins'
 * ```
 */
export function breakEven(points: readonly CoveragePoint[], cycles: number): BreakEven {
  const last = points[points.length - 1];
  if (last.cycles > cycles) {
    return { kind: 'none-design-wins', atCoveragePercent: last.coveragePercent, cycles: last.cycles - cycles };
  }
  for (let at = points.length - 1; at > 0; at--) {
    const [before, after] = [points[at - 1], points[at]];
    if (before.cycles <= cycles) continue;
    const share = (before.cycles - cycles) / (before.cycles - after.cycles);
    const coveragePercent = before.coveragePercent + share * (after.coveragePercent - before.coveragePercent);
    return { kind: 'at', coveragePercent };
  }
  const [first] = points;
  return { kind: 'none-design-loses', atCoveragePercent: first.coveragePercent, cycles: cycles - first.cycles };
}
