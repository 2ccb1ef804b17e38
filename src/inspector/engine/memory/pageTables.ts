/** The Linux table of a process beside its native one, group by group. */
import { groupOf, translateGroup, type Untranslatable } from '../../../mm/nativeTable.ts';
import type { PageTableReader } from '../../../mm/pageTableReader.ts';
import { flagsOf } from '../../../mm/pte.ts';

/** Groups in one answer: what can be looked through. */
const GROUPS_MAX = 512;
/** The size of a group where there is no native table: that of arm64's contiguous bit with pages of 4K. */
const PLAIN_GROUP_PAGES = 16;

/** One native page, and the Linux pages that it covers. */
export interface PageGroup {
  readonly va: number;
  /** First frame of the group's first page that has one; frames of the Linux page size. */
  readonly pfn: number;
  /** Flags of each Linux page, -1 where there is no entry. */
  readonly linux: Int32Array;
  /** Flags of the native entry; -1 where there is none. */
  readonly native: number;
  /** Why the group has no native entry; empty where it has one or needs none. */
  readonly reason: Untranslatable | '';
}

/** Both tables of a process. */
export interface PageTablesView {
  readonly kind: 'mmu';
  readonly linuxPageBytes: number;
  /** 0 where the process has no native table. */
  readonly nativePageBytes: number;
  /** Set once the process fell back: why. */
  readonly fallback: string;
  readonly entries: number;
  readonly nativeEntries: number;
  /** Address that the groups begin at or above. */
  readonly from: number;
  readonly groups: readonly PageGroup[];
  /** Address to ask for next; 0 where no group is left. */
  readonly nextVa: number;
}

/** What of an MMU's context is looked at. */
export interface MmuTables {
  readonly linux: PageTableReader;
  readonly native: PageTableReader | null;
  readonly fallback: string;
  /** The page of the process. */
  readonly pageBytes?: number;
}

/** @param isPaged whether the groups are pages of the process, which a native table has or had an entry for */
function groupAt(
  { linux, native }: Pick<MmuTables, 'linux' | 'native'>,
  va: number,
  groupBytes: number,
  isPaged: boolean,
): PageGroup {
  const pageBytes = linux.geometry.granuleBytes;
  const flags = new Int32Array(groupBytes / pageBytes).fill(-1);
  let pfn = -1;
  linux.forEach(va, va + groupBytes, (at, pte) => {
    const index = (at - va) / pageBytes;
    flags[index] = flagsOf(pte);
    if (pfn < 0) pfn = Math.floor(pte / 8192) - index;
  });
  if (!isPaged) return { va, pfn, linux: flags, native: -1, reason: '' };
  const pte = native?.get(va) ?? 0;
  const translated = translateGroup(linux, va, groupBytes);
  const reason = translated.ok ? '' : translated.reason;
  return { va, pfn, linux: flags, native: pte === 0 ? -1 : flagsOf(pte), reason };
}

/** The groups that hold an entry of either table, from an address on. */
function groupsFrom(
  linux: PageTableReader,
  native: PageTableReader | null,
  from: number,
  groupBytes: number,
): number[] {
  const starts = new Set<number>();
  const { geometry } = linux;
  const end = 2 ** geometry.vaBits;
  const take = (va: number): boolean => {
    starts.add(groupOf(va, groupBytes).startVa);
    return starts.size <= GROUPS_MAX;
  };
  linux.forEach(from, end, take);
  const last = starts.size > GROUPS_MAX ? Math.max(...starts) : end;
  native?.forEach(from, last, (va) => {
    starts.add(groupOf(va, groupBytes).startVa);
  });
  return [...starts].sort((left, right) => left - right);
}

/**
 * Both tables from an address on.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * const native = PageTable.empty(65536).edit();
 * linux.setRange(0x10000, 32, 15, PTE.VALID);
 * syncNative(linux, native, 0x10000, 0x20000);
 * pageTablesOf({ linux, native, fallback: '' }, 0).groups[0]?.reason; // 'partly-valid'
 * ```
 */
export function pageTablesOf({ linux, native, fallback, pageBytes }: MmuTables, from: number): PageTablesView {
  const linuxPageBytes = linux.geometry.granuleBytes;
  const nativePageBytes = native?.geometry.granuleBytes ?? 0;
  // A process that fell back is still looked at page by page: the torn ones are why it did.
  const fellFrom = native === null && fallback !== '' ? (pageBytes ?? 0) : 0;
  const isPaged = native !== null || fellFrom > linuxPageBytes;
  const groupBytes = isPaged ? Math.max(nativePageBytes, fellFrom) : linuxPageBytes * PLAIN_GROUP_PAGES;
  const starts = groupsFrom(linux, native, from, groupBytes);
  const shown = starts.slice(0, GROUPS_MAX);
  return {
    kind: 'mmu',
    linuxPageBytes,
    nativePageBytes,
    fallback,
    entries: linux.entryCount,
    nativeEntries: native?.entryCount ?? 0,
    from,
    groups: shown.map((va) => groupAt({ linux, native }, va, groupBytes, isPaged)),
    nextVa: starts[GROUPS_MAX] ?? 0,
  };
}
