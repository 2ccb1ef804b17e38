/** Holds the counters of the model against a kernel's, and counts agreement by workload and field. */
import { FOOTPRINT_FIELDS, type FootprintField, type FootprintLine } from './footprintLine.ts';
import type { FootprintRun } from './footprintRun.ts';
import type { Workload } from '../trace/workloads/foot/footSteps.ts';

/** Minor faults that a kernel may count more or less: those of the program's own text. */
const TEXT_FAULTS = 8;
/** Pages by which the size of the page cache may differ: per-CPU counters, and pages of directories. */
const CACHED_PAGES = 16;

/** One counter on both sides. */
export interface FootprintCheck {
  field: FootprintField;
  kernel: number;
  /** Null where the model came to none. */
  model: number | null;
  /** How far they may be apart. */
  tolerance: number;
  agrees: boolean;
}

/** What came of a line. */
export interface FootprintOutcome {
  line: FootprintLine;
  checks: FootprintCheck[];
  passed: boolean;
  run: FootprintRun;
}

/**
 * How far a counter may be from the kernel's: counts for `minflt`, else kB.
 *
 * @example
 * ```ts
 * toleranceOf('dCachedKB', 16384); // 256
 * toleranceOf('dVmPteKB', 16384); // 0
 * ```
 */
export function toleranceOf(field: FootprintField, pageBytes: number): number {
  if (field === 'minflt') return TEXT_FAULTS;
  return field === 'dCachedKB' ? (CACHED_PAGES * pageBytes) / 1024 : 0;
}

/**
 * Whether a counter is compared for a workload. The size of the page cache is, where it is the subject: for trees of files.
 * Elsewhere what the CPU has not yet added to the counter, and readahead under way when it is read, move it by some pages.
 *
 * @example
 * ```ts
 * isComparable('dCachedKB', 'fmap'); // false
 * isComparable('dCachedKB', 'tree'); // true
 * ```
 */
export function isComparable(field: FootprintField, kind: Workload['kind']): boolean {
  return field !== 'dCachedKB' || kind === 'tree';
}

/**
 * Compares a line with what the model made of it.
 *
 * @example
 * ```ts
 * const value = { workload: 'seq', mb: 16, page: 4096, minflt: 4096, dRssAnonKB: 16384 };
 * const line = parseFootprintLine({ file: 'x', line: 1, value }) as FootprintLine;
 * const counters = { minflt: 4100, dRssAnonKB: 16388, dRssFileKB: 0, dVmPteKB: 36, dCachedKB: 0 };
 * const run = { measured: { counters, majflt: 0, beginSeq: 1, endSeq: 2 }, failure: null, events: 3 };
 * compareFootprint(line, run).checks.map(({ agrees }) => agrees); // [true, false]
 * ```
 */
export function compareFootprint(line: FootprintLine, run: FootprintRun): FootprintOutcome {
  const checks = FOOTPRINT_FIELDS.flatMap((field): FootprintCheck[] => {
    const kernel = line.answer[field];
    if (kernel === undefined || !isComparable(field, line.workload.kind)) return [];
    const model = run.measured?.counters[field] ?? null;
    const tolerance = toleranceOf(field, line.pageBytes);
    return [{ field, kernel, model, tolerance, agrees: model !== null && Math.abs(model - kernel) <= tolerance }];
  });
  return { line, checks, passed: checks.every(({ agrees }) => agrees) && run.failure === null, run };
}

/** How often a counter was compared, and how often it agreed. */
export interface FootprintAgreement {
  checks: number;
  agreed: number;
}

/**
 * Counts agreement over any number of lines.
 *
 * @example
 * ```ts
 * new FootprintTally().rows(); // []
 * ```
 */
export class FootprintTally {
  lines = 0;
  failedLines = 0;
  checks = 0;
  differences = 0;
  events = 0;
  first: FootprintOutcome | null = null;
  readonly failed: FootprintOutcome[] = [];
  readonly #cells = new Map<string, Map<FootprintField, FootprintAgreement>>();

  /** Takes a line's outcome in. */
  add(outcome: FootprintOutcome): void {
    this.lines += 1;
    this.events += outcome.run.events;
    if (!outcome.passed) {
      this.failedLines += 1;
      this.first ??= outcome;
      this.failed.push(outcome);
    }
    const { kind } = outcome.line.workload;
    const cells = this.#cells.get(kind) ?? new Map<FootprintField, FootprintAgreement>();
    this.#cells.set(kind, cells);
    for (const { field, agrees } of outcome.checks) {
      const cell = cells.get(field) ?? { checks: 0, agreed: 0 };
      cells.set(field, { checks: cell.checks + 1, agreed: cell.agreed + (agrees ? 1 : 0) });
      this.checks += 1;
      if (!agrees) this.differences += 1;
    }
  }

  /** Agreement of every workload that was seen, in the order of their first lines. */
  rows(): { workload: string; fields: ReadonlyMap<FootprintField, FootprintAgreement> }[] {
    return [...this.#cells].map(([workload, fields]) => ({ workload, fields }));
  }
}
