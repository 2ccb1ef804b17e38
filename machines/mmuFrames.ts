/** The frames that the page tables of one mm lie in. */
import { invariant } from '../src/errors.ts';
import type { PageTable } from '../src/mm/pageTable.ts';
import type { FrameRun } from './messages.ts';
import type { MmuContext, TableFrames } from './mmuState.ts';
import { reviseMmu } from './revise.ts';

/**
 * Frames of tables, as runs.
 *
 * @example
 * ```ts
 * runsOf({ orderPages: 1, pfns: [64] }); // [{ pfn: 64, nr: 2 }]
 * ```
 */
export function runsOf({ orderPages, pfns }: TableFrames): FrameRun[] {
  return pfns.map((pfn) => ({ pfn, nr: 1 << orderPages }));
}

/**
 * The frames that are held with those that the zone has granted, in order of their order.
 *
 * @example
 * ```ts
 * withGranted([{ orderPages: 0, pfns: [7] }], [{ orderPages: 0, pfns: [9] }]); // [{ orderPages: 0, pfns: [7, 9] }]
 * ```
 */
export function withGranted(held: TableFrames[], granted: readonly TableFrames[]): TableFrames[] {
  if (granted.length === 0) return held;
  const byOrder = new Map(held.map(({ orderPages, pfns }) => [orderPages, pfns]));
  for (const { orderPages, pfns } of granted) byOrder.set(orderPages, [...(byOrder.get(orderPages) ?? []), ...pfns]);
  return [...byOrder].map(([orderPages, pfns]) => ({ orderPages, pfns })).sort((a, b) => a.orderPages - b.orderPages);
}

/**
 * Takes the frames of freed tables out of those held; they go to the zone when the operation is complete.
 *
 * @param freedTables how many of each level, from the root
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * giveBack({ ...mmu, tableFrames: [{ orderPages: 0, pfns: [7, 9] }] }, mmu.linux, [0, 1]).freed; // [{ pfn: 9, nr: 1 }]
 * ```
 */
export function giveBack(context: MmuContext, table: PageTable, freedTables: readonly number[]): MmuContext {
  if (!freedTables.some((count) => count > 0)) return context;
  let { tableFrames } = context;
  const freed = [...context.freed];
  for (const [depth, count] of freedTables.entries()) {
    const pages = (table.geometry.levels[depth]?.tableBytes ?? 0) / context.kernelPageBytes;
    if (pages < 1 || count === 0) continue;
    const orderPages = Math.log2(pages);
    const pool = tableFrames.find((entry) => entry.orderPages === orderPages)?.pfns ?? [];
    invariant(pool.length >= count, 'a table that is freed has frames');
    freed.push(...runsOf({ orderPages, pfns: pool.slice(pool.length - count) }));
    const rest = pool.slice(0, pool.length - count);
    tableFrames = tableFrames.map((entry) => (entry.orderPages === orderPages ? { orderPages, pfns: rest } : entry));
  }
  return reviseMmu(context, (draft) => {
    draft.tableFrames = tableFrames;
    draft.freed = freed;
  });
}

/**
 * Gives back frames that no Linux table lies in: those that were meant for native tables which an operation could not fill.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * giveBackSurplus({ ...mmu, tableFrames: [{ orderPages: 4, pfns: [64] }] }).freed; // [{ pfn: 64, nr: 16 }]
 * ```
 */
export function giveBackSurplus(context: MmuContext): MmuContext {
  const { linux, kernelPageBytes } = context;
  const wanted = new Map<number, number>();
  for (const [depth, count] of linux.tableCount.entries()) {
    const orderPages = Math.log2((linux.geometry.levels[depth]?.tableBytes ?? 0) / kernelPageBytes);
    if (orderPages >= 0) wanted.set(orderPages, (wanted.get(orderPages) ?? 0) + count);
  }
  const surplus = context.tableFrames.map(({ orderPages, pfns }) => {
    return { orderPages, pfns: pfns.slice(wanted.get(orderPages) ?? 0) };
  });
  const tableFrames = context.tableFrames.map(({ orderPages, pfns }) => {
    return { orderPages, pfns: pfns.slice(0, wanted.get(orderPages) ?? 0) };
  });
  return reviseMmu(context, (draft) => {
    draft.tableFrames = tableFrames;
    draft.freed = [...context.freed, ...surplus.flatMap(runsOf)];
  });
}
