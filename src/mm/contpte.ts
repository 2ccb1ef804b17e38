/**
 * The contpte layer of arm64 over a Linux table that hardware walks: naturally aligned groups of entries (16 of 4K, 128 of
 * 16K, 32 of 64K) that map one folio in step carry the contiguous bit, and no single entry of such a block changes before
 * the block is unfolded [arch/arm64/mm/contpte.c; arch/arm64/include/asm/pgtable.h:set_ptes and below].
 *
 * Folding and unfolding are break-before-make (`contpte_convert`): all entries of the block are cleared, which collects
 * what hardware noted in them, one flush covers the block, and all entries are written again. `converts` and `broken` tell
 * whoever owns the TLBs what to flush and which entries are invalid until then.
 *
 * @models S-03 S-04 S-11 S-35 L-03 D-05
 */
import { GRANULES, pageSizeLimits } from '../arch/granule.ts';
import type { PageTableEdit } from './pageTable.ts';
import {
  flagsOf,
  hasFlags,
  isDirty,
  isValid,
  isWritable,
  isYoung,
  makeClean,
  makeDirty,
  makeOld,
  makeYoung,
  packPte,
  PTE,
  pfnOf,
  withFlags,
} from './pte.ts';

/**
 * `PTE.LARGE` where a folio of this order covers every contpte group that it touches, else 0. Folios are naturally aligned,
 * so that is the case from the order of a group on. Whoever sets entries adds it to their flags.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * [largeFlag(4, 4096), largeFlag(3, 4096), largeFlag(5, 65536)]; // [PTE.LARGE, 0, PTE.LARGE]
 * ```
 */
export function largeFlag(orderPages: number, pageBytes: number): number {
  return 1 << orderPages >= pageSizeLimits(pageBytes).contPtes ? PTE.LARGE : 0;
}

/** `CONT_PTE_SIZE` by page size: worked out once, since every operation on a table asks. */
const GROUP_BYTES: Readonly<Record<number, number>> = Object.fromEntries(
  GRANULES.map((bytes) => [bytes, pageSizeLimits(bytes).contPteBytes]),
);

/** What a fold compares: all but age, dirt, the bit itself, and what Linux keeps in the page. */
function comparable(pte: number): number {
  return flagsOf(makeClean(makeOld(pte))) & ~(PTE.CONT | PTE.EXCLUSIVE);
}

function withCont(pte: number, cont: boolean): number {
  return withFlags(pte, cont ? flagsOf(pte) | PTE.CONT : flagsOf(pte) & ~PTE.CONT);
}

/**
 * The public page-table helpers of arm64 over one edit of a Linux table.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * const layer = new Contpte(linux);
 * linux.setRange(0x10000, 16, 16, PTE.VALID | PTE.LARGE);
 * layer.wasSet(0x10000, 16);
 * hasFlags(linux.get(0x13000), PTE.CONT); // true
 * layer.unfold(0x13000);
 * layer.converts; // [{ startVa: 0x10000, endVa: 0x20000 }]
 * ```
 */
export class Contpte {
  /** Bytes of a group, `CONT_PTE_SIZE`. */
  readonly groupBytes: number;
  /** Blocks that were converted: each needs its own flush, level 3, leaf only. */
  readonly converts: { startVa: number; endVa: number }[] = [];
  /** Addresses of entries that are invalid from the conversion until its flush is complete; some more than once. */
  readonly broken: number[] = [];
  folds = 0;
  unfolds = 0;
  private readonly linux: PageTableEdit;
  private readonly pageBytes: number;

  constructor(linux: PageTableEdit) {
    this.linux = linux;
    this.pageBytes = linux.geometry.granuleBytes;
    this.groupBytes = GROUP_BYTES[this.pageBytes];
  }

  private startOf(va: number): number {
    return va - (va % this.groupBytes);
  }

  /** `ptep_get`: the entry with accessed and dirty of its whole block (`contpte_ptep_get`). */
  get(va: number): number {
    let pte = this.linux.get(va);
    if (!hasFlags(pte, PTE.CONT)) return pte;
    this.linux.forEach(this.startOf(va), this.startOf(va) + this.groupBytes, (_va, each) => {
      if (isDirty(each)) pte = makeDirty(pte);
      if (isYoung(each)) pte = makeYoung(pte);
    });
    return pte;
  }

  /** `contpte_convert`: break, flush, make, with accessed and dirty of any entry in all of them. */
  private convert(va: number, cont: boolean): void {
    const startVa = this.startOf(va);
    const endVa = startVa + this.groupBytes;
    let dirty = false;
    let young = false;
    this.linux.forEach(startVa, endVa, (_va, each) => {
      dirty ||= isDirty(each);
      young ||= isYoung(each);
    });
    this.linux.changeRange(startVa, endVa, (each, at) => {
      this.broken.push(at);
      const aged = young ? makeYoung(each) : each;
      return withCont(dirty ? makeDirty(aged) : aged, cont);
    });
    this.converts.push({ startVa, endVa });
  }

  /** `contpte_try_unfold`: before a single entry of a block may change. */
  unfold(va: number): void {
    if (!hasFlags(this.linux.get(va), PTE.CONT)) return;
    this.convert(va, false);
    this.unfolds++;
  }

  /** `contpte_try_unfold_partial`: the blocks that [startVa, endVa) covers only in part, at its edges. */
  unfoldPartial(startVa: number, endVa: number): void {
    if (startVa % this.groupBytes !== 0 || endVa - startVa < this.groupBytes) this.unfold(startVa);
    if (endVa % this.groupBytes !== 0) this.unfold(endVa - this.pageBytes);
  }

  /**
   * `nr` entries were just written by one call of `set_ptes`. One: it may complete its group (`contpte_try_fold`). Several:
   * they were none before, so whole groups among them get the bit without a flush (`contpte_set_ptes`).
   */
  wasSet(va: number, nr: number): void {
    if (nr === 1) {
      this.tryFold(va);
      return;
    }
    const endVa = va + nr * this.pageBytes;
    for (
      let at = Math.ceil(va / this.groupBytes) * this.groupBytes;
      at + this.groupBytes <= endVa;
      at += this.groupBytes
    ) {
      const first = this.linux.get(at);
      if (!this.canFold(at, first)) continue;
      this.linux.changeRange(at, at + this.groupBytes, (each) => withCont(each, true));
      this.folds++;
    }
  }

  /** Folds only when the last entry of a group is written: entries are mostly written in ascending order. */
  private tryFold(va: number): void {
    if ((va + this.pageBytes) % this.groupBytes !== 0 || hasFlags(this.linux.get(va), PTE.CONT)) return;
    if (!this.canFold(this.startOf(va), this.linux.get(this.startOf(va)))) return;
    this.convert(va, true);
    this.folds++;
  }

  private canFold(startVa: number, first: number): boolean {
    const pages = this.groupBytes / this.pageBytes;
    if (!isValid(first) || !hasFlags(first, PTE.LARGE) || hasFlags(first, PTE.SPECIAL)) return false;
    if (pfnOf(first) % pages !== 0) return false;
    const wanted = comparable(first);
    let page = 0;
    this.linux.forEach(startVa, startVa + this.groupBytes, (at, pte) => {
      const follows = at === startVa + page * this.pageBytes && pfnOf(pte) === pfnOf(first) + page;
      if (!follows || comparable(pte) !== wanted) return false;
      page++;
      return true;
    });
    return page === pages;
  }

  /**
   * `ptep_set_access_flags`: makes an entry younger, dirtier or writable, in the whole block where the write bit stays, in
   * that entry alone after unfolding where it changes. Answers the range to flush, null where nothing had changed.
   */
  setAccessFlags(va: number, entry: number): { startVa: number; endVa: number } | null {
    const before = this.linux.get(va);
    const wanted = PTE.YOUNG | PTE.DIRTY | PTE.WRITE | PTE.READONLY;
    if (!hasFlags(before, PTE.CONT)) {
      this.linux.set(va, entry);
      return before === entry ? null : { startVa: va, endVa: va + this.pageBytes };
    }
    if (isWritable(before) !== isWritable(entry)) {
      this.unfold(va);
      this.linux.set(va, withCont(entry, false));
      return { startVa: va, endVa: va + this.pageBytes };
    }
    const startVa = this.startOf(va);
    const endVa = startVa + this.groupBytes;
    let changed = false;
    this.linux.changeRange(startVa, endVa, (each) => {
      if ((flagsOf(each) & wanted) === (flagsOf(entry) & wanted)) return each;
      changed = true;
      const readonly = flagsOf(each) & flagsOf(entry) & PTE.READONLY;
      return packPte(
        pfnOf(each),
        (flagsOf(each) & ~PTE.READONLY) | (flagsOf(entry) & wanted & ~PTE.READONLY) | readonly,
      );
    });
    return changed ? { startVa, endVa } : null;
  }

  /** [startVa, endVa) widened to the blocks that it cuts, as clearing young and dirty is (`contpte_clear_young_dirty_ptes`). */
  widened(startVa: number, endVa: number): { startVa: number; endVa: number } {
    const last = endVa - this.pageBytes;
    return {
      startVa: hasFlags(this.linux.get(startVa), PTE.CONT) ? this.startOf(startVa) : startVa,
      endVa: hasFlags(this.linux.get(last), PTE.CONT) ? this.startOf(last) + this.groupBytes : endVa,
    };
  }
}
