/**
 * Who owns which frames: every folio that is in use, its order, its references and mappings. With the buddy allocator
 * it accounts for all memory: a frame is free there or lies in exactly one folio here.
 */
import { invariant } from '../errors.ts';
import { IntMap, type IntMapEdit } from './intMap.ts';

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
 * const folio: Folio = { pfn: 16, order: 4, refs: 1, mapped: 0, pins: 0, owner: 'mm:1', kind: 'anon' };
 * ```
 */
export interface Folio {
  /** First frame; a multiple of 2^order. */
  pfn: number;
  order: number;
  /** References (`folio_ref_count`); at 0 the folio is freed. */
  refs: number;
  /** Page table entries that map its pages, over all tables. */
  mapped: number;
  /** Pins of GUP (`_pincount`); each holds a reference too. */
  pins: number;
  /** The id of the actor that allocated it. */
  owner: string;
  kind: FolioKind;
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

/** What can be asked of a folio table, sealed or in the middle of an edit. */
abstract class FolioReader {
  protected abstract readonly folios: IntMap<Folio> | IntMapEdit<Folio>;
  /** Frames in use, by kind. */
  abstract readonly framesByKind: Readonly<FrameCounts>;

  /** Number of folios. */
  get count(): number {
    return this.folios.size;
  }

  /** Frames in use. */
  get frames(): number {
    return Object.values(this.framesByKind).reduce((sum, frames) => sum + frames, 0);
  }

  /** The folio that the frame lies in, head or tail (`page_folio`), or null. */
  find(pfn: number): Folio | null {
    const below = this.folios.last(pfn);
    return below !== null && pfn < below.key + 2 ** below.value.order ? below.value : null;
  }

  /** The first frame of the folio that the frame lies in, or null. */
  headOf(pfn: number): number | null {
    return this.find(pfn)?.pfn ?? null;
  }

  /** Calls `visit` for every folio whose head lies in [fromPfn, toPfn), ascending, until it returns false. */
  forEach(fromPfn: number, toPfn: number, visit: (folio: Folio) => unknown): void {
    this.folios.forEach(fromPfn, toPfn, (_, folio) => visit(folio));
  }
}

/**
 * A sealed folio table.
 *
 * @example
 * ```ts
 * const edit = FolioTable.empty().edit();
 * edit.add({ pfn: 16, order: 4, owner: 'mm:1', kind: 'anon' });
 * const table = edit.done();
 * table.headOf(21); // 16
 * table.frames; // 16
 * ```
 */
export class FolioTable extends FolioReader {
  protected readonly folios: IntMap<Folio>;
  readonly framesByKind: Readonly<FrameCounts>;

  constructor(folios: IntMap<Folio>, framesByKind: Readonly<FrameCounts>) {
    super();
    this.folios = folios;
    this.framesByKind = framesByKind;
  }

  static empty(): FolioTable {
    return new FolioTable(IntMap.empty(), NO_FRAMES);
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: readonly Folio[]): FolioTable {
    const edit = FolioTable.empty().edit();
    for (const folio of plain) edit.add(folio);
    return edit.done();
  }

  /** The folios, ascending by frame. */
  toPlain(): Folio[] {
    return this.folios.toPlain().values;
  }

  /** A private version to write to; this one stays as it is. */
  edit(): FolioTableEdit {
    return new FolioTableEdit(this.folios.edit(), { ...this.framesByKind });
  }
}

/**
 * A private version of a folio table. `done()` seals it.
 *
 * @throws GranuleError INVARIANT for a folio that overlaps another or is unaligned, for a frame in no folio, and for
 *   counts below zero
 * @example
 * ```ts
 * const edit = FolioTable.empty().edit();
 * edit.add({ pfn: 8, order: 0, owner: 'file:a', kind: 'file' });
 * edit.get(8).refs; // 2
 * edit.put(8); // null
 * edit.put(8)?.pfn; // 8
 * edit.count; // 0
 * ```
 */
export class FolioTableEdit extends FolioReader {
  protected readonly folios: IntMapEdit<Folio>;
  readonly framesByKind: FrameCounts;

  constructor(folios: IntMapEdit<Folio>, framesByKind: FrameCounts) {
    super();
    this.folios = folios;
    this.framesByKind = framesByKind;
  }

  /** Takes a folio in; one reference, no mapping and no pin unless said. */
  add(folio: Pick<Folio, 'pfn' | 'order' | 'owner' | 'kind'> & Partial<Folio>): Folio {
    const span = 2 ** folio.order;
    invariant(folio.pfn % span === 0, 'a folio is aligned to its size');
    const after = this.folios.first(folio.pfn);
    const isAlone = this.find(folio.pfn) === null && (after === null || after.key >= folio.pfn + span);
    invariant(isAlone, 'a frame lies in one folio at most');
    const { pfn, order, refs = 1, mapped = 0, pins = 0, owner, kind } = folio;
    const whole: Folio = { pfn, order, refs, mapped, pins, owner, kind };
    this.folios.set(pfn, whole);
    this.framesByKind[kind] += span;
    return whole;
  }

  /** Takes references on the folio of a frame (`folio_get`, `folio_ref_add`). */
  get(pfn: number, references = 1): Folio {
    return this.update(pfn, (folio) => ({ ...folio, refs: folio.refs + references }));
  }

  /** Drops references (`folio_put`); answers the folio when that was the last one, and it is gone, else null. */
  put(pfn: number, references = 1): Folio | null {
    const folio = this.update(pfn, (before) => ({ ...before, refs: before.refs - references }));
    if (folio.refs > 0) return null;
    this.remove(folio.pfn);
    return folio;
  }

  /** Replaces the folio of a frame; its frames stay the same. */
  update(pfn: number, change: (folio: Folio) => Folio): Folio {
    const folio = this.find(pfn);
    invariant(folio !== null, `frame ${pfn} lies in a folio`);
    const next = change(folio);
    invariant(next.pfn === folio.pfn && next.order === folio.order, 'an update leaves the frames of a folio alone');
    invariant(next.refs >= 0 && next.mapped >= 0 && next.pins >= 0, 'counts of a folio stay above zero');
    this.framesByKind[folio.kind] -= 2 ** folio.order;
    this.framesByKind[next.kind] += 2 ** folio.order;
    this.folios.set(folio.pfn, next);
    return next;
  }

  /** Takes the folio of a frame out, whatever its references. */
  remove(pfn: number): Folio {
    const folio = this.find(pfn);
    invariant(folio !== null, `frame ${pfn} lies in a folio`);
    this.folios.delete(folio.pfn);
    this.framesByKind[folio.kind] -= 2 ** folio.order;
    return folio;
  }

  /** Splits the folio of a frame into folios of a smaller order, each with the references given (`split_folio`). */
  split(pfn: number, order: number, refsEach = 1): Folio[] {
    const folio = this.remove(pfn);
    invariant(
      order < folio.order && folio.pins === 0 && folio.mapped === 0,
      'an unmapped, unpinned folio is split down',
    );
    const parts: Folio[] = [];
    for (let head = folio.pfn; head < folio.pfn + 2 ** folio.order; head += 2 ** order) {
      parts.push(this.add({ ...folio, pfn: head, order, refs: refsEach }));
    }
    return parts;
  }

  done(): FolioTable {
    return new FolioTable(this.folios.done(), { ...this.framesByKind });
  }
}
