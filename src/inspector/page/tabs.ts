/** Arrow keys within a row of tabs or a tree, as people who use them by keyboard expect. */

/**
 * Which one comes next in a row for a key; null where the key does not move.
 *
 * @example
 * ```ts
 * nextIn('ArrowRight', 2, 3); // 0
 * nextIn('End', 0, 3); // 2
 * nextIn('x', 0, 3); // null
 * ```
 */
export function nextIn(key: string, at: number, of: number): number | null {
  if (of === 0) return null;
  if (key === 'ArrowRight' || key === 'ArrowDown') return (at + 1) % of;
  if (key === 'ArrowLeft' || key === 'ArrowUp') return (at + of - 1) % of;
  if (key === 'Home') return 0;
  return key === 'End' ? of - 1 : null;
}

/** A row of a tree, as a key sees it. */
export interface TreeRow {
  readonly depth: number;
  /** Null for a leaf. */
  readonly isOpen: boolean | null;
}

/** What a key does in a tree: goes to a row, or opens or closes the one it is on. */
export type TreeStep = { readonly goTo: number } | { readonly toggle: true } | null;

/**
 * What a key does at a row of a tree.
 *
 * @example
 * ```ts
 * const rows = [{ depth: 0, isOpen: true }, { depth: 1, isOpen: null }, { depth: 0, isOpen: false }];
 * treeStep('ArrowDown', 0, rows); // { goTo: 1 }
 * treeStep('ArrowLeft', 1, rows); // { goTo: 0 }
 * treeStep('ArrowRight', 2, rows); // { toggle: true }
 * ```
 */
export function treeStep(key: string, at: number, rows: readonly TreeRow[]): TreeStep {
  const row = rows[at];
  if (row === undefined) return null;
  if (key === 'ArrowDown') return at + 1 < rows.length ? { goTo: at + 1 } : null;
  if (key === 'ArrowUp') return at > 0 ? { goTo: at - 1 } : null;
  if (key === 'Home') return { goTo: 0 };
  if (key === 'End') return { goTo: rows.length - 1 };
  if (key === 'ArrowRight') {
    if (row.isOpen === null) return null;
    return row.isOpen ? { goTo: Math.min(at + 1, rows.length - 1) } : { toggle: true };
  }
  if (key !== 'ArrowLeft') return null;
  if (row.isOpen === true) return { toggle: true };
  for (let above = at - 1; above >= 0; above--) if ((rows[above]?.depth ?? 0) < row.depth) return { goTo: above };
  return null;
}
