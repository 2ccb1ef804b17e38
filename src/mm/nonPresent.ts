/**
 * Entries that are not present: the number in them is no frame that hardware could use. Their kinds are told apart by three
 * flags that mean nothing where nothing is mapped (`include/linux/swapops.h`: the type bits of a swap entry).
 *
 * | kind | flags | number |
 * |---|---|---|
 * | `swap` | SWAP | slot of the swap device |
 * | `migration` | SWAP, SPECIAL | frame that is being moved |
 * | `hwpoison` | SWAP, EXEC | frame that memory failure took away |
 * | `device-private` | SWAP, EXEC, READONLY | frame of a device's memory |
 * | `marker` | SWAP, SPECIAL, EXEC | meaning of the marker (userfaultfd, poisoned range) |
 *
 * Beside the kind an entry keeps ANON (a private page), EXCLUSIVE (`pte_swp_exclusive`) and, of a migration entry, WRITE.
 *
 * @models D-07 D-18
 */
import { flagsOf, hasFlags, isPresent, PTE, withFlags } from './pte.ts';

/** What an entry that is not present stands for. */
export type NonPresentKind = 'swap' | 'migration' | 'hwpoison' | 'device-private' | 'marker';

/** The flags of each kind. */
export const NON_PRESENT: Readonly<Record<NonPresentKind, number>> = {
  swap: PTE.SWAP,
  migration: PTE.SWAP | PTE.SPECIAL,
  hwpoison: PTE.SWAP | PTE.EXEC,
  'device-private': PTE.SWAP | PTE.EXEC | PTE.READONLY,
  marker: PTE.SWAP | PTE.SPECIAL | PTE.EXEC,
};

/**
 * The kind of an entry, or of its flags; null for none and for one that is present.
 *
 * @example
 * ```ts
 * kindOfEntry(packPte(7, PTE.SWAP | PTE.ANON)); // 'swap'
 * kindOfEntry(packPte(7, PTE.SWAP | PTE.SPECIAL)); // 'migration'
 * kindOfEntry(packPte(7, PTE.VALID)); // null
 * ```
 */
export function kindOfEntry(pte: number): NonPresentKind | null {
  if (!hasFlags(pte, PTE.SWAP) || isPresent(pte)) return null;
  if (hasFlags(pte, PTE.EXEC)) {
    if (hasFlags(pte, PTE.SPECIAL)) return 'marker';
    return hasFlags(pte, PTE.READONLY) ? 'device-private' : 'hwpoison';
  }
  return hasFlags(pte, PTE.SPECIAL) ? 'migration' : 'swap';
}

/**
 * What both sides of a fork have of an entry that is not present (`mm/memory.c:copy_nonpresent_pte`): the page is no longer
 * one side's own, and a migration entry no longer writable. Poison and markers stay what they are.
 *
 * @example
 * ```ts
 * sharedEntry(packPte(7, PTE.SWAP | PTE.ANON | PTE.EXCLUSIVE)) === packPte(7, PTE.SWAP | PTE.ANON); // true
 * ```
 */
export function sharedEntry(pte: number): number {
  const kind = kindOfEntry(pte);
  return kind === 'swap' || kind === 'migration' ? withFlags(pte, flagsOf(pte) & ~(PTE.EXCLUSIVE | PTE.WRITE)) : pte;
}

/**
 * What a marker remembers, in the place of a frame number (`PTE_MARKER_*`).
 *
 * @example
 * ```ts
 * MARKER.POISONED; // 2
 * ```
 */
export const MARKER = { UFFD_WP: 1, POISONED: 2 } as const;

/**
 * Whether an entry is a marker that remembers this.
 *
 * @example
 * ```ts
 * isMarker({ pfn: MARKER.POISONED, flags: NON_PRESENT.marker }, MARKER.POISONED); // true
 * ```
 */
export function isMarker({ pfn, flags }: { pfn: number; flags: number }, what: number): boolean {
  return kindOfEntry(flags) === 'marker' && (pfn & what) !== 0;
}

/**
 * Whether a fault on an entry ends in SIGBUS with BUS_MCEERR_AR: memory failed there, or UFFDIO_POISON says so
 * (`mm/memory.c:do_swap_page`, `handle_pte_marker`).
 *
 * @example
 * ```ts
 * isPoisoned({ pfn: 77, flags: NON_PRESENT.hwpoison }); // true
 * isPoisoned({ pfn: MARKER.UFFD_WP, flags: NON_PRESENT.marker }); // false
 * ```
 */
export function isPoisoned(entry: { pfn: number; flags: number }): boolean {
  return kindOfEntry(entry.flags) === 'hwpoison' || isMarker(entry, MARKER.POISONED);
}
