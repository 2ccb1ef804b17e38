/** Processes that are started, stopped, paused and bound to CPUs at moments, by time or by event. */
import { describe, expect, it } from 'vitest';
import type {
  MmContext,
  MmuContext,
  ProcessContext,
  SchedContext,
  TlbContext,
  ZoneContext,
} from '../../machines/index.ts';
import { GranuleError } from '../../src/errors.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { vmPteBytes } from '../../src/mm/tableBytes.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import type { WorkloadInput } from '../../src/trace/workloads/workloadSchema.ts';
import { type PartRun, runChecked } from '../support/partRuns.ts';

/** Some 2,000,000 cycles on a warm TLB. */
const LONG: WorkloadInput = { pattern: 'sequential', lengthBytes: '256K', accesses: 2_000_000 };
const SHORT: WorkloadInput = { pattern: 'seq', lengthBytes: '256K' };

/** A quantum short enough that moments fall between two of them. */
function run(processes: object[], more: object = {}): PartRun {
  return runChecked({ name: 'lifecycle', cpus: 2, quantumCycles: 50_000, processes, ...more });
}

interface Seen extends Omit<LogRecord, 'payload'> {
  payload: Record<string, unknown>;
}

function recordsOf({ log }: PartRun): Seen[] {
  return Array.from({ length: log.records }, (_, seq) => log.read(seq) as Seen);
}

function ofType(ran: PartRun, type: string, to?: string): Seen[] {
  return recordsOf(ran).filter((record) => record.type === type && (to === undefined || record.to === to));
}

function contextOf(ran: PartRun, actor: string): unknown {
  return ran.system.snapshot(actor).context;
}

/** Nothing is left of a process: no table, no page. */
function expectGone(ran: PartRun, pid: number): void {
  expect(ran.system.snapshot(`process:${pid}`).value).toBe('zombie');
  const { rssAnonPages, rssFilePages, vmas } = contextOf(ran, `mm:${pid}`) as MmContext;
  expect([rssAnonPages, rssFilePages, vmas.toPlain().vmas]).toEqual([0, 0, []]);
  expect(vmPteBytes(contextOf(ran, `mmu:${pid}`) as MmuContext, 'process')).toBe(0);
  const { switching } = contextOf(ran, 'sched') as SchedContext;
  expect(switching).toBe(0);
}

describe('a start', () => {
  it('by an event comes with its delay after the message was sent', () => {
    const start = { when: { type: 'EXITED', from: 'process:1' }, delayCycles: 1234 };
    const ran = run([
      { pid: 1, pageSize: '4K', workload: SHORT },
      { pid: 2, pageSize: '64K', workload: SHORT, start },
    ]);
    const [exited] = ofType(ran, 'EXITED');
    const [started] = ofType(ran, 'START', 'process:2');
    expect(started.timeCycles - exited.timeCycles).toBe(1234);
    expect(started.from).toBe('outside');
    // EXITED is sent where its sender handles the return of its last call.
    expect(recordsOf(ran)[started.cause].type).toBe('SYSRET');
    expectGone(ran, 2);
  });

  it('by the nth event counts them, whoever they are from', () => {
    const forked = [3, 4].map((pid) => ({
      pid,
      pageSize: '4K',
      forked: true,
      workload: { pattern: 'fork-child', heapBytes: '64K' },
    }));
    const start = { when: { type: 'EXITED', nth: 2 } };
    const ran = run([
      { pid: 1, pageSize: '4K', children: [3, 4], workload: { pattern: 'fork-server', heapBytes: '64K', forks: 2 } },
      ...forked,
      { pid: 5, pageSize: '4K', workload: SHORT, start },
    ]);
    expect(ofType(ran, 'START', 'process:5')[0].timeCycles).toBe(ofType(ran, 'EXITED')[1].timeCycles);
  });

  it('at a time is as startCycles', () => {
    const process = { pid: 1, pageSize: '4K', workload: SHORT };
    const [early, late] = [
      { ...process, startCycles: 777 },
      { ...process, start: { atCycles: 777 } },
    ];
    expect(ofType(run([early]), 'START')[0].timeCycles).toBe(777);
    expect(ofType(run([late]), 'START')[0].timeCycles).toBe(777);
  });
});

describe('a stop', () => {
  it('kills at the next return to user mode, and all memory comes back', () => {
    const ran = run([{ pid: 1, pageSize: '64K', workload: LONG, stop: { atCycles: 600_000 } }]);
    const { signal, at } = contextOf(ran, 'process:1') as ProcessContext;
    expect(signal).toBe(9);
    expect(at).toBeGreaterThan(0);
    const [killed] = ofType(ran, 'KILL');
    const [exited] = ofType(ran, 'EXITED');
    expect(killed.timeCycles).toBe(600_000);
    expect(exited.timeCycles - killed.timeCycles).toBeLessThan(100_000);
    expectGone(ran, 1);
    const none = run([{ pid: 1, pageSize: '64K', workload: { ...LONG, accesses: 1 } }]);
    const free = (one: PartRun): number => (contextOf(one, 'zone') as ZoneContext).buddy.freeFrames;
    expect(free(ran)).toBe(free(none));
  });

  it('by an event kills whom it names, and nobody else', () => {
    const stop = { when: { type: 'EXITED', from: 'process:1' } };
    const ran = run([
      { pid: 1, pageSize: '4K', workload: SHORT },
      { pid: 2, pageSize: '16K', workload: LONG, stop },
    ]);
    const signals = [1, 2].map((pid) => (contextOf(ran, `process:${pid}`) as ProcessContext).signal);
    expect(signals).toEqual([0, 9]);
  });

  it('kills every thread of a process', () => {
    const program = [
      { op: 'clone', tid: 2 },
      ...Array.from({ length: 400 }, () => ({ op: 'nanosleep', cycles: 10_000 })),
    ];
    const ran = run([
      { pid: 1, pageSize: '4K', program, stop: { atCycles: 500_000 } },
      { pid: 2, pageSize: '4K', threadOf: 1, program: program.slice(1) },
    ]);
    expect([1, 2].map((pid) => (contextOf(ran, `process:${pid}`) as ProcessContext).signal)).toEqual([9, 9]);
    expectGone(ran, 1);
  });

  it('of one that waits, sleeps, is stopped or has not begun ends it too', () => {
    const sleeper = [
      { op: 'nanosleep', cycles: 900_000 },
      { op: 'load', addr: '0x500000' },
    ];
    const ran = run([
      { pid: 1, pageSize: '4K', program: sleeper, stop: { atCycles: 300_000 } },
      { pid: 2, pageSize: '4K', workload: LONG, pause: [{ atCycles: 200_000 }], stop: { atCycles: 700_000 } },
      { pid: 3, pageSize: '4K', workload: LONG, startCycles: 800_000, stop: { atCycles: 100 } },
      { pid: 4, pageSize: '4K', workload: LONG, cpu: 0, stop: { atCycles: 123_456 } },
      { pid: 5, pageSize: '4K', workload: LONG, cpu: 0, stop: { atCycles: 123_456 } },
    ]);
    for (const pid of [1, 2, 3, 4, 5]) {
      expect((contextOf(ran, `process:${pid}`) as ProcessContext).signal, `process ${pid}`).toBe(9);
      expectGone(ran, pid);
    }
  });
});

describe('a pause', () => {
  it('takes the CPU away until it is resumed', () => {
    const moments = { pause: [{ atCycles: 300_000 }], resume: [{ atCycles: 5_000_000 }] };
    const ran = run([{ pid: 1, pageSize: '4K', workload: LONG, ...moments }]);
    const runs = ofType(ran, 'RUN').map(({ timeCycles }) => timeCycles);
    expect(runs.filter((time) => time > 360_000 && time < 5_000_000)).toEqual([]);
    expect(runs.filter((time) => time >= 5_000_000).length).toBeGreaterThan(10);
    expect((contextOf(ran, 'process:1') as ProcessContext).signal).toBe(0);
    expectGone(ran, 1);
  });
});

describe('a pin', () => {
  const bound = { pid: 1, pageSize: '4K', workload: LONG, pin: [{ atCycles: 700_000, cpus: [1] }] };

  it('moves a running process at the end of its quantum, to a CPU that has nothing of it', () => {
    const ran = run([{ ...bound, cpu: 0 }]);
    const [told] = ofType(ran, 'MIGRATE');
    expect(told.payload).toEqual({ pid: 1, cpu: 0 });
    const runs = ofType(ran, 'RUN');
    const moved = runs.filter(({ timeCycles }) => timeCycles > told.timeCycles);
    expect(new Set(moved.map(({ to }) => to))).toEqual(new Set(['tlb:1']));
    expect(new Set(runs.filter((record) => !moved.includes(record)).map(({ to }) => to))).toEqual(new Set(['tlb:0']));
    // 64 pages of data and one of code: each is walked for once on the CPU that it comes to, where the others stay idle.
    const walks = ofType(ran, 'WALK').filter(({ timeCycles }) => timeCycles > told.timeCycles);
    expect(walks.every(({ payload }) => payload['cpu'] === 1)).toBe(true);
    expect(walks).toHaveLength(65);
    expect((contextOf(ran, 'tlb:0') as TlbContext).installed?.pid).toBe(1);
    expectGone(ran, 1);
  });

  it('leaves one that runs where it may stay alone', () => {
    const ran = run([{ ...bound, cpu: 0, pin: [{ atCycles: 700_000, cpus: [1, 0] }] }]);
    expect(ofType(ran, 'MIGRATE')).toEqual([]);
    expect(ofType(ran, 'SET_AFFINITY')[0].payload).toEqual({ pid: 1, cpus: [0, 1] });
  });

  it('of one that waits for a busy CPU gives it an idle one at once', () => {
    const ran = run([
      { pid: 1, pageSize: '4K', workload: LONG, cpu: 0 },
      { pid: 2, pageSize: '4K', workload: LONG, cpu: 0, pin: [{ atCycles: 400_000, cpus: [1] }] },
    ]);
    const after = ofType(ran, 'RUN').filter(({ timeCycles }) => timeCycles > 500_000);
    const cpus = (pid: number): Set<string> =>
      new Set(after.filter(({ payload }) => payload['pid'] === pid).map(({ to }) => to));
    expect([cpus(1), cpus(2)]).toEqual([new Set(['tlb:0']), new Set(['tlb:1'])]);
  });

  it('to some CPUs keeps it to them', () => {
    const pin = [{ when: { type: 'RAN', to: 'process:1', nth: 3 }, cpus: [2, 1] }];
    const others = [2, 3, 4].map((pid) => ({ pid, pageSize: '4K', workload: LONG }));
    const ran = run([{ pid: 1, pageSize: '4K', workload: LONG, pin }, ...others], { cpus: 3 });
    const [asked] = ofType(ran, 'SET_AFFINITY');
    const after = ofType(ran, 'DISPATCH', 'process:1').filter(({ seq }) => seq > asked.seq + 10);
    expect(after.length).toBeGreaterThan(3);
    expect(after.filter(({ payload }) => payload['cpu'] === 0)).toEqual([]);
    expect((contextOf(ran, 'sched') as SchedContext).affinity).toEqual([{ pid: 1, cpus: [1, 2] }]);
  });

  it('is obeyed by one that makes calls without end, at the return of the next one', () => {
    const program = Array.from({ length: 500 }, () => ({ op: 'load', addr: '0x500000' }));
    const ran = run([{ pid: 1, pageSize: '4K', cpu: 0, program, pin: [{ atCycles: 100_000, cpus: [1] }] }]);
    const [told] = ofType(ran, 'MIGRATE');
    const later = ofType(ran, 'SYSCALL').filter(({ seq }) => seq > told.seq);
    expect(later.filter(({ payload }) => payload['cpu'] === 0).length).toBeLessThanOrEqual(1);
    expect(later.length).toBeGreaterThan(20);
  });
});

describe('moments that cannot be', () => {
  const one = { pid: 1, pageSize: '4K', workload: SHORT };
  function refusal(processes: object[]): string {
    try {
      const topology = parseTopology({ name: 'wrong', cpus: 2, processes }, 'wrong.json');
      buildTopology(topology, loadTraces(topology, { folders: [] }));
    } catch (error) {
      if (error instanceof GranuleError) return error.format();
      throw error;
    }
    return 'none';
  }

  it.each<[string, object[], RegExp]>([
    [
      'a CPU that is not there',
      [{ ...one, pin: [{ atCycles: 0, cpus: [2] }] }],
      /ACTOR_UNKNOWN: there is no tlb:2.*pin\.0\.cpus/,
    ],
    ['no CPU at all', [{ ...one, pin: [{ atCycles: 0, cpus: [] }] }], /TOPOLOGY_INVALID.*processes\.0\.pin\.0/],
    ['two starts', [{ ...one, startCycles: 5, start: { atCycles: 3 } }], /startCycles or as `start`/],
    [
      'a start of a forked process',
      [{ ...one, forked: true, start: { atCycles: 3 } }],
      /when its parent forks it.*start/,
    ],
    [
      'an event that is none',
      [{ ...one, stop: { when: { type: 'EXIT' } } }],
      /there is no message EXIT.*stop\.when\.type/,
    ],
    [
      'an actor that is none',
      [{ ...one, stop: { when: { type: 'EXITED', from: 'process:9' } } }],
      /process:9.*stop\.when\.from/,
    ],
    [
      'a start by itself',
      [{ ...one, start: { when: { type: 'EXITED', from: 'process:1' } } }],
      /message of its own.*start\.when/,
    ],
    ['neither time nor event', [{ ...one, stop: { soon: true } }], /TOPOLOGY_INVALID[^]*processes\.0\.stop/],
    [
      'more forks than children',
      [{ ...one, workload: { pattern: 'fork-server', heapBytes: '1M', forks: 2 } }],
      /forks 2 children, and 0/,
    ],
  ])('are refused before anything runs: %s', (_what, processes, message) => {
    expect(refusal(processes)).toMatch(message);
  });
});
