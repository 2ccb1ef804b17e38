/**
 * Who owns which frames: every folio that is in use, its order, and its references. With the buddy allocator
 * it accounts for all memory: a frame is free there or lies in exactly one folio here.
 */
import { invariant } from '../errors.ts';
import { FolioHeads, MAX_FRAME } from './folioHeads.ts';
import { changePages, type LargeFolio } from './largeFolio.ts';
import { Version } from './versions.ts';

/**
 * What a folio holds.
 *
 * @example
 * ```ts
 * const kind: FolioKind = 'anon';
 * ```
 */
export type FolioKind = 'anon' | 'file' | 'table' | 'kernel' | 'reserved';

/**
 * A folio in use. Plain data; treat it as immutable.
 *
 * @example
 * ```ts
 * const folio: Folio = { pfn: 16, order: 4, refs: 1, pins: 0, owner: 'mm:1', kind: 'anon', lazyFree: false, large: null };
 * ```
 */
export interface Folio {
  /** First frame; a multiple of 2^order. */
  pfn: number;
  order: number;
  /**
   * References (`folio_ref_count`); at 0 the folio is freed. Every page table entry that maps one of its pages holds one,
   * so for anonymous memory without pins this is `folio_mapcount`; the page cache holds one for each page.
   */
  refs: number;
  /** Pins of GUP (`_pincount`); each holds a reference too. */
  pins: number;
  /** The id of the actor that allocated it. */
  owner: string;
  kind: FolioKind;
  /** MADV_FREE: it may be discarded while it is clean (an anonymous folio without `PG_swapbacked`). */
  lazyFree: boolean;
  /** What is kept of an anonymous folio that is larger than a page of its process; null for all others. */
  large: LargeFolio | null;
}

/**
 * Frames in use by kind.
 *
 * @example
 * ```ts
 * const counts: FrameCounts = FolioTable.empty().framesByKind;
 * counts.anon; // 0
 * ```
 */
export type FrameCounts = Record<FolioKind, number>;

const NO_FRAMES: Readonly<FrameCounts> = { anon: 0, file: 0, table: 0, kernel: 0, reserved: 0 };

function copyCounts({ anon, file, table, kernel, reserved }: Readonly<FrameCounts>): FrameCounts {
  return { anon, file, table, kernel, reserved };
}

/** A folio with other counts; a literal of its fields, since a spread costs several times as much. */
function recounted({ pfn, order, pins, owner, kind, lazyFree }: Folio, refs: number, large: LargeFolio | null): Folio {
  return { pfn, order, refs, pins, owner, kind, lazyFree, large };
}

/**
 * A folio table: sealed, or in the middle of an edit, when it is written to until `done()` seals it. As with the allocator, both are one
 * class without a base.
 *
 * @throws GranuleError INVARIANT for a folio that overlaps another or is unaligned, for a frame in no folio, for counts below zero, and
 *   for a write to one that is sealed
 * @example
 * ```ts
 * const edit = FolioTable.empty().edit();
 * edit.add({ pfn: 16, order: 4, owner: 'mm:1', kind: 'anon' });
 * edit.add({ pfn: 8, order: 0, owner: 'file:a', kind: 'file' });
 * edit.get(8).refs; // 2
 * edit.put(8); // null
 * edit.put(8)?.pfn; // 8
 * const table = edit.done();
 * table.headOf(21); // 16
 * table.frames; // 16
 * ```
 */
export class FolioTable {
  readonly #version: Version<FolioHeads>;
  readonly #framesByKind: FrameCounts;
  #count: number;
  #isSealed: boolean;

  private constructor(version: Version<FolioHeads>, framesByKind: FrameCounts, count: number, isSealed: boolean) {
    this.#version = version;
    this.#framesByKind = framesByKind;
    this.#count = count;
    this.#isSealed = isSealed;
  }

  /** Frames in use, by kind. */
  get framesByKind(): Readonly<FrameCounts> {
    return this.#framesByKind;
  }

  /** Number of folios. */
  get count(): number {
    return this.#count;
  }

  /** Frames in use. */
  get frames(): number {
    const { anon, file, table, kernel, reserved } = this.framesByKind;
    return anon + file + table + kernel + reserved;
  }

  /** The folio that the frame lies in, head or tail (`page_folio`), or null. */
  find(pfn: number): Folio | null {
    if (!(pfn >= 0 && pfn <= MAX_FRAME)) return null;
    return this.#version.store.find(pfn);
  }

  /** The first frame of the folio that the frame lies in, or null. */
  headOf(pfn: number): number | null {
    return this.find(pfn)?.pfn ?? null;
  }

  /** Calls `visit` for every folio whose head lies in [fromPfn, toPfn), ascending, until it returns false. */
  forEach(fromPfn: number, toPfn: number, visit: (folio: Folio) => unknown): void {
    const { store } = this.#version;
    let folio = store.next(fromPfn, toPfn);
    while (folio !== null && visit(folio) !== false) folio = store.next(folio.pfn + 1, toPfn);
  }

  static empty(): FolioTable {
    return new FolioTable(new Version(new FolioHeads()), copyCounts(NO_FRAMES), 0, true);
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: readonly Folio[]): FolioTable {
    const edit = FolioTable.empty().edit();
    for (const folio of plain) edit.add(folio);
    return edit.done();
  }

  /** The folios, ascending by frame. */
  toPlain(): Folio[] {
    const folios: Folio[] = [];
    this.forEach(0, MAX_FRAME + 1, (folio) => folios.push(folio));
    return folios;
  }

  /** A private version to write to; this one stays as it is. One that is given up makes this one dear to look at. */
  edit(): FolioTableEdit {
    invariant(this.#isSealed, 'what is edited is sealed');
    return new FolioTable(this.#version.next(), copyCounts(this.#framesByKind), this.#count, false);
  }

  /** Takes a folio in; one reference and no pin unless said. */
  add(folio: Pick<Folio, 'pfn' | 'order' | 'owner' | 'kind'> & Partial<Folio>): Folio {
    const { pfn, order, refs = 1, pins = 0, owner, kind, lazyFree = false, large = null } = folio;
    const span = 1 << order;
    invariant(pfn >= 0 && pfn + span - 1 <= MAX_FRAME, 'a frame is one of those there can be');
    invariant((pfn & -span) === pfn, 'a folio is aligned to its size');
    const heads = this.#writable;
    const isAlone = heads.find(pfn) === null && (span === 1 || heads.next(pfn, pfn + span) === null);
    invariant(isAlone, 'a frame lies in one folio at most');
    const whole: Folio = { pfn, order, refs, pins, owner, kind, lazyFree, large };
    heads.add(whole);
    this.#count++;
    this.#framesByKind[kind] += span;
    return whole;
  }

  /** Takes references on the folio of a frame (`folio_get`, `folio_ref_add`). */
  get(pfn: number, references = 1): Folio {
    return this.update(pfn, (folio) => recounted(folio, folio.refs + references, folio.large));
  }

  /** Drops references (`folio_put`); answers the folio when that was the last one, and it is gone, else null. */
  put(pfn: number, references = 1): Folio | null {
    const folio = this.update(pfn, (before) => recounted(before, before.refs - references, before.large));
    if (folio.refs > 0) return null;
    this.remove(folio.pfn);
    return folio;
  }

  /** Takes one reference on each of `nr` pages of a folio, as `find` gave it, from `pfn` on; answers the folio as it is then. */
  getPages(before: Folio, pfn: number, nr: number): Folio {
    const large = before.large === null ? null : changePages(before.large, pfn - before.pfn, nr, 1);
    const after = recounted(before, before.refs + nr, large);
    this.#writable.replace(before, after);
    return after;
  }

  /** Drops one reference on each of such pages; null where it was the last, and the folio is gone. */
  putPages(before: Folio, pfn: number, nr: number): Folio | null {
    const refs = before.refs - nr;
    invariant(refs >= 0, 'counts of a folio stay above zero');
    if (refs === 0) {
      this.#takeOut(before);
      return null;
    }
    const large = before.large === null ? null : changePages(before.large, pfn - before.pfn, nr, -1);
    const after = recounted(before, refs, large);
    this.#writable.replace(before, after);
    return after;
  }

  /** Replaces the folio of a frame; its frames stay the same. */
  update(pfn: number, change: (folio: Folio) => Folio): Folio {
    const folio = this.#folioAt(pfn);
    const next = change(folio);
    invariant(next.pfn === folio.pfn && next.order === folio.order, 'an update leaves the frames of a folio alone');
    invariant(next.refs >= 0 && next.pins >= 0, 'counts of a folio stay above zero');
    this.#framesByKind[folio.kind] -= 2 ** folio.order;
    this.#framesByKind[next.kind] += 2 ** folio.order;
    this.#writable.replace(folio, next);
    return next;
  }

  /** Takes the folio of a frame out, whatever its references. */
  remove(pfn: number): Folio {
    const folio = this.#folioAt(pfn);
    this.#takeOut(folio);
    return folio;
  }

  /** Splits the folio of a frame into folios of a smaller order, each with the references given (`split_folio`). */
  split(pfn: number, order: number, refsEach = 1): Folio[] {
    const folio = this.remove(pfn);
    invariant(order < folio.order && folio.pins === 0, 'an unpinned folio is split down');
    const parts: Folio[] = [];
    for (let head = folio.pfn; head < folio.pfn + 2 ** folio.order; head += 2 ** order) {
      parts.push(this.add({ ...folio, pfn: head, order, refs: refsEach, large: null }));
    }
    return parts;
  }

  /**
   * Splits a large anonymous folio into pages of its process; those that nobody maps any more are taken out and answered,
   * to be freed (`mm/huge_memory.c:__split_huge_page`).
   */
  splitLarge(pfn: number): Folio[] {
    const folio = this.find(pfn);
    invariant(folio !== null && folio.large !== null && folio.pins === 0, 'an unpinned large folio is split');
    this.remove(pfn);
    const { leastOrder, pageRefs } = folio.large;
    const span = 2 ** leastOrder;
    const unused: Folio[] = [];
    for (let at = 0; at < pageRefs.length; at += span) {
      const refs = pageRefs.slice(at, at + span).reduce((sum, count) => sum + count, 0);
      const part = { ...folio, pfn: folio.pfn + at, order: leastOrder, refs, large: null };
      if (refs > 0) this.add(part);
      else unused.push(part);
    }
    return unused;
  }

  done(): FolioTable {
    invariant(!this.#isSealed, 'an edit is sealed once');
    this.#isSealed = true;
    return this;
  }

  get #writable(): FolioHeads {
    invariant(!this.#isSealed, 'nothing is written after done()');
    return this.#version.store;
  }

  #folioAt(pfn: number): Folio {
    const folio = this.find(pfn);
    if (folio === null) invariant(false, `frame ${pfn} lies in a folio`);
    return folio;
  }

  #takeOut(folio: Folio): void {
    this.#writable.remove(folio);
    this.#count--;
    this.#framesByKind[folio.kind] -= 1 << folio.order;
  }
}

/** A private version of a folio table, not sealed yet. */
export type FolioTableEdit = FolioTable;
