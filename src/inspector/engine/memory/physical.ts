/** Physical memory by page block: what is free, by order, and what the folios in use are. */
import type { BuddyPlain } from '../../../mm/buddy.ts';
import type { Folio } from '../../../mm/frames.ts';
import type { PageblocksPlain } from '../../../mm/pageblock/pageblocks.ts';

/** Order of a page block of arm64 with pages of 4K, where the zone does not group by mobility. */
const PAGEBLOCK_ORDER = 9;

/** A stretch of one page block. */
export interface Stretch {
  /** First frame. */
  readonly pfn: number;
  readonly order: number;
  /** Empty for free memory. */
  readonly kind: string;
  readonly owner: string;
  readonly pins: number;
}

/** A zone. */
export interface PhysicalView {
  readonly kind: 'zone';
  readonly basePfn: number;
  readonly frames: number;
  readonly pageblockPages: number;
  /** Migrate type of each page block, by number into `types`. */
  readonly blockTypes: Uint8Array;
  readonly types: readonly string[];
  /** Free frames of each page block. */
  readonly blockFree: Uint16Array;
  /** The kind of folio that has most frames of each page block; 0 where all is free, else one more than its place in `kinds`. */
  readonly blockKind: Uint8Array;
  readonly kinds: readonly string[];
  /** Free blocks of each order. */
  readonly freeByOrder: readonly number[];
  /** Folios in use of each order. */
  readonly usedByOrder: readonly number[];
  /** The page block that was asked about, stretch by stretch. */
  readonly block: { readonly number: number; readonly stretches: readonly Stretch[] } | null;
}

interface Zone {
  readonly buddy: BuddyPlain | PageblocksPlain;
  readonly folios: readonly Folio[];
}

function freeRuns(buddy: BuddyPlain, visit: (pfn: number, order: number) => void): void {
  for (const [order, runs] of buddy.free.entries()) {
    for (let at = 0; at + 1 < runs.length; at += 2) {
      const [first = 0, blocks = 0] = runs.slice(at, at + 2);
      for (let block = first; block < first + blocks; block++) visit(block * 2 ** order, order);
    }
  }
}

/** Counts frames into page blocks; a stretch may be larger than one. */
function spread(
  pfn: number,
  order: number,
  base: number,
  blockPages: number,
  add: (block: number, n: number) => void,
): void {
  const end = pfn - base + 2 ** order;
  for (let at = pfn - base; at < end; ) {
    const block = Math.floor(at / blockPages);
    const stop = Math.min(end, (block + 1) * blockPages);
    add(block, stop - at);
    at = stop;
  }
}

function stretchesOf({ buddy, folios }: Zone, from: number, to: number): Stretch[] {
  const found: Stretch[] = [];
  const isIn = (pfn: number, order: number): boolean => pfn < to && pfn + 2 ** order > from;
  freeRuns(buddy, (pfn, order) => {
    if (isIn(pfn, order)) found.push({ pfn, order, kind: '', owner: '', pins: 0 });
  });
  for (const { pfn, order, kind, owner, pins } of folios) {
    if (isIn(pfn, order)) found.push({ pfn, order, kind, owner, pins });
  }
  return found.sort((left, right) => left.pfn - right.pfn);
}

function blockKinds(zone: Zone, blocks: number, blockPages: number): { kinds: string[]; blockKind: Uint8Array } {
  const kinds = [...new Set(zone.folios.map(({ kind }) => kind))].sort();
  const frames = new Uint32Array(blocks * kinds.length);
  for (const { pfn, order, kind } of zone.folios) {
    const column = kinds.indexOf(kind);
    spread(pfn, order, zone.buddy.base, blockPages, (block, n) => {
      frames[block * kinds.length + column] += n;
    });
  }
  const blockKind = new Uint8Array(blocks);
  for (let block = 0; block < blocks; block++) {
    let most = 0;
    for (let column = 0; column < kinds.length; column++) {
      const here = frames[block * kinds.length + column] ?? 0;
      if (here <= most) continue;
      most = here;
      blockKind[block] = column + 1;
    }
  }
  return { kinds, blockKind };
}

function blockTypesOf(buddy: BuddyPlain | PageblocksPlain, blocks: number, blockPages: number) {
  const types = ['movable'];
  const blockTypes = new Uint8Array(blocks);
  if ('types' in buddy) {
    for (const [number, type] of buddy.types) {
      if (!types.includes(type)) types.push(type);
      const block = number - Math.floor(buddy.base / blockPages);
      if (block >= 0 && block < blocks) blockTypes[block] = types.indexOf(type);
    }
  }
  return { types, blockTypes };
}

/**
 * A zone from its plain form.
 *
 * @param asked number of the page block whose stretches are wanted; -1 for none
 * @example
 * ```ts
 * const view = physicalOf({ buddy: Buddy.create(0, 1024, 10).toPlain(), folios: [] }, 0);
 * view.blockFree; // Uint16Array [ 512, 512 ]
 * view.block?.stretches.length; // 1
 * ```
 */
export function physicalOf(zone: Zone, asked: number): PhysicalView {
  const { buddy, folios } = zone;
  const pageblockPages = 2 ** ('pageblockOrder' in buddy ? buddy.pageblockOrder : PAGEBLOCK_ORDER);
  const blocks = Math.ceil(buddy.count / pageblockPages);
  const blockFree = new Uint16Array(blocks);
  const freeByOrder = buddy.free.map((runs) => runs.reduce((sum, value, at) => (at % 2 === 1 ? sum + value : sum), 0));
  freeRuns(buddy, (pfn, order) => {
    spread(pfn, order, buddy.base, pageblockPages, (block, n) => {
      blockFree[block] += n;
    });
  });
  const usedByOrder = Array.from({ length: buddy.maxOrder + 1 }, () => 0);
  for (const { order } of folios) usedByOrder[order] = (usedByOrder[order] ?? 0) + 1;
  const from = buddy.base + asked * pageblockPages;
  return {
    kind: 'zone',
    basePfn: buddy.base,
    frames: buddy.count,
    pageblockPages,
    ...blockTypesOf(buddy, blocks, pageblockPages),
    blockFree,
    ...blockKinds(zone, blocks, pageblockPages),
    freeByOrder,
    usedByOrder,
    block:
      asked < 0 || asked >= blocks
        ? null
        : { number: asked, stretches: stretchesOf(zone, from, from + pageblockPages) },
  };
}
