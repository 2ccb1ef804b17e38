/**
 * What memory pressure did in a run, from the states of the slow path, the compactor and the zone.
 *
 * @models S-14 L-04 D-12 S-23
 */
import { type ShownState, statesOfKind } from './actorStates.ts';
import { formatCount } from './format.ts';

/** Of a run whose topology asks for a slow path. */
export interface PressureSummary {
  /** Allocations that were not on the free lists above the low watermark, by order. */
  slowAllocations: Readonly<Record<number, number>>;
  /** Those that came to nothing, by order, and process pages that became kernel pages. */
  failures: Readonly<Record<number, number>>;
  fallbacks: number;
  /** Processes that were killed, in order. */
  killed: readonly number[];
  /** Blocks that were taken from page blocks of another type, and page blocks that changed hands with them. */
  steals: number;
  retypedBlocks: number;
  compaction: {
    stalls: number;
    wakes: number;
    success: number;
    scannedPages: number;
    movedPages: number;
    failedPages: number;
  };
}

/**
 * The figures; null where the topology has no slow path.
 *
 * @example
 * ```ts
 * pressureSummary([]); // null
 * ```
 */
export function pressureSummary(states: readonly ShownState[]): PressureSummary | null {
  const [slow] = statesOfKind(states, 'page-alloc');
  const [zone] = statesOfKind(states, 'zone');
  const [compactor] = statesOfKind(states, 'kcompactd');
  const pressure = zone?.context.pressure;
  if (slow === undefined || pressure === undefined) return null;
  const { failures, fallbacks, victims: killed } = slow.context;
  const { slowAllocations, steals, retypedBlocks, migratedPages, migrateFailedPages } = pressure;
  const counts = compactor?.context.counts;
  return {
    slowAllocations,
    failures,
    fallbacks,
    killed,
    steals,
    retypedBlocks,
    compaction: {
      stalls: counts?.stalls ?? 0,
      wakes: counts?.wakes ?? 0,
      success: counts?.success ?? 0,
      scannedPages: (counts?.migrateScanned ?? 0) + (counts?.freeScanned ?? 0),
      movedPages: migratedPages,
      failedPages: migrateFailedPages,
    },
  };
}

function byOrder(counts: Readonly<Record<number, number>>): string {
  const parts = Object.entries(counts).map(([order, count]) => `${formatCount(count)} of order ${order}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/**
 * The figures as lines of text.
 *
 * @example
 * ```ts
 * const compaction = { stalls: 2, wakes: 0, success: 1, scannedPages: 90, movedPages: 31, failedPages: 0 };
 * const summary = { slowAllocations: { 4: 2 }, failures: {}, fallbacks: 0, killed: [], steals: 3, retypedBlocks: 3, compaction };
 * pressureLines(summary)[0]; // 'slow allocations: 2 of order 4; failed: none; 0 fell back to a kernel page'
 * ```
 */
export function pressureLines(summary: PressureSummary): string[] {
  const { slowAllocations, failures, fallbacks, killed, steals, retypedBlocks, compaction } = summary;
  const { stalls, wakes, success, scannedPages, movedPages, failedPages } = compaction;
  const lines = [
    `slow allocations: ${byOrder(slowAllocations)}; failed: ${byOrder(failures)}; ` +
      `${formatCount(fallbacks)} fell back to a kernel page`,
    `compaction: ${formatCount(stalls)} direct, ${formatCount(wakes)} of kcompactd, ${formatCount(success)} made a block; ` +
      `${formatCount(scannedPages)} scanned, ${formatCount(movedPages)} pages moved, ${formatCount(failedPages)} not`,
    `page blocks: ${formatCount(steals)} steals, ${formatCount(retypedBlocks)} took the block over`,
  ];
  if (killed.length > 0) lines.push(`killed for want of memory: ${killed.map((pid) => `process ${pid}`).join(', ')}`);
  return lines;
}
