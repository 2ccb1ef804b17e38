import { describe, expect, it } from 'vitest';
import type { LogReader } from '../../src/log/logReader.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import { parallelReplay } from '../../src/timeline/parallelReplay.node.ts';
import { replay } from '../../src/timeline/replay.ts';
import { systemOf } from '../../src/topology/run.ts';
import { faultyRun, heldRun, recordsOf } from './held.ts';
import type { RandomRun } from '../timeline/randomRuns.ts';

function recordsWith(plan: unknown): MessageRecord[] {
  return recordsOf(heldRun(faultyRun(plan)));
}

function ofType(records: readonly MessageRecord[], type: string): MessageRecord[] {
  return records.filter((record) => record.type === type);
}

/** What the rules announce in a run, and its system. */
function announced(run: RandomRun): { seen: { name: string; type: string; va: unknown }[]; events: number } {
  const system = systemOf(run);
  const seen: { name: string; type: string; va: unknown }[] = [];
  system.observed$.subscribe(({ name, outgoing: { message } }) => {
    seen.push({ name, type: message.type, va: message['va'] });
  });
  system.run();
  return { seen, events: system.nextSeq };
}

const plain = recordsWith([]);
const faults = { from: 'mmu:*', to: 'mm:*', type: 'FAULT' };

describe('where', () => {
  it('tells messages by their fields, and each kind of test does what it says', () => {
    const all = ofType(plain, 'FAULT').map(({ payload }) => payload);
    const vas = all.map(({ va }) => Number(va));
    const pivot = vas.toSorted((left, right) => left - right)[Math.floor(vas.length / 2)] ?? 0;
    const count = (test: unknown): number => {
      const rule = { wire: faults, op: 'observe', name: 'seen', where: test };
      return announced(faultyRun([rule])).seen.length;
    };
    const hex = `0x${pivot.toString(16)}`;
    expect(count({ access: 'write' })).toBe(all.filter(({ access }) => access === 'write').length);
    expect(count({ access: { equals: 'write' }, va: hex })).toBe(0);
    expect(count({ va: pivot })).toBe(vas.filter((va) => va === pivot).length);
    expect(count({ va: { less: hex } })).toBe(vas.filter((va) => va < pivot).length);
    expect(count({ va: { greater: pivot } })).toBe(vas.filter((va) => va > pivot).length);
    expect(count({ va: { from: hex, to: hex } })).toBe(vas.filter((va) => va === pivot).length);
    expect(count({ access: { oneOf: ['write', 'fetch'] } })).toBe(
      all.filter(({ access }) => access === 'write' || access === 'fetch').length,
    );
    expect(count({ nothing: { less: 5 } })).toBe(0);
    expect(count({ access: { less: 5 } })).toBe(0);
    expect(count({ 'access.length': 5 })).toBe(0);
  });

  it('goes with every operator, and nth counts what satisfies it', () => {
    const delay = { wire: faults, where: { access: 'write' }, op: 'delay', delayCycles: 4321, nth: 2 };
    const writes = (records: readonly MessageRecord[]): MessageRecord[] =>
      ofType(records, 'FAULT').filter(({ payload }) => payload['access'] === 'write');
    const [before, after] = [writes(plain)[1], writes(recordsWith([delay]))];
    expect(after.some(({ timeCycles }) => timeCycles === (before?.timeCycles ?? 0) + 4321)).toBe(true);
  });
});

describe('observe and sample', () => {
  it('sample announces every nth match and takes nothing away', () => {
    const rules = [
      { wire: faults, op: 'observe', name: 'every' },
      { wire: faults, op: 'sample', name: 'third', every: 3 },
    ];
    const { seen, events } = announced(faultyRun(rules));
    const every = seen.filter(({ name }) => name === 'every');
    const third = seen.filter(({ name }) => name === 'third');
    expect(third.map(({ va }) => va)).toEqual(every.filter((_, at) => at % 3 === 2).map(({ va }) => va));
    expect(events).toBe(plain.length);
    expect(recordsWith(rules)).toEqual(plain);
  });
});

describe('filter', () => {
  it('lets pass what it is to keep, and what it is not to drop', () => {
    const wire = { from: 'abi', to: 'mm:1', type: 'MM_CALL' };
    const mapping = { 'call.op': 'mmap' };
    const called = (plan: unknown): string[] =>
      ofType(recordsWith(plan), 'MM_CALL')
        .filter(({ to }) => to === 'mm:1')
        .map(({ payload }) => String((payload['call'] as { op?: string }).op));
    const names = called([]);
    expect(new Set(names).size).toBeGreaterThan(1);
    const first = names[0] ?? '';
    // Whoever calls, waits: behind a call that never arrives, there is none.
    const until = names.findIndex((name) => name !== first);
    expect(called([{ wire, op: 'filter', keep: { 'call.op': first } }])).toEqual(names.slice(0, until));
    expect(called([{ wire, op: 'filter', drop: { 'call.op': names[until] ?? '' } }])).toEqual(names.slice(0, until));
    expect(called([{ wire, op: 'filter', drop: { ...mapping, nobody: 1 } }])).toEqual(names);
  });
});

describe('hold', () => {
  const at = plain[Math.floor(plain.length / 3)]?.timeCycles ?? 0;

  it('keeps back what is due in a stretch of time until its end, in order', () => {
    const hold = { wire: { from: '*', to: 'tlb:1' }, op: 'hold', fromCycles: at, untilCycles: at + 50_000 };
    const records = recordsWith([hold]);
    const inside = records.filter(({ timeCycles }) => timeCycles >= at && timeCycles < at + 50_000);
    expect(inside.some(({ to }) => to === 'tlb:0')).toBe(true);
    expect(inside.some(({ to }) => to === 'tlb:1')).toBe(false);
    expect(records.some(({ to, timeCycles }) => to === 'tlb:1' && timeCycles === at + 50_000)).toBe(true);
    expect(records.at(-1)?.timeCycles ?? 0).toBeGreaterThan(plain.at(-1)?.timeCycles ?? 0);
    // The other CPU is on its own until it needs something of this one.
    expect(records.slice(0, 100)).toEqual(plain.slice(0, 100));
  });

  it('begins at the nth match for a number of cycles', () => {
    const hold = { wire: faults, op: 'hold', nth: 4, forCycles: 30_000 };
    const fourth = ofType(plain, 'FAULT')[3]?.timeCycles ?? 0;
    const held = ofType(recordsWith([hold]), 'FAULT');
    expect(held.slice(0, 3)).toEqual(ofType(plain, 'FAULT').slice(0, 3));
    expect(held[3]?.timeCycles).toBe(fourth + 30_000);
    expect(held.filter(({ timeCycles }) => timeCycles > fourth && timeCycles < fourth + 30_000)).toEqual([]);
  });
});

describe('answer', () => {
  it('sends an answer in the place of the match, as if from the receiver, with fields of the match', () => {
    const wire = { from: 'mm:1', to: 'zone', type: 'ALLOC' };
    const rule = { wire, op: 'answer', nth: 3, message: { type: 'NO_MEMORY' }, copy: ['request', 'none'] };
    const records = recordsWith([rule]);
    const third = plain.filter(({ from, type }) => from === 'mm:1' && type === 'ALLOC')[2];
    const answer = ofType(records, 'NO_MEMORY');
    expect(answer).toHaveLength(1);
    expect(answer[0]).toMatchObject({ from: 'zone', to: 'mm:1', cause: third?.cause });
    expect(answer[0]?.payload).toEqual({ request: third?.payload['request'] });
    expect(records.filter(({ from, type }) => from === 'mm:1' && type === 'ALLOC')).toHaveLength(2);
  });

  it('meets the rules behind it; one that looks into it has the log replayed in one thread', async () => {
    const wire = { from: 'mm:1', to: 'zone', type: 'ALLOC' };
    const answer = { wire, op: 'answer', nth: 3, message: { type: 'NO_MEMORY' }, copy: ['request'], delayCycles: 10 };
    const late = { wire: { from: 'zone', to: 'mm:1', type: 'NO_MEMORY' }, op: 'delay', delayCycles: 990 };
    const plainly = ofType(recordsWith([late, answer]), 'NO_MEMORY')[0]?.timeCycles ?? 0;
    expect(ofType(recordsWith([answer, late]), 'NO_MEMORY')[0]?.timeCycles).toBe(plainly + 990);
    const looking = faultyRun([answer, { ...late, where: { request: { from: 0 } } }]);
    const reader = recordedOf(looking);
    expect(replay(reader, looking.traces).divergence).toBe(null);
    const { oneThreadBecause, divergence } = await parallelReplay(reader, looking.traces, { workers: 2 });
    expect([oneThreadBecause, divergence]).toEqual(['its fault plan looks into what it answers itself', null]);
  });
});

function recordedOf(run: RandomRun): LogReader {
  return heldRun(run, { isShared: false });
}

describe('stop', () => {
  it('ends the run behind a record, and the log replays to the same head hash', () => {
    const seq = Math.floor(plain.length / 2);
    const reader = heldRun(faultyRun([{ op: 'stop', atSeq: seq }]));
    expect(recordsOf(reader)).toEqual(plain.slice(0, seq + 1));
    expect(replay(reader, faultyRun([]).traces).pending).toBeGreaterThan(0);
  });

  it('ends it behind the record whose handling sent the nth match', () => {
    const third = ofType(plain, 'FAULT')[2];
    const records = recordsWith([{ wire: faults, op: 'stop', nth: 3 }]);
    expect(records).toEqual(plain.slice(0, (third?.cause ?? 0) + 1));
    const now = recordsWith([{ wire: { from: 'outside', to: 'process:1' }, op: 'stop' }]);
    expect(now).toEqual([]);
  });

  it('says so, and stays stopped', () => {
    const system = systemOf(faultyRun([{ wire: faults, op: 'stop', nth: 3 }]));
    expect(system.stopped).toBe(null);
    expect(system.run().reason).toBe('stopped');
    expect(system.stopped).toEqual({ rule: 0, endSeq: system.nextSeq });
    expect([system.step(), system.run().delivered]).toEqual([null, 0]);
  });
});

describe('a replay on threads', () => {
  it('takes every operator', async () => {
    const alloc = { from: 'mm:1', to: 'zone', type: 'ALLOC' };
    const run = faultyRun([
      { wire: { from: '*', to: '*' }, op: 'observe', name: 'all' },
      { wire: faults, op: 'sample', name: 'some', every: 2, where: { access: 'write' } },
      { wire: faults, op: 'delay', delayCycles: 700, where: { access: 'write' }, probability: 0.5, seed: 3 },
      { wire: { from: '*', to: 'tlb:1' }, op: 'hold', fromCycles: 20_000, untilCycles: 40_000 },
      { wire: alloc, op: 'inject', nth: 4, to: 'process:2', message: { type: 'CONTINUE' } },
      { wire: faults, op: 'filter', drop: { va: { less: 0 } } },
      { wire: alloc, op: 'answer', nth: 6, message: { type: 'NO_MEMORY', failure: 'retry' }, copy: ['request'] },
      { op: 'stop', atSeq: plain.length - 20 },
    ]);
    const reader = heldRun(run);
    const found = await parallelReplay(reader, run.traces, { workers: 2 });
    expect(found).toMatchObject({ divergence: null, oneThreadBecause: null, headHash: reader.headHash, workers: 2 });
  });
});
