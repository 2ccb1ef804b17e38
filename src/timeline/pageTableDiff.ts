/** Differences of two page tables in their plain form, page by page but written as stretches of pages. */
import type { PageTablePlain } from '../mm/pageTable.ts';

/** Numbers of one run in `PageTablePlain.runs`: page, frame, entries, flags. */
const RUN_NUMBERS = 4;

/** What a stretch of consecutive pages maps to: consecutive frames with the same flags (bits of `PTE`). */
export interface MappedStretch {
  readonly pfn: number;
  readonly nr: number;
  readonly flags: number;
}

/** Consecutive pages that changed alike. */
export interface StretchChange {
  readonly va: number;
  /** Null: nothing was mapped. */
  readonly before: MappedStretch | null;
  /** Null: nothing is mapped. */
  readonly after: MappedStretch | null;
}

/** A run in the middle of a sweep: what is left of it. */
interface Cursor {
  readonly runs: readonly number[];
  at: number;
  page: number;
  pfn: number;
  nr: number;
  flags: number;
}

/**
 * Whether a plain value is a page table.
 *
 * @example
 * ```ts
 * isPageTable(PageTable.empty(4096).toPlain()); // true
 * ```
 */
export function isPageTable(value: unknown): value is PageTablePlain {
  return typeof value === 'object' && value !== null && 'granuleBytes' in value && 'vaBits' in value && 'runs' in value;
}

/**
 * The entry that maps an address; undefined where none does.
 *
 * @example
 * ```ts
 * entryAt({ granuleBytes: 4096, vaBits: 48, tables: [], runs: [16, 7, 2, 1] }, 0x11000); // { pfn: 8, flags: 1 }
 * ```
 */
export function entryAt(table: PageTablePlain, va: number): { pfn: number; flags: number } | undefined {
  const wanted = Math.floor(va / table.granuleBytes);
  for (let at = 0; at < table.runs.length; at += RUN_NUMBERS) {
    const [page, pfn, nr, flags] = table.runs.slice(at, at + RUN_NUMBERS);
    if (wanted >= page && wanted < page + nr) return { pfn: pfn + wanted - page, flags };
  }
  return undefined;
}

function load(cursor: Cursor): void {
  const { runs, at } = cursor;
  const isAtEnd = at >= runs.length;
  cursor.page = isAtEnd ? Number.POSITIVE_INFINITY : runs[at];
  cursor.pfn = isAtEnd ? 0 : runs[at + 1];
  cursor.nr = isAtEnd ? 0 : runs[at + 2];
  cursor.flags = isAtEnd ? 0 : runs[at + 3];
}

function advance(cursor: Cursor, pages: number): void {
  cursor.page += pages;
  cursor.pfn += pages;
  cursor.nr -= pages;
  if (cursor.nr > 0) return;
  cursor.at += RUN_NUMBERS;
  load(cursor);
}

function cursorOf(runs: readonly number[]): Cursor {
  const cursor = { runs, at: 0, page: 0, pfn: 0, nr: 0, flags: 0 };
  load(cursor);
  return cursor;
}

/** Pages from `page` on that the run, or the gap before it, goes on without a border. */
function reach(cursor: Cursor, page: number): number {
  return cursor.page === page ? cursor.nr : cursor.page - page;
}

/**
 * The stretches of pages that two tables of one granule map differently, ascending.
 *
 * @example
 * ```ts
 * const before = { granuleBytes: 4096, vaBits: 48, tables: [], runs: [16, 7, 4, 1] };
 * pageTableChanges(before, { ...before, runs: [16, 7, 1, 1] }); // [{ va: 69632, before: { pfn: 8, nr: 3, flags: 1 }, after: null }]
 * ```
 */
export function pageTableChanges(before: PageTablePlain, after: PageTablePlain): StretchChange[] {
  const left = cursorOf(before.runs);
  const right = cursorOf(after.runs);
  const changes: StretchChange[] = [];
  for (;;) {
    const page = Math.min(left.page, right.page);
    if (page === Number.POSITIVE_INFINITY) return changes;
    const nr = Math.min(reach(left, page), reach(right, page));
    const was = left.page === page ? { pfn: left.pfn, nr, flags: left.flags } : null;
    const is = right.page === page ? { pfn: right.pfn, nr, flags: right.flags } : null;
    if (was?.pfn !== is?.pfn || was?.flags !== is?.flags) {
      changes.push({ va: page * before.granuleBytes, before: was, after: is });
    }
    if (was !== null) advance(left, nr);
    if (is !== null) advance(right, nr);
  }
}
