/**
 * Entries that are not present: what they stand for, and what a fault on them comes to (`include/linux/swapops.h`). They
 * carry `PTE.SWAP` and no `PTE.VALID` or `PTE.PROT_NONE`; all but those of swap carry `PTE.SPECIAL` too, and two bits say
 * which of the others it is.
 *
 * @models D-07 D-18
 */
import { flagsOf, isPresent, PTE, pfnOf } from './pte.ts';

/** What an entry stands for. `swap`: the number is a slot; `marker`: a bit set of MARKER; the rest: a frame. */
export type EntryKind = 'none' | 'present' | 'swap' | 'migration' | 'hwpoison' | 'marker' | 'device-private';

/**
 * The flags of entries that are neither present nor in swap.
 *
 * @example
 * ```ts
 * kindOfFlags(NON_PRESENT.HWPOISON); // 'hwpoison'
 * ```
 */
export const NON_PRESENT = {
  /** The page is on its way to another frame (`make_readable_migration_entry`; writable with `PTE.WRITE`). */
  MIGRATION: PTE.SWAP | PTE.SPECIAL,
  /** Memory failed there (`make_hwpoison_entry`). */
  HWPOISON: PTE.SWAP | PTE.SPECIAL | PTE.READONLY,
  /** No page, but something to remember (`make_pte_marker`). */
  MARKER: PTE.SWAP | PTE.SPECIAL | PTE.EXEC,
  /** The page is in a device's memory (`make_readable_device_private_entry`). */
  DEVICE_PRIVATE: PTE.SWAP | PTE.SPECIAL | PTE.READONLY | PTE.EXEC,
} as const;

/**
 * What a marker remembers, in the place of a frame number (`PTE_MARKER_*`).
 *
 * @example
 * ```ts
 * MARKER.POISONED; // 2
 * ```
 */
export const MARKER = { UFFD_WP: 1, POISONED: 2 } as const;

const KINDS: ReadonlyMap<number, EntryKind> = new Map([
  [0, 'migration'],
  [PTE.READONLY, 'hwpoison'],
  [PTE.EXEC, 'marker'],
  [PTE.READONLY | PTE.EXEC, 'device-private'],
]);

/**
 * What an entry with these flags stands for.
 *
 * @example
 * ```ts
 * kindOfFlags(PTE.VALID | PTE.READONLY); // 'present'
 * kindOfFlags(PTE.SWAP); // 'swap'
 * kindOfFlags(0); // 'none'
 * ```
 */
export function kindOfFlags(flags: number): EntryKind {
  if (flags === 0) return 'none';
  if (isPresent(flags)) return 'present';
  if ((flags & PTE.SPECIAL) === 0) return 'swap';
  return KINDS.get(flags & (PTE.READONLY | PTE.EXEC)) ?? 'none';
}

/**
 * Whether an entry is a marker that remembers this.
 *
 * @example
 * ```ts
 * isMarker(packPte(MARKER.POISONED, NON_PRESENT.MARKER), MARKER.POISONED); // true
 * ```
 */
export function isMarker(pte: number, what: number): boolean {
  return kindOfFlags(flagsOf(pte)) === 'marker' && (pfnOf(pte) & what) !== 0;
}

/**
 * Whether a fault on an entry ends in SIGBUS with BUS_MCEERR_AR: memory failed there, or UFFDIO_POISON says so
 * (`mm/memory.c:do_swap_page`, `handle_pte_marker`).
 *
 * @example
 * ```ts
 * isPoisoned({ pfn: 77, flags: NON_PRESENT.HWPOISON }); // true
 * isPoisoned({ pfn: MARKER.UFFD_WP, flags: NON_PRESENT.MARKER }); // false
 * ```
 */
export function isPoisoned({ pfn, flags }: { pfn: number; flags: number }): boolean {
  const kind = kindOfFlags(flags);
  return kind === 'hwpoison' || (kind === 'marker' && (pfn & MARKER.POISONED) !== 0);
}
