/**
 * Which pages `pin_user_pages` may take, and by which way: the checks of `mm/gup.c` as pure functions of an entry, an area
 * and the wish.
 *
 * @models S-08 S-09 T-05
 */
import { hasFlags, isWritable, PROT, PTE } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { ERRNO } from '../abi/numbers.ts';

/** The flags of a request: FOLL_WRITE, FOLL_LONGTERM, FOLL_FORCE. All requests here are FOLL_PIN. */
export interface PinWish {
  write: boolean;
  longterm: boolean;
  force: boolean;
}

/** Why the fast walk gives up an entry; empty where it goes on. */
export type FastRefusal = '' | 'not-present' | 'read-only' | 'special';

/**
 * What `gup_fast_pte_range` makes of an entry before it touches the folio: anything but a present, allowed, normal page goes
 * the slow way. FOLL_FORCE is none of the flags that the fast walk honours.
 *
 * @example
 * ```ts
 * const wish = { write: true, longterm: false, force: false };
 * fastEntry(PTE.VALID | PTE.WRITE, wish); // ''
 * fastEntry(PTE.VALID | PTE.READONLY, wish); // 'read-only'
 * ```
 */
export function fastEntry(flags: number, { write }: PinWish): FastRefusal {
  if (!hasFlags(flags, PTE.VALID)) return 'not-present';
  if (write && !isWritable(flags)) return 'read-only';
  return hasFlags(flags, PTE.SPECIAL) ? 'special' : '';
}

/** What is known of the folio behind an entry once a reference to it is held. */
export interface GrabbedFolio {
  anon: boolean;
  /** Memory of shmem or tmpfs, which no file system tracks the dirt of. */
  shmem: boolean;
}

/**
 * `gup_fast_folio_allowed`: a long-term pin for writing may meet a file that tracks dirt, which only the slow way can tell
 * by its area.
 *
 * @example
 * ```ts
 * fastFolioAllowed({ anon: false, shmem: false }, { write: true, longterm: true, force: false }); // false
 * fastFolioAllowed({ anon: false, shmem: true }, { write: true, longterm: true, force: false }); // true
 * ```
 */
export function fastFolioAllowed({ anon, shmem }: GrabbedFolio, { write, longterm }: PinWish): boolean {
  return !(write && longterm) || anon || shmem;
}

/**
 * `gup_must_unshare`: whether a pin for reading would see another page than the process does once somebody writes. An
 * anonymous page must be exclusive; a page of a file or the zero page in a COW mapping must not be held for long.
 *
 * @param cow whether the area is a COW mapping; null in the fast walk, which has no area and takes the safe side
 * @example
 * ```ts
 * const read = { write: false, longterm: false, force: false };
 * mustUnshare(PTE.VALID | PTE.ANON, read, true); // true
 * mustUnshare(PTE.VALID | PTE.ANON | PTE.EXCLUSIVE, read, true); // false
 * mustUnshare(PTE.VALID, { ...read, longterm: true }, null); // true
 * ```
 */
export function mustUnshare(flags: number, { write, longterm }: PinWish, cow: boolean | null): boolean {
  if (write) return false;
  if (hasFlags(flags, PTE.ANON)) return !hasFlags(flags, PTE.EXCLUSIVE);
  return longterm && (cow ?? true);
}

/**
 * Whether an area is a COW mapping (`include/linux/mm.h:is_cow_mapping`). Private areas may always be made writable here.
 *
 * @example
 * ```ts
 * isCowMapping({ startVa: 0, endVa: 4096, prot: 1, flags: 0, file: 'a', offsetBytes: 0 }); // true
 * ```
 */
export function isCowMapping(vma: Vma): boolean {
  return (vma.flags & VM.SHARED) === 0;
}

/**
 * `check_vma_flags` and `writable_file_mapping_allowed`: the errno with which the slow way refuses an area, 0 for none.
 *
 * @param tracksDirt the file system of a shared mapping wants to hear of writes (`vma_needs_dirty_tracking`)
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 4096, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * checkArea(vma, { write: true, longterm: true, force: false }, true); // 14
 * checkArea(vma, { write: true, longterm: false, force: false }, true); // 0
 * ```
 */
export function checkArea(vma: Vma | null, { write, longterm, force }: PinWish, tracksDirt: boolean): number {
  if (vma === null || (vma.flags & VM.PFNMAP) !== 0) return ERRNO.EFAULT;
  if (write) {
    if (longterm && (vma.flags & VM.SHARED) !== 0 && vma.file !== null && tracksDirt) return ERRNO.EFAULT;
    if ((vma.prot & PROT.WRITE) !== 0) return 0;
    // What may not be written to is written to by a debugger all the same, in a copy.
    return force && isCowMapping(vma) ? 0 : ERRNO.EFAULT;
  }
  return (vma.prot & PROT.READ) !== 0 || force ? 0 : ERRNO.EFAULT;
}

/**
 * Whether the slow way may take an entry as it is (`follow_page_pte`, `can_follow_write_pte`): FOLL_FORCE needs no write
 * permission in an exclusive anonymous page, which is the copy that it made itself.
 *
 * @example
 * ```ts
 * const poke = { write: true, longterm: false, force: true };
 * followsEntry(PTE.VALID | PTE.READONLY | PTE.ANON | PTE.EXCLUSIVE, poke, true); // true
 * followsEntry(PTE.VALID | PTE.READONLY | PTE.ANON, poke, true); // false
 * ```
 */
export function followsEntry(flags: number, wish: PinWish, cow: boolean): boolean {
  if (!hasFlags(flags, PTE.VALID | PTE.PROT_NONE)) return false;
  if (!hasFlags(flags, PTE.VALID) && !wish.force) return false;
  if (!wish.write) return !mustUnshare(flags, wish, cow);
  if (isWritable(flags)) return true;
  return wish.force && hasFlags(flags, PTE.ANON) && hasFlags(flags, PTE.EXCLUSIVE);
}
