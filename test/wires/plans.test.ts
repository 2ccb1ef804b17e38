/** What each named fault plan does to a system: the fault is seen where it can be, and survived where that is right. */
import { describe, expect, it } from 'vitest';
import type { FileContext, GupContext, MmContext, PoisonContext } from '../../machines/index.ts';
import { GranuleError } from '../../src/errors.ts';
import { liveStates } from '../../src/report/actorStates.ts';
import { type ProcessSummary, type RunSummary, summarize } from '../../src/report/runSummary.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import { builtInFaultPlans } from '../../src/topology/faultPlans/index.ts';
import { type RunOutcome, runTopology } from '../../src/topology/run.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { faultyRun, heldRun, recordsOf } from './held.ts';

type Program = NonNullable<TopologyInput['processes'][number]['program']>;

const AREA = '0x200000000';
const FILE = 'data';

/** Reads and writes a mapped file, and has it written back. */
const ofFile: Program = [
  { op: 'mmap', addr: AREA, lengthBytes: '256K', flags: 'SHARED|FIXED', file: FILE },
  { op: 'store', addr: AREA, lengthBytes: '256K', strideBytes: '64K' },
  { op: 'msync', addr: AREA, lengthBytes: '256K' },
];
/** Maps a page, touches it, moves it away under a TLB entry, and touches it again. */
const remapping: Program = [
  { op: 'mmap', addr: AREA, lengthBytes: '128K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
  { op: 'store', addr: AREA, lengthBytes: '128K', strideBytes: '64K' },
  { op: 'madvise', addr: AREA, lengthBytes: '128K', advice: 'DONTNEED' },
  { op: 'store', addr: AREA, lengthBytes: '128K', strideBytes: '64K' },
];

const fileSystem: Partial<TopologyInput> = {
  cpus: 1,
  files: [{ path: FILE, size: '256K' }],
  processes: [{ pid: 1, pageSize: '64K', program: ofFile }],
};
/** A 4K process has the file's pages in the cache; a 64K process comes and maps it. */
const conversion: Partial<TopologyInput> = {
  cpus: 2,
  files: [{ path: FILE, size: '256K', cached: true }],
  processes: [
    {
      pid: 1,
      pageSize: '4K',
      program: [
        { op: 'mmap', addr: AREA, lengthBytes: '256K', prot: 'r', flags: 'SHARED|FIXED', file: FILE },
        { op: 'load', addr: AREA, lengthBytes: '256K' },
      ],
    },
    {
      pid: 2,
      pageSize: '64K',
      startCycles: 3_000_000,
      program: [
        { op: 'mmap', addr: AREA, lengthBytes: '256K', prot: 'r', flags: 'SHARED|FIXED', file: FILE },
        { op: 'load', addr: AREA, lengthBytes: '256K' },
      ],
    },
  ],
};
const remapper: Partial<TopologyInput> = { cpus: 1, processes: [{ pid: 1, pageSize: '64K', program: remapping }] };

interface Seen {
  outcome: RunOutcome;
  summary: RunSummary;
  first: ProcessSummary;
  records: MessageRecord[];
}

/** Runs a system with a plan, holds its log to replays and forks, and tells what came of it. */
function play(system: Partial<TopologyInput>, plan: unknown): Seen {
  const run = faultyRun(plan, system);
  const records = recordsOf(heldRun(run));
  const outcome = runTopology({ ...run, writer: null });
  const summary = summarize(liveStates(outcome.system));
  const [first] = summary.processes;
  if (first === undefined) throw new Error('there is a process');
  return { outcome, summary, first, records };
}

function lawBroken(system: Partial<TopologyInput>, plan: unknown): string {
  try {
    runTopology({ ...faultyRun(plan, system), writer: null, checked: true });
  } catch (error) {
    if (error instanceof GranuleError && error.code === 'LAW_BROKEN') return error.message;
    throw error;
  }
  return '';
}

const timesOf = (records: readonly MessageRecord[], type: string): number[] =>
  records.filter((record) => record.type === type).map(({ timeCycles }) => timeCycles);

describe('plans about translation', () => {
  it('lost-tlbi breaks law 8 in the checked mode; without an answer the process hangs', () => {
    expect(lawBroken(remapper, [])).toBe('');
    const count = play(remapper, []).records.filter(({ type }) => type === 'TLBI').length;
    const broken = Array.from({ length: count }, (_, at) => lawBroken(remapper, [{ plan: 'lost-tlbi', nth: at + 1 }]));
    expect(broken.some((what) => /^law 8 .*tlb:0 has page/.test(what))).toBe(true);
    const { summary, first } = play(remapper, [{ plan: 'lost-tlbi', nth: count, acknowledged: false }]);
    expect([summary.unfinished, first.end]).toEqual([1, expect.stringMatching(/^not ended: /)]);
  });

  it('late-acknowledgement costs what it takes, and no more', () => {
    const plain = play(remapper, []);
    const late = play(remapper, [{ plan: 'late-acknowledgement', cycles: 12_345, nth: 1 }]);
    expect(late.outcome.timeCycles).toBe(plain.outcome.timeCycles + 12_345);
    expect(late.outcome.records).toBe(plain.outcome.records);
    expect(lawBroken(remapper, [{ plan: 'late-acknowledgement', cpu: 0 }])).toBe('');
  });
});

describe('plans about the device', () => {
  it('slow-disk makes every transfer take longer', () => {
    const plain = play(fileSystem, []);
    const slow = play(fileSystem, [{ plan: 'slow-disk', cycles: 1_000_000 }]);
    const { reads, writes } = plain.summary.disk;
    const transfers = (reads ?? 0) + (writes ?? 0);
    expect(transfers).toBeGreaterThan(2);
    expect(slow.outcome.timeCycles).toBe(plain.outcome.timeCycles + transfers * 1_000_000);
    const times = [1, 2, 3, 4].map((seed) => {
      const some = play(fileSystem, [{ plan: 'slow-disk', cycles: 1_000_000, probability: 0.5, seed }]);
      return (some.outcome.timeCycles - plain.outcome.timeCycles) / 1_000_000;
    });
    expect(times.every((slowed) => Number.isInteger(slowed) && slowed >= 0 && slowed <= transfers)).toBe(true);
    expect(new Set(times).size).toBeGreaterThan(1);
  });

  it('lost-io leaves the process asleep', () => {
    const { first, summary } = play(fileSystem, [{ plan: 'lost-io' }]);
    expect([first.end, summary.unfinished]).toEqual([expect.stringMatching(/^not ended/), 1]);
  });

  it('duplicate-completion is heard twice and survived', () => {
    const { first, records } = play(fileSystem, [{ plan: 'duplicate-completion', cycles: 50 }]);
    const heard = records.filter(({ to, type }) => to.startsWith('file:') && type === 'IO_DONE');
    expect(heard[1]).toMatchObject({ ...heard[0], seq: heard[1]?.seq, timeCycles: (heard[0]?.timeCycles ?? 0) + 50 });
    expect(first.end).toBe('exited');
  });

  it('reordered-completions come in another order', () => {
    const plan = [{ plan: 'reordered-completions', windowCycles: 900_000, probability: 1 }];
    const { first, records } = play(fileSystem, plan);
    expect(first.end).toBe('exited');
    expect(timesOf(records, 'IO_DONE')).not.toEqual(timesOf(play(fileSystem, []).records, 'IO_DONE'));
  });

  it('dropped-writes are reported and never reach the device', () => {
    expect(play(fileSystem, []).summary.disk.writes).toBeGreaterThan(0);
    const { summary, first } = play(fileSystem, [{ plan: 'dropped-writes' }]);
    expect([summary.disk.writes, first.end]).toEqual([0, 'exited']);
  });
});

describe('plans about memory', () => {
  it('allocation-failure-at kills, lets try again, or leaves a process without a native table', () => {
    const anon = { plan: 'allocation-failure-at', nth: 3, purpose: 'anon' };
    expect(play(remapper, [anon]).first.end).toMatch(/^SIGKILL/);
    expect(play(remapper, [{ ...anon, failure: 'sigbus' }]).first.end).toMatch(/^SIGBUS/);
    const again = play(remapper, [{ ...anon, failure: 'retry' }]);
    expect(again.first.end).toBe('exited');
    expect(again.records.filter(({ type }) => type === 'NO_MEMORY')).toHaveLength(1);
    const tables = { plan: 'allocation-failure-at', nth: 1, by: 'mmu:*', purpose: 'table' };
    expect(play(remapper, [tables]).first.end).toBe('execve failed');
    const native = play(remapper, [{ ...tables, minOrder: 1 }]).first;
    expect([native.end, native.fallbacks, native.fallbackReason]).toEqual([
      'exited',
      1,
      'no memory for a native table',
    ]);
  });

  it('failing-allocations fail as often as they are told, the same each time', () => {
    const plan = [{ plan: 'failing-allocations', probability: 0.6, seed: 4, by: 'mm:*', failure: 'retry' }];
    const runs = [play(remapper, plan), play(remapper, plan)];
    const failures = runs.map(({ records }) => timesOf(records, 'NO_MEMORY'));
    expect(failures[0]?.length).toBeGreaterThan(0);
    expect(failures[0]).toEqual(failures[1]);
    expect(runs[0]?.first.end).toBe('exited');
  });

  it('pin-held-for-ever: a page that a 64K mapping would drop and read again stays with its holder', () => {
    const pin = { plan: 'pin-held-for-ever', file: FILE, atCycles: 1_500_000 };
    const drops = (gup: TopologyInput['gup'], plan: unknown[]): Seen => play({ ...conversion, gup }, plan);
    expect(drops({}, []).summary.files.droppedPages).toBe(64);
    const release = { to: `file:${FILE}`, type: 'UNPIN_PAGES', file: FILE, holder: 'device', atCycles: 2_000_000 };
    const pinned = { ...conversion, messages: [release], gup: { drop: 'refuse' as const } };
    const errors = ({ first, summary }: Seen): number => first.callsFailed + (summary.processes[1]?.callsFailed ?? 0);
    expect(errors(play(pinned, []))).toBe(0);
    const refused = play(pinned, [pin]);
    expect(errors(refused)).toBe(1);
    const file = refused.outcome.system.snapshot(`file:${FILE}`).context as FileContext;
    expect(file.pins).toMatchObject([{ holder: 'device' }]);
    const kept = drops({ drop: 'keep' }, [pin]);
    expect((kept.outcome.system.snapshot('mm:2').context as MmContext).fallbacks).toBe(1);
  });

  it('pin-held-for-ever reads for the device what the cache does not have', () => {
    const { first, outcome } = play(fileSystem, [{ plan: 'pin-held-for-ever', file: FILE, endIndex: 4096 }]);
    const { pins } = outcome.system.snapshot(`file:${FILE}`).context as FileContext;
    const held = pins.map(({ holder, runs }) => [holder, runs.reduce((sum, { nr }) => sum + nr, 0)]);
    expect([first.end, held]).toEqual(['exited', [['device', 64]]]);
  });

  it('forgotten-unpin leaves pins behind a process that has gone', () => {
    const gupTest = { op: 'gup_test', holder: 'nic', addr: AREA, lengthBytes: '64K' } as const;
    const program: Program = [...remapping, gupTest, { ...gupTest, command: 'unpin' }];
    const system = { cpus: 1, gup: { holders: ['nic'] }, processes: [{ pid: 1, pageSize: '64K' as const, program }] };
    const held = (plan: unknown): unknown[] => {
      const { outcome, first } = play(system, plan);
      expect(first.end).toBe('exited');
      return (outcome.system.snapshot('gup:nic').context as GupContext).held;
    };
    expect(held([])).toEqual([]);
    expect(held([{ plan: 'forgotten-unpin', holder: 'nic' }])).not.toEqual([]);
  });

  it('memory-error takes a page away at a system call', () => {
    const error = { plan: 'memory-error', pid: 1, va: AREA, nth: 3, delayCycles: 1 };
    const { outcome, records } = play({ ...remapper, memoryFailure: {} }, [error]);
    expect(records.find(({ type }) => type === 'MEMORY_FAILURE')?.payload).toEqual({ pid: 1, va: 0x200000000 });
    expect((outcome.system.snapshot('hwpoison').context as PoisonContext).poisoned).toHaveLength(1);
  });
});

describe('plans about the machine', () => {
  it('cpu-stall holds a CPU still, but for TLB maintenance where the hardware does it', () => {
    const two = { ...remapper, cpus: 2 };
    const stall = { plan: 'cpu-stall', cpu: 1, fromCycles: 0, forCycles: 40_000 };
    const inside = ({ records }: Seen): string[] =>
      records.filter(({ to, timeCycles }) => to === 'tlb:1' && timeCycles < 40_000).map(({ type }) => type);
    expect(new Set(inside(play(two, [stall])))).toEqual(new Set(['TLBI']));
    expect(inside(play(two, [{ ...stall, tlbi: 'held' }]))).toEqual([]);
    const run = play({ ...remapper }, [{ ...stall, cpu: 0 }]);
    expect([run.first.end, run.outcome.timeCycles >= 40_000]).toEqual(['exited', true]);
  });

  it('crash-at-seq and crash-at-write end the run there', () => {
    const seq = play(fileSystem, [{ plan: 'crash-at-seq', seq: 60 }]);
    expect([seq.outcome.records, seq.outcome.stoppedBy, seq.summary.unfinished]).toEqual([61, 0, 1]);
    const write = play(fileSystem, [{ plan: 'crash-at-write' }]);
    expect([write.outcome.stoppedBy, write.summary.disk.writes]).toEqual([0, 0]);
  });
});

it('each plan has a description of what it does, of every parameter, and what Linux does, with a source', () => {
  for (const [name, { says, linux, source, parameters }] of builtInFaultPlans) {
    expect(
      [says, linux, source].every((text) => text.length > 10),
      name,
    ).toBe(true);
    for (const parameter of Object.values(parameters.shape)) expect(parameter.description, name).toMatch(/\.$/);
  }
});
