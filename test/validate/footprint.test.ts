import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { compareFootprint, FootprintTally } from '../../src/validate/footprintCompare.ts';
import { type FootprintLine, parseFootprintLine } from '../../src/validate/footprintLine.ts';
import { type FootprintRun, footprintSystem, runFootprint } from '../../src/validate/footprintRun.ts';
import { workloadTraces } from '../../src/trace/workloads/foot/footTraces.ts';
import { randomOffsets, type Workload } from '../../src/trace/workloads/foot/footSteps.ts';

const SEQ = { workload: 'seq', mb: 16, page: 4096, kernel: '4K', mthp: 'never', minflt: 4096, dRssAnonKB: 16384 };

function parse(value: unknown): FootprintLine {
  const line = parseFootprintLine({ file: 'f.ndjson', line: 7, value });
  if ('reason' in line) throw new Error(`${line.workload} is skipped`);
  return line;
}

function refusal(value: unknown): string {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof GranuleError) return error.format();
    throw error;
  }
  return '';
}

function run(work: Workload, pageBytes: number, kernelPageBytes = pageBytes): FootprintRun {
  return runFootprint(footprintSystem(work, { kernelPageBytes, pageBytes, thpAlwaysBytes: [] }));
}

describe('a line of footprint answers', () => {
  it('says workload, kernel and counters', () => {
    expect(parse(SEQ)).toMatchObject({
      line: 7,
      title: 'seq mb=16',
      workload: { kind: 'seq', lengthBytes: 2 ** 24 },
      pageBytes: 4096,
      thpAlwaysBytes: [],
      answer: { minflt: 4096, dRssAnonKB: 16384 },
    });
  });

  it('may name its kernel by the page size, by a name, or by a name with mTHP', () => {
    const { page: _page, ...named } = SEQ;
    const { kernel: _kernel, ...paged } = SEQ;
    expect(parse(named).pageBytes).toBe(4096);
    expect(parse(paged).pageBytes).toBe(4096);
    expect(parse({ ...named, kernel: '16K+mthp64' })).toMatchObject({ pageBytes: 16384, thpAlwaysBytes: [65536] });
    expect(parse({ ...SEQ, mthp: '64K' }).thpAlwaysBytes).toEqual([65536]);
  });

  it('of allocator runs is passed over, with the reason', () => {
    expect(parseFootprintLine({ file: 'f', line: 1, value: { workload: 'heap', ops: 50 } })).toEqual({
      file: 'f',
      line: 1,
      workload: 'heap',
      reason: 'needs a recorded trace of the allocator',
    });
  });

  it('is refused with its place where it is none', () => {
    expect(refusal({ mb: 1 })).toMatch(/^ANSWERS_MALFORMED: it names no workload \(f\.ndjson:7\)/);
    expect(refusal({ ...SEQ, mb: 'many' })).toMatch(/^ANSWERS_MALFORMED: mb: /);
    expect(refusal({ ...SEQ, workload: 'dance' })).toMatch(/^ANSWERS_MALFORMED: workload: /);
    expect(refusal({ ...SEQ, page: 8192 })).toMatch(/^ANSWERS_MALFORMED: page: /);
    expect(refusal({ ...SEQ, kernel: '64K' })).toContain('kernel 64K has no pages of 4096 bytes');
    expect(refusal({ ...SEQ, mthp: 'big' })).toContain('mthp: "big" is neither never nor a size');
    expect(refusal({ ...SEQ, workload: 'sparse', stride: 0 })).toContain('stride: ');
    expect(refusal({ workload: 'tree', files: 3, bytes: 9, page: 4096 })).toContain('no list of the sizes of 3 files');
  });
});

describe('a workload', () => {
  it('draws its random places as the C program does', () => {
    // xorshift64 of 88172645463325252 by 13, 7, 17: the first number is 8748534153485358512.
    const first = (8_748_534_153_485_358_512n >> 16n) & 0xffff_ffffn;
    expect(randomOffsets(1, 2 ** 26)).toEqual([Number((first * 4096n) % 2n ** 26n)]);
    expect(randomOffsets(100, 3 * 2 ** 20).every((offset) => offset % 4096 === 0 && offset < 3 * 2 ** 20)).toBe(true);
  });

  it('is one trace for each process, and the parent of a fork outlives what its child does', () => {
    const { parent, child } = workloadTraces({ kind: 'cow', lengthBytes: 2 ** 20, strideBytes: 4096 }, 4096);
    expect(child?.references).toBeGreaterThan(512);
    expect(parent.references).toBeGreaterThan((child?.references ?? 0) * 100_000);
    expect(workloadTraces({ kind: 'seq', lengthBytes: 2 ** 20 }, 16384).child).toBeNull();
  });

  it('copies in the child what the parent holds on to', () => {
    const { measured } = run({ kind: 'cow', lengthBytes: 2 ** 20, strideBytes: 4096 }, 65536, 4096);
    expect(measured?.counters).toMatchObject({ minflt: 16, dRssAnonKB: 0, dVmPteKB: 0 });
  });

  it('counts page tables of the page size of the process, whatever the kernel has beside them', () => {
    const work: Workload = { kind: 'seq', lengthBytes: 4 * 2 ** 20 };
    const tables = [run(work, 4096), run(work, 65536), run(work, 65536, 4096)].map(({ measured }) => measured);
    expect(tables.map((measured) => measured?.counters.dVmPteKB)).toEqual([12, 64, 64]);
  });

  it('says so where the model fails or the program ends too early', () => {
    const system = footprintSystem(
      { kind: 'seq', lengthBytes: 2 ** 20 },
      { kernelPageBytes: 4096, pageBytes: 4096, thpAlwaysBytes: [] },
    );
    const ended = runFootprint({ ...system, topology: { ...system.topology, limits: { events: 100 } } });
    expect(ended.measured).toBeNull();
    expect(ended.failure).toMatch(/^RUN_LIMIT/);
  });
});

describe('the comparison of counters', () => {
  const counters = { minflt: 4096, dRssAnonKB: 16384, dRssFileKB: 0, dVmPteKB: 36, dCachedKB: 0 };
  const answered = (change: Partial<typeof counters>): FootprintRun => {
    const measured = { counters: { ...counters, ...change }, majflt: 0, beginSeq: 1, endSeq: 2 };
    return { measured, failure: null, events: 3 };
  };

  it('allows the faults of the program text, sixteen pages of cache after a tree, and nothing else', () => {
    const line = parse({ ...SEQ, dVmPteKB: 36, dCachedKB: 0 });
    const passes = (change: Partial<typeof counters>): boolean => compareFootprint(line, answered(change)).passed;
    expect([passes({}), passes({ minflt: 4104 }), passes({ minflt: 4088 }), passes({ minflt: 4105 })]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(passes({ dCachedKB: 4096 })).toBe(true);
    expect([passes({ dRssAnonKB: 16380 }), passes({ dVmPteKB: 40 })]).toEqual([false, false]);
    const tree = parse({ workload: 'tree', files: 284, bytes: 913345, page: 4096, dCachedKB: 0 });
    expect(compareFootprint(tree, answered({ dCachedKB: 64 })).passed).toBe(true);
    expect(compareFootprint(tree, answered({ dCachedKB: 68 })).passed).toBe(false);
  });

  it('asks only for what the line has, and fails a line that the model could not run', () => {
    const line = parse(SEQ);
    expect(compareFootprint(line, answered({})).checks.map(({ field }) => field)).toEqual(['minflt', 'dRssAnonKB']);
    const failed = compareFootprint(line, { measured: null, failure: 'RUN_LIMIT', events: 9 });
    expect(failed.passed).toBe(false);
    expect(failed.checks.map(({ model, agrees }) => [model, agrees])).toEqual([
      [null, false],
      [null, false],
    ]);
  });

  it('counts agreement by workload and field, and keeps the first difference', () => {
    const tally = new FootprintTally();
    tally.add(compareFootprint(parse(SEQ), answered({})));
    tally.add(compareFootprint(parse(SEQ), answered({ minflt: 1 })));
    tally.add(compareFootprint(parse({ ...SEQ, mb: 32 }), answered({ dRssAnonKB: 1 })));
    const { lines, failedLines, checks, differences, events, first } = tally;
    expect({ lines, failedLines, checks, differences, events }).toEqual({
      lines: 3,
      failedLines: 2,
      checks: 6,
      differences: 2,
      events: 9,
    });
    expect(first?.run.measured?.counters.minflt).toBe(1);
    expect(tally.rows().map(({ workload, fields }) => [workload, fields.get('minflt')])).toEqual([
      ['seq', { checks: 3, agreed: 2 }],
    ]);
  });
});
