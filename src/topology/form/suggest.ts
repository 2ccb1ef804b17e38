/** What somebody probably meant who wrote a name that is not there. */

/** Names that are listed in a message at most: more do not help anybody to choose. */
const LISTED_MAX = 24;

/** Insertions, deletions, replacements and swaps of neighbours that make one text of another (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let at = 1; at <= b.length; at++) {
      const change = (last[at - 1] ?? 0) + (a[row - 1] === b[at - 1] ? 0 : 1);
      let least = Math.min(change, (last[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1);
      const isSwap = row > 1 && at > 1 && a[row - 1] === b[at - 2] && a[row - 2] === b[at - 1];
      if (isSwap) least = Math.min(least, (before[at - 2] ?? 0) + 1);
      next.push(least);
    }
    [before, last] = [last, next];
  }
  return last[b.length] ?? 0;
}

/**
 * The name nearest to what was written, case aside; null where none is near: up to a third of its letters may differ.
 *
 * @example
 * ```ts
 * nearest('kernelPagesize', ['kernelPageSize', 'pageCache']); // 'kernelPageSize'
 * nearest('colour', ['kernelPageSize', 'pageCache']); // null
 * ```
 */
export function nearest(written: string, names: Iterable<string>): string | null {
  const most = written.length < 2 ? 0 : Math.max(1, Math.floor(written.length / 3));
  let found: { name: string; distance: number } | null = null;
  for (const name of names) {
    if (Math.abs(name.length - written.length) > most) continue;
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    if (distance <= most && (found === null || distance < found.distance)) found = { name, distance };
  }
  return found?.name ?? null;
}

/**
 * The remedy for a name that is not there: the one that was probably meant, or all that there are.
 *
 * @example
 * ```ts
 * remedyFor('mm:10', ['mm:1', 'zone']); // 'Did you mean "mm:1"?'
 * remedyFor('gpu', ['mm:1', 'zone']); // 'There are: mm:1, zone.'
 * ```
 */
export function remedyFor(written: string, names: Iterable<string>): string {
  const all = [...names];
  const near = nearest(written, all);
  if (near !== null) return `Did you mean "${near}"?`;
  if (all.length === 0) return 'There are none.';
  const rest = all.length > LISTED_MAX ? `, and ${all.length - LISTED_MAX} more` : '';
  return `There are: ${all.slice(0, LISTED_MAX).join(', ')}${rest}.`;
}
