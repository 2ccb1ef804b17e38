/**
 * Reclaim of the page cache, and of large folios of small processes.
 *
 * @models D-01 X-07 S-10
 */
import { describe, expect, test } from 'vitest';
import type { FileContext, MmContext } from '../../machines/index.ts';
import type { System } from '../../src/runtime/system.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { systemOf } from '../../src/topology/run.ts';
import { parseTopology, type TopologyInput } from '../../src/topology/schema.ts';
import { checkEnd } from '../machines/support/world.ts';
import { kswapdOf, runShadowed, swapOf, zoneOf } from './support/reclaimWorld.ts';

const BASE = '0x200000000';

function systemFor(input: Partial<TopologyInput>): System {
  const topology = parseTopology({ name: 'made', reclaim: {}, processes: [], ...input }, 'test');
  return systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
}

const fileOf = (system: System, path: string): FileContext => system.snapshot(`file:${path}`).context;
const mmOf = (system: System, pid: number): MmContext => system.snapshot(`mm:${pid}`).context;

describe.each(['4K', '64K'])('the page cache under a %s process', (pageSize) => {
  const map = (flags: string, prot: string) => ({
    op: 'mmap',
    addr: BASE,
    lengthBytes: '8M',
    prot,
    flags,
    file: '/data',
  });
  const files = [{ path: '/data', size: '8M', kind: 'xfs' as const }];
  const touch = (op: string) => ({ op, addr: BASE, lengthBytes: '8M', strideBytes: '64K' });

  test('gives clean pages up without a write, mapped as they are', () => {
    const program = [map('SHARED|FIXED', 'r'), touch('load'), touch('load'), { op: 'exit' }];
    const system = systemFor({ memory: '4M', files, processes: [{ pid: 1, pageSize, program }] as never });
    runShadowed(system);
    checkEnd(system, [1]);
    const { stolenPages, violations } = kswapdOf(system);
    expect(stolenPages).toBeGreaterThan(1000);
    expect([violations, mmOf(system, 1).fallbacks, fileOf(system, '/data').writtenPages]).toEqual([0, 0, 0]);
    expect(mmOf(system, 1).majorFaults).toBeGreaterThan(30);
  });

  test('writes dirty pages back before they go: every page that was written to is on the device, or still dirty', () => {
    const program = [map('SHARED|FIXED', 'rw'), touch('store'), touch('load'), { op: 'exit' }];
    const system = systemFor({ memory: '4M', files, processes: [{ pid: 1, pageSize, program }] as never });
    const dirtied = new Set<number>();
    const written = (): number => fileOf(system, '/data').writtenPages;
    for (let record = system.step(); record !== null; record = system.step()) {
      const { index, write } = record.payload as { index?: number; write?: boolean };
      if (record.type === 'GET_PAGES' && write === true) dirtied.add(index ?? -1);
    }
    checkEnd(system, [1]);
    expect(dirtied.size).toBe(128);
    const unit = pageSize === '4K' ? 1 : 16;
    const { dirtyPages } = fileOf(system, '/data').cache.counts;
    expect(written() + dirtyPages).toBeGreaterThanOrEqual(128 * unit);
    expect(kswapdOf(system).stolenPages).toBeGreaterThan(500);
    expect(kswapdOf(system).violations).toBe(0);
    expect(system.snapshot('process:1').context).toMatchObject({ signal: 0 });
  });

  test('lets anonymous memory stay where there is no swap, and an allocation fails when nothing is left to take', () => {
    const program = [
      { op: 'mmap', addr: BASE, lengthBytes: '8M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      touch('store'),
      { op: 'store', addr: BASE, lengthBytes: '8M', strideBytes: '4K' },
      { op: 'exit' },
    ];
    const system = systemFor({ memory: '4M', processes: [{ pid: 1, pageSize, program }] as never });
    runShadowed(system);
    expect(system.snapshot('process:1').context).toMatchObject({ signal: 9 });
    expect(zoneOf(system).failures).toBe(1);
    expect(zoneOf(system).reclaim?.stalled).toEqual([]);
    expect(zoneOf(system).folios.framesByKind.anon).toBe(0);
  });
});

test('a 64K folio of a 4K process goes to swap as a whole, and comes back page by page', () => {
  const program = [
    { op: 'mmap', addr: BASE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '64K' },
    { op: 'madvise', addr: BASE, lengthBytes: '1M', advice: 'PAGEOUT' },
    { op: 'load', addr: BASE, lengthBytes: '64K', strideBytes: '4K' },
    { op: 'store', addr: BASE, lengthBytes: '64K', strideBytes: '4K' },
    { op: 'exit' },
  ];
  const system = systemFor({
    memory: '16M',
    reclaim: { swap: { size: '16M' } },
    design: { thp: { enabled: 'always', sizes: { '64K': 'always' } } },
    processes: [{ pid: 1, pageSize: '4K', program }] as never,
  });
  runShadowed(system);
  checkEnd(system, [1]);
  expect(kswapdOf(system).writtenPages).toBe(256);
  expect([mmOf(system, 1).majorFaults, swapOf(system).readPages]).toEqual([16, 16]);
  expect(swapOf(system).map.freeSlots).toBe(4096);
});
