/**
 * Compaction in whole systems, in the checked mode: what is moved stays where its owner sees it.
 *
 * @models S-14 L-04 D-07 D-12 S-10
 */
import { describe, expect, test } from 'vitest';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { Laws } from '../../src/topology/laws.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { systemOf } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { Contents } from './support/contents.ts';
import { AREA, compactorOf, fragmenter, mb, outcomeOf, punch, touch, underPressure } from './support/pressure.ts';

/** Calls that take a while: where deliveries know no time, whoever is to be later has more to do before. */
function idle(calls: number) {
  return Array.from({ length: calls }, () => ({ op: 'mincore', addr: 0x500000, lengthBytes: 65536 }) as const);
}

/** A 4K load that breaks memory up and goes on, and a 64K process that begins then. */
function beside(laps = 60): TopologyInput['processes'] {
  return [
    { pid: 1, pageSize: '4K', program: fragmenter(mb(6), laps), cpu: 0 },
    { pid: 2, pageSize: '64K', cpu: 1, startCycles: 2_600_000, program: touch(mb(3), 65536) },
  ];
}

describe('a 64K process beside a 4K load that breaks memory up', () => {
  test('gets its pages by compaction, and none of its groups is torn', () => {
    const { system, process, mm, meter } = outcomeOf(underPressure({ compaction: 'direct' }, beside()));
    const { orders, compaction, firstFailureCycles, stalls } = meter.measures();
    expect([process(2).value, process(2).signal, mm(2).fallbacks]).toEqual(['zombie', 0, 0]);
    expect(orders[4]).toMatchObject({ asked: 50, failed: 0, fellBack: 0 });
    expect(orders[4].slow).toBeGreaterThan(0);
    expect(firstFailureCycles).toBeNull();
    expect(compaction.movedPages).toBeGreaterThan(0);
    expect(compaction.movedPages).toBe(compactorOf(system).counts.isolatedPages);
    expect(stalls.mostCycles).toBeGreaterThan(10 * 2000);
  });

  test('fails without compaction, though most of memory is free', () => {
    const rules = { compaction: 'none' as const, allocationFailure: 'fail-fault' as const };
    const { process, meter, zone } = outcomeOf(underPressure(rules, beside()));
    expect([process(2).value, process(2).signal]).toEqual(['zombie', 7]);
    expect(meter.measures().orders[4].failed).toBe(1);
    expect(meter.measures().firstFailureCycles).toBeGreaterThan(2_600_000);
    expect(zone.buddy.freeFrames).toBeGreaterThan(zone.totalPages / 2);
  });

  test('does not notice where kcompactd makes blocks in the background, but for the first', () => {
    const { system, process, meter } = outcomeOf(underPressure({ compaction: 'both' }, beside()));
    expect(process(2).signal).toBe(0);
    expect(compactorOf(system).counts.wakes).toBeGreaterThan(0);
    expect(meter.measures().orders[4].failed).toBe(0);
  });

  test('holds of 32K are no help: the index says that memory is short, and nothing is compacted', () => {
    // Every other 32K free is index 497, below the threshold of 500 (`sysctl_extfrag_threshold`).
    const program = [
      ...touch(mb(6), 4096),
      ...punch(mb(6), { keepBytes: 32768 }),
      ...Array.from(
        { length: 60 },
        () => ({ op: 'load', addr: AREA + 32768, lengthBytes: mb(6), strideBytes: 65536 }) as const,
      ),
    ];
    const rules = { compaction: 'direct' as const, allocationFailure: 'fail-fault' as const };
    const [load, other] = beside();
    const { process, meter } = outcomeOf(underPressure(rules, [{ ...load, program }, other]));
    expect(process(2).signal).toBe(7);
    expect(meter.measures().compaction).toMatchObject({ movedPages: 0, scannedPages: 0 });
  });
});

test('a 16K process is moved without a trace where its entries go together, and loses its native table where they go one by one', () => {
  const lap = { op: 'store', addr: AREA + 65536 - 16384, lengthBytes: mb(6), strideBytes: 65536 } as const;
  const program = [
    ...touch(mb(6), 4096),
    ...punch(mb(6), { keepBytes: 16384 }),
    ...Array.from({ length: 60 }, () => [lap, ...idle(30)]).flat(),
  ];
  const [, other] = beside();
  for (const [migration, fallbacks] of [
    ['folio', 0],
    ['kernel-page', 1],
  ] as const) {
    const mover = { pid: 1, pageSize: '16K', program, cpu: 0 };
    const { mm, process, zone } = outcomeOf(underPressure({ migration }, [mover, other]));
    expect([process(1).signal, process(2).signal]).toEqual([0, 0]);
    expect(zone.pressure?.migratedPages).toBeGreaterThan(0);
    expect([mm(1).fallbacks, mm(2).fallbacks]).toEqual([fallbacks, 0]);
  }
});

describe('what compaction moves', () => {
  /** Chunks that the mover keeps are those of its page; the other wants 2M, which nobody has. */
  const movers = [
    { pageSize: '4K', keepBytes: 4096, order: 4 },
    { pageSize: '16K', keepBytes: 16384, order: 4 },
  ] as const;

  for (const { pageSize, keepBytes } of movers) {
    for (const seed of [1, 2]) {
      test(`is found where its ${pageSize} owner put it, with deliveries in random order ${seed}`, () => {
        const lap = { op: 'store', addr: AREA + 65536 - keepBytes, lengthBytes: mb(6), strideBytes: 65536 } as const;
        const laps = Array.from({ length: 200 }, () => [lap, ...idle(10)]).flat();
        const program = [...touch(mb(6), 4096), ...punch(mb(6), { keepBytes }), ...laps];
        const contents = new Contents();
        const topology = parseTopology(
          underPressure(
            { compaction: 'both' },
            [
              { pid: 1, pageSize, program, cpu: 0 },
              { pid: 2, pageSize: '64K', cpu: 1, program: [...idle(3000), ...touch(mb(3), 65536)] },
            ],
            { chooser: 'seeded-random', seed },
          ),
          'test',
        );
        const onRecord = contents.note.bind(contents);
        const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) }, { onRecord });
        let looked = 0;
        const laws = new Laws();
        for (let events = 0; ; events++) {
          const record = system.step();
          if (record === null) break;
          laws.check(record, system);
          if (events % 5000 !== 0 || compactorOf(system).job !== null) continue;
          const found = contents.check(system, [1, 2]);
          expect(found.wrong).toEqual([]);
          looked += found.looked;
        }
        expect(contents.moved).toBeGreaterThan(0);
        expect(looked).toBeGreaterThan(1000);
        expect(system.snapshot('mm:1').context['fallbacks']).toBe(0);
      });
    }
  }
});
