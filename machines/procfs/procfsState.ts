/** What procfs keeps: who reads what at the moment, and what it has gathered for them. */
import type { Folio } from '../../src/mm/frames.ts';
import { IntRecord } from '../../src/mm/intRecord.ts';
import type { CachedFolio } from '../../src/mm/pageCache.ts';
import type { ProcfsPolicy, Verdict } from '../../src/mm/procfs/matrix.ts';
import type { InodeName } from '../../src/mm/procfs/maps.ts';
import type { ProcPath } from '../../src/mm/procfs/paths.ts';
import type { PteRun } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';
import type { MmState } from '../walkers/messages.ts';

/** A file that may be mapped: its inode, and whether it lives in memory alone. */
export interface NamedFile {
  path: string;
  inode: InodeName;
  inMemory: boolean;
}

/** What procfs is built with. */
export interface ProcfsInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  zeroPfn: number;
  policy: ProcfsPolicy;
  /** Processes that there are, by pid. */
  pids: number[];
  files: NamedFile[];
  /** There is a swap device. */
  hasSwap?: boolean;
  /** There is ksmd. */
  hasKsm?: boolean;
}

/** A read under way: one a caller at most. */
export interface ProcRead {
  /** The caller. */
  pid: number;
  readerPageBytes: number;
  path: ProcPath;
  offsetBytes: number;
  lengthBytes: number;
  /** Of a write. */
  text: string | null;
  /** Answers that are outstanding. */
  awaits: number;
  state: MmState | null;
  runs: PteRun[];
  walkedBytes: number;
  /** Tables as a kernel of the process's page size counts them. */
  tableBytes: number;
  /** The frames that were asked about, and what they lie in. */
  pfns: number[];
  folios: (Folio | null)[];
  /** Folios of the page cache, by path. */
  cached: Record<string, CachedFolio[]>;
  /** Entries that name each slot, and frames in the swap cache. */
  swapCounts: Record<number, number>;
  swapCached: number[];
  /** Frames that ksmd has merged. */
  merged: number[];
  /** Swap in bytes: all, and what is free. */
  swapBytes: { total: number; free: number };
}

/** The state of procfs. */
export interface ProcfsContext extends ProcfsInput {
  reads: IntRecord<ProcRead>;
  /** How many reads came to each end. */
  ends: Partial<Record<Verdict, number>>;
}

/**
 * procfs before anybody reads.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate' as const, pids: [1], files: [] };
 * initialProcfs(input).reads.size; // 0
 * ```
 */
export function initialProcfs(input: ProcfsInput): ProcfsContext {
  return { ...input, reads: IntRecord.empty(), ends: {} };
}

/**
 * A read as it begins.
 *
 * @example
 * ```ts
 * const path = { scope: 'system' as const, name: 'meminfo' };
 * newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null }).awaits; // 0
 * ```
 */
export function newRead(
  begin: Pick<ProcRead, 'pid' | 'readerPageBytes' | 'path' | 'offsetBytes' | 'lengthBytes' | 'text'>,
): ProcRead {
  const nothing = { awaits: 0, state: null, runs: [], walkedBytes: 0, tableBytes: 0, pfns: [], folios: [], cached: {} };
  return { ...begin, ...nothing, swapCounts: {}, swapCached: [], merged: [], swapBytes: { total: 0, free: 0 } };
}
