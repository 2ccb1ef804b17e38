/** Patterns against what is known of them: formulas of misses, exact distributions, and the footprints of real kernels. */
import { describe, expect, it } from 'vitest';
import type { ProcessContext } from '../../machines/index.ts';
import { RUN_FETCH, RUN_CALL, type RunSource } from '../../src/mm/runs.ts';
import { SeededRandom } from '../../src/mm/seededRandom.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { workloadTraces } from '../../src/trace/workloads/foot/footTraces.ts';
import type { Workload as FootWorkload } from '../../src/trace/workloads/foot/footSteps.ts';
import { FIRST_RANGE } from '../../src/trace/workloads/pattern.ts';
import { patternOf } from '../../src/trace/workloads/registry.ts';
import { workloadTrace } from '../../src/trace/workloads/workload.ts';
import { workloadSchema, type WorkloadInput } from '../../src/trace/workloads/workloadSchema.ts';
import { drawRank, zipfSums } from '../../src/trace/workloads/zipfTable.ts';
import { type FootprintLine, parseFootprintLine } from '../../src/validate/footprintLine.ts';
import { footprintSystem, runFootprint } from '../../src/validate/footprintRun.ts';
import { readAnswers } from '../../src/validate/ndjson.node.ts';

/** Entries of the reference TLB: fully associative at the first level, sets of 5 by page number mod 256 at the second. */
const FIRST_LEVEL = 48;
const SETS = 256;
const WAYS = 5;

function trace(workload: WorkloadInput, pageBytes = 4096): RunSource {
  return workloadTrace(workloadSchema.parse(workload), pageBytes);
}

function countsOf(workload: WorkloadInput, pageSize = '4K'): ProcessContext['counts'] {
  const processes = [{ pid: 1, pageSize, workload }];
  const topology = parseTopology({ name: 'answers', core: 'tlb-reference', processes }, 'test');
  const { system } = runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
  return (system.snapshot('process:1').context as ProcessContext).counts;
}

/** Addresses of data that a pattern goes to, in order. */
function addresses(name: Parameters<typeof patternOf>[0], operands: object): number[] {
  const pattern = patternOf(name);
  const place = { pageBytes: 4096, base: FIRST_RANGE };
  return [...pattern.steps(pattern.operands.parse(operands), place)].flatMap((step) =>
    'access' in step && step.access !== 'X' ? [step.addr - FIRST_RANGE] : [],
  );
}

describe('misses of the TLB', () => {
  const strided = (pages: number, accesses: number): WorkloadInput => ({
    pattern: 'strided',
    lengthBytes: pages * 4096,
    accesses,
    initialise: false,
  });

  it('of a stride over one page more than it has entries: every access, for true LRU', () => {
    expect(countsOf(strided(FIRST_LEVEL + 1, 5000)).l1dMisses).toBe(5000);
    expect(countsOf(strided(SETS * (WAYS + 1), 5000)).l2Misses - countsOf(strided(1, 1)).l2Misses).toBe(4999);
  });

  it('of a stride over as many pages as it has entries: one for each page', () => {
    expect(countsOf(strided(FIRST_LEVEL, 5000)).l1dMisses).toBe(FIRST_LEVEL);
    expect(countsOf(strided(SETS * WAYS, 5000)).l2Misses - countsOf(strided(1, 1)).l2Misses).toBe(SETS * WAYS - 1);
  });

  it('of a walk word by word: one for each page and lap, or for each page where all fit', () => {
    const sequential = (pages: number, laps: number): WorkloadInput => ({
      pattern: 'sequential',
      lengthBytes: pages * 4096,
      accesses: laps * pages * 512,
    });
    expect(countsOf(sequential(100, 3)).l1dMisses).toBe(300);
    expect(countsOf(sequential(40, 3)).l1dMisses).toBe(40);
  });

  it.each([
    ['4K' as const, 1024],
    ['16K' as const, 256],
    ['64K' as const, 64],
  ])('of GUPS in pages of %s: 1 - entries / pages, within five standard deviations', (pageSize, pages) => {
    const accesses = 50_000;
    const misses = 1 - FIRST_LEVEL / pages;
    const { l1dMisses } = countsOf({ pattern: 'random', lengthBytes: '4M', accesses }, pageSize);
    const writes = pages;
    const deviation = Math.sqrt(accesses * misses * (1 - misses));
    expect(Math.abs(l1dMisses - writes - accesses * misses)).toBeLessThan(5 * deviation + FIRST_LEVEL);
  });
});

describe('zipf', () => {
  it.each([0, 500, 990, 1000, 1500, 2000])('has the weights of k^-(%i/1000)', (thousandths) => {
    const count = 1000;
    const sums = zipfSums(count, thousandths);
    const weights = Array.from({ length: count }, (_, at) => (at + 1) ** (-thousandths / 1000));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let before = 0;
    for (const [at, weight] of weights.entries()) {
      expect(Math.abs((sums[at] - before) / sums[count - 1] - weight / total)).toBeLessThan(1e-11);
      before = sums[at];
    }
  });

  it.each([990, 1500, 2000, 10_000])('keeps the weights of the rarest of many ranks: k^-(%i/1000)', (thousandths) => {
    const count = 2 ** 16;
    const sums = zipfSums(count, thousandths);
    let [total, tail] = [0, 0];
    for (let rank = count; rank >= 1; rank -= 1) {
      total += rank ** (-thousandths / 1000);
      if (rank > count / 2) tail = total;
    }
    const share = (sums[count - 1] - sums[count / 2 - 1]) / sums[count - 1];
    expect(Math.abs(share - tail / total)).toBeLessThan(1e-10);
    expect(sums[count - 1]).toBeLessThan(2 ** 52);
    expect(sums[count - 1]).toBeGreaterThan(2 ** 50);
  });

  it('has weights that any machine gives, to the last bit', () => {
    expect([...zipfSums(8, 990)].map((sum, at, all) => sum - (all[at - 1] ?? 0))).toMatchInlineSnapshot(`
      [
        1125899906842624,
        566865580001761,
        379445792088791,
        285404220959447,
        228833434527813,
        191042523144738,
        164003351649729,
        143694682152365,
      ]
    `);
    expect(zipfSums(65_536, 990)[65_535]).toMatchInlineSnapshot(`1731804258125706`);
  });

  it('draws each rank as often as its weight says: chi square', () => {
    const count = 200;
    const draws = 200_000;
    const sums = zipfSums(count, 990);
    const random = new SeededRandom(3);
    const seen = new Float64Array(count);
    for (let at = 0; at < draws; at += 1) seen[drawRank(sums, random)] += 1;
    let square = 0;
    for (let rank = 0; rank < count; rank += 1) {
      const expected = (draws * (sums[rank] - (sums[rank - 1] ?? 0))) / sums[count - 1];
      square += (seen[rank] - expected) ** 2 / expected;
    }
    const free = count - 1;
    expect(Math.abs(square - free)).toBeLessThan(5 * Math.sqrt(2 * free));
  });

  it('goes to the pages of a process so, whatever order they lie in', () => {
    const accesses = 50_000;
    const frequencies = (scattered: boolean): number[] => {
      const seen = new Map<number, number>();
      const given = { lengthBytes: '64K', accesses, scattered, initialise: false, seed: 5 };
      for (const addr of addresses('zipf', given)) {
        const page = Math.floor(addr / 4096);
        seen.set(page, (seen.get(page) ?? 0) + 1);
      }
      return Array.from({ length: 16 }, (_, page) => seen.get(page) ?? 0);
    };
    const sums = zipfSums(16, 990);
    for (const [rank, count] of frequencies(false).entries()) {
      const share = (sums[rank] - (sums[rank - 1] ?? 0)) / sums[15];
      expect(Math.abs(count - accesses * share)).toBeLessThan(5 * Math.sqrt(accesses * share * (1 - share)));
    }
    const scattered = frequencies(true);
    expect(scattered).not.toEqual([...scattered].sort((a, b) => b - a));
  });
});

describe('pointer-chase', () => {
  it('visits each line once a lap, and takes every lap alike', () => {
    const lines = 1024;
    const given = { lengthBytes: lines * 64, accesses: 3 * lines, initialise: false };
    const visited = addresses('pointer-chase', given);
    const laps = [0, 1, 2].map((lap) => visited.slice(lap * lines, (lap + 1) * lines));
    expect(new Set(laps[0]).size).toBe(lines);
    expect(laps[1]).toEqual(laps[0]);
    expect(laps[2]).toEqual(laps[0]);
    expect(laps[0]).not.toEqual([...laps[0]].sort((a, b) => a - b));
  });
});

describe('the workloads of foot.c', () => {
  const lines: FootprintLine[] = [];

  /** The workload of a line as a topology has it. */
  function written(work: FootWorkload): WorkloadInput {
    const { kind, ...given } = work;
    if ('tree' in given)
      return {
        pattern: 'tree',
        ...given.tree,
        sizesBytes: [...given.tree.sizesBytes],
        entriesBytes: [...given.tree.entriesBytes],
      };
    if ('file' in given) {
      const { file, ...others } = given;
      return { pattern: kind, path: file.path, lengthBytes: file.sizeBytes, ...others } as WorkloadInput;
    }
    return { pattern: kind, ...given } as WorkloadInput;
  }

  it('are the traces that validation holds against three real kernels, all 77 of them', async () => {
    for await (const at of readAnswers('fixtures/oracle/footprint.ndjson')) {
      const line = parseFootprintLine(at);
      if ('title' in line) lines.push(line);
    }
    expect(lines).toHaveLength(77);
    for (const { workload, pageBytes } of lines) {
      const { parent, child } = workloadTraces(workload, pageBytes);
      expect(trace(written(workload), pageBytes).hash).toBe(parent.hash);
      if (workload.kind !== 'cow') continue;
      expect(trace({ ...written(workload), pattern: 'cow-child' } as WorkloadInput, pageBytes).hash).toBe(child?.hash);
    }
  });

  it('run as processes of a topology with the same resident sizes', () => {
    const system = footprintSystem(
      { kind: 'cow', lengthBytes: 2 ** 22, strideBytes: 8192 },
      {
        kernelPageBytes: 4096,
        pageBytes: 65536,
        thpAlwaysBytes: [],
      },
    );
    const given = { lengthBytes: '4M', strideBytes: '8K' };
    const processes = [
      { pid: 100, pageSize: '64K', cpu: 0, children: [101], workload: { pattern: 'cow', ...given } },
      { pid: 101, pageSize: '64K', cpu: 1, forked: true, workload: { pattern: 'cow-child', ...given } },
    ];
    const topology = parseTopology({ name: 'cow', cpus: 2, processes }, 'test');
    const asWorkload = { topology, traces: loadTraces(topology, { folders: [] }), pid: 101 };
    const { measured } = runFootprint(system);
    expect(runFootprint(asWorkload).measured).toMatchObject({ counters: measured?.counters });
  });

  // The same program on kernels of 4K, 16K and 64K pages (footprint-heap of the answers): minflt, dRssAnonKB.
  it.each([
    [4096, 1147, 4548],
    [16384, 287, 4544],
    [65536, 72, 4544],
  ])(
    'heap with %i-byte pages takes what a kernel counted, within one page in a hundred',
    (pageBytes, faults, rssKB) => {
      const setting = { kernelPageBytes: pageBytes, pageBytes, thpAlwaysBytes: [] };
      const { measured } = runFootprint(footprintSystem({ kind: 'heap', ops: 50_000 }, setting));
      const { minflt = 0, dRssAnonKB = 0 } = measured?.counters ?? {};
      expect(Math.abs(minflt - faults)).toBeLessThanOrEqual(faults / 100);
      expect(Math.abs(dRssAnonKB - rssKB)).toBeLessThanOrEqual(rssKB / 100);
    },
  );
});

describe('every pattern', () => {
  it('fetches before it touches', () => {
    const { kind } = trace({ pattern: 'random', lengthBytes: '64K', accesses: 10 }).block(0);
    expect([kind[0], kind[1]]).toEqual([RUN_CALL, RUN_FETCH]);
  });
});
