/** TLBs alone over a trace: no tables, no faults, no calls; every miss is filled at once. The bare loop of all speeds. */
import { type CorePreset, corePresets } from '../arch/cores.ts';
import { invariant } from '../errors.ts';
import type { RunSource } from '../mm/runs.ts';
import { Tlb } from '../mm/tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE } from '../mm/tlbArray.ts';
import { noCounts, type Stretch } from '../mm/stretch.ts';
import { accessAt, runStretch } from '../mm/tlbRun.ts';

/** Accesses and misses of one TLB array. */
export interface LevelCounts {
  accesses: number;
  misses: number;
}

/** What the TLBs counted over a whole trace. */
export interface TlbOnlyCounts {
  references: number;
  l1i: LevelCounts;
  l1d: LevelCounts;
  /** One access for each miss of an L1. */
  l2: LevelCounts;
}

const ASID = 1;
const ALL_RIGHTS = MAY_READ | MAY_WRITE | MAY_FETCH;
/** Runs between two reports of progress: some milliseconds. */
const PROGRESS_RUNS = 1 << 16;

/** How the TLBs work through a trace. */
export interface TlbOnlyOptions {
  /** Is told how many runs are done. */
  onProgress?: (runs: number) => void;
  /** Looks every run up, also where the trace has an index: the bare loop of the yardsticks. The counts are the same. */
  exhaustive?: boolean;
}

/**
 * Runs a trace through the TLBs of a core at one page size, and counts.
 *
 * @param pageBytes the page size of the process: 4096, 16384 or 65536
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'X', addr: 0x1000 }, { access: 'R', addr: 0x8000 }, { access: 'R', addr: 0x1008 }]);
 * runTlbOnly(trace, corePresets['tlb-reference'], 4096).l1d; // { accesses: 2, misses: 2 }
 * runTlbOnly(trace, corePresets['tlb-reference'], 4096).l2; // { accesses: 3, misses: 2 }
 * ```
 */
export function runTlbOnly(
  trace: RunSource,
  core: CorePreset,
  pageBytes: number,
  { onProgress = () => {}, exhaustive = false }: TlbOnlyOptions = {},
): TlbOnlyCounts {
  const tlb = Tlb.empty(core).edit();
  const pageShift = Math.log2(pageBytes);
  const context = { asid: ASID, pageShift, l2HitCycles: core.l2HitCycles ?? 0, instructionCycles: 1, exhaustive };
  const counts = noCounts();
  const stretch: Stretch = {
    at: 0,
    end: 0,
    counted: false,
    lastFetchPage: -1,
    lastDataPage: -1,
    cycles: 0,
    cyclesMax: Number.MAX_SAFE_INTEGER,
    counts,
  };
  for (let reported = 0; reported < trace.runs; reported += PROGRESS_RUNS) {
    onProgress(reported);
    stretch.end = Math.min(trace.runs, reported + PROGRESS_RUNS);
    for (let stop = runStretch(tlb, trace, stretch, context); stop !== 'end'; ) {
      invariant(stop !== 'quantum', 'a stretch without a limit has no quantum');
      if (stop === 'call') stretch.at += 1;
      else fill(tlb, trace, stretch.at, pageBytes);
      stop = runStretch(tlb, trace, stretch, context);
    }
  }
  return {
    references: counts.references,
    l1i: { accesses: counts.l1iAccesses, misses: counts.l1iMisses },
    l1d: { accesses: counts.l1dAccesses, misses: counts.l1dMisses },
    l2: { accesses: counts.l2Accesses, misses: counts.l2Misses },
  };
}

/** A translation that allows everything: what a walk of a fully populated table would bring. */
function fill(tlb: Tlb, trace: RunSource, at: number, pageBytes: number): void {
  const { va, access } = accessAt(trace, at);
  const page = Math.floor(va / pageBytes);
  tlb.fill(access === 'fetch', ASID, page, page, ALL_RIGHTS);
}

/**
 * The core that TLB counts of other simulators are compared on.
 *
 * @example
 * ```ts
 * TLB_REFERENCE.l2.entries; // 1280
 * ```
 */
export const TLB_REFERENCE: CorePreset = corePresets['tlb-reference'];
