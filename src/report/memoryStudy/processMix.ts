/**
 * Memory of a mix of real programs on each design: what processes keep for themselves, times how many there are, and what they share once.
 *
 * @models S-02 S-51 T-14 X-04
 */
import type { RunSource } from '../../mm/runs.ts';
import { type ComparedDesign, type DesignSetting, designsOf } from '../designs/designList.ts';
import { type DesignFigures, runDesign } from '../designs/runDesign.ts';

/** So many processes of a program. */
export interface MixEntry {
  trace: RunSource;
  count: number;
}

/** What a mix takes on a design. */
export interface MixRow {
  design: string;
  anonBytes: number;
  /** Tables of both kinds. */
  tableBytes: number;
  /** Files of the programs, once: a library that two programs map counts at its larger footprint. */
  pageCacheBytes: number;
  totalBytes: number;
}

/** Full coverage: what large folios take at most. */
const COVERAGE = [100];
/** A page cache of one program, which the others of the same program share. */
const SETTING: DesignSetting = {
  core: 'neoverse-v2',
  memoryBytes: 2 ** 31,
  kernelPageEvery: null,
  cache: 'cold',
};

/**
 * Runs each program of a mix once on each design, and adds up. Processes of one program are taken for equal; that programs
 * share libraries is
 * left out, so the page cache is an upper bound.
 *
 * @param entries traces laid out for 64K pages
 * @example
 * ```ts
 * const trace = relayout(traceFromSteps([{ access: 'X', addr: 0x10000 }, { access: 'W', addr: 0x90000 }]), 65536);
 * const rows = studyMix([{ trace, count: 10 }]);
 * rows.find(({ design }) => design === 'plain-4K')?.anonBytes; // 40960
 * rows.find(({ design }) => design === 'plain-64K')?.anonBytes; // 655360
 * ```
 */
export function studyMix(entries: readonly MixEntry[], onRun: (design: ComparedDesign) => void = () => {}): MixRow[] {
  return designsOf(COVERAGE).map((design) => {
    onRun(design);
    const figures = entries.map(({ trace, count }) => ({ figures: runDesign(trace, design, SETTING), count }));
    return rowOf(design, figures);
  });
}

function rowOf(design: ComparedDesign, runs: readonly { figures: DesignFigures; count: number }[]): MixRow {
  const sum = (of: (figures: DesignFigures) => number, each: boolean): number =>
    runs.reduce((total, { figures, count }) => total + of(figures) * (each ? count : 1), 0);
  const anonBytes = sum(({ anonPeakBytes }) => anonPeakBytes, true);
  const tableBytes = sum(({ linuxTableBytes, nativeTableBytes }) => linuxTableBytes + nativeTableBytes, true);
  const pageCacheBytes = sum((figures) => figures.pageCacheBytes, false);
  return {
    design: design.name,
    anonBytes,
    tableBytes,
    pageCacheBytes,
    totalBytes: anonBytes + tableBytes + pageCacheBytes,
  };
}
