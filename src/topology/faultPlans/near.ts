/** Names that somebody may have meant. */

/** Names that are suggested at most. */
const SUGGESTED = 3;
/** So many letters may differ, for one that is to be near. */
const MOST_EDITS = 3;

/** Letters to put in, take out or change to make one name of the other (Levenshtein). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let left = 1; left <= from.length; left++) {
    const next = [left];
    for (let right = 1; right <= to.length; right++) {
      const changed = (row[right - 1] ?? 0) + (from[left - 1] === to[right - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[right] ?? 0) + 1, (next[right - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/**
 * Those of some names that are nearest to one that is none of them: by letters, or since one holds the other.
 *
 * @example
 * ```ts
 * nearTo('tlbi:0', ['tlb:0', 'zone', 'disk']); // ['tlb:0']
 * ```
 */
export function nearTo(name: string, names: Iterable<string>): string[] {
  const bare = name.replaceAll('*', '').toLowerCase();
  const scored = [...new Set(names)].map((candidate) => {
    const other = candidate.toLowerCase();
    const isPart = bare.length > 1 && (other.includes(bare) || bare.includes(other));
    return { candidate, score: isPart ? 1 : edits(bare, other) };
  });
  return scored
    .filter(({ score }) => score <= MOST_EDITS)
    .sort((left, right) => left.score - right.score || (left.candidate < right.candidate ? -1 : 1))
    .slice(0, SUGGESTED)
    .map(({ candidate }) => candidate);
}

/**
 * The end of a message about a name that is none, where there are some near it.
 *
 * @example
 * ```ts
 * didYouMean('tlbi:0', ['tlb:0']); // '; did you mean tlb:0?'
 * didYouMean('nothing', ['tlb:0']); // ''
 * ```
 */
export function didYouMean(name: string, names: Iterable<string>): string {
  const near = nearTo(name, names);
  return near.length === 0 ? '' : `; did you mean ${near.join(', ')}?`;
}
