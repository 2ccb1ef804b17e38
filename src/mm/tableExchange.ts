/**
 * The operation of every user of rmap on the tables: entries that still are what was seen are exchanged for others, one by
 * one, under the page-table lock (`mm/rmap.c:try_to_unmap_one`, `mm/migrate.c:remove_migration_pte`,
 * `mm/ksm.c:replace_page`: `ptep_clear_flush`, then `set_pte_at`).
 *
 * @models S-10 S-21 S-38 D-02
 */
import { needsBreak } from './breakBeforeMake.ts';
import {
  flagsOf,
  isDirty,
  isPresent,
  isValid,
  isYoung,
  makeClean,
  makeDirty,
  makeYoung,
  packPte,
  PTE,
  pfnOf,
} from './pte.ts';
import type { TableOp, Work } from './tableWork.ts';

/** What hardware, contpte and the folio's size may change in an entry without making it another. */
const NOT_COMPARED = PTE.YOUNG | PTE.CONT | PTE.LARGE;

function comparable(pte: number): number {
  return (isPresent(pte) ? flagsOf(makeClean(pte)) : flagsOf(pte)) & ~NOT_COMPARED;
}

/**
 * Whether an entry is what was seen: the same frame or number, and the same flags but for accessed, dirty, and what the
 * table keeps for itself.
 *
 * @example
 * ```ts
 * isAsSeen(packPte(5, PTE.VALID | PTE.READONLY | PTE.YOUNG), 5, PTE.VALID | PTE.READONLY); // true
 * isAsSeen(packPte(6, PTE.VALID | PTE.READONLY), 5, PTE.VALID | PTE.READONLY); // false
 * ```
 */
export function isAsSeen(pte: number, pfn: number, flags: number): boolean {
  return pte !== 0 && pfnOf(pte) === pfn && comparable(pte) === comparable(packPte(pfn, flags));
}

/** The entry to come, with what was noted of the old one where the change says so. */
function entryOf(pfn: number, flags: number, before: number, keepAge: boolean): number {
  const entry = packPte(pfn, flags);
  if (!keepAge || !isPresent(entry)) return entry;
  const aged = isYoung(before) ? makeYoung(entry) : entry;
  return isPresent(before) && isDirty(before) ? makeDirty(aged) : aged;
}

function isAnyDirty({ linux, contpte }: Work, startVa: number, nr: number): boolean {
  for (let page = 0; page < nr; page++) {
    const va = startVa + page * linux.geometry.granuleBytes;
    const pte = contpte === null ? linux.get(va) : contpte.get(va);
    if (isPresent(pte) && isDirty(pte)) return true;
  }
  return false;
}

/**
 * Exchanges entries: `cleared` gets those that were there, `set` the present ones that came, `rejected` what was not entered
 * because the entry was another.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.setRange(0x10000, 32, 1, PTE.VALID | PTE.READONLY);
 * const seen = { pfn: 32, flags: PTE.VALID | PTE.READONLY };
 * const changes = [{ va: 0x10000, nr: 1, expects: seen, to: { pfn: 7, flags: PTE.SWAP } }];
 * operate({ linux: linux.done(), native: null }, { op: 'exchange', changes }).linux.get(0x10000); // packPte(7, PTE.SWAP)
 * ```
 */
export function exchange(work: Work, { changes }: Extract<TableOp, { op: 'exchange' }>): void {
  const pageBytes = work.linux.geometry.granuleBytes;
  for (const { va: startVa, nr, expects, to, sameEntry = false, keepAge = false, ifClean = false } of changes) {
    const keeps = ifClean && isAnyDirty(work, startVa, nr);
    for (let page = 0; page < nr; page++) {
      const va = startVa + page * pageBytes;
      const before = work.contpte === null ? work.linux.get(va) : work.contpte.get(va);
      const asSeen = expects === null ? before === 0 : isAsSeen(before, expects.pfn + page, expects.flags);
      const number = to === null ? 0 : to.pfn + (sameEntry ? 0 : page);
      if (!asSeen || keeps) {
        work.rejected.add(va, number, to?.flags ?? 0);
        continue;
      }
      work.contpte?.unfold(va);
      const entry = to === null ? 0 : entryOf(number, to.flags, before, keepAge);
      if (before !== 0) work.cleared.add(va, pfnOf(before), flagsOf(before));
      if (entry === 0) work.linux.clear(va);
      else work.linux.set(va, entry);
      if (isPresent(entry)) work.set.add(va, pfnOf(entry), flagsOf(entry));
      if (isValid(before)) work.flush.push({ startVa: va, endVa: va + pageBytes });
      if (needsBreak(before, entry)) work.replaced.push(va);
      if (entry !== 0) work.contpte?.wasSet(va, 1);
    }
    work.touched.push({ startVa, endVa: startVa + nr * pageBytes });
  }
}
