/**
 * The two scanners of compaction: one goes up through a zone and takes movable folios out, the other comes down and takes free
 * memory for them. Where they meet, everything movable is at one end [mm/compaction.c:compact_zone].
 *
 * @models S-14 L-04
 */
import type { Folio } from '../frames.ts';
import type { AllocationType, MigrateType } from '../pageblock/migrateTypes.ts';
import { COMPACT_PRIORITY, type CompactPriority } from './suitable.ts';

/**
 * Pages that are moved at a time [include/linux/swap.h:COMPACT_CLUSTER_MAX].
 *
 * @example
 * ```ts
 * COMPACT_CLUSTER_PAGES; // 32
 * ```
 */
export const COMPACT_CLUSTER_PAGES = 32;

/** What the scanners look at. */
export interface ScannedZone {
  readonly base: number;
  readonly count: number;
  readonly pageblockOrder: number;
  typeOf(pfn: number): MigrateType;
  freeOrderAt(pfn: number): number;
}

/**
 * Where the scanners stand, and what is compacted for.
 *
 * @example
 * ```ts
 * const scan: CompactScan = { order: 4, type: 'movable', priority: 1, direct: true, migratePfn: 0, freePfn: 4096 };
 * ```
 */
export interface CompactScan {
  order: number;
  type: AllocationType;
  priority: CompactPriority;
  /** It is for an allocation that waits; kcompactd does it for all. */
  direct: boolean;
  /** The next frame to take out, and the end of what may be moved to. */
  migratePfn: number;
  freePfn: number;
}

/**
 * A folio that is to be moved.
 *
 * @example
 * ```ts
 * const move: Move = { fromPfn: 16, toPfn: 4080, order: 0, owner: 'mm:1' };
 * ```
 */
export interface Move {
  fromPfn: number;
  toPfn: number;
  order: number;
  owner: string;
}

/**
 * A batch of moves, and how far the scanners got.
 *
 * @example
 * ```ts
 * const batch: CompactBatch = { moves: [], migratePfn: 0, freePfn: 0, migrateScanned: 0, freeScanned: 0 };
 * ```
 */
export interface CompactBatch {
  moves: Move[];
  migratePfn: number;
  freePfn: number;
  migrateScanned: number;
  freeScanned: number;
}

/**
 * Whether a folio can be moved: anonymous memory that one address space alone maps, which nobody has pinned or holds
 * otherwise, and that is smaller than the block that is wanted [mm/compaction.c:isolate_migratepages_block,
 * skip_isolation_on_order]. Pages of files stay where they are.
 *
 * @example
 * ```ts
 * const folio = { pfn: 8, order: 0, refs: 1, pins: 0, owner: 'mm:1', kind: 'anon' as const, lazyFree: false, large: null };
 * isMigratable(folio, 4); // true
 * isMigratable({ ...folio, refs: 2, pins: 1 }, 4); // false
 * isMigratable({ ...folio, order: 4, pfn: 16, refs: 16 }, 4); // false
 * ```
 */
export function isMigratable(folio: Folio, order: number): boolean {
  if (folio.kind !== 'anon' || folio.pins > 0 || folio.order >= order || !folio.owner.startsWith('mm:')) return false;
  if (folio.large === null) return folio.refs === 2 ** folio.order;
  const mapped = folio.large.pageRefs.reduce((sum, refs) => sum + refs, 0);
  return mapped === folio.refs && folio.large.pageRefs.every((refs) => refs <= 1);
}

/** An allocation that waits is served from page blocks of its own type; who compacts for all takes any [suitable_migration_source]. */
function isSource(zone: ScannedZone, pfn: number, { type, priority, direct }: CompactScan): boolean {
  const blockType = zone.typeOf(pfn);
  if (priority !== COMPACT_PRIORITY.async || !direct) return blockType !== 'isolate';
  return type === 'movable' ? blockType === 'movable' || blockType === 'cma' : blockType === type;
}

/** Pages go to movable page blocks that are not free as a whole [suitable_migration_target]. */
function isTarget(zone: ScannedZone, pfn: number): boolean {
  const type = zone.typeOf(pfn);
  return (type === 'movable' || type === 'cma') && zone.freeOrderAt(pfn) < zone.pageblockOrder;
}

/** The first page block from a frame on in which something can be moved, and the folios in it. */
function findSources(
  zone: ScannedZone,
  folioAt: (pfn: number) => Folio | null,
  scan: CompactScan,
): { folios: Folio[]; migratePfn: number; scanned: number } {
  const blockPages = 2 ** zone.pageblockOrder;
  let at = scan.migratePfn;
  let scanned = 0;
  while (at < scan.freePfn) {
    const end = Math.min(at - (at % blockPages) + blockPages, scan.freePfn);
    if (!isSource(zone, at, scan)) {
      at = end;
      continue;
    }
    const folios: Folio[] = [];
    let pages = 0;
    while (at < end && pages < COMPACT_CLUSTER_PAGES) {
      const freeOrder = zone.freeOrderAt(at);
      const folio = freeOrder >= 0 ? null : folioAt(at);
      const size = 2 ** (freeOrder >= 0 ? freeOrder : (folio?.order ?? 0));
      const next = Math.max(at + 1, at - (at % size) + size);
      // Free blocks and large folios are stepped over, not looked at page by page.
      scanned += 1;
      if (folio !== null && folio.pfn >= scan.migratePfn && isMigratable(folio, scan.order)) {
        folios.push(folio);
        pages += 2 ** folio.order;
      }
      at = next;
    }
    if (folios.length > 0) return { folios, migratePfn: at, scanned };
  }
  return { folios: [], migratePfn: at, scanned };
}

/** A part of a free block. */
interface Part {
  pfn: number;
  order: number;
}

/** Free memory for the folios of a batch, page block by page block from the top down, as far as there is need. */
class FreeScanner {
  readonly zone: ScannedZone;
  /** The page block of the folios: nothing at or below it is taken. */
  readonly limitPfn: number;
  /** Pages that are kept at hand. */
  readonly wantedPages: number;
  scanned = 0;
  /** First frame of the page block that is scanned next. */
  #blockPfn: number;
  /** What was found and is not taken yet, in the order it was found (`cc->freepages`). */
  readonly #parts: Part[] = [];

  constructor(zone: ScannedZone, scan: { freePfn: number; limitPfn: number; wantedPages: number }) {
    this.zone = zone;
    this.limitPfn = scan.limitPfn;
    this.wantedPages = scan.wantedPages;
    const last = Math.max(zone.base, scan.freePfn - 1);
    this.#blockPfn = Math.max(zone.base, last - (last % this.#blockPages));
  }

  /** Where the next batch goes on: the end of the highest page block of which something is left. */
  get freePfn(): number {
    const highest = this.#parts.reduce((most, { pfn }) => Math.max(most, pfn), -1);
    const at = highest < 0 ? this.#blockPfn : highest - (highest % this.#blockPages);
    return at + this.#blockPages;
  }

  /**
   * A free place for a folio of an order, or null. More is looked for once only: a large folio that finds no place leaves what
   * there is to the others [mm/compaction.c:compaction_alloc_noprof].
   */
  take(order: number): number | null {
    return this.#cut(order) ?? (this.#isolate() ? this.#cut(order) : null);
  }

  get #blockPages(): number {
    return 2 ** this.zone.pageblockOrder;
  }

  /** A part of the order from the first that is large enough; what is left of that stays. */
  #cut(order: number): number | null {
    const at = this.#parts.findIndex((part) => part.order >= order);
    if (at < 0) return null;
    const part = this.#parts[at];
    const rest = Array.from({ length: part.order - order }, (_, half) => {
      return { pfn: part.pfn + 2 ** (order + half), order: order + half };
    });
    this.#parts.splice(at, 1, ...rest);
    return part.pfn;
  }

  /** Finds as much as the batch takes; false where the scanners meet first and nothing came [isolate_freepages]. */
  #isolate(): boolean {
    let found = 0;
    while (found < this.wantedPages && this.#blockPfn > this.limitPfn && this.#blockPfn >= this.zone.base) {
      for (const part of this.#scanBlock(this.#blockPfn)) {
        this.#parts.push(part);
        found += 2 ** part.order;
      }
      this.#blockPfn -= this.#blockPages;
    }
    return found > 0;
  }

  #scanBlock(blockPfn: number): Part[] {
    const { zone } = this;
    const parts: Part[] = [];
    const first = Math.max(blockPfn, zone.base);
    if (!isTarget(zone, first)) return parts;
    const end = Math.min(blockPfn + this.#blockPages, zone.base + zone.count);
    for (let pfn = first; pfn < end; ) {
      const order = zone.freeOrderAt(pfn);
      this.scanned += 1;
      if (order >= 0) parts.push({ pfn, order });
      pfn += 2 ** Math.max(0, order);
    }
    return parts;
  }
}

/**
 * The next batch: folios of the first page block in which there are any, each with a free place of its size in a page block
 * above.
 *
 * @param folioAt the folio that a frame lies in, or null
 * @example
 * ```ts
 * const edit = Pageblocks.create(0, 64, 4, 3).edit();
 * for (const pfn of [0, 3, 56]) edit.allocAt(pfn, 0);
 * const folioAt = (pfn: number) =>
 *   pfn === 3 ? { pfn, order: 0, refs: 1, pins: 0, owner: 'mm:1', kind: 'anon' as const, lazyFree: false, large: null } : null;
 * const scan = { order: 3, type: 'movable' as const, priority: 1 as const, direct: true, migratePfn: 0, freePfn: 64 };
 * nextBatch(edit, folioAt, scan).moves; // [{ fromPfn: 3, toPfn: 57, order: 0, owner: 'mm:1' }]
 * ```
 */
export function nextBatch(zone: ScannedZone, folioAt: (pfn: number) => Folio | null, scan: CompactScan): CompactBatch {
  const { folios, migratePfn, scanned } = findSources(zone, folioAt, scan);
  const moves: Move[] = [];
  if (folios.length === 0) return { moves, migratePfn, freePfn: scan.freePfn, migrateScanned: scanned, freeScanned: 0 };
  // Never into the page block that is being emptied, nor below it.
  const [{ pfn: firstPfn }] = folios;
  const limitPfn = firstPfn - (firstPfn % 2 ** zone.pageblockOrder);
  const wantedPages = folios.reduce((sum, { order }) => sum + 2 ** order, 0);
  const free = new FreeScanner(zone, { freePfn: scan.freePfn, limitPfn, wantedPages });
  for (const { pfn, order, owner } of folios) {
    const toPfn = free.take(order);
    if (toPfn !== null) moves.push({ fromPfn: pfn, toPfn, order, owner });
  }
  const freePfn = Math.min(scan.freePfn, free.freePfn);
  return { moves, migratePfn, freePfn, migrateScanned: scanned, freeScanned: free.scanned };
}

/**
 * Whether the scanners have met: both stand in one page block [mm/compaction.c:compact_scanners_met].
 *
 * @example
 * ```ts
 * scannersMet({ migratePfn: 1000, freePfn: 1024 }, 9); // true
 * scannersMet({ migratePfn: 1000, freePfn: 1536 }, 9); // false
 * ```
 */
export function scannersMet(
  { migratePfn, freePfn }: Pick<CompactScan, 'migratePfn' | 'freePfn'>,
  pageblockOrder: number,
): boolean {
  return Math.floor((freePfn - 1) / 2 ** pageblockOrder) <= Math.floor(migratePfn / 2 ** pageblockOrder);
}
