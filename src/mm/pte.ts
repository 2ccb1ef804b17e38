/**
 * A page table entry as one number: frame number * 8192 + flags; 0 is "none". A frame number counts pages of the
 * granule of the table that holds the entry. The helpers are those of arm64 Linux, by the same rules.
 */
import { invariant } from '../errors.ts';

/** Thirteen flag bits below the frame number: a number then stays an exact integer up to a frame number of 2^40. */
const FLAG_SPAN = 8192;
/** The flag bits of an entry: `&` takes the low 32 bits of any integer, and costs a tenth of `%`. */
const FLAG_MASK = FLAG_SPAN - 1;
const MAX_PFN = 2 ** 40;

/**
 * Flag bits. They carry Linux's meaning, not the bit positions of a hardware descriptor
 * [arch/arm64/include/asm/pgtable-prot.h].
 *
 * - `VALID`: hardware may use the entry.
 * - `PROT_NONE`: present for Linux, invalid for hardware (`PTE_PRESENT_INVALID`).
 * - `WRITE`: writing is allowed (`PTE_WRITE`, the DBM bit).
 * - `READONLY`: hardware refuses or, with hardware dirty management and `WRITE`, marks the entry (`PTE_RDONLY`, AP[2]).
 * - `EXEC`: user execution is allowed (UXN clear).
 * - `YOUNG`: access flag. `DIRTY`: the software dirty bit.
 * - `SPECIAL`: no struct page to be counted (zero page, pfnmap).
 * - `ANON`: bookkeeping of the model: the frame is anonymous memory.
 * - `CONT`: contiguous bit.
 * - `LARGE`: bookkeeping of the model: the folio of this page covers the whole contpte group around it. Linux asks the
 *   folio [arch/arm64/mm/contpte.c:__contpte_try_fold].
 * - `SWAP`: not present; the frame number is the offset in swap, or what `nonPresent.ts` says.
 * - `UFFD_WP`: the same bit in a present entry: userfaultfd write-protects the page (`pte_uffd_wp`). Such an entry is never
 *   writable.
 * - `DEVICE`: of special entries: Device-nGnRE memory instead of Normal [arch/arm64/include/asm/pgtable-prot.h]. It is
 *   the bit of LARGE, which says something of folios, and a special entry has none.
 * - `EXCLUSIVE`: bookkeeping of the model: the anonymous page belongs to this entry alone (`PageAnonExclusive`, which Linux
 *   keeps in the page; it is only ever set while one entry maps the page) [include/linux/page-flags.h].
 *
 * @example
 * ```ts
 * packPte(5, PTE.VALID | PTE.YOUNG); // 5 * 8192 + 33
 * ```
 */
export const PTE = {
  VALID: 1,
  PROT_NONE: 2,
  WRITE: 4,
  READONLY: 8,
  EXEC: 16,
  YOUNG: 32,
  DIRTY: 64,
  SPECIAL: 128,
  ANON: 256,
  CONT: 512,
  LARGE: 1024,
  SWAP: 2048,
  UFFD_WP: 2048,
  EXCLUSIVE: 4096,
  DEVICE: 1024,
} as const;

/**
 * Protection bits of mmap and mprotect, with Linux's numbers.
 *
 * @example
 * ```ts
 * PROT.READ | PROT.WRITE; // 3
 * ```
 */
export const PROT = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 } as const;

/**
 * One entry from a frame number (below 2^40) and flags.
 *
 * @throws GranuleError INVARIANT for numbers out of range or an entry of no meaning
 * @example
 * ```ts
 * pfnOf(packPte(1234, PTE.VALID)); // 1234
 * ```
 */
export function packPte(pfn: number, flags: number): number {
  invariant(Number.isSafeInteger(pfn) && pfn >= 0 && pfn < MAX_PFN, 'a frame number is an integer from 0 to 2^40 - 1');
  invariant(flags > 0 && flags < FLAG_SPAN, 'an entry has flags, thirteen bits at most');
  return pfn * FLAG_SPAN + flags;
}

/**
 * The frame number of an entry.
 *
 * @example
 * ```ts
 * pfnOf(packPte(7, PTE.VALID)); // 7
 * ```
 */
export function pfnOf(pte: number): number {
  return Math.floor(pte / FLAG_SPAN);
}

/**
 * The flags of an entry.
 *
 * @example
 * ```ts
 * flagsOf(packPte(7, PTE.VALID | PTE.EXEC)); // 17
 * ```
 */
export function flagsOf(pte: number): number {
  return pte & FLAG_MASK;
}

/**
 * The entry with its flags replaced.
 *
 * @throws GranuleError INVARIANT for flags out of range
 * @example
 * ```ts
 * flagsOf(withFlags(packPte(7, PTE.VALID), PTE.PROT_NONE)); // 2
 * ```
 */
export function withFlags(pte: number, flags: number): number {
  return packPte(pfnOf(pte), flags);
}

/**
 * Whether an entry has any of the flags.
 *
 * @example
 * ```ts
 * hasFlags(packPte(7, PTE.VALID), PTE.YOUNG | PTE.DIRTY); // false
 * ```
 */
export function hasFlags(pte: number, flags: number): boolean {
  return (pte & flags & FLAG_MASK) !== 0;
}

/**
 * Whether hardware may use the entry (`pte_valid`).
 *
 * @example
 * ```ts
 * isValid(0); // false
 * ```
 */
export function isValid(pte: number): boolean {
  return hasFlags(pte, PTE.VALID);
}

/**
 * Whether Linux holds a page there: valid, or PROT_NONE (`pte_present`).
 *
 * @example
 * ```ts
 * isPresent(packPte(7, PTE.PROT_NONE)); // true
 * ```
 */
export function isPresent(pte: number): boolean {
  return hasFlags(pte, PTE.VALID | PTE.PROT_NONE);
}

/**
 * Whether the access flag is set (`pte_young`).
 *
 * @example
 * ```ts
 * isYoung(makeYoung(packPte(7, PTE.VALID))); // true
 * ```
 */
export function isYoung(pte: number): boolean {
  return hasFlags(pte, PTE.YOUNG);
}

/**
 * Whether the mapping allows writes (`pte_write`); the first write may still have to mark it dirty.
 *
 * @example
 * ```ts
 * isWritable(packPte(7, PTE.VALID | PTE.WRITE | PTE.READONLY)); // true
 * ```
 */
export function isWritable(pte: number): boolean {
  return hasFlags(pte, PTE.WRITE);
}

/**
 * Dirty by software, or by hardware: writable and not read-only (`pte_dirty`).
 *
 * @example
 * ```ts
 * isDirty(packPte(7, PTE.VALID | PTE.WRITE)); // true
 * isDirty(packPte(7, PTE.VALID | PTE.WRITE | PTE.READONLY)); // false
 * ```
 */
export function isDirty(pte: number): boolean {
  return hasFlags(pte, PTE.DIRTY) || (isWritable(pte) && !hasFlags(pte, PTE.READONLY));
}

/**
 * Sets the access flag (`pte_mkyoung`).
 *
 * @example
 * ```ts
 * isYoung(makeYoung(packPte(7, PTE.VALID))); // true
 * ```
 */
export function makeYoung(pte: number): number {
  return withFlags(pte, flagsOf(pte) | PTE.YOUNG);
}

/**
 * Clears the access flag (`pte_mkold`).
 *
 * @example
 * ```ts
 * isYoung(makeOld(packPte(7, PTE.VALID | PTE.YOUNG))); // false
 * ```
 */
export function makeOld(pte: number): number {
  return withFlags(pte, flagsOf(pte) & ~PTE.YOUNG);
}

/**
 * Marks dirty: the software bit, and READONLY goes where writing is allowed (`pte_mkdirty`).
 *
 * @example
 * ```ts
 * hasFlags(makeDirty(packPte(7, PTE.VALID | PTE.WRITE | PTE.READONLY)), PTE.READONLY); // false
 * ```
 */
export function makeDirty(pte: number): number {
  const flags = flagsOf(pte) | PTE.DIRTY;
  return withFlags(pte, (flags & PTE.WRITE) === 0 ? flags : flags & ~PTE.READONLY);
}

/**
 * Takes both kinds of dirt away (`pte_mkclean`).
 *
 * @example
 * ```ts
 * isDirty(makeClean(packPte(7, PTE.VALID | PTE.WRITE | PTE.DIRTY))); // false
 * ```
 */
export function makeClean(pte: number): number {
  return withFlags(pte, (flagsOf(pte) & ~PTE.DIRTY) | PTE.READONLY);
}

/**
 * Allows writes; only a dirty entry becomes writable for hardware at once (`pte_mkwrite_novma`).
 *
 * @example
 * ```ts
 * isDirty(makeWritable(packPte(7, PTE.VALID | PTE.READONLY))); // false
 * ```
 */
export function makeWritable(pte: number): number {
  const flags = flagsOf(pte) | PTE.WRITE;
  return withFlags(pte, (flags & PTE.DIRTY) === 0 ? flags : flags & ~PTE.READONLY);
}

/**
 * Forbids writes and keeps dirt that hardware had noted (`pte_wrprotect`).
 *
 * @example
 * ```ts
 * isDirty(writeProtect(packPte(7, PTE.VALID | PTE.WRITE))); // true
 * ```
 */
export function writeProtect(pte: number): number {
  const flags = flagsOf(pte) | (isDirty(pte) ? PTE.DIRTY : 0);
  return withFlags(pte, (flags & ~PTE.WRITE) | PTE.READONLY);
}

/**
 * The protection flags of a fresh entry of a VMA (`vm_get_page_prot`, arch/arm64/mm/mmap.c:protection_map). Private
 * writable memory starts read-only, for COW; shared writable memory starts writable and clean. Execute-only mappings of
 * cores with enhanced PAN are treated as readable.
 *
 * @example
 * ```ts
 * protectionFlags(PROT.READ | PROT.WRITE, false) === (PTE.VALID | PTE.READONLY); // true
 * ```
 */
export function protectionFlags(prot: number, shared: boolean): number {
  if ((prot & (PROT.READ | PROT.WRITE | PROT.EXEC)) === 0) return PTE.PROT_NONE | PTE.READONLY;
  const write = shared && (prot & PROT.WRITE) !== 0 ? PTE.WRITE : 0;
  return PTE.VALID | PTE.READONLY | write | ((prot & PROT.EXEC) === 0 ? 0 : PTE.EXEC);
}

/**
 * Changes the protection of an entry and keeps its frame, age, dirt and bookkeeping (`pte_modify`).
 *
 * @example
 * ```ts
 * isDirty(modifyProtection(packPte(7, PTE.VALID | PTE.WRITE), PTE.VALID | PTE.READONLY)); // true
 * ```
 */
export function modifyProtection(pte: number, protection: number): number {
  const replaced = PTE.VALID | PTE.PROT_NONE | PTE.WRITE | PTE.READONLY | PTE.EXEC;
  const kept = flagsOf(pte) & ~replaced;
  const modified = withFlags(pte, kept | (protection & replaced));
  return isDirty(pte) ? makeDirty(modified) : modified;
}
