import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { RunSource, TraceCall } from '../../src/mm/runs.ts';
import { checkCover } from '../../src/trace/cover.ts';
import { relayoutTrace } from '../../src/trace/copyTrace.ts';
import { openTrace, verifyTrace } from '../../src/trace/gtrReader.ts';
import { Layout } from '../../src/trace/layout.ts';
import { traceFromSteps } from '../../src/trace/memoryTrace.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { relayout } from '../../src/trace/relayout.ts';
import { ProgramMaker } from './programMaker.ts';
import { blocksOf, errorOf, temporaryFolder } from './helpers.ts';

const SIZES = [16384, 65536] as const;
const PAGE = 4096;

/** The calls of a trace, in order. */
function callsOf(source: RunSource): TraceCall[] {
  return blocksOf(source).flatMap((block) => block.calls);
}

/** Kind and counts of every run: what a relayout must leave alone. */
function countsOf(source: RunSource): unknown[] {
  return blocksOf(source).map(({ kind, accesses, references, continued }) => [kind, accesses, references, continued]);
}

/** For each page index its first and last run. */
function lifetimes(source: RunSource): [number, number][] {
  const spans: [number, number][] = [];
  for (const block of blocksOf(source)) {
    for (let at = 0; at < block.count; at += 1) {
      if (block.kind[at] === 3) continue;
      const run = block.firstRun + at;
      spans[block.page[at]] = [spans[block.page[at]]?.[0] ?? run, run];
    }
  }
  return spans;
}

/** Two pages that lived at one time and were two stay two. */
function expectDistinct(before: RunSource, after: RunSource): void {
  const spans = lifetimes(before);
  const holders = new Map<number, number[]>();
  for (let index = 0; index < before.pages.length; index += 1) {
    for (const other of holders.get(after.pages[index]) ?? []) {
      const apart = spans[index][0] > spans[other][1] || spans[other][0] > spans[index][1];
      expect(apart || before.pages[index] === before.pages[other]).toBe(true);
    }
    holders.set(after.pages[index], [...(holders.get(after.pages[index]) ?? []), index]);
  }
}

/** An access through a mapping of a file that kept its name still goes to the same byte of it. */
function expectSameBytes(before: RunSource, after: RunSource, pageBytes: number): void {
  const layouts = [before, after].map((source, at) => {
    const layout = new Layout(at === 0 ? PAGE : pageBytes);
    for (const { addr, lengthBytes, prot, file, offsetBytes } of source.image) {
      layout.place({ start: addr, end: addr + lengthBytes }, prot, file, offsetBytes);
    }
    return layout;
  });
  for (const [index, block] of blocksOf(before).entries()) {
    const moved = after.block(index);
    for (let at = 0; at < block.count; at += 1) {
      if (block.kind[at] === 3) {
        layouts[0].apply(block.calls[block.page[at]]);
        layouts[1].apply(moved.calls[block.page[at]]);
        continue;
      }
      const addresses = [before, after].map((source) => source.pages[block.page[at]] * PAGE);
      const [old, now] = layouts.map((layout, which) => {
        const mapping = layout.find(addresses[which]);
        return mapping && { file: mapping.file, offset: mapping.offsetBytes + addresses[which] - mapping.start };
      });
      if (typeof old?.file === 'string' && now?.file === old.file) expect(now.offset).toBe(old.offset);
    }
  }
}

describe('relayout', () => {
  for (const name of ['true', 'git-log', 'python-json', 'sqlite']) {
    it(`of ${name}-kernel gives a program that could have run on 16K and 64K pages`, () => {
      const trace = openTrace(`fixtures/traces/${name}-kernel.gtr`);
      expect(checkCover(trace, PAGE)).toEqual([]);
      for (const size of SIZES) {
        const moved = relayout(trace, size);
        expect(checkCover(moved, size)).toEqual([]);
        expectDistinct(trace, moved);
        expect([moved.runs, moved.references, moved.command]).toEqual([trace.runs, trace.references, trace.command]);
      }
      trace.close();
    });
  }

  it('of any program: aligned calls, every access allowed, no two pages made one, runs unchanged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(99), fc.nat(1000), fc.nat(1000)), { minLength: 5, maxLength: 120 }),
        (choices) => {
          const maker = new ProgramMaker();
          for (const [what, first, second] of choices) maker.step(what, first, second);
          const trace = traceFromSteps(maker.steps, { image: maker.image, files: maker.files() });
          expect(checkCover(trace, PAGE)).toEqual([]);
          for (const size of SIZES) {
            const moved = relayout(trace, size);
            expect(checkCover(moved, size)).toEqual([]);
            expect(countsOf(moved)).toEqual(countsOf(trace));
            expectDistinct(trace, moved);
            expectSameBytes(trace, moved, size);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('links a library again, keeps the name of a data file, and lets .bss go on in the last page of .data', () => {
    const file = 'libx.so';
    const steps: TraceStep[] = [
      map(0x40000, 0x9000, 1, 0x802, file, 0),
      map(0x42000, 0x3000, 5, 0x812, file, 0x2000),
      map(0x45000, 0x2000, 3, 0x812, file, 0x4000),
      map(0x47000, 0x2000, 3, 0x32, null, 0),
      map(0x60000, 0x3000, 1, 2, 'data', 0x5000),
      { op: 'mprotect', addr: 0x45000, lengthBytes: 0x1000, prot: 1 },
      { access: 'X', addr: 0x42010 },
      { access: 'W', addr: 0x46010 },
      { access: 'W', addr: 0x48010 },
      { access: 'R', addr: 0x61010 },
    ];
    const files = [
      { path: file, sizeBytes: 0x6000 },
      { path: 'data', sizeBytes: 0x8000 },
    ];
    const moved = relayout(traceFromSteps(steps, { image: [], files }), 65536);
    expect(callsOf(moved)).toEqual([
      map(0x400000, 0x40000, 1, 0x802, 'libx.so~64K', 0),
      map(0x410000, 0x10000, 5, 0x812, 'libx.so~64K', 0x10000),
      map(0x420000, 0x20000, 3, 0x812, 'libx.so~64K', 0x20000),
      { op: 'other', name: 'mmap' },
      map(0x440000, 0x10000, 1, 2, 'data', 0),
      { op: 'mprotect', addr: 0x420000, lengthBytes: 0x10000, prot: 1 },
    ]);
    expect([...moved.pages]).toEqual([0x410, 0x430, 0x432, 0x446]);
    expect(moved.files.map((known) => known.path)).toEqual(['libx.so~64K', 'data']);
  });

  it('uses the place of what was unmapped again', () => {
    const steps: TraceStep[] = [];
    for (let at = 0; at < 9; at += 1) {
      steps.push(map(0x40000 + at * 0x4000, 0x2000, 3, 0x22, null, 0), { access: 'W', addr: 0x40000 + at * 0x4000 });
      steps.push({ op: 'munmap', addr: 0x40000 + at * 0x4000, lengthBytes: 0x2000 });
    }
    const moved = relayout(traceFromSteps(steps), 16384);
    expect(Math.max(...moved.pages) - Math.min(...moved.pages)).toBe(0);
  });

  it('shifts heap and stack as they are', () => {
    const steps: TraceStep[] = [
      { op: 'brk', addr: 0x35000 },
      { op: 'brk', addr: 0x39000 },
      { access: 'W', addr: 0x36008 },
      { access: 'W', addr: 0x7ffff010 },
    ];
    const image = [
      { kind: 'stack' as const, addr: 0x7fffd000, lengthBytes: 0x5000, prot: 3, file: null, offsetBytes: 0 },
    ];
    const moved = relayout(traceFromSteps(steps, { image }), 65536);
    expect(callsOf(moved)).toEqual([
      { op: 'brk', addr: 0x400000 },
      { op: 'brk', addr: 0x404000 },
    ]);
    expect(moved.image).toEqual([{ ...image[0], addr: 0x80000000, lengthBytes: 0x10000 }]);
    expect([...moved.pages]).toEqual([0x401, 0x8000d]);
  });

  it('gives the same trace in memory and on disk', async () => {
    const out = join(temporary, 'moved.gtr');
    const done = await relayoutTrace('fixtures/traces/true-kernel.gtr', 65536, out);
    const trace = openTrace('fixtures/traces/true-kernel.gtr');
    expect(done.hash).toBe(relayout(trace, 65536).hash);
    expect(done.hash).not.toBe(relayout(trace, 16384).hash);
    expect(verifyTrace(out).hash).toBe(done.hash);
    trace.close();
    const again = await errorOf(() => relayoutTrace(out, 65536, out));
    expect(again.code).toBe('TRACE_LAYOUT');
  });

  it('refuses an access that no mapping covers', async () => {
    const trace = traceFromSteps([{ access: 'R', addr: 0x9000 }], { image: [] });
    expect((await errorOf(() => relayout(trace, 16384))).format()).toMatch(/^TRACE_LAYOUT: .*0x9000.*run 0/);
  });
});

const temporary = temporaryFolder();

function map(
  addr: number,
  lengthBytes: number,
  prot: number,
  flags: number,
  file: string | null,
  offsetBytes: number,
): TraceCall {
  return { op: 'mmap', addr, lengthBytes, prot, flags, file, offsetBytes };
}
