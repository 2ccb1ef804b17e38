/**
 * What memory failure does with the frame that failed (`mm/memory-failure.c:memory_failure`, `hwpoison_user_mappings`,
 * `identify_page_state`): which entries go, what comes in their place, who gets a signal, and what is never used again.
 *
 * @models D-18 D-07
 */
import type { FolioKind } from '../frames.ts';

/** What a memory error in one frame takes away from a process whose page is larger. */
export type Containment =
  /** The process page around it, as a kernel of that page size would. */
  | 'process-page'
  /** The kernel page alone: the rest of the process page stays mapped, which no native entry can show. */
  | 'kernel-page';

/** What is never used again: the frame that failed, once nobody has anything of its folio, or the whole folio. */
export type Retirement = 'frame' | 'folio';

/** Entries of one process that go: `nr` kernel pages from `va` on, of which `badVa` is the one that failed. */
export interface ContainedRange {
  va: number;
  nr: number;
  badVa: number;
}

/**
 * The entries that go with a bad page of a process.
 *
 * @example
 * ```ts
 * containedRange(0x12000, 65536, 4096, 'process-page'); // { va: 0x10000, nr: 16, badVa: 0x12000 }
 * containedRange(0x12000, 65536, 4096, 'kernel-page'); // { va: 0x12000, nr: 1, badVa: 0x12000 }
 * ```
 */
export function containedRange(
  badVa: number,
  pageBytes: number,
  kernelPageBytes: number,
  containment: Containment,
): ContainedRange {
  if (containment === 'kernel-page' || pageBytes <= kernelPageBytes) return { va: badVa, nr: 1, badVa };
  return { va: badVa - (badVa % pageBytes), nr: pageBytes / kernelPageBytes, badVa };
}

/** What is known of the page that failed. */
export interface FailedPage {
  kind: FolioKind | 'free';
  /** Of a file: it differs from the disk. */
  dirty: boolean;
  /** Of a file that lives in memory alone. */
  inMemory: boolean;
}

/** What is done (`action_result`). */
export interface FailureAction {
  outcome: 'recovered' | 'delayed' | 'ignored';
  message: string;
  /** What comes in the place of the entries; null where there are none to change. */
  entries: 'hwpoison' | 'none' | null;
  /** The page cache lets the page go. */
  dropsCache: boolean;
  /** fsync will hear of it: AS_EIO. */
  setsError: boolean;
}

/**
 * The row of `error_states` that fits a page. A clean page of the cache goes without side effects: its entries are cleared and the
 * next fault reads it again. Everything else that is mapped gets hwpoison entries.
 *
 * @example
 * ```ts
 * actionFor({ kind: 'file', dirty: false, inMemory: false }).entries; // 'none'
 * actionFor({ kind: 'anon', dirty: false, inMemory: false }).entries; // 'hwpoison'
 * actionFor({ kind: 'table', dirty: false, inMemory: false }).outcome; // 'ignored'
 * ```
 */
export function actionFor({ kind, dirty, inMemory }: FailedPage): FailureAction {
  const nothing = { entries: null, dropsCache: false, setsError: false };
  switch (kind) {
    case 'free':
      return { outcome: 'recovered', message: 'free buddy page', ...nothing };
    case 'anon':
      return { outcome: 'recovered', message: 'dirty LRU page', ...nothing, entries: 'hwpoison' };
    case 'file':
      if (inMemory) return { outcome: 'recovered', message: 'dirty LRU page', ...nothing, entries: 'hwpoison' };
      return dirty
        ? { outcome: 'recovered', message: 'dirty LRU page', entries: 'hwpoison', dropsCache: true, setsError: true }
        : { outcome: 'recovered', message: 'clean LRU page', entries: 'none', dropsCache: true, setsError: false };
    default:
      return { outcome: 'ignored', message: 'reserved kernel page', ...nothing };
  }
}

/** The si_codes of SIGBUS for memory errors (`include/uapi/asm-generic/siginfo.h`). */
export const BUS_MCEERR = { AR: 4, AO: 5 } as const;

/**
 * The signal that a process which maps the page gets now, 0 for none: with early kill BUS_MCEERR_AO, or BUS_MCEERR_AR where it
 * was this process that consumed the error (`kill_proc`). Without, it dies when it touches the page. A page that was dropped
 * clean is nobody's loss.
 *
 * @example
 * ```ts
 * const action = actionFor({ kind: 'anon', dirty: true, inMemory: false });
 * signalFor(action, { earlyKill: true, consumed: false }); // 5
 * signalFor(action, { earlyKill: false, consumed: false }); // 0
 * ```
 */
export function signalFor(action: FailureAction, how: { earlyKill: boolean; consumed: boolean }): number {
  if (action.entries !== 'hwpoison') return 0;
  if (how.consumed) return BUS_MCEERR.AR;
  return how.earlyKill ? BUS_MCEERR.AO : 0;
}

/**
 * What soft offline does with a page that has only shown corrected errors (`soft_offline_in_use_page`): anonymous memory
 * migrates, a clean page of a file is dropped, and what is pinned or cannot move stays (EBUSY).
 *
 * @example
 * ```ts
 * softOfflineOf({ kind: 'anon', dirty: true, inMemory: false }, 0); // 'migrate'
 * softOfflineOf({ kind: 'anon', dirty: true, inMemory: false }, 1); // 'busy'
 * ```
 */
export function softOfflineOf(
  { kind, dirty, inMemory }: FailedPage,
  pins: number,
): 'migrate' | 'drop' | 'take' | 'busy' {
  if (kind === 'free') return 'take';
  if (pins > 0) return 'busy';
  if (kind === 'anon') return 'migrate';
  return kind === 'file' && !dirty && !inMemory ? 'drop' : 'busy';
}
