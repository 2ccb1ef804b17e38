/**
 * Law 8 beyond frames and rights: what a CPU may not keep of a table, once the maintenance for it is complete. A translation that is
 * kept lets hardware pass by the entry, so an entry that was made old or clean must be walked again, or accesses and writes go
 * unnoted; a group entry beside single ones is a conflict of the TLB (Arm ARM D8.16); a partial walk leads into a table.
 *
 * @models S-12 D-01 D-02 D-05 D-11
 */
import type { MmuContext, TlbContext } from '../../machines/index.ts';
import { geometryOf, pageSizeLimits } from '../arch/granule.ts';
import type { PageTable } from '../mm/pageTable.ts';
import { hasFlags, isValid, isYoung, PTE, pfnOf } from '../mm/pte.ts';
import { MAY_WRITE } from '../mm/tlbArray.ts';
import { ASID_STRIDE, asidOfKey, firstPageOfGroup, isGroupKey, LEVEL_STRIDE, WALK_ASID_STRIDE } from '../mm/tlbKeys.ts';

type Walked = Pick<MmuContext, 'asid' | 'linux' | 'native' | 'lateAcknowledgements'>;

/** A block of contiguous entries is one to hardware: what is noted in any of them is noted. */
function isNoted(table: PageTable, va: number, pte: number, noted: (pte: number) => boolean): boolean {
  if (noted(pte) || !hasFlags(pte, PTE.CONT)) return noted(pte);
  const { contPteBytes } = pageSizeLimits(table.geometry.granuleBytes);
  const startVa = va - (va % contPteBytes);
  let found = false;
  table.forEach(startVa, startVa + contPteBytes, (_va, each) => {
    found ||= noted(each);
    return !found;
  });
  return found;
}

const takesWrites = (pte: number): boolean => hasFlags(pte, PTE.WRITE) && !hasFlags(pte, PTE.READONLY);

/** Why a page that is translated as `rights` say must be walked again. */
function leafFault(
  table: PageTable,
  page: number,
  rights: number,
  { lateAcknowledgements = 0 }: Walked,
): string | null {
  const va = page * table.geometry.granuleBytes;
  const pte = table.get(va);
  if (!isValid(pte)) return null;
  if ((rights & MAY_WRITE) !== 0 && !isNoted(table, va, pte, takesWrites))
    return `writes page ${page}, whose entry is clean`;
  // Who ages pages sends the maintenance, and waits for none.
  if (lateAcknowledgements === 0 && !isNoted(table, va, pte, isYoung)) return `has page ${page}, whose entry is old`;
  return null;
}

/** The first address of the entry that a partial walk has read, where that entry leads to a table of leaves; null for any other. */
function walkOf(key: number, granuleBytes: number): number | null {
  const { levels } = geometryOf(granuleBytes);
  const last = levels.at(-2);
  const rest = (-key - 1) % WALK_ASID_STRIDE;
  if (last === undefined || Math.floor(rest / LEVEL_STRIDE) !== last.level) return null;
  return (rest % LEVEL_STRIDE) * 2 ** last.shift;
}

/**
 * What the TLBs of a CPU keep of an address space and may not; null for nothing.
 *
 * @example
 * ```ts
 * const tlb = Tlb.empty(corePresets['cortex-a76']);
 * const linux = PageTable.empty(4096).edit();
 * linux.set(0x5000, packPte(7, PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.YOUNG));
 * tlb.fill(false, 3, 5, 7, MAY_READ | MAY_WRITE);
 * keptFault({ tlb }, { asid: 3, linux: linux.done(), native: null }); // 'writes page 5, whose entry is clean'
 * ```
 */
export function keptFault({ tlb }: Pick<TlbContext, 'tlb'>, mmu: Walked): string | null {
  const table = mmu.native ?? mmu.linux;
  const { granuleBytes } = table.geometry;
  const { contPtes } = pageSizeLimits(granuleBytes);
  let fault: string | null = null;
  const ofLeaf = (page: number, rights: number): void => {
    fault ??= leafFault(table, page, rights, mmu);
  };
  for (const array of [tlb.l1i, tlb.l1d, tlb.l2]) {
    array.forEachUnordered((key, _frame, rights) => {
      if (asidOfKey(key) !== mmu.asid) return;
      if (key >= 0) ofLeaf(key % ASID_STRIDE, rights);
      if (!isGroupKey(key)) return;
      const first = firstPageOfGroup(key);
      const pte = table.get(first * granuleBytes);
      if (isValid(pte) && !hasFlags(pte, PTE.CONT))
        fault ??= `has pages ${first} to ${first + contPtes - 1} as one, which are none`;
      else ofLeaf(first, rights);
    });
  }
  tlb.walk?.forEachUnordered((key) => {
    if (key >= 0 || isGroupKey(key) || asidOfKey(key) !== mmu.asid) return;
    const va = walkOf(key, granuleBytes);
    if (va !== null && !table.hasLeafTable(va)) fault ??= `walks on from 0x${va.toString(16)}, where no table is`;
  });
  return fault;
}

/**
 * Where a table that hardware walks has gone from one valid entry to another in one step, though break-before-make wants an invalid
 * one and a complete flush between them (Arm ARM D8.17 RWHZWS); null for nowhere. Tables of two kinds cannot be compared.
 *
 * @example
 * ```ts
 * const first = PageTable.empty(4096).edit();
 * first.set(0x5000, packPte(7, PTE.VALID));
 * const before = first.done();
 * const second = before.edit();
 * second.set(0x5000, packPte(9, PTE.VALID));
 * unbrokenFault(before, second.done()); // 'the entry at 0x5000 goes from frame 7 to 9 without a break'
 * ```
 */
export function unbrokenFault(before: PageTable, after: PageTable): string | null {
  if (before === after || before.geometry !== after.geometry) return null;
  let fault: string | null = null;
  for (const { startVa, endVa } of after.changedRanges(before)) {
    after.forEach(startVa, endVa, (va, pte) => {
      const old = before.get(va);
      const moves = pfnOf(old) !== pfnOf(pte);
      const resizes = hasFlags(old, PTE.CONT) !== hasFlags(pte, PTE.CONT);
      if (!isValid(old) || !isValid(pte) || !(moves || resizes)) return true;
      const what = !moves ? 'one size of block to another' : `frame ${pfnOf(old)} to ${pfnOf(pte)}`;
      fault = `the entry at 0x${va.toString(16)} goes from ${what} without a break`;
      return false;
    });
  }
  return fault;
}
