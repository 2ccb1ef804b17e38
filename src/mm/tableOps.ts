/**
 * The page-table operations of an mm as pure functions over its two tables: the Linux table, which is the truth, and the
 * native table (layer 3), which is what hardware walks while every group of Linux entries fits one native entry.
 *
 * @models S-21 S-38 T-15 T-16 D-02
 */
import { invariant } from '../errors.ts';
import { gatherAccessedDirty, groupOf, syncNative } from './nativeTable.ts';
import { linkSections } from './nativeSections.ts';
import { needsBreak } from './breakBeforeMake.ts';
import { Contpte } from './contpte.ts';
import type { PageTable, PageTableEdit } from './pageTable.ts';
import type { PageTableReader } from './pageTableReader.ts';
import { isDirty, isPresent, isValid } from './pte.ts';
import { operations } from './tableEdits.ts';
import { mappedRanges } from './tableHarvest.ts';
import { type EntryRun, RunCollector, type TableOp, type VaRange, type Work } from './tableWork.ts';

export type { EntryRun, TableOp, VaRange } from './tableWork.ts';

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
  /** contpte blocks that were folded or unfolded by break-before-make: each is flushed by itself. And how often. */
  converts: VaRange[];
  folds: number;
  unfolds: number;
  /** Entries of each table that must be invalid until the flush is complete (`src/mm/breakBeforeMake.ts`). */
  linuxBroken: number[];
  nativeBroken: number[];
  /** Pages that were dirty in the native table alone and went without anybody having looked (`linuxTableOnly`). */
  lostDirty: number;
}

/**
 * Carries what changed in the Linux table over to the native one: why it cannot, or '', and the entries that change from one
 * valid translation to another, which hardware must not see without an invalid entry and a flush between them.
 */
function follow(
  linux: PageTableEdit,
  native: PageTableEdit,
  touched: readonly VaRange[],
  fills: boolean,
): [string, number[]] {
  const broken: number[] = [];
  for (const range of touched) {
    const { changed, untranslatable } = syncNative(linux, native, range.startVa, range.endVa, fills);
    const [problem] = untranslatable;
    if (problem !== undefined) return [`${problem.reason} at 0x${problem.va.toString(16)}`, []];
    for (const { va, before, after } of changed) if (needsBreak(before, after)) broken.push(va);
  }
  return ['', broken];
}

/** Linux entries that were converted or replaced and are still valid. */
function brokenOf({ linux, contpte, replaced }: Work): number[] {
  const converted = contpte === null ? [] : contpte.broken;
  if (converted.length + replaced.length === 0) return converted;
  return [...new Set([...converted, ...replaced])].filter((va) => isValid(linux.get(va)));
}

/** Ranges narrowed to where the table holds anything, so that a sparse range costs what it holds. */
function populated(table: PageTableReader, ranges: readonly VaRange[], pageBytes: number): VaRange[] {
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

/** Operations that bring entries where none were: their Linux tables point to sections of the native one. */
const LINKING: ReadonlySet<TableOp['op']> = new Set<TableOp['op']>(['set', 'move', 'exchange', 'fill']);

/** Takes every native entry of the ranges away; all of them may be cached. */
function dropNative(native: PageTableEdit, ranges: readonly VaRange[], flush: VaRange[]): void {
  const { granuleBytes } = native.geometry;
  for (const range of populated(native, ranges, granuleBytes)) {
    flush.push(range);
    for (let va = range.startVa; va < range.endVa; va += granuleBytes) native.clear(va);
  }
}

function rangesOf(linux: PageTable, op: TableOp): VaRange[] {
  const pageBytes = linux.geometry.granuleBytes;
  if (op.op === 'set') return op.runs.map((run) => ({ startVa: run.va, endVa: run.va + run.nr * pageBytes }));
  if (op.op === 'exchange') return op.changes.map(({ va, nr }) => ({ startVa: va, endVa: va + nr * pageBytes }));
  if (op.op === 'age') return [op];
  if (op.op === 'harvest') return mappedRanges(linux, op.frames);
  if (op.op === 'move') return [{ startVa: op.fromVa, endVa: op.fromVa + op.lengthBytes }];
  return op.ranges;
}

/**
 * Does one operation on both tables and leaves the given ones as they were.
 *
 * Accessed and dirty bits that hardware set in the native entries are taken over into the Linux entries first, so that
 * nothing is decided or thrown away on stale bits. `contpte`: entries of a Linux table that hardware walks may carry the
 * contiguous bit; beside a native table it would gain nothing and cost a flush at every change of a single entry. `lazy`: the
 * native table gets entries only by `fill`, and by a `set` that a fault makes.
 *
 * @example
 * ```ts
 * const tables = { linux: PageTable.empty(4096), native: null };
 * const run = { va: 0x10000, pfn: 16, nr: 16, flags: PTE.VALID };
 * operate(tables, { op: 'set', runs: [run], expects: -1 }).linux.presentCount; // 16
 * ```
 */
export function operate(tables: Tables, op: TableOp, contpte = false, lazy = false): TableOutcome {
  const pageBytes = tables.linux.geometry.granuleBytes;
  const linux = tables.linux.edit();
  const native = tables.native?.edit() ?? null;
  const gathers = !('linuxTableOnly' in op && op.linuxTableOnly === true);
  const ranges = native === null && op.op !== 'harvest' ? [] : rangesOf(tables.linux, op);
  if (native !== null && tables.native !== null && gathers) {
    for (const range of populated(tables.native, ranges, native.geometry.granuleBytes)) {
      gatherAccessedDirty(linux, native, range.startVa, range.endVa);
    }
  }
  const work: Work = {
    linux,
    ranges,
    set: new RunCollector(pageBytes),
    cleared: new RunCollector(pageBytes),
    rejected: new RunCollector(pageBytes),
    contpte: contpte && native === null ? new Contpte(linux) : null,
    flush: [],
    touched: [],
    replaced: [],
  };
  (operations[op.op] as (work: Work, op: TableOp) => void)(work, op);
  let untranslatable = '';
  let nativeBroken: number[] = [];
  if (native !== null) {
    const byFault = (op.op === 'set' && op.lazily !== true) || (op.op === 'exchange' && op.byFault === true);
    const fills = !lazy || op.op === 'fill' || byFault;
    if (fills && LINKING.has(op.op)) linkSections(linux, native, work.touched);
    const wide = op.op === 'set' ? work.touched : work.touched.flatMap((range) => within(tables, linux, range));
    [untranslatable, nativeBroken] = follow(linux, native, wide, fills);
    if (op.op === 'drop') dropNative(native, op.ranges, work.flush);
  }
  const freeWithin = op.op === 'clear' ? op.freeWithin : op.op === 'drop' ? (op.ranges[0] ?? null) : null;
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
    converts: work.contpte?.converts ?? [],
    folds: work.contpte?.folds ?? 0,
    unfolds: work.contpte?.unfolds ?? 0,
    linuxBroken: brokenOf(work),
    nativeBroken,
    lostDirty: gathers ? 0 : lostDirtyOf(tables, ranges, native),
  };
}

/** Pages of groups that were dirty in the native table alone, and are not there any more. */
function lostDirtyOf({ linux, native }: Tables, ranges: readonly VaRange[], after: PageTableReader | null): number {
  if (native === null) return 0;
  const { granuleBytes } = native.geometry;
  const groups = new Set<number>();
  for (const { startVa, endVa } of ranges) {
    for (let va = groupOf(startVa, granuleBytes).startVa; va < endVa; va += granuleBytes) groups.add(va);
  }
  let lost = 0;
  for (const va of groups) {
    if (!isDirty(native.get(va)) || isDirty(after?.get(va) ?? 0)) continue;
    let known = false;
    linux.forEach(va, va + granuleBytes, (_va, pte) => {
      known ||= isPresent(pte) && isDirty(pte);
      return !known;
    });
    if (!known) lost += granuleBytes / linux.geometry.granuleBytes;
  }
  return lost;
}

/** The part of a touched range where either table holds anything, before or after. */
function within(tables: Tables, linux: PageTableEdit, range: VaRange): VaRange[] {
  const native = tables.native;
  invariant(native !== null, 'there is a native table to follow');
  const pageBytes = native.geometry.granuleBytes;
  const before = populated(native, [range], pageBytes);
  const after = populated(linux, [range], pageBytes);
  return [...before, ...after];
}
