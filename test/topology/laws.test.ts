/**
 * The checked mode finds what breaks conservation of memory or leaves a stale translation.
 *
 * @models S-12 S-38
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import type { System } from '../../src/runtime/system.ts';
import { Laws } from '../../src/topology/laws.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { fuzzWorld } from '../machines/support/fuzz.ts';
import { mapAnon, program, UNIT } from '../machines/support/programs.ts';
import { topologyOf, worldOf } from '../machines/support/world.ts';

const AREA = 0x1000_0000;

function run(system: System, laws: Laws | null): number {
  const began = performance.now();
  for (let record = system.step(); record !== null; record = system.step()) laws?.check(record, system);
  return performance.now() - began;
}

describe('the laws', () => {
  test('hold at every event of random worlds', () => {
    const seeds = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(seeds, (seed) => {
        const laws = new Laws();
        run(fuzzWorld(seed).system, laws);
        expect(laws.checked).toBeGreaterThan(0);
      }),
      { numRuns: 40 },
    );
  });

  test('cost less than ten times the run', () => {
    const seeds = [11, 12, 13, 14, 15, 16];
    run(fuzzWorld(10).system, new Laws());
    const plain = seeds.reduce((sum, seed) => sum + run(fuzzWorld(seed).system, null), 0);
    const checked = seeds.reduce((sum, seed) => sum + run(fuzzWorld(seed).system, new Laws()), 0);
    expect(checked / plain).toBeLessThan(10);
  });

  test('name law 8 and the event where a flush does not reach a translation', () => {
    const write: TraceStep = { access: 'W', addr: AREA, sizeBytes: 8 };
    const protect: TraceStep = { op: 'mprotect', addr: AREA, lengthBytes: UNIT, prot: 1 };
    const steps = program([mapAnon(AREA, 1), write, protect]);
    const processes = [{ pid: 1, trace: 'made', pageSize: '64K', layout: '64K' }];
    const worldWith = (tlbiOperands: 'process-page' | 'kernel-page') =>
      worldOf(topologyOf({ processes, design: { tlbiOperands } }), new Map([[1, steps]]));
    expect(() => run(worldWith('process-page'), new Laws())).not.toThrow();
    expect(() => run(worldWith('kernel-page'), new Laws())).toThrow(/law 8 after event \d+ \(TLBI_DONE to mmu:1\)/);
  });

  test('name law 7 where a frame is lost', () => {
    const zone = { buddy: { freeFrames: 90 }, folios: { frames: 9 }, totalPages: 100 };
    const system = { snapshot: () => ({ context: zone }) } as unknown as System;
    const record = { seq: 3, to: 'zone', type: 'PUT' } as unknown as MessageRecord;
    expect(() => new Laws().check(record, system)).toThrow('90 free and 9 used frames are not 100');
  });
});
