/**
 * What each operation on the page tables of an mm does to the Linux table, entry by entry as Linux does it. Where hardware
 * walks that table, the contpte layer stands between.
 */
import { needsBreak } from './breakBeforeMake.ts';
import { isMarker, MARKER, sharedEntry } from './nonPresent.ts';
import {
  flagsOf,
  hasFlags,
  isDirty,
  isPresent,
  isWritable,
  modifyProtection,
  packPte,
  PTE,
  pfnOf,
  withFlags,
  writeProtect,
} from './pte.ts';
import { exchange } from './tableExchange.ts';
import { harvest } from './tableHarvest.ts';
import { Gather, type TableOp, type VaRange, type Work } from './tableWork.ts';

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

/** `nr` entries before `endVa` were entered by one `set_ptes`. */
function wasSet(work: Work, endVa: number, nr: number): void {
  if (work.contpte !== null && nr > 0) work.contpte.wasSet(endVa - nr * work.linux.geometry.granuleBytes, nr);
}

/**
 * Writes over a present entry. The same frame: `ptep_set_access_flags`, after a fault for a write or an access flag. Another
 * one: `ptep_clear_flush` and then `set_ptes`, as copy-on-write does it (`wp_page_copy`).
 */
function setOver(work: Work, va: number, before: number, entry: number): void {
  const pageBytes = work.linux.geometry.granuleBytes;
  if (pfnOf(before) === pfnOf(entry)) {
    if (work.contpte === null) {
      work.flush.push({ startVa: va, endVa: va + pageBytes });
      work.linux.set(va, entry);
      return;
    }
    const changed = work.contpte.setAccessFlags(va, entry);
    if (changed !== null) work.flush.push(changed);
    return;
  }
  work.contpte?.unfold(va);
  work.flush.push({ startVa: va, endVa: va + pageBytes });
  work.cleared.add(va, pfnOf(before), flagsOf(before));
  work.linux.set(va, entry);
  work.set.add(va, pfnOf(entry), flagsOf(entry));
  if (needsBreak(before, entry)) work.replaced.push(va);
  work.contpte?.wasSet(va, 1);
}

/** `ptep_get`. */
function entryOf(work: Work, va: number): number {
  return work.contpte === null ? work.linux.get(va) : work.contpte.get(va);
}

/** Nothing is there in the whole range, as it mostly is where pages are entered. */
function isNone({ linux }: Work, startVa: number, endVa: number): boolean {
  let none = true;
  linux.forEach(startVa, endVa, () => {
    none = false;
    return false;
  });
  return none;
}

/** `ptep_modify_prot_start` and `ptep_modify_prot_commit`, or `ptep_clear_flush` and `set_pte_at`, of each entry in turn. */
function rewrite(work: Work, { startVa, endVa }: VaRange, change: (pte: number, va: number) => number): void {
  const { linux, contpte } = work;
  if (contpte === null) {
    linux.changeRange(startVa, endVa, change);
    return;
  }
  const found: number[] = [];
  linux.forEach(startVa, endVa, (va) => found.push(va));
  for (const va of found) {
    contpte.unfold(va);
    linux.set(va, change(linux.get(va), va));
    contpte.wasSet(va, 1);
  }
}

/**
 * Folios that a range covers in part have been split (`mm/huge_memory.c:split_folio`): their blocks at the edges of the range are
 * blocks no more, and cannot become any again.
 */
function unfoldSplit(work: Work, { startVa, endVa }: VaRange): void {
  const { contpte, linux } = work;
  if (contpte === null || startVa >= endVa) return;
  const pageBytes = linux.geometry.granuleBytes;
  for (const va of [startVa, endVa - pageBytes]) {
    const block = contpte.widened(va, va + pageBytes);
    if (block.startVa >= startVa && block.endVa <= endVa) continue;
    contpte.unfold(va);
    linux.changeRange(block.startVa, block.endVa, (pte) => {
      return isPresent(pte) && hasFlags(pte, PTE.LARGE) && !hasFlags(pte, PTE.SPECIAL) ? pte - PTE.LARGE : pte;
    });
  }
}

/** What clearing and write-protecting a range begin with: blocks that it covers in part are unfolded. */
function unfoldPartial(work: Work, { startVa, endVa }: VaRange): void {
  if (work.contpte !== null && endVa > startVa) work.contpte.unfoldPartial(startVa, endVa);
}

/**
 * The operations by name: each changes `work.linux` and notes what it did.
 *
 * @example
 * ```ts
 * Object.keys(operations).join(' '); // 'set clear protect age move copy read exchange fill drop harvest'
 * ```
 */
export const operations: { [O in TableOp['op']]: (work: Work, op: Extract<TableOp, { op: O }>) => void } = {
  set: (work, { runs, expects }) => {
    const pageBytes = work.linux.geometry.granuleBytes;
    for (const run of runs) {
      const endVa = run.va + run.nr * pageBytes;
      work.touched.push({ startVa: run.va, endVa });
      if (expects < 0 && run.nr > 0 && isNone(work, run.va, endVa)) {
        work.linux.setRange(run.va, run.pfn, run.nr, run.flags);
        work.set.add(run.va, run.pfn, run.flags, run.nr);
        wasSet(work, endVa, run.nr);
        continue;
      }
      // What one call of set_ptes enters: consecutive pages where nothing was.
      let entered = 0;
      for (let page = 0; page < run.nr; page++) {
        const va = run.va + page * pageBytes;
        const before = entryOf(work, va);
        const pfn = run.pfn + page;
        const asExpected = expects < 0 ? before === 0 : isPresent(before) && pfnOf(before) === expects + page;
        if (!asExpected) {
          work.rejected.add(va, pfn, run.flags);
          wasSet(work, va, entered);
          entered = 0;
          continue;
        }
        if (before === 0) {
          work.linux.set(va, packPte(pfn, run.flags));
          work.set.add(va, pfn, run.flags);
          entered++;
        } else setOver(work, va, before, packPte(pfn, run.flags));
      }
      wasSet(work, endVa, entered);
    }
  },
  clear: (work, { ranges, fileOnly }) => {
    const pageBytes = work.linux.geometry.granuleBytes;
    for (const range of ranges) {
      const found: number[] = [];
      const ptes: number[] = [];
      const gather = new Gather();
      unfoldPartial(work, range);
      work.linux.forEach(range.startVa, range.endVa, (va, pte) => {
        // What stands for a private page, and what is remembered of a page, stays as well (`should_zap_cows`).
        if (fileOnly && (hasFlags(pte, PTE.ANON) || !isPresent(pte))) return;
        found.push(va);
        // A block is read as a whole before any of it is cleared (`get_and_clear_full_ptes`).
        ptes.push(hasFlags(pte, PTE.CONT) ? entryOf(work, va) : pte);
      });
      for (const [at, va] of found.entries()) {
        work.linux.clear(va);
        work.cleared.add(va, pfnOf(ptes[at]), flagsOf(ptes[at]));
        gather.add(va, pageBytes);
      }
      gather.into(work);
    }
  },
  protect: (work, { ranges }) => {
    const gather = new Gather();
    for (const range of ranges) {
      // Entry by entry, as `change_pte_range` of 6.12: the first of a block unfolds it, the last may fold it again.
      rewrite(work, range, (pte, va) => {
        // What is not present has no protection: swap, migration, poison (`change_pte_range`).
        if (!isPresent(pte)) return pte;
        const ofFile = isDirty(pte) ? (range.dirtyProtection ?? range.protection) : range.protection;
        if (!isPresent(pte)) return pte;
        const exclusive = hasFlags(pte, PTE.EXCLUSIVE) ? range.anonProtection : ofFile;
        // What userfaultfd protects stays so (`can_change_pte_writable`).
        const protection = hasFlags(pte, PTE.UFFD_WP) ? withoutWrite(exclusive) : exclusive;
        const next = modifyProtection(pte, protection);
        if (next !== pte) gather.add(va, work.linux.geometry.granuleBytes);
        return next;
      });
    }
    gather.into(work);
  },
  age: (work, op) => {
    const { young, dirty, writeProtect = false } = op;
    const bits = (young ? PTE.YOUNG : 0) | (dirty ? PTE.DIRTY : 0) | (writeProtect ? PTE.WRITE : 0);
    const gather = new Gather();
    const older = (pte: number, va: number): number => {
      if (!isPresent(pte)) return pte;
      if (dirty && isDirty(pte)) work.cleared.add(va, pfnOf(pte), flagsOf(pte));
      const flags = flagsOf(pte) & ~bits;
      // A clean entry that hardware may dirty again starts read-only (`pte_mkclean`).
      const next = packPte(pfnOf(pte), dirty ? flags | PTE.READONLY : flags);
      if (next !== pte) gather.add(va, work.linux.geometry.granuleBytes);
      return next;
    };
    // `clear_young_dirty_ptes` takes whole blocks; cleaning alone goes by single entries (`page_vma_mkclean_one`).
    if (!young) rewrite(work, op, older);
    else {
      const widens = op.split !== true && op.endVa > op.startVa && work.contpte !== null;
      if (op.split === true) unfoldSplit(work, op);
      const { startVa, endVa } = widens ? (work.contpte?.widened(op.startVa, op.endVa) ?? op) : op;
      work.linux.changeRange(startVa, endVa, older);
    }
    gather.into(work);
  },
  move: (work, { fromVa, toVa, lengthBytes }) => {
    const moved: [number, number][] = [];
    work.linux.forEach(fromVa, fromVa + lengthBytes, (va) => {
      moved.push([va, 0]);
    });
    for (const entry of moved) {
      work.contpte?.unfold(entry[0]);
      entry[1] = work.linux.clear(entry[0]);
    }
    for (const [va, pte] of moved) {
      // What moves is watched by no userfaultfd any more (`move_ptes`: `pte_clear_uffd_wp`).
      const kept = isPresent(pte) ? pte - (pte & PTE.UFFD_WP) : pte;
      if (isWpMarker(pte)) continue;
      work.linux.set(va - fromVa + toVa, kept);
      work.contpte?.wasSet(va - fromVa + toVa, 1);
    }
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
        needed ||= hasFlags(pte, PTE.ANON) && !(isPresent(pte) && hasFlags(pte, PTE.SPECIAL));
        return !needed;
      });
      if (!needed) continue;
      unfoldPartial(work, range);
      work.linux.changeRange(range.startVa, range.endVa, (pte, va) => {
        // A private page is write-protected and no longer exclusive on both sides; the child's entries begin old
        // (`copy_present_ptes`, `folio_try_dup_anon_rmap_ptes`).
        const shared = hasFlags(pte, PTE.ANON) || !isWritable(pte) ? shareEntry(pte) : pte;
        // The child's memory is not watched (`dup_userfaultfd`, `copy_nonpresent_pte`).
        const off = isPresent(shared) ? PTE.YOUNG | PTE.UFFD_WP : 0;
        if (!isWpMarker(pte)) work.set.add(va, pfnOf(shared), flagsOf(shared) & ~off);
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
  exchange,
  fill: (work, { ranges }) => {
    work.touched.push(...ranges);
  },
  drop: () => {
    // Nothing of the Linux table changes.
  },
  harvest,
};

function isWpMarker(pte: number): boolean {
  return isMarker({ pfn: pfnOf(pte), flags: flagsOf(pte) }, MARKER.UFFD_WP);
}

function withoutWrite(protection: number): number {
  return (protection & ~PTE.WRITE) | PTE.READONLY;
}

/** An entry that maps its page together with another. */
function shareEntry(pte: number): number {
  if (!isPresent(pte)) return sharedEntry(pte);
  return withFlags(writeProtect(pte), flagsOf(writeProtect(pte)) & ~PTE.EXCLUSIVE);
}
