/** Patterns as traces: the same on every machine, whole pages of the process, in their own ranges, in bounded memory. */
import { describe, expect, it } from 'vitest';
import { type ImageSegment, RUN_CALL, type RunSource, type TraceCall } from '../../src/mm/runs.ts';
import { checkCover } from '../../src/trace/cover.ts';
import { traceFromSteps, type TraceStep } from '../../src/trace/memoryTrace.ts';
import { generatedSource } from '../../src/trace/workloads/generatedSource.ts';
import { JavaHeap } from '../../src/trace/workloads/javaHeap.ts';
import { jvmHeap } from '../../src/trace/workloads/jvmHeap.ts';
import { interleaved } from '../../src/trace/workloads/mixture.ts';
import { FIRST_RANGE, RANGE_BYTES } from '../../src/trace/workloads/pattern.ts';
import { Ptmalloc } from '../../src/trace/workloads/ptmalloc.ts';
import { patternNames } from '../../src/trace/workloads/registry.ts';
import { workloadTrace } from '../../src/trace/workloads/workload.ts';
import { workloadSchema, type WorkloadInput } from '../../src/trace/workloads/workloadSchema.ts';
import { SAMPLES } from './samples.ts';

function trace(workload: WorkloadInput, pageBytes = 4096): RunSource {
  return workloadTrace(workloadSchema.parse(workload), pageBytes);
}

function callsOf(source: RunSource): TraceCall[] {
  const blocks = Math.ceil(source.runs / source.blockRuns);
  return Array.from({ length: blocks }, (_, index) => source.block(index).calls).flat();
}

describe('patterns', () => {
  it('have a sample each', () => {
    expect(Object.keys(SAMPLES).sort()).toEqual([...patternNames].sort());
  });

  it('are what they were, byte by byte, on whatever machine', () => {
    const hashes = Object.values(SAMPLES).map((workload) => {
      const [small, large] = [4096, 65536].map((pageBytes) => trace(workload, pageBytes).hash.slice(0, 12));
      return `${workload.pattern} ${small} ${large}`;
    });
    expect(hashes).toMatchInlineSnapshot(`
      [
        "sequential ebd2c1574e38 3f022c69b5a6",
        "strided 3e84488b311a 3e84488b311a",
        "random d75806b39b85 bfcab7ed5f5d",
        "zipf 2b8f86325fe3 2b8f86325fe3",
        "pointer-chase 03249c5f11e0 f110db0425c0",
        "fork-server 7ffea2e482a9 32db0d6bd7ee",
        "fork-child 9a8c7eb13b92 9a8c7eb13b92",
        "jvm-heap 1b2286660463 9efa33b15548",
        "allocator e2e4ec72b221 b68b90d866ca",
        "mmap-file-scan 871546bfbc05 07cf72899526",
        "seq 785d46fccb1b a6e14321b1d0",
        "sparse dcb519f3cbd6 29c42a2ecbf8",
        "rand 41b16124a17b 4ec92a1a8889",
        "randread e46d1e58b29c 9ceed3fb70f4",
        "cow 718727ea9c30 7cb979fe9982",
        "cow-child 918ee94233b9 b6f66ec20125",
        "tree de6893839e80 0b427b6ab350",
        "fmap 3ad33d93d4b6 7007cb46b12f",
        "fmapw 660a02518ffb 3fd831d1c749",
        "heap 2d932f3734c5 61170136b18c",
        "dontneed da116bd91ad6 e66ba49de4a8",
      ]
    `);
  });

  it.each(Object.values(SAMPLES))('$pattern touches only what it has mapped, in pages of each size', (workload) => {
    // A child has its parent's memory.
    if (workload.pattern === 'fork-child' || workload.pattern === 'cow-child') return;
    for (const pageBytes of [4096, 16384, 65536]) expect(checkCover(trace(workload, pageBytes), pageBytes)).toEqual([]);
  });

  it.each(Object.values(SAMPLES))('$pattern maps whole pages of the process', (workload) => {
    if (workload.pattern.startsWith('fmap')) return;
    for (const pageBytes of [16384, 65536]) {
      for (const call of callsOf(trace(workload, pageBytes))) {
        if (call.op !== 'mmap' && call.op !== 'mprotect' && call.op !== 'munmap') continue;
        expect([call.addr % pageBytes, call.lengthBytes % pageBytes], `${workload.pattern} ${call.op}`).toEqual([0, 0]);
      }
    }
  });

  it('draw other numbers for another seed', () => {
    for (const workload of [
      SAMPLES.random,
      SAMPLES.zipf,
      SAMPLES['pointer-chase'],
      SAMPLES['jvm-heap'],
      SAMPLES.allocator,
    ]) {
      expect(trace({ ...workload, seed: 2 }).hash).not.toBe(trace(workload).hash);
    }
  });

  it('say in their names what they are laid out for', () => {
    expect([4096, 16384, 65536].map((pageBytes) => trace(SAMPLES.zipf, pageBytes).name)).toEqual([
      'zipf',
      'zipf~16K',
      'zipf~64K',
    ]);
    expect(trace(SAMPLES.seq, 65536).name).toBe('seq~64K');
  });
});

describe('a trace made of steps that can be had again', () => {
  function* steps(): Generator<TraceStep> {
    for (let at = 0; at < 200_000; at += 1) {
      if (at % 1000 === 0) yield { op: 'madvise', addr: 2 ** 30, lengthBytes: 4096, advice: 4 };
      yield { access: 'X', addr: 4096 * (at % 2) };
      yield { access: 'W', addr: 2 ** 30 + 4096 * ((at * 7) % 1000) };
    }
  }
  const content = { name: 'long', command: '', image: [] as ImageSegment[], files: [], steps };
  const whole = traceFromSteps(steps(), { name: 'long', image: [], files: [] });
  const bounded = generatedSource({ ...content, keptBlocks: 2 });

  it('is what it is when all of it is kept', () => {
    expect(bounded.hash).toBe(whole.hash);
    expect([bounded.runs, bounded.references]).toEqual([whole.runs, whole.references]);
    expect(whole.runs / whole.blockRuns).toBeGreaterThan(6);
  });

  it('gives any block in any order, and the same one again', () => {
    for (const index of [5, 0, 6, 1, 3, 5, 2, 4, 0, 6]) expect(bounded.block(index)).toEqual(whole.block(index));
    expect(() => bounded.block(99)).toThrow('the trace has a block 99');
  });

  it('goes on from where others are, so that one pass makes each step once', () => {
    let made = 0;
    function* counted(): Generator<TraceStep> {
      for (const step of steps()) {
        made += 1;
        yield step;
      }
    }
    const source = generatedSource({ ...content, steps: counted, keptBlocks: 0 });
    made = 0;
    for (let index = 0; index < 7; index += 1) source.block(index);
    expect(made).toBeLessThanOrEqual(400_200);
  });
});

describe('mixtures', () => {
  const stream = (addr: number, count: number): TraceStep[] =>
    Array.from({ length: count }, (): TraceStep[] => [
      { access: 'X', addr: 0 },
      { access: 'R', addr },
    ]).flat();
  const taken = (mixed: Iterable<TraceStep>): number[] =>
    [...mixed].flatMap((step) => ('access' in step && step.access === 'R' ? [step.addr] : []));

  it('take turns by their shares, as evenly as may be', () => {
    const parts = [
      { share: 3, steps: stream(1, 6) },
      { share: 1, steps: stream(2, 2) },
    ];
    expect(taken(interleaved(parts, 1))).toEqual([1, 1, 2, 1, 1, 1, 2, 1]);
    expect(taken(interleaved(parts.toReversed(), 2))).toEqual([1, 1, 2, 2, 1, 1, 1, 1]);
  });

  it('go on without those that are over', () => {
    const parts = [
      { share: 1, steps: stream(1, 1) },
      { share: 1, steps: stream(2, 3) },
    ];
    expect(taken(interleaved(parts, 1))).toEqual([1, 2, 2, 2]);
  });

  it('give each pattern a range of its own, and leave programs where they are', () => {
    const source = trace({
      mixture: [
        { share: 2, ...SAMPLES.random },
        { share: 1, ...SAMPLES['mmap-file-scan'] },
        { share: 1, program: [{ op: 'store', addr: '0x500000', lengthBytes: '8K' }] },
        { share: 1, sequence: [SAMPLES.seq, SAMPLES.fmap] },
      ],
      sliceAccesses: 10,
    });
    const range = (page: number): number => Math.floor((page * 4096 - FIRST_RANGE) / RANGE_BYTES);
    expect([...new Set([...source.pages].map(range))].sort((a, b) => a - b)).toEqual([-1, 0, 1, 2, 3]);
    expect(source.files).toEqual([
      { path: '/data/file', sizeBytes: 200 * 1024 },
      { path: '/data/scanned', sizeBytes: 300 * 1024 },
    ]);
    expect(checkCover(source, 4096)).toEqual([]);
  });

  it('have all references of their parts, and so have sequences', () => {
    const [one, other] = [trace(SAMPLES.zipf), trace(SAMPLES.dontneed)];
    const sum = one.references + trace({ sequence: [SAMPLES.dontneed] }).references;
    expect(trace({ sequence: [SAMPLES.zipf, SAMPLES.dontneed] }).references).toBe(sum);
    expect(
      trace({
        mixture: [
          { share: 1, ...SAMPLES.zipf },
          { share: 5, ...SAMPLES.dontneed },
        ],
      }).references,
    ).toBe(sum);
    expect(other.references).toBeGreaterThan(0);
  });
});

describe('the allocator', () => {
  function made<T>(steps: Generator<TraceStep, T>): T {
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  }
  const arena = (): Ptmalloc => new Ptmalloc({ start: 0x10000, end: 0x40000, pageBytes: 4096, move: () => [] });

  it('gives a freed block of the size again, the last one first', () => {
    const heap = arena();
    const blocks = [100, 100, 100].map((bytes) => made(heap.malloc(bytes)));
    for (const block of blocks) made(heap.free(block));
    expect([made(heap.malloc(104)), made(heap.malloc(100))]).toEqual([blocks[2], blocks[1]]);
  });

  it('joins free neighbours and splits them again', () => {
    const heap = arena();
    const [first, second] = [2000, 2000].map((bytes) => made(heap.malloc(bytes)));
    made(heap.malloc(2000));
    made(heap.free(first));
    made(heap.free(second));
    expect(made(heap.malloc(3900))).toBe(first);
  });

  it('goes on in another heap when one of 64M is full, and touches nothing that is not writable', () => {
    const sizes = [{ leastBytes: 60_000, mostBytes: 120_000, percent: 100 }];
    const large = trace({ pattern: 'allocator', operations: 3000, arenas: 2, slots: 1200, sizes }, 65536);
    const reserved = callsOf(large).filter((call) => call.op === 'mmap');
    expect(reserved.map(({ addr }) => (addr - FIRST_RANGE) / 2 ** 26)).toEqual([0, 1, 2, 3]);
    expect(checkCover(large, 65536)).toEqual([]);
  });

  it('makes heaps of arenas writable page by page, beyond the first 132K', () => {
    const calls = callsOf(
      trace({ ...SAMPLES.allocator, arenas: 1, sizes: [{ leastBytes: 1000, mostBytes: 1000, percent: 100 }] }),
    );
    const grown = calls.flatMap((call) => (call.op === 'mprotect' ? [call.lengthBytes] : []));
    expect(grown[0]).toBe(0x21000);
    expect(new Set(grown.slice(1))).toEqual(new Set([4096]));
  });

  it('never has two live blocks on one byte', () => {
    const heap = new Ptmalloc({ start: 0x10000, end: 0x40000, pageBytes: 4096, move: () => [] });
    const live = new Map<number, number>();
    for (let at = 0; at < 5000; at += 1) {
      const [block] = live.keys();
      if (live.size > 200 && block !== undefined) {
        made(heap.free(block));
        live.delete(block);
      }
      const bytes = 16 + ((at * 7919) % 3000);
      live.set(made(heap.malloc(bytes)), bytes);
      if (at % 500 !== 0) continue;
      const sorted = [...live].sort(([a], [b]) => a - b);
      for (const [index, [addr]] of sorted.entries()) {
        const [before, size] = sorted[index - 1] ?? [0, 0];
        expect(before + size).toBeLessThanOrEqual(addr - 8);
      }
    }
  });
});

describe('the Java heap', () => {
  it('collects the young generation each time eden is full, and the old one when it may not hold what comes', () => {
    const given = jvmHeap.operands.parse({ youngBytes: '1M', oldBytes: '1M', survivingPercent: 30, objectBytes: 256 });
    const heap = new JavaHeap(given, { pageBytes: 4096, base: FIRST_RANGE });
    for (const step of heap.reserve()) expect('op' in step && step.op).toBe('mmap');
    let bytes = 0;
    while (bytes < 16 * 2 ** 20) {
      const steps = heap.allocate();
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      bytes += step.value;
    }
    const edenBytes = 2 ** 20 - 2 * Math.ceil(2 ** 20 / 10 / 4096) * 4096;
    expect(heap.youngCollections).toBe(Math.floor(bytes / edenBytes));
    expect(heap.oldCollections).toBeGreaterThan(0);
  });

  it('marks cards of the old generation, and reads them at the next collection', () => {
    const source = trace(SAMPLES['jvm-heap']);
    const calls = callsOf(source).filter(({ op }) => op === 'mmap');
    // Two are reserved, five spaces committed.
    expect(calls).toHaveLength(7);
    expect(source.block(0).kind.includes(RUN_CALL)).toBe(true);
  });
});
