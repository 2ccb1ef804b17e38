/**
 * The index of one address space: which folio of the page cache holds which page of the file. Indexes, orders and
 * counts are in pages of the kernel. Nothing is found or refused by its order: as in Linux, a lookup answers whatever
 * folio is there, and an insert over any of it fails [mm/filemap.c:__filemap_get_folio, __filemap_add_folio].
 */
import { invariant } from '../errors.ts';
import { IntMap, type IntMapEdit } from './intMap.ts';

/** An index is the offset in the file over the page size; files end far below 2^52 bytes. */
const END_OF_INDEXES = 2 ** 52;

/**
 * A folio in the page cache. Plain data; treat it as immutable.
 *
 * @example
 * ```ts
 * const folio: CachedFolio = { index: 16, pfn: 512, order: 4, dirty: false, uptodate: true };
 * ```
 */
export interface CachedFolio {
  /** First page of the file that it holds; a multiple of 2^order. */
  index: number;
  /** First frame. */
  pfn: number;
  order: number;
  dirty: boolean;
  /** Its content has been read (`PG_uptodate`). */
  uptodate: boolean;
  /** Reaching it starts the next window of readahead (`PG_readahead`); left out where it is not set. */
  readahead?: boolean;
}

/**
 * Counts over all folios, in pages; `foliosByOrder` is indexed by order.
 *
 * @example
 * ```ts
 * const counts: CacheCounts = PageCacheIndex.empty(4096).counts;
 * counts.pages; // 0
 * ```
 */
export interface CacheCounts {
  pages: number;
  dirtyPages: number;
  foliosByOrder: number[];
}

/** What can be asked of an index, sealed or in the middle of an edit. */
abstract class PageCacheReader {
  /** The kernel's page size in bytes. */
  readonly pageBytes: number;

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  protected abstract readonly folios: IntMap<CachedFolio> | IntMapEdit<CachedFolio>;
  abstract readonly counts: Readonly<CacheCounts>;

  /** Number of folios. */
  get size(): number {
    return this.folios.size;
  }

  /** Bytes held (`nrpages` in bytes). */
  get bytes(): number {
    return this.counts.pages * this.pageBytes;
  }

  /** The folio that holds the page, head or tail, or null. */
  get(index: number): CachedFolio | null {
    const below = this.folios.valueAtOrBefore(index);
    return below !== undefined && index < below.index + (1 << below.order) ? below : null;
  }

  /** The frame that holds the page, or null. */
  frameOf(index: number): number | null {
    const folio = this.get(index);
    return folio === null ? null : folio.pfn + (index - folio.index);
  }

  /** Whether any page of [fromIndex, toIndex) is there: an insert over it would be -EEXIST. */
  holdsAny(fromIndex: number, toIndex: number): boolean {
    if (this.get(fromIndex) !== null) return true;
    if (toIndex <= fromIndex + 1) return false;
    const after = this.folios.valueAtOrAfter(fromIndex);
    return after !== undefined && after.index < toIndex;
  }

  /** The folios that hold any page of [fromIndex, toIndex), ascending. */
  range(fromIndex = 0, toIndex = END_OF_INDEXES): CachedFolio[] {
    const found: CachedFolio[] = [];
    const first = fromIndex < toIndex ? this.get(fromIndex) : null;
    if (first !== null && first.index < fromIndex) found.push(first);
    this.folios.forEach(fromIndex, toIndex, (_, folio) => {
      found.push(folio);
    });
    return found;
  }
}

/**
 * A sealed page-cache index.
 *
 * @example
 * ```ts
 * const cache = PageCacheIndex.empty(4096).insert({ index: 16, pfn: 512, order: 4, dirty: false, uptodate: true });
 * cache?.frameOf(20); // 516
 * cache?.insert({ index: 17, pfn: 7, order: 0, dirty: false, uptodate: true }); // null
 * ```
 */
export class PageCacheIndex extends PageCacheReader {
  protected readonly folios: IntMap<CachedFolio>;
  readonly counts: Readonly<CacheCounts>;

  constructor(pageBytes: number, folios: IntMap<CachedFolio>, counts: Readonly<CacheCounts>) {
    super(pageBytes);
    this.folios = folios;
    this.counts = counts;
  }

  static empty(pageBytes: number): PageCacheIndex {
    return new PageCacheIndex(pageBytes, IntMap.empty(), { pages: 0, dirtyPages: 0, foliosByOrder: [] });
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: { pageBytes: number; folios: readonly CachedFolio[] }): PageCacheIndex {
    const edit = PageCacheIndex.empty(plain.pageBytes).edit();
    for (const folio of plain.folios) invariant(edit.insert(folio), 'folios of one file do not overlap');
    return edit.done();
  }

  /** The folios, ascending by index. */
  toPlain(): { pageBytes: number; folios: CachedFolio[] } {
    return { pageBytes: this.pageBytes, folios: this.folios.toPlain().values };
  }

  /** One insert; null where `PageCacheEdit.insert` says false (-EEXIST). */
  insert(folio: CachedFolio): PageCacheIndex | null {
    const edit = this.edit();
    return edit.insert(folio) ? edit.done() : null;
  }

  /** A private version to write to; this one stays as it is. */
  edit(): PageCacheEdit {
    const { pages, dirtyPages, foliosByOrder } = this.counts;
    return new PageCacheEdit(this.pageBytes, this.folios.edit(), {
      pages,
      dirtyPages,
      foliosByOrder: foliosByOrder.slice(),
    });
  }
}

/**
 * A private version of a page-cache index. `done()` seals it.
 *
 * @throws GranuleError INVARIANT for a folio whose index is not aligned to its order, or a page that is not there
 * @example
 * ```ts
 * const edit = PageCacheIndex.empty(4096).edit();
 * edit.insert({ index: 0, pfn: 512, order: 0, dirty: false, uptodate: true }); // true
 * edit.insert({ index: 0, pfn: 528, order: 4, dirty: false, uptodate: true }); // false
 * edit.setDirty(0, true).dirty; // true
 * edit.counts.dirtyPages; // 1
 * ```
 */
export class PageCacheEdit extends PageCacheReader {
  protected readonly folios: IntMapEdit<CachedFolio>;
  readonly counts: CacheCounts;

  constructor(pageBytes: number, folios: IntMapEdit<CachedFolio>, counts: CacheCounts) {
    super(pageBytes);
    this.folios = folios;
    this.counts = counts;
  }

  /** False, and nothing done, when any page of it is there already (-EEXIST). */
  insert(folio: CachedFolio): boolean {
    const pages = 1 << folio.order;
    invariant(folio.index % pages === 0, 'the index of a folio is a multiple of its pages');
    if (this.holdsAny(folio.index, folio.index + pages)) return false;
    this.folios.set(folio.index, folio);
    this.count(folio, 1);
    return true;
  }

  /** Takes out the folio that holds the page and answers it; null when there is none. */
  remove(index: number): CachedFolio | null {
    const folio = this.get(index);
    if (folio === null) return null;
    this.folios.delete(folio.index);
    this.count(folio, -1);
    return folio;
  }

  /** Marks the folio that holds the page dirty or clean. */
  setDirty(index: number, dirty: boolean): CachedFolio {
    return this.update(index, (folio) => (folio.dirty === dirty ? folio : { ...folio, dirty }));
  }

  /** Replaces the folio that holds the page; its place stays the same. */
  update(index: number, change: (folio: CachedFolio) => CachedFolio): CachedFolio {
    const folio = this.get(index);
    if (folio === null) invariant(false, `page ${index} is in the cache`);
    const next = change(folio);
    if (next === folio) return folio;
    invariant(next.index === folio.index && next.order === folio.order, 'an update leaves the pages of a folio alone');
    this.count(folio, -1);
    this.count(next, 1);
    this.folios.set(next.index, next);
    return next;
  }

  done(): PageCacheIndex {
    const { pages, dirtyPages, foliosByOrder } = this.counts;
    // Two indexes that hold the same folios are equal, whatever they held before.
    const counts = {
      pages,
      dirtyPages,
      foliosByOrder: foliosByOrder.slice(0, 1 + foliosByOrder.findLastIndex(Boolean)),
    };
    return new PageCacheIndex(this.pageBytes, this.folios.done(), counts);
  }

  private count(folio: CachedFolio, change: 1 | -1): void {
    const pages = change * (1 << folio.order);
    const { foliosByOrder } = this.counts;
    while (foliosByOrder.length <= folio.order) foliosByOrder.push(0);
    foliosByOrder[folio.order] += change;
    this.counts.pages += pages;
    if (folio.dirty) this.counts.dirtyPages += pages;
  }
}
