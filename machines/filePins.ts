/** Which pages of a file a holder has, and what is left where it gives some of them up. */
import type { FileRun } from './messages.ts';

/** Pages [first, end) of a file. */
export interface IndexRange {
  first: number;
  end: number;
}

/**
 * The parts of runs that lie in ranges, those that do not, and what of the ranges no run covers.
 *
 * @example
 * ```ts
 * const taken = takeOut([{ index: 4, pfn: 64, nr: 4 }], [{ first: 6, end: 9 }]);
 * taken.kept; // [{ index: 4, pfn: 64, nr: 2 }]
 * taken.out; // [{ index: 6, pfn: 66, nr: 2 }]
 * taken.left; // [{ first: 8, end: 9 }]
 * ```
 */
export function takeOut(
  runs: readonly FileRun[],
  ranges: readonly IndexRange[],
): { out: FileRun[]; kept: FileRun[]; left: IndexRange[] } {
  const out: FileRun[] = [];
  const kept: FileRun[] = [];
  let left = [...ranges];
  for (const run of runs) {
    const end = run.index + run.nr;
    for (let at = run.index; at < end; ) {
      const from = at;
      const inside = left.find((range) => range.first <= from && from < range.end);
      const nextFirst = Math.min(end, ...left.filter((range) => range.first > from).map((range) => range.first));
      const to = inside === undefined ? nextFirst : Math.min(end, inside.end);
      const part = { ...run, index: from, pfn: run.pfn + (from - run.index), nr: to - from };
      (inside === undefined ? kept : out).push(part);
      if (inside !== undefined) {
        const rest = [
          { first: inside.first, end: from },
          { first: to, end: inside.end },
        ].filter((range) => range.first < range.end);
        left = left.flatMap((range) => (range === inside ? rest : [range]));
      }
      at = to;
    }
  }
  return { out, kept, left };
}
