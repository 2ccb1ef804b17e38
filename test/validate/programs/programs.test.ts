/**
 * Whole programs against what real kernels counted (`fixtures/oracle/programs.ndjson`), and the rules that the comparison rests on.
 *
 * @models S-02 S-23
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareProgram, type ProgramOutcome } from '../../../src/validate/programs/programCompare.ts';
import { parseProgramLine, type ProgramLine } from '../../../src/validate/programs/programLine.ts';
import { type ProgramAnswers, runProgram } from '../../../src/validate/programs/programRun.ts';
import { ProgramShelf } from '../../../src/validate/programs/programTraces.node.ts';
import { COUNTER_BATCH_PAGES, ResidentBatches } from '../../../src/validate/programs/residentBatches.ts';
import { fixture } from '../../cli/harness.ts';
import { errorOf } from '../../trace/helpers.ts';

const lines = readFileSync(fixture('oracle/programs.ndjson'), 'utf8')
  .trim()
  .split('\n')
  .map((text, at) => parseProgramLine({ file: 'programs.ndjson', line: at + 1, value: JSON.parse(text) as unknown }));

/** Plays the lines that `wanted` picks, each program once for cold and warm. */
function outcomesOf(wanted: (line: ProgramLine) => boolean, kernelOf: (line: ProgramLine) => number): ProgramOutcome[] {
  const shelf = new ProgramShelf();
  const runs = new Map<string, ProgramAnswers>();
  return lines.filter(wanted).map((line) => {
    const traces = shelf.tracesOf(line.program, line.pageBytes);
    if (traces === null) throw new Error(`${line.program} was not recorded`);
    const { pageBytes, thpAlwaysBytes } = line;
    const key = JSON.stringify([line.program, pageBytes, thpAlwaysBytes]);
    const design = { readOrder: 'process-page' as const };
    const answers =
      runs.get(key) ?? runProgram(traces, { kernelPageBytes: kernelOf(line), pageBytes, thpAlwaysBytes, design });
    runs.set(key, answers);
    return compareProgram(line, answers[line.cache], answers.ends);
  });
}

const saidOf = (outcomes: readonly ProgramOutcome[]): string[] =>
  outcomes
    .filter(({ passed }) => !passed)
    .map(({ line, checks, ends }) => `line ${line.line}: ${JSON.stringify(checks)} ${ends.join()}`);

describe('whole programs', () => {
  let plain: ProgramOutcome[] = [];
  beforeAll(() => {
    plain = outcomesOf(
      () => true,
      ({ pageBytes }) => pageBytes,
    );
  }, 120_000);

  it('take the faults and the memory that real kernels counted, within 15%: cold and warm, 4K, 16K, 64K, mTHP', () => {
    expect(lines.length).toBe(24);
    expect(plain.flatMap(({ checks }) => checks).length).toBe(48);
    expect(saidOf(plain)).toEqual([]);
  }, 60_000);

  it('of the two that run for long within 8% of faults and 5% of memory', () => {
    for (const { line, checks } of plain) {
      if (line.program.endsWith('-version')) continue;
      for (const { field, deviation } of checks) {
        expect(Math.abs(deviation), `line ${line.line}: ${field}`).toBeLessThanOrEqual(
          field === 'minflt' ? 0.08 : 0.05,
        );
      }
    }
  });

  it('of 16K and 64K are the same to the last fault as processes on a 4K kernel', () => {
    const larger = ({ pageBytes, program }: ProgramLine): boolean => pageBytes > 4096 && program.includes('sqlite3');
    const onSmall = outcomesOf(larger, () => 4096);
    const onOwn = plain.filter(({ line }) => larger(line));
    expect(onSmall.length).toBe(8);
    expect(onSmall.map(({ model }) => [model.minflt, model.maxRssKB])).toEqual(
      onOwn.map(({ model }) => [model.minflt, model.maxRssKB]),
    );
  }, 60_000);
});

describe('counters of resident pages', () => {
  it('are never seen to be a batch of each kind away from the truth, and never above the most that there was', () => {
    const counts = fc.array(fc.tuple(fc.nat(500), fc.nat(500)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(counts, (changes) => {
        const batches = new ResidentBatches();
        for (const [anon, file] of changes) batches.set(anon, file);
        const most = Math.max(...changes.map(([anon, file]) => anon + file));
        expect(Math.abs(most - batches.peakPages)).toBeLessThan(2 * COUNTER_BATCH_PAGES);
      }),
    );
  });

  it('read 2,048 kB for a small program on 64K pages, whatever it has below two batches', () => {
    const batches = new ResidentBatches();
    for (let pages = 1; pages <= 45; pages++) batches.set(Math.min(pages, 30), pages);
    expect(batches.peakPages * 64).toBe(2048);
  });
});

describe('lines about programs', () => {
  const read = (value: unknown): ProgramLine => parseProgramLine({ file: 'a.ndjson', line: 3, value });

  it('name their kernel in two ways', () => {
    const common = { cache: 'warm', program: 'x' };
    expect(read({ ...common, kernel: '4K', mthp: '64K' }).thpAlwaysBytes).toEqual([65536]);
    expect(read({ ...common, kernel: '4K+mthp64' }).thpAlwaysBytes).toEqual([65536]);
    expect(read({ ...common, page: 16384 }).pageBytes).toBe(16384);
  });

  it.each([
    ['without a kernel', { cache: 'warm', program: 'x' }],
    ['with a cache that is neither', { kernel: '4K', cache: 'hot', program: 'x' }],
    ['without a program', { kernel: '4K', cache: 'warm' }],
    ['with a size that is none', { kernel: '4K', mthp: 'some', cache: 'warm', program: 'x' }],
  ])('%s are refused', async (_what, value) => {
    expect((await errorOf(async () => read(value))).code).toBe('ANSWERS_MALFORMED');
  });
});
