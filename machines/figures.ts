/**
 * What reports and laws look at in the state of an actor, by kind: of a kind of granule's own they read it in its context, of one that
 * stands in for it they are told by its definition (`shows`).
 */

/** A zone, in its pages. Conservation of memory is held against these: what is free and what is used make up the total. */
export interface ZoneFigures {
  pageBytes: number;
  totalPages: number;
  freePages: number;
  /** In folios, reserved ones included. */
  usedPages: number;
  /** Least free pages there ever were. */
  freePagesLeast: number;
  /** Allocations that came to nothing. */
  failures: number;
}

/** A page cache, in pages of the kernel. */
export interface FileFigures {
  /** Times that folios were dropped to make room for a larger order. */
  drops: number;
  droppedPages: number;
  rereadPages: number;
  readPages: number;
  writtenPages: number;
}

/** A disk. */
export interface DiskFigures {
  reads: number;
  writes: number;
  readBytes: number;
  writtenBytes: number;
}

/** One translation that a CPU may use without a walk. */
export interface ShownTranslation {
  asid: number;
  /** Page number, in pages of the table that it is of. */
  page: number;
  /** Frame number, in frames of that size. */
  frame: number;
  /** It may be used for stores. */
  write: boolean;
}

/** The TLBs of a CPU. */
export interface TlbFigures {
  /** The MMU whose tables are installed; null for none. */
  mmu: string | null;
  /** References of the stretch under way. */
  references: number;
  /** Every translation that it holds. The law of translations is held against these. */
  translations: Iterable<ShownTranslation>;
}

/**
 * The figures of each kind that has any. Of other kinds reports and laws need the whole context.
 *
 * @example
 * ```ts
 * const figures: KindFigures['disk'] = { reads: 3, writes: 0, readBytes: 12288, writtenBytes: 0 };
 * ```
 */
export interface KindFigures {
  zone: ZoneFigures;
  file: FileFigures;
  disk: DiskFigures;
  tlb: TlbFigures;
}

/** Kinds that have figures. */
export type FiguredKind = keyof KindFigures;

/**
 * Whether a kind has figures.
 *
 * @example
 * ```ts
 * hasFigures('zone'); // true
 * hasFigures('mm'); // false
 * ```
 */
export function hasFigures(kind: string): kind is FiguredKind {
  return kind === 'zone' || kind === 'file' || kind === 'disk' || kind === 'tlb';
}
