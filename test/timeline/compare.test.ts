import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogReader } from '../../src/log/logReader.ts';
import { compareRuns } from '../../src/report/comparison.ts';
import { comparisonText } from '../../src/report/comparisonText.ts';
import { alignmentKey, alignTimelines } from '../../src/timeline/align.ts';
import { compareStates, firstDivergence, sharedUpTo } from '../../src/timeline/compare.ts';
import { forkRun } from '../../src/timeline/forkRun.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { stateAt } from '../../src/timeline/state.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { placeArb, type RandomRun, runArb } from './randomRuns.ts';
import { recorded } from './recorded.ts';

const golden = 'fixtures/golden/true-mixed.json';
const topology = loadTopology(golden);
const traces = loadTraces(topology, { folders: [] });
const reader = runInMemory(topology, traces);
const a = { reader, traces, name: 'a.glog' };

/** The plain way: record by record from the first on. */
function partsAt(left: LogReader, right: LogReader): number | null {
  const [ofLeft, ofRight] = [[...left.range()], [...right.range()]];
  const at = ofLeft.findIndex((record, seq) => JSON.stringify(record) !== JSON.stringify(ofRight[seq]));
  if (at >= 0) return at;
  return ofRight.length > ofLeft.length ? ofLeft.length : null;
}

describe('the first difference of two runs', () => {
  it('is where going through both record by record finds it, whatever a fork changed', () => {
    fc.assert(
      fc.property(runArb, placeArb, fc.boolean(), (run: RandomRun, place, drops) => {
        const parent = recorded(run, 60);
        const seq = Math.min(Math.floor(place * parent.records), parent.lastSeq - 1);
        const change = drops
          ? ({ op: 'drop', seq: seq + 1 } as const)
          : ({ op: 'set', key: 'costs.faultHandlerBase', value: 5000 } as const);
        const { log } = forkRun(parent, run.traces, { at: seq, edits: [change] });
        expect(sharedUpTo(parent, log)).toBe(seq);
        expect(firstDivergence(parent, log)?.seq ?? null).toBe(partsAt(parent, log));
        expect(firstDivergence(log, parent)?.seq ?? null).toBe(partsAt(log, parent));
      }),
      { numRuns: 12 },
    );
  });

  it('names the field, both values and how each run came there', () => {
    const { log } = forkRun(reader, traces, { edits: [{ op: 'delay', seq: 1002, delayCycles: 50_000 }] });
    const found = firstDivergence(reader, log);
    expect(found).toMatchObject({ seq: 1002, actor: 'abi', field: 'to', valueA: 'abi', valueB: 'process:2' });
    expect(found?.causesA.at(0)?.seq).toBe(1002);
    expect(found?.causesB.length).toBeGreaterThan(1);
  });

  it('of two forks of one log is looked for behind what they share', () => {
    const slow = { op: 'set', key: 'costs.walkStep', value: 100 } as const;
    const one = forkRun(reader, traces, { at: 1500, edits: [] }).log;
    const other = forkRun(reader, traces, { at: 2000, edits: [slow] }).log;
    expect(sharedUpTo(one, other)).toBe(1500);
    expect(firstDivergence(one, other)?.seq).toBeGreaterThan(2000);
  });
});

describe('aligned timelines', () => {
  it('have every event of both runs once', () => {
    const { log } = forkRun(reader, traces, { edits: [{ op: 'drop', seq: 1002 }] });
    const timelines = alignTimelines(reader, log, 1002);
    const sum = (field: 'both' | 'onlyA' | 'onlyB'): number =>
      timelines.reduce((total, each) => total + each[field], 0);
    expect(sum('both') + sum('onlyA')).toBe(reader.lastSeq - 1001);
    expect(sum('both') + sum('onlyB')).toBe(log.lastSeq - 1001);
  });

  it('take an event that both have for the same where one run has some before it', () => {
    const { log } = forkRun(reader, traces, {
      at: 1000,
      edits: [{ op: 'send', to: 'zone', message: { type: 'PUT', runs: [] } }],
    });
    const zone = alignTimelines(reader, log, 1001).find(({ actor }) => actor === 'zone');
    expect(zone).toMatchObject({ onlyA: 0, onlyB: 1, altered: 0, unlike: [{ a: null, b: { events: 1 } }] });
  });

  it('go by type and by what the payload is about', () => {
    const payload = { request: 9, call: { op: 'mmap', addr: 4096 } };
    expect(alignmentKey({ type: 'MM_CALL', payload })).toBe('MM_CALL addr=4096 op=mmap');
  });
});

describe('compared figures', () => {
  it('have the difference of each, per process and in sum, of two topologies too', () => {
    const processes = topology.processes.map((process) => ({ ...process, pageSize: 65536 }));
    const onLarge = { ...topology, processes };
    const largeTraces = loadTraces(onLarge, { folders: [] });
    const b = { reader: runInMemory(onLarge, largeTraces), traces: largeTraces, name: 'b.glog' };
    const { metrics, settings, divergence } = compareRuns(a, b);
    const figure = (of: string, name: string) => metrics.find((each) => each.of === of && each.name === name);
    const faults = figure('process 1', 'minorFaults');
    expect(faults?.a).toBeGreaterThan(Number(faults?.b));
    expect(faults?.difference).toBe(Number(faults?.b) - Number(faults?.a));
    expect(figure('process 3', 'pageBytes')).toMatchObject({ a: 65536, b: 65536, difference: 0 });
    const each = [1, 2, 3].map((pid) => Number(figure(`process ${pid}`, 'counts.l2Misses')?.a));
    expect(figure('all processes', 'counts.l2Misses')?.a).toBe(each.reduce((sum, value) => sum + value, 0));
    for (const name of ['droppedPages', 'rereadPages', 'residentBytes', 'tablePeak.linuxBytes', 'counts.walks']) {
      expect(figure('all processes', name), name).toBeDefined();
    }
    expect(settings.map(({ path }) => path)).toContain('processes[0].pageSize');
    expect(divergence).not.toBe(null);
  });

  it('are all the same for a fork that changes nothing, and the text says so', () => {
    const { log } = forkRun(reader, traces, { at: 500, edits: [] });
    const comparison = compareRuns(a, { reader: log, traces, name: 'b.glog' });
    expect(comparison).toMatchObject({ divergence: null, timelines: [], types: [], settings: [], next: [] });
    expect(comparison.metrics.filter(({ difference }) => difference !== 0 && difference !== null)).toEqual([]);
    const text = comparisonText(comparison, { lines: 20 });
    expect(text).toContain('the events of both runs are the same');
    expect(text).toContain('every figure is the same');
  });

  it('name settings that a fork changed on the way', () => {
    const { log } = forkRun(reader, traces, { at: 500, edits: [{ op: 'set', key: 'costs.walkStep', value: 50 }] });
    const comparison = compareRuns(a, { reader: log, traces, name: 'b.glog' });
    expect(comparison.settings).toEqual([{ path: 'costs.walkStep', kind: 'added', after: 50 }]);
    expect(comparison.b.changed).toEqual(['after seq 500: set costs.walkStep to 50']);
    expect(comparison.divergence?.field).toBe('timeCycles');
  });
});

describe('states of two moments', () => {
  it('differ between the runs as within one run', () => {
    const { log } = forkRun(reader, traces, { at: 500, edits: [] });
    const b = { reader: log, traces, name: 'b.glog' };
    expect(compareStates({ ...a, at: 3000 }, { ...b, at: 3000 })).toEqual([]);
    const [found] = compareStates({ ...a, at: 400 }, { ...b, at: 3000 }, 'zone');
    expect(found?.actor).toBe('zone');
    const before = stateAt(reader, traces, 400, 'zone').context['allocations'];
    const after = stateAt(log, traces, 3000, 'zone').context['allocations'];
    expect(found?.changes).toContainEqual({ path: 'context.allocations', kind: 'changed', before, after });
  });
});
