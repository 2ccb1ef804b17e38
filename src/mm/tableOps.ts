/**
 * The page-table operations of an mm as pure functions over its two tables: the Linux table, which is the truth, and the
 * native table (layer 3), which is what hardware walks while every group of Linux entries fits one native entry.
 */
import { invariant } from '../errors.ts';
import { gatherAccessedDirty, syncNative } from './nativeTable.ts';
import type { PageTable, PageTableEdit } from './pageTable.ts';
import { flagsOf, hasFlags, isDirty, isWritable, modifyProtection, packPte, PTE, pfnOf, writeProtect } from './pte.ts';

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
  | { op: 'set'; runs: EntryRun[]; onlyNone: boolean }
  | { op: 'clear'; ranges: VaRange[]; freeWithin: VaRange | null; fileOnly: boolean }
  | { op: 'protect'; ranges: (VaRange & { protection: number })[] }
  | { op: 'age'; startVa: number; endVa: number; clean: boolean }
  | { op: 'move'; fromVa: number; toVa: number; lengthBytes: number }
  | { op: 'copy'; ranges: VaRange[] };

/** The two tables; `native` is null where hardware walks the Linux table. */
export interface Tables {
  linux: PageTable;
  native: PageTable | null;
}

/** What an operation did. */
export interface TableOutcome extends Tables {
  /** Entries that set made where none, or another frame, was; or those that copy hands to the child. */
  set: EntryRun[];
  /** Entries that are gone (age: that were dirty), with the accessed and dirty bits of both tables. */
  cleared: EntryRun[];
  /** Entries that `onlyNone` left alone because something was there. */
  rejected: EntryRun[];
  /** Where translations may be cached that must go; in Linux-table addresses. */
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

const operations: { [O in TableOp['op']]: (work: Work, op: Extract<TableOp, { op: O }>) => void } = {
  set: (work, { runs, onlyNone }) => {
    const pageBytes = work.linux.geometry.granuleBytes;
    for (const run of runs) {
      for (let page = 0; page < run.nr; page++) {
        const va = run.va + page * pageBytes;
        const before = work.linux.get(va);
        // The zero page is one frame however many entries show it.
        const pfn = (run.flags & PTE.SPECIAL) === 0 ? run.pfn + page : run.pfn;
        if (before !== 0 && onlyNone) {
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
    for (const range of ranges) {
      const found: number[] = [];
      work.linux.forEach(range.startVa, range.endVa, (va, pte) => {
        if (!fileOnly || !hasFlags(pte, PTE.ANON)) found.push(va);
      });
      for (const va of found) {
        const pte = work.linux.clear(va);
        work.cleared.add(va, pfnOf(pte), flagsOf(pte));
      }
      if (found.length > 0) {
        work.flush.push(range);
        work.touched.push(range);
      }
    }
  },
  protect: (work, { ranges }) => {
    for (const range of ranges) {
      let changed = false;
      work.linux.changeRange(range.startVa, range.endVa, (pte) => {
        const next = modifyProtection(pte, range.protection);
        changed ||= next !== pte;
        return next;
      });
      if (!changed) continue;
      work.flush.push({ startVa: range.startVa, endVa: range.endVa });
      work.touched.push({ startVa: range.startVa, endVa: range.endVa });
    }
  },
  age: (work, { startVa, endVa, clean }) => {
    const cleared = clean ? PTE.YOUNG | PTE.DIRTY : PTE.YOUNG;
    work.linux.changeRange(startVa, endVa, (pte, va) => {
      if (clean && isDirty(pte)) work.cleared.add(va, pfnOf(pte), flagsOf(pte));
      const flags = flagsOf(pte) & ~cleared;
      // A clean entry that hardware may dirty again starts read-only (`pte_mkclean`).
      return packPte(pfnOf(pte), clean ? flags | PTE.READONLY : flags);
    });
    work.flush.push({ startVa, endVa });
    work.touched.push({ startVa, endVa });
  },
  move: (work, { fromVa, toVa, lengthBytes }) => {
    const moved: [number, number][] = [];
    work.linux.forEach(fromVa, fromVa + lengthBytes, (va, pte) => {
      moved.push([va, pte]);
    });
    for (const [va] of moved) work.linux.clear(va);
    for (const [va, pte] of moved) work.linux.set(va - fromVa + toVa, pte);
    if (moved.length === 0) return;
    work.flush.push({ startVa: fromVa, endVa: fromVa + lengthBytes });
    work.touched.push({ startVa: fromVa, endVa: fromVa + lengthBytes }, { startVa: toVa, endVa: toVa + lengthBytes });
  },
  copy: (work, { ranges }) => {
    for (const range of ranges) {
      // A range without private pages is not copied: the child faults it in (`vma_needs_copy`).
      let anonymous = false;
      work.linux.forEach(range.startVa, range.endVa, (_va, pte) => {
        anonymous ||= hasFlags(pte, PTE.ANON);
        return !anonymous;
      });
      if (!anonymous) continue;
      work.linux.changeRange(range.startVa, range.endVa, (pte, va) => {
        // A private mapping is write-protected on both sides; the child's entries begin old (`copy_present_ptes`).
        const shared = hasFlags(pte, PTE.ANON) || !isWritable(pte) ? writeProtect(pte) : pte;
        work.set.add(va, pfnOf(shared), flagsOf(shared) & ~PTE.YOUNG);
        return shared;
      });
      work.flush.push(range);
      work.touched.push(range);
    }
  },
};

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
 * operate(tables, { op: 'set', runs: [run], onlyNone: true }).linux.presentCount; // 16
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
