/**
 * What ksmd keeps (`mm/ksm.c`): the address spaces that it goes through, an item for each unit of theirs, the stable tree of
 * pages that are merged and the unstable tree of those that might be. A unit is one kernel page, or a process page.
 *
 * @models S-48
 */
import type { Contents } from './contents.ts';

/** One unit of one address space (`struct ksm_rmap_item`). */
export interface KsmItem {
  va: number;
  nr: number;
  /** Checksum at the last look. */
  checksum: string;
  /** The pass in which it was last met. */
  seen: number;
  tree: 'none' | 'unstable' | 'stable' | 'zero';
  /** The first frame of the stable node that it belongs to, -1 for none. */
  node: number;
}

/** One address space (`struct ksm_mm_slot`). */
export interface KsmMm {
  pid: number;
  contents: Contents;
  items: Readonly<Record<number, KsmItem>>;
}

/** A page that is merged (`struct ksm_stable_node`); ksmd holds a reference to each of its frames. */
export interface StableNode {
  pfn: number;
  nr: number;
  values: readonly number[];
  checksum: string;
  /** Kernel pages of process memory that map it. */
  mappedPages: number;
  /** Units that map it (`rmap_hlist_len`). */
  sharers: number;
}

/** A unit of the unstable tree, by checksum. */
export interface UnstableEntry {
  pid: number;
  va: number;
  nr: number;
  pfn: number;
}

/** All of it. */
export interface KsmTrees {
  mms: readonly KsmMm[];
  stable: readonly StableNode[];
  unstable: Readonly<Record<string, UnstableEntry>>;
  /** The pass (`ksm_scan.seqnr`). */
  pass: number;
}

/**
 * Trees without anything in them.
 *
 * @example
 * ```ts
 * emptyTrees().stable; // []
 * ```
 */
export function emptyTrees(): KsmTrees {
  return { mms: [], stable: [], unstable: {}, pass: 0 };
}

/**
 * The address space of a process, or null.
 *
 * @example
 * ```ts
 * mmIn(emptyTrees(), 7); // null
 * ```
 */
export function mmIn({ mms }: KsmTrees, pid: number): KsmMm | null {
  return mms.find((mm) => mm.pid === pid) ?? null;
}

/**
 * The trees with another state of one address space; a new one comes last (`__ksm_enter`).
 *
 * @example
 * ```ts
 * withMm(emptyTrees(), { pid: 7, contents: {}, items: {} }).mms.length; // 1
 * ```
 */
export function withMm(trees: KsmTrees, mm: KsmMm): KsmTrees {
  const known = trees.mms.some(({ pid }) => pid === mm.pid);
  const mms = known ? trees.mms.map((each) => (each.pid === mm.pid ? mm : each)) : [...trees.mms, mm];
  return { ...trees, mms };
}

/**
 * The item of a unit as it is now.
 *
 * @example
 * ```ts
 * const trees = withMm(emptyTrees(), { pid: 7, contents: {}, items: {} });
 * const item = { va: 4096, nr: 1, checksum: '', seen: 0, tree: 'none' as const, node: -1 };
 * mmIn(withItem(trees, 7, item), 7)?.items[4096]?.nr; // 1
 * ```
 */
export function withItem(trees: KsmTrees, pid: number, item: KsmItem): KsmTrees {
  const mm = mmIn(trees, pid);
  return mm === null ? trees : withMm(trees, { ...mm, items: { ...mm.items, [item.va]: item } });
}

/** Frames whose references ksmd gives back, with the trees that are left. */
export interface Pruned {
  trees: KsmTrees;
  freed: { pfn: number; nr: number }[];
}

/**
 * Takes an item out of the tree that it is in (`remove_rmap_item_from_tree`); a node that nobody maps any more goes as well.
 *
 * @example
 * ```ts
 * const node = { pfn: 64, nr: 1, values: [7], checksum: '1*7', mappedPages: 1, sharers: 1 };
 * const item = { va: 4096, nr: 1, checksum: '1*7', seen: 0, tree: 'stable' as const, node: 64 };
 * const trees = { ...withMm(emptyTrees(), { pid: 7, contents: {}, items: { 4096: item } }), stable: [node] };
 * takenOut(trees, 7, item).freed; // [{ pfn: 64, nr: 1 }]
 * ```
 */
export function takenOut(trees: KsmTrees, pid: number, item: KsmItem): Pruned {
  const out = withItem(trees, pid, { ...item, tree: 'none', node: -1 });
  if (item.tree === 'unstable') {
    const unstable = Object.entries(out.unstable).filter(([, entry]) => entry.pid !== pid || entry.va !== item.va);
    return { trees: { ...out, unstable: Object.fromEntries(unstable) }, freed: [] };
  }
  if (item.tree !== 'stable') return { trees: out, freed: [] };
  const freed: Pruned['freed'] = [];
  const stable = out.stable.flatMap((node) => {
    if (node.pfn !== item.node) return [node];
    if (node.sharers > 1) return [{ ...node, sharers: node.sharers - 1, mappedPages: node.mappedPages - item.nr }];
    freed.push({ pfn: node.pfn, nr: node.nr });
    return [];
  });
  return { trees: { ...out, stable }, freed };
}

function without(trees: KsmTrees, pid: number, items: readonly KsmItem[]): Pruned {
  let state = trees;
  const freed: Pruned['freed'] = [];
  for (const item of items) {
    const out = takenOut(state, pid, item);
    freed.push(...out.freed);
    state = out.trees;
  }
  return { trees: state, freed };
}

/**
 * An address space goes (`__ksm_exit`).
 *
 * @example
 * ```ts
 * const trees = withMm(emptyTrees(), { pid: 7, contents: {}, items: {} });
 * withoutMm(trees, 7).trees.mms; // []
 * ```
 */
export function withoutMm(trees: KsmTrees, pid: number): Pruned {
  const mm = mmIn(trees, pid);
  if (mm === null) return { trees, freed: [] };
  const { trees: out, freed } = without(trees, pid, Object.values(mm.items));
  return { trees: { ...out, mms: out.mms.filter((each) => each.pid !== pid) }, freed };
}

/**
 * After a pass over an address space: items that were not met are of memory that is gone
 * (`remove_trailing_rmap_items`).
 *
 * @example
 * ```ts
 * const item = { va: 4096, nr: 1, checksum: '', seen: 0, tree: 'none' as const, node: -1 };
 * const trees = { ...withMm(emptyTrees(), { pid: 7, contents: {}, items: { 4096: item } }), pass: 1 };
 * withoutUnseen(trees, 7).trees.mms[0]?.items; // {}
 * ```
 */
export function withoutUnseen(trees: KsmTrees, pid: number): Pruned {
  const mm = mmIn(trees, pid);
  if (mm === null) return { trees, freed: [] };
  const unseen = Object.values(mm.items).filter(({ seen }) => seen !== trees.pass);
  const { trees: out, freed } = without(trees, pid, unseen);
  const after = mmIn(out, pid);
  const items = Object.fromEntries(
    Object.entries(after?.items ?? {}).filter(([va]) => !unseen.some((item) => item.va === Number(va))),
  );
  return { trees: after === null ? out : withMm(out, { ...after, items }), freed };
}

/** Frames that a unit can be merged with: those of a stable node, or a part of one. */
export interface StableMatch {
  node: StableNode;
  pfn: number;
}

/**
 * Looks a unit up in the stable tree (`stable_tree_search`). A node that has `maxPageSharing` sharers takes no more. A unit of
 * one kernel page may also be a page of a larger node, where the design lets processes of smaller pages share those.
 *
 * @example
 * ```ts
 * const node = { pfn: 64, nr: 16, values: Array(16).fill(7), checksum: '16*7', mappedPages: 16, sharers: 1 };
 * const trees = { ...emptyTrees(), stable: [node] };
 * stableMatch(trees, [7], '1*7', { maxPageSharing: 256, subPages: true })?.pfn; // 64
 * stableMatch(trees, [7], '1*7', { maxPageSharing: 256, subPages: false }); // null
 * ```
 */
export function stableMatch(
  { stable }: KsmTrees,
  values: readonly (number | null)[],
  checksum: string,
  { maxPageSharing, subPages }: { maxPageSharing: number; subPages: boolean },
): StableMatch | null {
  if (values.includes(null)) return null;
  const open = stable.filter(({ sharers }) => sharers < maxPageSharing);
  const whole = open.find((node) => node.nr === values.length && node.checksum === checksum);
  if (whole !== undefined) return { node: whole, pfn: whole.pfn };
  if (!subPages || values.length !== 1) return null;
  for (const node of open) {
    const at = node.nr === 1 ? -1 : node.values.indexOf(values[0] ?? 0);
    if (at >= 0) return { node, pfn: node.pfn + at };
  }
  return null;
}

/**
 * A unit joins a stable node (`stable_tree_append`).
 *
 * @example
 * ```ts
 * const node = { pfn: 64, nr: 1, values: [7], checksum: '1*7', mappedPages: 1, sharers: 1 };
 * const item = { va: 4096, nr: 1, checksum: '1*7', seen: 0, tree: 'none' as const, node: -1 };
 * const trees = { ...withMm(emptyTrees(), { pid: 7, contents: {}, items: { 4096: item } }), stable: [node] };
 * joined(trees, 7, item, 64).stable[0]?.sharers; // 2
 * ```
 */
export function joined(trees: KsmTrees, pid: number, item: KsmItem, pfn: number): KsmTrees {
  if (mmIn(trees, pid) === null) return trees;
  const out = withItem(trees, pid, { ...item, tree: 'stable', node: pfn });
  const stable = out.stable.map((node) =>
    node.pfn === pfn ? { ...node, sharers: node.sharers + 1, mappedPages: node.mappedPages + item.nr } : node,
  );
  return { ...out, stable };
}

/**
 * The counters of /sys/kernel/mm/ksm, in kernel pages (`pages_shared_show` and its neighbours, `ksm_process_profit`). An item
 * takes 64 bytes (`sizeof(struct ksm_rmap_item)`).
 *
 * @example
 * ```ts
 * const node = { pfn: 64, nr: 1, values: [7], checksum: '1*7', mappedPages: 3, sharers: 3 };
 * countersOf({ ...emptyTrees(), stable: [node] }, 0, 4096).pagesSharing; // 2
 * ```
 */
export function countersOf({ mms, stable }: KsmTrees, zeroPages: number, kernelPageBytes: number): KsmCounters {
  const items = mms.flatMap((mm) => Object.values(mm.items));
  const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);
  const pagesShared = sum(stable.map(({ nr }) => nr));
  // A node that only parts of are mapped shares nothing with itself.
  const pagesSharing = sum(stable.map(({ nr, mappedPages }) => Math.max(0, mappedPages - nr)));
  const pagesUnshared = sum(items.filter(({ tree }) => tree === 'unstable').map(({ nr }) => nr));
  const pagesVolatile = sum(items.filter(({ tree }) => tree === 'none').map(({ nr }) => nr));
  const generalProfitBytes = (pagesSharing + zeroPages) * kernelPageBytes - items.length * 64;
  return { pagesShared, pagesSharing, pagesUnshared, pagesVolatile, generalProfitBytes };
}

/** Those counters. */
export interface KsmCounters {
  pagesShared: number;
  pagesSharing: number;
  pagesUnshared: number;
  pagesVolatile: number;
  generalProfitBytes: number;
}
