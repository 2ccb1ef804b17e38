/**
 * The page-table operations of an mm as pure functions over its two tables: the Linux table, which is the truth, and the
 * native table (layer 3), which is what hardware walks while every group of Linux entries fits one native entry.
 */
import { invariant } from '../errors.ts';
import { gatherAccessedDirty, syncNative } from './nativeTable.ts';
import type { PageTable, PageTableEdit } from './pageTable.ts';
import {
  flagsOf,
  hasFlags,
  isDirty,
  isWritable,
  modifyProtection,
  packPte,
  PTE,
  pfnOf,
  withFlags,
  writeProtect,
} from './pte.ts';

/** Consecutive entries that map consecutive frames with the same flags; the shape of `PteRun` in the vocabulary. */
export interface EntryRun {
  va: number;
  pfn: number;
  nr: number;
  flags: number;
}

/** Addresses [startVa, endVa). */
export interface VaRange {
  startVa: number;
  endVa: number;
}

/** The operations, by name. */
export type TableOp =
  /**
   * `expects` is what must be there now, as `pte_same` and `pte_none` check it under the page-table lock: -1 for nothing,
   * else the frame of the first entry, consecutive frames after it. What differs is left alone and rejected.
   */
  | { op: 'set'; runs: EntryRun[]; expects: number }
  | { op: 'clear'; ranges: VaRange[]; freeWithin: VaRange | null; fileOnly: boolean }
  /** `anonProtection` is for exclusive anonymous pages: they become writable at once (`can_change_pte_writable`). */
  | { op: 'protect'; ranges: (VaRange & { protection: number; anonProtection: number })[] }
  /** Clears the accessed bit, the dirty bit, or both. */
  | { op: 'age'; startVa: number; endVa: number; young: boolean; dirty: boolean }
  | { op: 'move'; fromVa: number; toVa: number; lengthBytes: number }
  /** `always`: entries of shared anonymous memory, which the child could not find anywhere else. */
  | { op: 'copy'; ranges: (VaRange & { always: boolean })[] }
  | { op: 'read'; ranges: VaRange[] };

/** The two tables; `native` is null where hardware walks the Linux table. */
export interface Tables {
  linux: PageTable;
  native: PageTable | null;
}

/** What an operation did. */
export interface TableOutcome extends Tables {
  /** Entries that set made where none, or another frame, was; those that copy hands to the child, or read found. */
  set: EntryRun[];
  /** Entries that are gone (age: that were dirty), with the accessed and dirty bits of both tables. */
  cleared: EntryRun[];
  /** Entries that were not set because what was there is not what was expected. */
  rejected: EntryRun[];
  /**
   * Where translations may be cached that must go; in Linux-table addresses. One mmu_gather flushes one range, from the
   * first entry that it changed to the last (`__tlb_adjust_range`).
   */
  flush: VaRange[];
  /** Tables freed by level of the Linux and of the native table, root first. */
  freedLinux: number[];
  freedNative: number[];
  /** Why the native table cannot hold the result; empty when it can. */
  untranslatable: string;
}

/** Collects entries into runs. */
class RunCollector {
  readonly runs: EntryRun[] = [];
  private readonly pageBytes: number;

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  add(va: number, pfn: number, flags: number): void {
    const last = this.runs.at(-1);
    const follows = last !== undefined && va === last.va + last.nr * this.pageBytes && pfn === last.pfn + last.nr;
    if (follows && flags === last.flags) last.nr++;
    else this.runs.push({ va, pfn, nr: 1, flags });
  }
}

interface Work {
  linux: PageTableEdit;
  set: RunCollector;
  cleared: RunCollector;
  rejected: RunCollector;
  flush: VaRange[];
  /** Linux-table addresses that changed: what the native table must follow. */
  touched: VaRange[];
}

/** The hull of what a gather changed. */
class Gather {
  private startVa = Number.MAX_SAFE_INTEGER;
  private endVa = 0;

  add(va: number, pageBytes: number): void {
    this.startVa = Math.min(this.startVa, va);
    this.endVa = Math.max(this.endVa, va + pageBytes);
  }

  into(work: Work): void {
    if (this.endVa === 0) return;
    work.flush.push({ startVa: this.startVa, endVa: this.endVa });
    work.touched.push({ startVa: this.startVa, endVa: this.endVa });
  }
}

/** `move_ptes` flushes what one table of page-table entries maps at a time (`mm/mremap.c:move_page_tables`). */
function flushMoved(work: Work, vas: readonly number[]): void {
  const { levels, granuleBytes } = work.linux.geometry;
  const extentBytes = levels.at(-1)?.tableSpanBytes ?? granuleBytes;
  for (const va of vas) {
    const last = work.flush.at(-1);
    if (last !== undefined && Math.floor(last.startVa / extentBytes) === Math.floor(va / extentBytes)) {
      last.endVa = va + granuleBytes;
    } else work.flush.push({ startVa: va, endVa: va + granuleBytes });
  }
}

const operations: { [O in TableOp['op']]: (work: Work, op: Extract<TableOp, { op: O }>) => void } = {
  set: (work, { runs, expects }) => {
    const pageBytes = work.linux.geometry.granuleBytes;
    for (const run of runs) {
      for (let page = 0; page < run.nr; page++) {
        const va = run.va + page * pageBytes;
        const before = work.linux.get(va);
        const pfn = run.pfn + page;
        const asExpected = expects < 0 ? before === 0 : before !== 0 && pfnOf(before) === expects + page;
        if (!asExpected) {
          work.rejected.add(va, pfn, run.flags);
          continue;
        }
        const replaces = before !== 0 && pfnOf(before) !== pfn;
        if (before !== 0) work.flush.push({ startVa: va, endVa: va + pageBytes });
        if (replaces) work.cleared.add(va, pfnOf(before), flagsOf(before));
        work.linux.set(va, packPte(pfn, run.flags));
        if (before === 0 || replaces) work.set.add(va, pfn, run.flags);
      }
      work.touched.push({ startVa: run.va, endVa: run.va + run.nr * pageBytes });
    }
  },
  clear: (work, { ranges, fileOnly }) => {
    const pageBytes = work.linux.geometry.granuleBytes;
    for (const range of ranges) {
      const found: number[] = [];
      const gather = new Gather();
      work.linux.forEach(range.startVa, range.endVa, (va, pte) => {
        if (!fileOnly || !hasFlags(pte, PTE.ANON)) found.push(va);
      });
      for (const va of found) {
        const pte = work.linux.clear(va);
        work.cleared.add(va, pfnOf(pte), flagsOf(pte));
        gather.add(va, pageBytes);
      }
      gather.into(work);
    }
  },
  protect: (work, { ranges }) => {
    const gather = new Gather();
    for (const range of ranges) {
      work.linux.changeRange(range.startVa, range.endVa, (pte, va) => {
        const exclusive = hasFlags(pte, PTE.EXCLUSIVE);
        const next = modifyProtection(pte, exclusive ? range.anonProtection : range.protection);
        if (next !== pte) gather.add(va, work.linux.geometry.granuleBytes);
        return next;
      });
    }
    gather.into(work);
  },
  age: (work, { startVa, endVa, young, dirty }) => {
    const bits = (young ? PTE.YOUNG : 0) | (dirty ? PTE.DIRTY : 0);
    const gather = new Gather();
    work.linux.changeRange(startVa, endVa, (pte, va) => {
      if (dirty && isDirty(pte)) work.cleared.add(va, pfnOf(pte), flagsOf(pte));
      const flags = flagsOf(pte) & ~bits;
      // A clean entry that hardware may dirty again starts read-only (`pte_mkclean`).
      const next = packPte(pfnOf(pte), dirty ? flags | PTE.READONLY : flags);
      if (next !== pte) gather.add(va, work.linux.geometry.granuleBytes);
      return next;
    });
    gather.into(work);
  },
  move: (work, { fromVa, toVa, lengthBytes }) => {
    const moved: [number, number][] = [];
    work.linux.forEach(fromVa, fromVa + lengthBytes, (va, pte) => {
      moved.push([va, pte]);
    });
    for (const [va] of moved) work.linux.clear(va);
    for (const [va, pte] of moved) work.linux.set(va - fromVa + toVa, pte);
    if (moved.length === 0) return;
    flushMoved(
      work,
      moved.map(([va]) => va),
    );
    work.touched.push({ startVa: fromVa, endVa: fromVa + lengthBytes }, { startVa: toVa, endVa: toVa + lengthBytes });
  },
  copy: (work, { ranges }) => {
    for (const range of ranges) {
      // A range without private pages is not copied: the child faults it in (`vma_needs_copy`).
      let needed = range.always;
      work.linux.forEach(range.startVa, range.endVa, (_va, pte) => {
        needed ||= hasFlags(pte, PTE.ANON) && !hasFlags(pte, PTE.SPECIAL);
        return !needed;
      });
      if (!needed) continue;
      work.linux.changeRange(range.startVa, range.endVa, (pte, va) => {
        // A private page is write-protected and no longer exclusive on both sides; the child's entries begin old
        // (`copy_present_ptes`, `folio_try_dup_anon_rmap_ptes`).
        const shared = hasFlags(pte, PTE.ANON) || !isWritable(pte) ? shareEntry(pte) : pte;
        work.set.add(va, pfnOf(shared), flagsOf(shared) & ~PTE.YOUNG);
        return shared;
      });
      const { startVa, endVa } = range;
      work.flush.push({ startVa, endVa });
      work.touched.push({ startVa, endVa });
    }
  },
  read: (work, { ranges }) => {
    for (const { startVa, endVa } of ranges) {
      work.linux.forEach(startVa, endVa, (va, pte) => work.set.add(va, pfnOf(pte), flagsOf(pte)));
    }
  },
};

/** An entry that maps its page together with another. */
function shareEntry(pte: number): number {
  return withFlags(writeProtect(pte), flagsOf(writeProtect(pte)) & ~PTE.EXCLUSIVE);
}

/** Carries what changed in the Linux table over to the native one; answers why it cannot, or ''. */
function follow(linux: PageTableEdit, native: PageTableEdit, touched: readonly VaRange[]): string {
  for (const range of touched) {
    const [problem] = syncNative(linux, native, range.startVa, range.endVa).untranslatable;
    if (problem !== undefined) return `${problem.reason} at 0x${problem.va.toString(16)}`;
  }
  return '';
}

/** Ranges narrowed to where the table holds anything, so that a sparse range costs what it holds. */
function populated(table: PageTable, ranges: readonly VaRange[], pageBytes: number): VaRange[] {
  const found: VaRange[] = [];
  for (const range of ranges) {
    table.forEach(range.startVa, range.endVa, (va) => {
      const startVa = Math.floor(va / pageBytes) * pageBytes;
      const last = found.at(-1);
      if (last !== undefined && startVa >= last.startVa && startVa <= last.endVa) {
        last.endVa = Math.max(last.endVa, startVa + pageBytes);
      } else found.push({ startVa, endVa: startVa + pageBytes });
    });
  }
  return found;
}

function rangesOf(op: TableOp, pageBytes: number): VaRange[] {
  if (op.op === 'set') return op.runs.map((run) => ({ startVa: run.va, endVa: run.va + run.nr * pageBytes }));
  if (op.op === 'age') return [op];
  if (op.op === 'move') return [{ startVa: op.fromVa, endVa: op.fromVa + op.lengthBytes }];
  return op.ranges;
}

/**
 * Does one operation on both tables and leaves the given ones as they were.
 *
 * Accessed and dirty bits that hardware set in the native entries are taken over into the Linux entries first, so that
 * nothing is decided or thrown away on stale bits (mechanisms: rules 4 and 5 of the native table).
 *
 * @example
 * ```ts
 * const tables = { linux: PageTable.empty(4096), native: null };
 * const run = { va: 0x10000, pfn: 16, nr: 16, flags: PTE.VALID };
 * operate(tables, { op: 'set', runs: [run], expects: -1 }).linux.presentCount; // 16
 * ```
 */
export function operate(tables: Tables, op: TableOp): TableOutcome {
  const pageBytes = tables.linux.geometry.granuleBytes;
  const linux = tables.linux.edit();
  const native = tables.native?.edit() ?? null;
  if (native !== null && tables.native !== null) {
    for (const range of populated(tables.native, rangesOf(op, pageBytes), native.geometry.granuleBytes)) {
      gatherAccessedDirty(linux, native, range.startVa, range.endVa);
    }
  }
  const work: Work = {
    linux,
    set: new RunCollector(pageBytes),
    cleared: new RunCollector(pageBytes),
    rejected: new RunCollector(pageBytes),
    flush: [],
    touched: [],
  };
  (operations[op.op] as (work: Work, op: TableOp) => void)(work, op);
  let untranslatable = '';
  if (native !== null) {
    const wide = op.op === 'set' ? work.touched : work.touched.flatMap((range) => within(tables, linux, range));
    untranslatable = follow(linux, native, wide);
  }
  const freeWithin = op.op === 'clear' ? op.freeWithin : null;
  const freedLinux = freeWithin === null ? [] : linux.freeEmptyTables(freeWithin.startVa, freeWithin.endVa);
  const freedNative =
    freeWithin === null || native === null ? [] : native.freeEmptyTables(freeWithin.startVa, freeWithin.endVa);
  return {
    linux: linux.done(),
    native: native?.done() ?? null,
    set: work.set.runs,
    cleared: work.cleared.runs,
    rejected: work.rejected.runs,
    flush: work.flush,
    freedLinux,
    freedNative,
    untranslatable,
  };
}

/** The part of a touched range where either table holds anything, before or after. */
function within(tables: Tables, linux: PageTableEdit, range: VaRange): VaRange[] {
  const native = tables.native;
  invariant(native !== null, 'there is a native table to follow');
  const pageBytes = native.geometry.granuleBytes;
  const before = populated(native, [range], pageBytes);
  const after = populated(linux as unknown as PageTable, [range], pageBytes);
  return [...before, ...after];
}
