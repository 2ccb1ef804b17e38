/**
 * A stretch of page runs, or a copy by the kernel, over a TLB of any form: run by run, by a function that translates. It counts as
 * `tlbRun.ts` does, which is the quick way for the arrays of the built-in TLB.
 */
import { RUN_CALL, RUN_FETCH, RUN_READ, type RunBlock, type RunSource } from './runs.ts';
import { blockOf } from './stackIndex.ts';
import type { Stretch, StretchContext, StretchCounts, StretchStop } from './stretch.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE } from './tlbArray.ts';
import { pageNumbersOf } from './tlbRun.ts';

/**
 * Looks a page up that is accessed by `right`, one of `MAY_FETCH`, `MAY_READ` and `MAY_WRITE`. Misses go to `counts`; null for
 * an access that had to wait and was counted before.
 *
 * @returns cycles that the lookup costs, 0 for a hit at once; -1 where only a walk helps
 */
export type Translate = (page: number, right: number, counts: StretchCounts | null) => number;

/** Counts a run; answers whether the quantum ends before it. */
function endsBefore(stretch: Stretch, block: RunBlock, at: number, page: number, instructionCycles: number): boolean {
  const isFetch = block.kind[at] === RUN_FETCH;
  const cycles = isFetch ? block.accesses[at] * instructionCycles : 0;
  if (cycles > 0 && stretch.cycles > 0 && stretch.cycles + cycles > stretch.cyclesMax) return true;
  const isAgain = block.continued[at] === 1 && page === (isFetch ? stretch.lastFetchPage : stretch.lastDataPage);
  const accesses = block.accesses[at] - (isAgain ? 1 : 0);
  stretch.cycles += cycles;
  stretch.counts.references += block.references[at];
  if (isFetch) stretch.counts.l1iAccesses += accesses;
  else stretch.counts.l1dAccesses += accesses;
  return false;
}

function rightOf(kind: number): number {
  if (kind === RUN_FETCH) return MAY_FETCH;
  return kind === RUN_READ ? MAY_READ : MAY_WRITE;
}

/**
 * Works on from `stretch.at`, and writes to `stretch`.
 *
 * @returns as `runStretch` does: 'end', 'call', 'quantum', or 'walk' at a run that was not translated
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0x12345 }]);
 * const start = { at: 0, end: trace.runs, counted: false, lastFetchPage: -1, lastDataPage: -1, cycles: 0 };
 * const stretch = { ...start, cyclesMax: 1000, counts: noCounts() };
 * runStretchBy(trace, stretch, { pageShift: 12, instructionCycles: 1 }, (page) => (page === 0x12 ? 0 : -1)); // 'end'
 * ```
 */
export function runStretchBy(
  source: RunSource,
  stretch: Stretch,
  { pageShift, instructionCycles }: Pick<StretchContext, 'pageShift' | 'instructionCycles'>,
  translate: Translate,
): StretchStop {
  const numbers = pageNumbersOf(source, pageShift);
  let block: RunBlock | null = null;
  for (; stretch.at < stretch.end; stretch.at++) {
    if (block === null || stretch.at >= block.firstRun + block.count) {
      block = blockOf(source, Math.floor(stretch.at / source.blockRuns));
    }
    const at = stretch.at - block.firstRun;
    const kind = block.kind[at];
    if (kind === RUN_CALL) {
      stretch.lastFetchPage = -1;
      return 'call';
    }
    const page = numbers[block.page[at]];
    const isCounted = stretch.counted;
    if (!isCounted && endsBefore(stretch, block, at, page, instructionCycles)) return 'quantum';
    if (kind === RUN_FETCH) stretch.lastFetchPage = page;
    else stretch.lastDataPage = page;
    const cycles = translate(page, rightOf(kind), isCounted ? null : stretch.counts);
    stretch.counted = cycles < 0;
    if (cycles < 0) return 'walk';
    stretch.cycles += cycles;
  }
  return 'end';
}

/** A copy between the kernel and a process under way; `va` moves on as bytes are copied. */
interface PageCopy {
  va: number;
  readonly endVa: number;
  readonly access: 'fetch' | 'read' | 'write';
  doneBytes: number;
  readonly counts: StretchCounts;
}

/**
 * Copies on until the end, or until a page is not translated. One data access is counted for each page that is touched.
 *
 * @returns true at the end; false where `copy.va` needs a walk
 * @example
 * ```ts
 * const copy = { va: 4090, endVa: 4100, access: 'read' as const, doneBytes: 0, counts: noCounts() };
 * copyPagesBy(copy, 12, (page) => (page === 0 ? 0 : -1)); // false
 * copy.va; // 4096
 * ```
 */
export function copyPagesBy(copy: PageCopy, pageShift: number, translate: Translate): boolean {
  const pageBytes = 1 << pageShift;
  const right = copy.access === 'write' ? MAY_WRITE : MAY_READ;
  while (copy.va < copy.endVa) {
    const page = Math.floor(copy.va / pageBytes);
    if (translate(page, right, copy.counts) < 0) return false;
    copy.counts.l1dAccesses++;
    const next = Math.min(copy.endVa, (page + 1) * pageBytes);
    copy.doneBytes += next - copy.va;
    copy.va = next;
  }
  return true;
}
