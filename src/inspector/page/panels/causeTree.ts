/** The cause chain and the effects of an event as a tree to be drawn: every event has one cause, so no two lines cross. */
import type { CauseNode } from '../../engine/requests.ts';

/** A node with its place: column by distance from the first cause, row by order. */
export interface PlacedCause {
  readonly node: CauseNode;
  readonly column: number;
  readonly row: number;
  /** Row and column of its cause; null for the first. */
  readonly parent: { readonly row: number; readonly column: number } | null;
}

/**
 * Places the nodes: causes down the left, each effect below what caused it and one column to the right of it where it is not the
 * only one.
 *
 * @example
 * ```ts
 * const row = { timeCycles: 0, from: 'a', to: 'b', type: 'T', text: '' };
 * const nodes = [{ ...row, seq: 0, cause: -1, depth: -1 }, { ...row, seq: 1, cause: 0, depth: 0 }];
 * placeCauses(nodes).map(({ row, column }) => [row, column]); // [ [ 0, 0 ], [ 1, 0 ] ]
 * ```
 */
export function placeCauses(nodes: readonly CauseNode[]): PlacedCause[] {
  const children = new Map<number, CauseNode[]>();
  const present = new Set(nodes.map(({ seq }) => seq));
  const roots: CauseNode[] = [];
  for (const node of nodes) {
    if (!present.has(node.cause)) roots.push(node);
    else children.set(node.cause, [...(children.get(node.cause) ?? []), node]);
  }
  const placed: PlacedCause[] = [];
  // A chain can be as long as the run, so nothing here calls itself.
  const waiting = roots.toReversed().map((node) => ({ node, column: 0, parent: null as PlacedCause['parent'] }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, column, parent } = next;
    const row = placed.length;
    placed.push({ node, column, row, parent });
    const below = children.get(node.seq) ?? [];
    const inner = below.length === 1 ? column : column + 1;
    for (const child of below.toReversed()) waiting.push({ node: child, column: inner, parent: { row, column } });
  }
  return placed;
}
