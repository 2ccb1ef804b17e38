/**
 * A call on an address space as a plan: the effects it has, in their order, and what it returns. Plans are decided by pure
 * functions of the space and the call; the mm machine carries the effects out one by one.
 */
import { STACK_GUARD_GAP_PAGES } from '../../arch/granule.ts';
import type { MemoryCall } from '../abiRules.ts';
import type { VaRange } from '../tableWork.ts';
import type { UserfaultFill, UserfaultMove } from '../userfaultfd/calls.ts';
import type { CollapseLimits } from '../thp/collapse.ts';
import type { Vma } from '../vma.ts';
import { VmaSet } from '../vmaSet.ts';
import { type Limits, rootLimits } from './limits.ts';

export type { VaRange } from '../tableWork.ts';

/**
 * What a populating effect does about a page that cannot be had: go on behind the range, fail the call, or end it with
 * the bytes up to that page. `insert` ignores as well: mmap itself makes the entries of an object, and no fault is
 * counted.
 */
export type PopulateErrors = 'ignore' | 'mlock' | 'madvise' | 'remote' | 'insert';

/** PTE flags for a range: for pages of files, for dirty ones among them where they differ, and for exclusive anonymous ones. */
export interface ProtectedRange extends VaRange {
  protection: number;
  anonProtection: number;
  dirtyProtection?: number;
}

/** One thing that a call does. */
export type Effect =
  /** These are the areas from now on; files that are newly mapped or mapped no more are told. */
  | { do: 'vmas'; vmas: VmaSet }
  /** A new inode of the kernel's internal tmpfs, before an area maps it (`mm/shmem.c:shmem_zero_setup`). */
  | { do: 'create'; file: string; sizeBytes: number }
  | { do: 'brk'; startBrk: number; brk: number }
  | { do: 'lockFuture'; flags: number }
  /** Entries go, and with `freeWithin` the tables that nobody needs between those addresses. */
  | { do: 'clear'; ranges: VaRange[]; freeWithin: VaRange | null }
  /** `undo` here and below: the areas to go back to where layer 3 refuses, or there is no memory for tables. */
  | { do: 'protect'; ranges: ProtectedRange[]; undo: VmaSet }
  | { do: 'move'; fromVa: number; toVa: number; lengthBytes: number; undo: VmaSet }
  /** Faults pages of one area in; `lock` writes where that breaks COW beforehand and reads elsewhere. */
  | { do: 'populate'; startVa: number; endVa: number; access: 'read' | 'write' | 'lock'; errors: PopulateErrors }
  | { do: 'cold' | 'lazyFree' | 'pageOut' | 'swapAhead'; startVa: number; endVa: number }
  | { do: 'readAhead'; file: string; startVa: number; endVa: number }
  | { do: 'punch'; file: string; offsetBytes: number; lengthBytes: number }
  | { do: 'sync'; file: string; startVa: number; endVa: number }
  /** Appends one byte a process page to the data of the answer. */
  | { do: 'residency'; startVa: number; endVa: number }
  /** Appends where the page at an address is, as `move_pages` tells it. */
  | { do: 'node'; va: number }
  /** Fills pages in for userfaultfd; `doneUnits` of `wantedUnits` are there, of those that can be. */
  | { do: 'userFill'; fill: UserfaultFill; doneUnits: number; wantedUnits: number }
  | { do: 'userProtect'; startVa: number; endVa: number; protect: boolean }
  | { do: 'userMove'; move: UserfaultMove }
  /** Whoever waits for this userfaultfd in the range tries again. */
  | { do: 'userWake'; fd: string; startVa: number; endVa: number }
  /** /proc/PID/clear_refs: all memory is soft-clean; the peak of the resident set is what is resident. */
  | { do: 'softClean' }
  | { do: 'resetPeak' }
  /** ksmd hears what a range was filled with. */
  | { do: 'pattern'; startVa: number; endVa: number; value: number }
  /**
   * The pages of one huge page become one (`mm/khugepaged.c:collapse_huge_page`): in a folio that is there already, or that is allocated
   * once they have been looked at; within the limits of khugepaged, or with none.
   */
  | { do: 'collapse'; startVa: number; hugeBytes: number; pfn: number | null; limits: CollapseLimits | null }
  /** Pages of hugetlb are promised to an area before it is there (`hugetlb_reserve_pages`). */
  | {
      do: 'hugeReserve';
      file: string;
      sizeBytes: number;
      firstIndex: number;
      endIndex: number;
      shared: boolean;
      promises: boolean;
      grows: boolean;
    }
  /** Tables of a file of hugetlb are shared no more (`huge_pmd_unshare`), before the entries or the area change. */
  | { do: 'hugeUnshare'; file: string }
  /** MADV_COLLAPSE of one area has come to its end: it fails if any of its huge pages did. */
  | { do: 'collapsed' }
  /** Plans the rest anew: what came before may have changed the areas. */
  | { do: 'goOn'; call: MemoryCall };

/** What a call does and returns; `errno` 0 for success. Effects of a call that fails are those it had before. */
export interface Plan {
  effects: Effect[];
  result: number;
  errno: number;
}

/** What a call is decided on. */
export interface Space {
  vmas: VmaSet;
  /** The page size of the process's ABI. */
  pageBytes: number;
  startBrk: number;
  brk: number;
  /** VM.LOCKED and VM.LOCKONFAULT of areas to come (`mm->def_flags`). */
  lockFuture: number;
  /** Files whose file system wants to hear of the first write to each page (`vma_wants_writenotify`). */
  writeNotify: readonly string[];
  /** The name of the next inode of shared anonymous memory. */
  nextShmem: string;
  /** `stack_guard_gap`, in bytes. */
  stackGuardBytes: number;
  limits: Limits;
  /** There is swap. */
  swap?: boolean;
  /** What MADV_COLLAPSE makes; a PMD of a kernel of the process's page size unless given. */
  collapseBytes?: number;
  /** The sizes of hugetlb that this process can have, and the one it gets that names none; absent: there is no hugetlb. */
  hugetlb?: { defaultBytes: number; nextFile: (hugeBytes: number) => string };
}

/**
 * A space of a root process without memory, at the default limits.
 *
 * @example
 * ```ts
 * emptySpace(65536).stackGuardBytes; // 16777216
 * ```
 */
export function emptySpace(pageBytes: number): Space {
  return {
    vmas: VmaSet.empty(pageBytes),
    pageBytes,
    startBrk: 0,
    brk: 0,
    lockFuture: 0,
    writeNotify: [],
    nextShmem: 'shmem:1.0',
    stackGuardBytes: STACK_GUARD_GAP_PAGES * pageBytes,
    limits: rootLimits,
  };
}

/**
 * A call that succeeds.
 *
 * @example
 * ```ts
 * succeeds([], 7); // { effects: [], result: 7, errno: 0 }
 * ```
 */
export function succeeds(effects: Effect[] = [], result = 0): Plan {
  return { effects, result, errno: 0 };
}

/**
 * A call that fails, after the effects it had.
 *
 * @example
 * ```ts
 * refuses(12); // { effects: [], result: -1, errno: 12 }
 * ```
 */
export function refuses(errno: number, effects: Effect[] = []): Plan {
  return { effects, result: -1, errno };
}

/**
 * A call that has its effects and may have met an error on the way; errno 0 is none.
 *
 * @example
 * ```ts
 * ended([], 0).result; // 0
 * ended([], 12).result; // -1
 * ```
 */
export function ended(effects: Effect[], errno: number): Plan {
  return errno === 0 ? succeeds(effects) : refuses(errno, effects);
}

/**
 * What commits new areas; nothing where they are those of the space.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * committed(space, space.vmas); // []
 * ```
 */
export function committed(space: Space, vmas: VmaSet): Effect[] {
  return vmas === space.vmas ? [] : [{ do: 'vmas', vmas }];
}

/**
 * The areas that take part in a range, each with its part of the range: what comes before the first hole, and whether a
 * hole or the end of the areas cut it short.
 *
 * @example
 * ```ts
 * beforeHole(VmaSet.empty(4096), 0x1000, 0x2000); // { parts: [], complete: false }
 * ```
 */
export function beforeHole(
  vmas: VmaSet,
  startVa: number,
  endVa: number,
): { parts: (VaRange & { vma: Vma })[]; complete: boolean } {
  const parts: (VaRange & { vma: Vma })[] = [];
  let reach = startVa;
  for (const vma of vmas.overlapping(startVa, endVa)) {
    if (vma.startVa > reach) break;
    const end = Math.min(vma.endVa, endVa);
    parts.push({ vma, startVa: reach, endVa: end });
    reach = end;
  }
  return { parts, complete: reach >= endVa };
}
