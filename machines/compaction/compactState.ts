/** What the compactor keeps, and how folios are found in the entries of their owners. */
import type { Move } from '../../src/mm/compaction/scan.ts';
import { type CompactPriority, type Deferral, noDeferral } from '../../src/mm/compaction/suitable.ts';
import type { AllocationType } from '../../src/mm/pageblock/migrateTypes.ts';
import { isPresent, PTE } from '../../src/mm/pte.ts';
import type { FrameRun, MoveDone, PteChange, PteRun } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';
import type { KcompactdInput } from './kcompactd.ts';

/** An attempt that is asked for; of kcompactd itself, which nobody waits for, the sender is empty. */
export interface CompactJob {
  sender: string;
  request: number;
  order: number;
  type: AllocationType;
  priority: CompactPriority;
}

/** What was done so far: the counters of /proc/vmstat that begin with `compact_`. */
export interface CompactCounts {
  /** `compact_stall`, `compact_daemon_wake`, `compact_success`, `compact_fail`. */
  stalls: number;
  wakes: number;
  success: number;
  failed: number;
  deferred: number;
  migrateScanned: number;
  freeScanned: number;
  isolatedPages: number;
  /** Exchanges that a native table could not follow. */
  fallbacks: number;
}

/** The compactor's state. */
export interface CompactionContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  basePfn: number;
  endPfn: number;
  unit: 'folio' | 'kernel-page';
  /** User addresses that a walk covers. */
  vaBits: number;
  queue: CompactJob[];
  job: CompactJob | null;
  /** The attempt began at the ends of the zone. */
  whole: boolean;
  /** The batch that is awaited is the first. */
  first: boolean;
  migratePfn: number;
  freePfn: number;
  /** Where the next attempt goes on. */
  cachedMigratePfn: number;
  cachedFreePfn: number;
  /** The batch under way. */
  moves: Move[];
  /** Entries of owners as they were walked in this attempt, by their ids. */
  walks: Record<string, PteRun[]>;
  /** Frames whose entries were exchanged, of this batch. */
  replaced: FrameRun[];
  nextRequest: number;
  awaits: number[];
  deferral: Deferral;
  counts: CompactCounts;
}

/** Bits of a user address. */
const VA_BITS = 48;

/**
 * A compactor that has done nothing yet.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * initialCompaction({ resources, kernelPageBytes: 4096, basePfn: 0, endPfn: 64, unit: 'folio' }).cachedFreePfn; // 64
 * ```
 */
export function initialCompaction({
  resources,
  kernelPageBytes,
  basePfn,
  endPfn,
  unit,
}: KcompactdInput): CompactionContext {
  return {
    resources,
    kernelPageBytes,
    basePfn,
    endPfn,
    unit,
    vaBits: VA_BITS,
    queue: [],
    job: null,
    whole: true,
    first: false,
    migratePfn: basePfn,
    freePfn: endPfn,
    cachedMigratePfn: basePfn,
    cachedFreePfn: endPfn,
    moves: [],
    walks: {},
    replaced: [],
    nextRequest: 1,
    awaits: [],
    deferral: { ...noDeferral },
    counts: {
      stalls: 0,
      wakes: 0,
      success: 0,
      failed: 0,
      deferred: 0,
      migrateScanned: 0,
      freeScanned: 0,
      isolatedPages: 0,
      fallbacks: 0,
    },
  };
}

/** The parts of a run that map frames of a folio, with the place that each page goes to. */
function changeOf(run: PteRun, move: Move, pageBytes: number): PteChange | null {
  const first = Math.max(run.pfn, move.fromPfn);
  const end = Math.min(run.pfn + run.nr, move.fromPfn + 2 ** move.order);
  if (first >= end || !isPresent(run.flags) || (run.flags & PTE.ANON) === 0) return null;
  const flags = run.flags & ~PTE.CONT;
  return {
    va: run.va + (first - run.pfn) * pageBytes,
    nr: end - first,
    expects: { pfn: first, flags: run.flags },
    to: { pfn: move.toPfn + first - move.fromPfn, flags },
    keepAge: true,
  };
}

/**
 * The exchanges that each owner is asked for; a folio whose entries were not found is not among them.
 *
 * @example
 * ```ts
 * const flags = PTE.VALID | PTE.ANON;
 * const move = { fromPfn: 8, toPfn: 60, order: 1, owner: 'mm:1' };
 * const walks = { 'mm:1': [{ va: 0x4000, pfn: 7, nr: 3, flags }] };
 * const [[owner, changes]] = replacementsOf({ moves: [move], walks, kernelPageBytes: 4096 });
 * [owner, changes[0].va, changes[0].nr, changes[0].to]; // ['mm:1', 0x5000, 2, { pfn: 60, flags }]
 * ```
 */
export function replacementsOf({
  moves,
  walks,
  kernelPageBytes,
}: Pick<CompactionContext, 'moves' | 'walks' | 'kernelPageBytes'>): [string, PteChange[]][] {
  const byOwner = new Map<string, PteChange[]>();
  for (const move of moves) {
    const changes = byOwner.get(move.owner) ?? [];
    for (const run of walks[move.owner] ?? []) {
      const change = changeOf(run, move, kernelPageBytes);
      if (change !== null) changes.push(change);
    }
    if (changes.length > 0) byOwner.set(move.owner, changes);
  }
  return [...byOwner];
}

/**
 * An exchange of several entries as exchanges of one each.
 *
 * @example
 * ```ts
 * const change = { va: 0x4000, nr: 2, expects: { pfn: 8, flags: 1 }, to: { pfn: 60, flags: 1 }, keepAge: true };
 * pagesOf(change, { kernelPageBytes: 4096 })[1][0].to; // { pfn: 61, flags: 1 }
 * ```
 */
export function pagesOf(change: PteChange, { kernelPageBytes }: { kernelPageBytes: number }): [PteChange][] {
  const { va, nr, expects, to } = change;
  return Array.from({ length: nr }, (_, page) => [
    {
      ...change,
      va: va + page * kernelPageBytes,
      nr: 1,
      expects: expects === null ? null : { ...expects, pfn: expects.pfn + page },
      to: to === null ? null : { ...to, pfn: to.pfn + page },
    },
  ]);
}

/**
 * What became of the moves of a batch: the pages of each whose entries were exchanged.
 *
 * @example
 * ```ts
 * const move = { fromPfn: 8, toPfn: 60, order: 2, owner: 'mm:1' };
 * movesDone({ moves: [move], replaced: [{ pfn: 9, nr: 2 }] })[0].pages; // [1, 2]
 * ```
 */
export function movesDone({ moves, replaced }: Pick<CompactionContext, 'moves' | 'replaced'>): MoveDone[] {
  return moves.map((move) => {
    const pages = Array.from({ length: 2 ** move.order }, (_, page) => page).filter((page) => {
      const pfn = move.fromPfn + page;
      return replaced.some((run) => pfn >= run.pfn && pfn < run.pfn + run.nr);
    });
    return { ...move, pages };
  });
}
