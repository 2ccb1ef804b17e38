/**
 * The topologies of memory pressure that come with the package: what they show, in the checked mode, and that their logs
 * replay; and the slow path together with kswapd and swap.
 *
 * @models S-14 S-15 S-23 L-04 D-12
 */
import { describe, expect, test } from 'vitest';
import { plainContext, ResourceHolder, reviveContext } from '../../machines/index.ts';
import { defaultCosts } from '../../src/arch/costs.ts';
import { liveStates } from '../../src/report/actorStates.ts';
import { pressureLines } from '../../src/report/pressureSummary.ts';
import { summarize } from '../../src/report/runSummary.ts';
import { formatDivergence } from '../../src/timeline/divergence.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { fragmenter, mb, outcomeOf, touch, underPressure } from './support/pressure.ts';

function summaryOf(name: string) {
  const topology = loadTopology(name);
  const { system } = runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked: true,
  });
  return summarize(liveStates(system));
}

describe('the topology', () => {
  test('compaction-beside-64k shows compaction at work', () => {
    const { processes, pressure } = summaryOf('compaction-beside-64k');
    expect(processes.map(({ end, fallbacks }) => [end, fallbacks])).toEqual([
      ['exited', 0],
      ['exited', 0],
    ]);
    expect(pressure?.compaction.movedPages).toBeGreaterThan(0);
    expect(pressure?.failures).toEqual({});
  });

  test('order-4-demand shows a page size that memory cannot serve, and one that it can', () => {
    const { processes, pressure } = summaryOf('order-4-demand');
    expect(processes.map(({ pid, end }) => [pid, end.split(' ')[0]])).toEqual([
      [16, 'exited'],
      [64, 'SIGBUS'],
    ]);
    expect(pressure?.failures).toEqual({ 4: 1 });
    expect(pressureLines(pressure ?? expect.fail('it has a slow path'))[0]).toContain('failed: 1 of order 4');
  });

  test('out-of-memory shows whom the killer takes', () => {
    const { processes, pressure } = summaryOf('out-of-memory');
    expect(pressure?.killed).toEqual([64]);
    expect(processes.find(({ pid }) => pid === 4)?.end).toBe('exited');
  });

  test.each(['compaction-beside-64k', 'order-4-demand', 'out-of-memory'])('%s replays', (name) => {
    const topology = loadTopology(name);
    const traces = loadTraces(topology, { folders: [] });
    const reader = runInMemory(topology, traces);
    const replayed = replay(reader, traces);
    expect(replayed.divergence === null ? '' : formatDivergence(replayed.divergence)).toBe('');
    expect(replayed.headHash).toBe(reader.headHash);
  });
});

test('a zone with page blocks is the same after its state was written and read', () => {
  const { zone } = outcomeOf(underPressure({}, [{ pid: 1, pageSize: '4K', program: touch(mb(1), 4096) }]));
  const plain = JSON.parse(JSON.stringify(plainContext(zone))) as Record<string, unknown>;
  const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
  expect(plainContext(reviveContext('zone', plain, resources))).toEqual(plain);
});

describe('with kswapd and swap', () => {
  test('an allocation of order 4 waits for reclaim and compaction together, and nobody is killed', () => {
    const { process, meter, pageAlloc, zone } = outcomeOf(
      underPressure(
        {},
        [
          { pid: 1, pageSize: '4K', program: fragmenter(mb(6), 40), cpu: 0 },
          { pid: 2, pageSize: '64K', cpu: 1, startCycles: 2_600_000, program: touch(mb(9), 65536) },
        ],
        { reclaim: { swap: { size: '32M' } } },
      ),
    );
    expect([process(1).signal, process(2).signal]).toEqual([0, 0]);
    expect(meter.measures().killed).toEqual([]);
    expect(pageAlloc.steps.reclaim).toBeGreaterThan(0);
    expect(pageAlloc.failures).toEqual({});
    expect(zone.reclaim?.stalls).toBeGreaterThan(0);
  });
});

test('with khugepaged: a huge page that is collapsed waits for compaction, which moves 64K pages for it, and kills nobody', () => {
  const base = JSON.parse(JSON.stringify(loadTopology('khugepaged-64k'))) as Record<string, unknown>;
  const topology = parseTopology({ ...base, memory: '8M', zone: { migrateTypes: true } }, 'test');
  const traces = loadTraces(topology, { folders: [] });
  const { system } = runTopology({ topology, traces, writer: null, checked: true });
  const { processes, pressure } = summarize(liveStates(system));
  expect(processes.map(({ end }) => end)).toEqual(['exited', 'exited']);
  expect(pressure?.slowAllocations[9]).toBeGreaterThan(0);
  expect(pressure?.compaction.movedPages).toBeGreaterThan(16);
  expect(pressure?.killed).toEqual([]);
});

describe('a topology without the field', () => {
  test('has no slow path, no compactor, and a zone with nothing of it', () => {
    const topology = parseTopology(
      { name: 'plain', memory: '8M', processes: [{ pid: 1, pageSize: '64K', program: touch(mb(1), 65536) }] },
      'test',
    );
    const traces = loadTraces(topology, { folders: [] });
    const { system } = runTopology({ topology, traces, writer: null });
    expect(liveStates(system).map(({ actor }) => actor)).not.toContain('page-alloc');
    expect(Object.keys(plainContext(system.snapshot('zone').context))).not.toContain('pressure');
    expect(summarize(liveStates(system)).pressure).toBeUndefined();
  });
});
