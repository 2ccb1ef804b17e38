import { describe, expect, it } from 'vitest';

import { traceFromSteps } from '../../src/trace/memoryTrace.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { BLOCK_RUNS } from '../../src/trace/runBuilder.ts';
import { blocksOf, rowsOf } from './helpers.ts';

const X = (addr: number, sizeBytes = 4) => ({ access: 'X' as const, addr, sizeBytes });
const R = (addr: number, sizeBytes = 4) => ({ access: 'R' as const, addr, sizeBytes });
const W = (addr: number, sizeBytes = 4) => ({ access: 'W' as const, addr, sizeBytes });
const M = (addr: number, sizeBytes = 4) => ({ access: 'M' as const, addr, sizeBytes });

describe('runs', () => {
  it('join consecutive accesses of one stream to one page, whatever the other stream does', () => {
    const trace = traceFromSteps([X(0x1000), R(0x5000), X(0x1004), R(0x5008), X(0x1008)]);
    expect(rowsOf(trace)).toEqual([
      ['X', 1, 3, 3, 0],
      ['R', 5, 2, 2, 0],
    ]);
  });

  it('split where a first write follows reads, and take later reads in', () => {
    const trace = traceFromSteps([R(0x5000), R(0x5000), W(0x5000), R(0x5000), W(0x5000)]);
    expect(rowsOf(trace)).toEqual([
      ['R', 5, 2, 2, 0],
      ['W', 5, 3, 3, 0],
    ]);
  });

  it('end a data run when a new fetch run begins', () => {
    const trace = traceFromSteps([X(0x1000), R(0x5000), X(0x2000), R(0x5000)]);
    expect(rowsOf(trace).map((row) => (Array.isArray(row) ? row[0] : row))).toEqual(['X', 'R', 'X', 'R']);
  });

  it('end at a system call', () => {
    const trace = traceFromSteps([X(0x1000), { op: 'other', name: 'getpid' }, X(0x1004)]);
    expect(rowsOf(trace)).toEqual([['X', 1, 1, 1, 0], { op: 'other', name: 'getpid' }, ['X', 1, 1, 1, 0]]);
  });

  it('count an access across a border in both pages, and its line in the first', () => {
    const trace = traceFromSteps([X(0x1ffe), X(0x2002), R(0x5ffc, 8), R(0x6004)]);
    expect(rowsOf(trace)).toEqual([
      ['X', 1, 1, 1, 0],
      ['X', 2, 2, 1, 1],
      ['R', 5, 1, 1, 0],
      ['R', 6, 2, 1, 1],
    ]);
  });

  it('take a modify as a load and then a store of one line', () => {
    expect(rowsOf(traceFromSteps([M(0x5000), M(0x5000)]))).toEqual([
      ['R', 5, 1, 1, 0],
      ['W', 5, 3, 1, 0],
    ]);
  });

  it('take a crossing modify as load, load, store, store', () => {
    expect(rowsOf(traceFromSteps([M(0x5ffc, 8)]))).toEqual([
      ['R', 5, 1, 1, 0],
      ['R', 6, 1, 0, 1],
      ['W', 5, 1, 0, 0],
      ['W', 6, 1, 0, 1],
    ]);
  });

  it('touch every page of an access larger than a page', () => {
    expect(rowsOf(traceFromSteps([W(0x5800, 0x2000)]))).toEqual([
      ['W', 5, 1, 1, 0],
      ['W', 6, 1, 0, 1],
      ['W', 7, 1, 0, 1],
    ]);
  });

  it('keep their order and counts across blocks, with a fetch run that a block border cuts through', () => {
    const steps: TraceStep[] = [X(0x1000)];
    for (let at = 0; at < BLOCK_RUNS; at += 1) {
      if (at === 50_000) steps.push(X(0x2000));
      steps.push(R(0x5000 + (at % 2) * 0x1000));
      if (at % 7 === 0) steps.push(X(at < 50_000 ? 0x1000 : 0x2000));
    }
    const trace = traceFromSteps(steps);
    const blocks = blocksOf(trace);
    expect(blocks.map((block) => block.count)).toEqual([BLOCK_RUNS, trace.runs - BLOCK_RUNS]);
    expect(trace.references).toBe(steps.length);
    const accesses = blocks.flatMap((block) => [...block.accesses]).reduce((sum, count) => sum + count, 0);
    expect(accesses).toBe(steps.length);
  });

  it('close a fetch run that holds a block back', () => {
    const steps: TraceStep[] = [X(0x1000)];
    for (let at = 0; at < 3 * BLOCK_RUNS; at += 1) steps.push(R(0x5000 + (at % 2) * 0x1000), X(0x1000));
    const kinds = blocksOf(traceFromSteps(steps)).flatMap((block) => [...block.kind]);
    expect(kinds.filter((kind) => kind === 0).length).toBeGreaterThan(1);
    expect(kinds.filter((kind) => kind === 1).length).toBe(3 * BLOCK_RUNS);
  });

  it('number the calls of each block from 0', () => {
    const steps = [];
    for (let at = 0; at < BLOCK_RUNS; at += 1) steps.push({ op: 'other' as const, name: `call${at}` }, X(0x1000));
    const trace = traceFromSteps(steps);
    const last = rowsOf(trace).filter((row) => !Array.isArray(row));
    expect(last).toEqual(Array.from({ length: BLOCK_RUNS }, (_, at) => ({ op: 'other', name: `call${at}` })));
  });

  it('give the pages of a new mapping at an old place new indexes', () => {
    const map = {
      op: 'mmap' as const,
      addr: 0x8000,
      lengthBytes: 4096,
      prot: 3,
      flags: 0x22,
      file: null,
      offsetBytes: 0,
    };
    const trace = traceFromSteps([map, W(0x8000), { op: 'munmap', addr: 0x8000, lengthBytes: 1 }, map, W(0x8000)]);
    expect([...trace.pages]).toEqual([8, 8]);
  });

  it('hold pages of the whole 64-bit address space', () => {
    expect(rowsOf(traceFromSteps([R(2 ** 53 - 4096, 1)]))).toEqual([['R', 2 ** 41 - 1, 1, 1, 0]]);
  });
});
