/**
 * Limits and charges in process pages: a 64K process on a 4K kernel meets the limit where it does on a 64K kernel.
 *
 * @models D-17
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import '../support/propertySeed.ts';

const BASE = 0x2_0000_0000;

interface Step {
  op: string;
  [field: string]: unknown;
}

/** What each call returned, as a process of 64K pages with such limits. */
function answers(kernelPageSize: '4K' | '64K', program: Step[], limits: object): unknown[] {
  const process = { pid: 1, pageSize: '64K', program, ...limits };
  const topology = parseTopology({ name: 'limits', memory: '64M', kernelPageSize, processes: [process] }, 'test');
  const seen: unknown[] = [];
  runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    onRecord: ({ type, payload }) => {
      if (type !== 'SYSRET') return;
      const { result, errno } = payload as { result: number; errno: number };
      seen.push([result, errno]);
    },
  });
  return seen;
}

test('limits that are no whole pages refuse the same calls on both kernels', () => {
  const length = fc.integer({ min: 1, max: 300_000 });
  const page = fc.nat(20).map((at) => BASE + at * 65536);
  const step = fc.oneof(
    fc.record({
      op: fc.constant('mmap'),
      addr: page,
      lengthBytes: length,
      flags: fc.constant('PRIVATE|ANONYMOUS|FIXED'),
    }),
    fc.record({ op: fc.constant('mlock'), addr: fc.nat(1_000_000).map((at) => BASE + at), lengthBytes: length }),
    fc.record({ op: fc.constant('munmap'), addr: page, lengthBytes: length }),
    fc.record({ op: fc.constant('brk'), addr: fc.integer({ min: 0x540000, max: 0x600000 }) }),
    fc.record({ op: fc.constant('mremap'), addr: page, oldLengthBytes: length, newLengthBytes: length }),
  );
  const limits = fc.record({
    memlock: fc.integer({ min: 60_000, max: 700_000 }),
    addressSpaceLimit: fc.integer({ min: 1_200_000, max: 3_000_000 }),
    dataLimit: fc.integer({ min: 400_000, max: 2_000_000 }),
  });
  let refused = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 12 }), limits, (program, given) => {
      const real = answers('64K', program, given);
      expect(answers('4K', program, given)).toEqual(real);
      refused += real.filter((answer) => [11, 12].includes((answer as [number, number])[1])).length;
    }),
    { numRuns: 60 },
  );
  expect(refused).toBeGreaterThan(20);
});
