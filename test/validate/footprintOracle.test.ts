/**
 * What three real kernels counted for small workloads, and the model beside them.
 *
 * @models S-51 T-14 X-04 X-06 D-09
 */
import { describe, expect, it } from 'vitest';
import { compareFootprint, type FootprintOutcome } from '../../src/validate/footprintCompare.ts';
import { type FootprintLine, parseFootprintLine } from '../../src/validate/footprintLine.ts';
import { footprintSystem, runFootprint } from '../../src/validate/footprintRun.ts';
import { readAnswers } from '../../src/validate/ndjson.node.ts';

const LINES: FootprintLine[] = [];
for await (const at of readAnswers('fixtures/oracle/footprint.ndjson')) {
  const line = parseFootprintLine(at);
  if ('title' in line) LINES.push(line);
}

type ReadOrder = 'process-page' | 'kernel-page';

function outcomeOf(
  line: FootprintLine,
  kernelPageBytes: number,
  readOrder: ReadOrder,
  checked = false,
): FootprintOutcome {
  const { pageBytes, thpAlwaysBytes, workload } = line;
  const setting = { kernelPageBytes, pageBytes, thpAlwaysBytes, design: { readOrder } };
  return compareFootprint(line, runFootprint(footprintSystem(workload, setting), { checked }));
}

/** What differs, for a message that says it all. */
function differences(outcomes: readonly FootprintOutcome[]): string[] {
  return outcomes.flatMap(({ line, checks, run }) => {
    const wrong = checks.filter(({ agrees }) => !agrees);
    const what = wrong.map(({ field, kernel, model }) => `${field} ${String(model)} for ${kernel}`);
    return what.length === 0 && run.failure === null
      ? []
      : [`${line.line} ${line.title}: ${run.failure ?? what.join(', ')}`];
  });
}

const named = (pageBytes: number): FootprintLine[] => LINES.filter((line) => line.pageBytes === pageBytes);

describe('the footprints of real kernels', () => {
  it('are 77: 33 of 4K pages, with and without mTHP, 22 of 16K and 22 of 64K', () => {
    expect([4096, 16384, 65536].map((pageBytes) => named(pageBytes).length)).toEqual([33, 22, 22]);
  });

  it.each([
    [4096, 4096],
    [16384, 16384],
    [65536, 65536],
    [16384, 4096],
    [65536, 4096],
  ])('with %i-byte pages are those of the model on a kernel of %i', { timeout: 240_000 }, (pageBytes, kernel) => {
    const outcomes = named(pageBytes).map((line) => outcomeOf(line, kernel, 'process-page'));
    expect(differences(outcomes)).toEqual([]);
    // Four counters of every line, and the page cache of the two trees.
    expect(outcomes.flatMap(({ checks }) => checks)).toHaveLength(4 * outcomes.length + 2);
  });

  it('hold the laws at every event', { timeout: 240_000 }, () => {
    // One line of each workload and page size, of those that come first: the command checks all with --checked.
    const seen = new Set<string>();
    const some = LINES.filter(({ workload, pageBytes }) => {
      const key = `${workload.kind} ${pageBytes}`;
      return workload.kind !== 'tree' && !seen.has(key) && seen.add(key);
    });
    expect(differences(some.map((line) => outcomeOf(line, 4096, 'process-page', true)))).toEqual([]);
  });
});

describe('the naive choice of what read() caches', () => {
  const warm = LINES.filter(({ pageBytes, workload }) => {
    return pageBytes === 65536 && (workload.kind === 'fmapw' || (workload.kind === 'fmap' && workload.warm));
  });

  it('takes major faults where a kernel of the page size takes minor ones: the mapping drops what was read', () => {
    const outcomes = warm.map((line) => outcomeOf(line, 4096, 'kernel-page'));
    expect(outcomes).toHaveLength(6);
    for (const { passed, checks, run } of outcomes) {
      expect(passed).toBe(false);
      const faults = checks.find(({ field }) => field === 'minflt');
      expect((run.measured?.counters.minflt ?? 0) + (run.measured?.majflt ?? 0)).toBe(faults?.kernel);
    }
  });

  it('keeps a tree of small files in a tenth of the memory', () => {
    const trees = LINES.filter(({ pageBytes, workload }) => pageBytes === 65536 && workload.kind === 'tree');
    for (const line of trees) {
      const { run } = outcomeOf(line, 4096, 'kernel-page');
      expect(run.measured?.counters.dCachedKB).toBeLessThan((line.answer.dCachedKB ?? 0) / 10);
    }
  });
});
