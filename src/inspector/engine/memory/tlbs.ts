/** The TLBs of a CPU, level by level. */
import type { TlbPlain } from '../../../mm/tlb.ts';
import type { TlbArrayPlain } from '../../../mm/tlbArray.ts';
import { ASID_STRIDE, asidOfKey, firstPageOfGroup, isGroupKey } from '../../../mm/tlbKeys.ts';

/** One entry. */
export interface TlbEntry {
  readonly set: number;
  /** Place in the set, 0 for the most recently used. */
  readonly rank: number;
  readonly asid: number;
  /** Number of the first page; the key itself for an entry of the walk cache. */
  readonly page: number;
  readonly frame: number;
  /** As PROT_READ, PROT_WRITE and PROT_EXEC. */
  readonly rights: number;
  /** `page`, `group` for one that covers a contpte group, `table` for one of the walk cache. */
  readonly covers: 'page' | 'group' | 'table';
}

/** One level. */
export interface TlbLevel {
  readonly name: string;
  readonly capacity: number;
  readonly ways: number;
  readonly entries: readonly TlbEntry[];
}

/** All levels of one CPU. */
export interface TlbsView {
  readonly kind: 'tlb';
  readonly installed: { readonly pid: number; readonly asid: number; readonly pageBytes: number } | null;
  readonly levels: readonly TlbLevel[];
}

function entryOf(set: number, rank: number, key: number, frame: number, rights: number): TlbEntry {
  if (isGroupKey(key)) {
    return { set, rank, asid: asidOfKey(key), page: firstPageOfGroup(key), frame, rights, covers: 'group' };
  }
  if (key < 0) return { set, rank, asid: -1, page: -key - 1, frame, rights, covers: 'table' };
  return { set, rank, asid: asidOfKey(key), page: key % ASID_STRIDE, frame, rights, covers: 'page' };
}

function levelOf(name: string, { entries, ways, sets }: TlbArrayPlain): TlbLevel {
  const held = sets.flatMap(([set, numbers]) => {
    const found: TlbEntry[] = [];
    for (let at = 0; at + 2 < numbers.length; at += 3) {
      const [key = 0, frame = 0, rights = 0] = numbers.slice(at, at + 3);
      found.push(entryOf(set, at / 3, key, frame, rights));
    }
    return found;
  });
  return { name, capacity: entries, ways, entries: held };
}

/**
 * The levels of a TLB from its plain form.
 *
 * @example
 * ```ts
 * const empty = { entries: 48, ways: 48, sets: [] };
 * tlbsOf({ l1i: empty, l1d: empty, l2: empty, walk: 'none' }, null).levels.length; // 3
 * ```
 */
export function tlbsOf(
  { l1i, l1d, l2, walk }: Pick<TlbPlain, 'l1i' | 'l1d' | 'l2' | 'walk'>,
  installed: TlbsView['installed'],
): TlbsView {
  const levels = [levelOf('L1I', l1i), levelOf('L1D', l1d), levelOf('L2', l2)];
  if (typeof walk !== 'string') levels.push(levelOf('walk cache', walk));
  return { kind: 'tlb', installed, levels };
}
