/**
 * Memory errors: what one bad frame takes away from processes of each page size, who learns of it when, and what memory is
 * lost for good. In the checked mode, with replay.
 *
 * @models D-18 D-07
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoisonContext } from '../../machines/index.ts';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { actionFor, containedRange, signalFor, softOfflineOf } from '../../src/mm/hwpoison/decide.ts';
import { errnosOf, expectAllEnded, type PartRun, runChecked } from '../support/partRuns.ts';
import '../support/propertySeed.ts';

const BASE = 0x2_0000_0000;
const K = 1024;
const SIZES = [4 * K, 16 * K, 64 * K];
const FILE = '/data/file';

type Step = Record<string, unknown>;

interface World {
  pageSize?: number;
  /** Before the error, and after it. */
  before: Step[];
  after: Step[];
  error?: Step;
  memoryFailure?: Step;
  signals?: 'die' | 'skip';
  kind?: 'ext4' | 'tmpfs';
  chooser?: 'time-order' | 'seeded-random';
  seed?: number;
}

const anonymous = { op: 'mmap', addr: BASE, lengthBytes: '256K', flags: 'PRIVATE|ANONYMOUS|FIXED' };
const shared = { ...anonymous, flags: 'SHARED|FIXED', file: FILE };
const touch = (op: 'load' | 'store', offset: number, lengthBytes = 1): Step => ({
  op,
  addr: BASE + offset,
  lengthBytes,
});
const BAD = BASE + 0x13000;

function run(world: World): PartRun {
  const { pageSize = 64 * K, before, after, error = { va: BAD }, memoryFailure = {}, signals = 'skip' } = world;
  const { kind = 'ext4', chooser = 'time-order', seed = 1 } = world;
  const program = [...before, { op: 'nanosleep', cycles: 80_000_000 }, ...after];
  const type = 'MEMORY_FAILURE';
  return runChecked({
    name: 'poisoned',
    chooser,
    seed,
    memoryFailure,
    processes: [{ pid: 100, pageSize, signals, program }],
    files: [{ path: FILE, size: '1M', kind }],
    messages: [{ to: 'hwpoison', type, ...('pfn' in error ? {} : { pid: 100 }), atCycles: 60_000_000, ...error }],
  });
}

const poisonOf = ({ system }: PartRun): PoisonContext => system.snapshot('hwpoison').context;
const processOf = ({ system }: PartRun) => system.snapshot('process:100').context;
const mmOf = ({ system }: PartRun) => system.snapshot('mm:100').context;
const framesOf = ({ system }: PartRun) => system.snapshot('zone').context.folios.framesByKind;

/** Frames that are reserved in a world without any error. */
const reserved = (): number => framesOf(run({ before: [anonymous], after: [], error: { va: BASE } })).reserved;

describe('the rules', () => {
  it.each([
    ['free', false, false, null, 'recovered'],
    ['anon', true, false, 'hwpoison', 'recovered'],
    ['file', false, false, 'none', 'recovered'],
    ['file', true, false, 'hwpoison', 'recovered'],
    ['file', false, true, 'hwpoison', 'recovered'],
    ['table', false, false, null, 'ignored'],
    ['reserved', false, false, null, 'ignored'],
  ] as const)('%s, dirty %s, in memory alone %s', (kind, dirty, inMemory, entries, outcome) => {
    expect(actionFor({ kind, dirty, inMemory })).toMatchObject({ entries, outcome });
  });

  it('contain a page, and signal by policy', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 20 }), fc.constantFrom(...SIZES), (page, pageBytes) => {
        const badVa = page * 4096;
        const { va, nr } = containedRange(badVa, pageBytes, 4096, 'process-page');
        expect([va % pageBytes, nr * 4096]).toEqual([0, pageBytes]);
        expect(badVa >= va && badVa < va + pageBytes).toBe(true);
        expect(containedRange(badVa, pageBytes, 4096, 'kernel-page')).toEqual({ va: badVa, nr: 1, badVa });
      }),
    );
    const lost = actionFor({ kind: 'anon', dirty: true, inMemory: false });
    const clean = actionFor({ kind: 'file', dirty: false, inMemory: false });
    expect(signalFor(lost, { earlyKill: false, consumed: true })).toBe(4);
    expect(signalFor(clean, { earlyKill: true, consumed: true })).toBe(0);
    expect(softOfflineOf({ kind: 'file', dirty: true, inMemory: false }, 0)).toBe('busy');
    expect(softOfflineOf({ kind: 'free', dirty: false, inMemory: false }, 0)).toBe('take');
  });
});

describe.each(SIZES)('anonymous memory of a process of %i-byte pages', (pageSize) => {
  const nr = pageSize / (4 * K);
  const before = [anonymous, touch('store', 0, 0x40000)];
  const pageOf = 0x13000 - (0x13000 % pageSize);

  it('loses the page around the error, which is SIGBUS with BUS_MCEERR_AR when it is touched', () => {
    const after = [touch('load', 0x13000), touch('store', pageOf + pageSize - 1), touch('load', pageOf + pageSize)];
    const poisoned = run({ pageSize, before, after });
    expectAllEnded(poisoned, [100]);
    expect(processOf(poisoned)).toMatchObject({ signalsHandled: 2 });
    expect(mmOf(poisoned)).toMatchObject({ fallbacks: 0, rssExitPages: 64 - nr });
    const [outcome] = poisonOf(poisoned).outcomes;
    expect(outcome).toMatchObject({ outcome: 'recovered', unmappedPages: nr, lostFrames: 1, signalled: [] });
    const dead = run({ pageSize, before, after, signals: 'die' });
    expect(processOf(dead)).toMatchObject({ signal: 7, signalCode: 4, signalVa: BASE + 0x13000 });
  });

  it('with early kill is told at once, and whoever consumed it by BUS_MCEERR_AR', () => {
    const early = { earlyKill: true };
    const told = run({ pageSize, before, after: [touch('load', 0)], memoryFailure: early, signals: 'die' });
    expect(processOf(told)).toMatchObject({ signal: 7, signalCode: 5, signalVa: BAD });
    const error = { va: BAD, consumed: true };
    const consumed = run({ pageSize, before, after: [touch('load', 0)], error, signals: 'die' });
    expect(processOf(consumed)).toMatchObject({ signal: 7, signalCode: 4, signalVa: BAD });
  });

  it('costs a frame for ever, or the whole folio', () => {
    const frame = run({ pageSize, before, after: [] });
    expect(framesOf(frame)).toMatchObject({ anon: 0, reserved: reserved() + 1 });
    const folio = run({ pageSize, before, after: [], memoryFailure: { retirement: 'folio' } });
    expect(framesOf(folio).reserved - framesOf(frame).reserved).toBe(nr - 1);
    expect(poisonOf(folio).outcomes[0]?.lostFrames).toBe(nr);
  });

  it('is told once: a second error in the same frame changes nothing', () => {
    const again = { to: 'hwpoison', type: 'MEMORY_FAILURE', atCycles: 61_000_000 };
    const first = poisonOf(run({ pageSize, before, after: [] })).outcomes[0]?.pfn;
    const twice = runChecked({
      name: 'twice',
      memoryFailure: {},
      processes: [{ pid: 100, pageSize, program: [...before, { op: 'nanosleep', cycles: 80_000_000 }] }],
      messages: [
        { ...again, pfn: first },
        { ...again, pfn: first },
      ],
    });
    expect(poisonOf(twice).outcomes.map(({ outcome }) => outcome)).toEqual(['recovered', 'already']);
  });

  it('migrates away from a frame that is taken offline, and nobody notices', () => {
    const error = { va: BAD, type: 'SOFT_OFFLINE' };
    const moved = run({ pageSize, before, after: [touch('load', 0x13000), touch('store', 0x13000)], error });
    expectAllEnded(moved, [100]);
    expect(processOf(moved)).toMatchObject({ signalsHandled: 0 });
    expect(mmOf(moved)).toMatchObject({ fallbacks: 0, rssExitPages: 64 });
    expect(poisonOf(moved).outcomes[0]).toMatchObject({ message: 'migrated', unmappedPages: nr, lostFrames: 1 });
  });
});

describe('a 64K process with containment of the kernel page alone', () => {
  it('keeps fifteen good pages, and gives its native table up', () => {
    const before = [anonymous, touch('store', 0, 0x40000)];
    const after = [touch('load', 0x12000), touch('load', 0x13000), touch('load', 0x14000)];
    const naive = run({ before, after, memoryFailure: { containment: 'kernel-page' } });
    expect(processOf(naive)).toMatchObject({ signalsHandled: 1 });
    expect(mmOf(naive)).toMatchObject({ fallbacks: 1, rssExitPages: 63 });
    expect(mmOf(naive).fallbackReason).toMatch(/^partly-valid/);
    // The folio is still mapped: nothing of it can be given back before its process is gone, and then the reference keeps it.
    expect(poisonOf(naive).outcomes[0]).toMatchObject({ outcome: 'delayed', lostFrames: 0, unmappedPages: 1 });
    expect(poisonOf(naive).fallbacks).toBe(1);
  });
});

describe.each(SIZES)('a page of a file, mapped in %i-byte pages', (pageSize) => {
  it('that is clean is dropped and read again, and nobody is hurt', () => {
    const before = [shared, touch('load', 0x13000)];
    const clean = run({ pageSize, before, after: [touch('load', 0x13000)] });
    expect(processOf(clean)).toMatchObject({ signalsHandled: 0 });
    expect(poisonOf(clean).outcomes[0]).toMatchObject({ outcome: 'recovered', message: 'clean LRU page' });
    expect(mmOf(clean)).toMatchObject({ fallbacks: 0, majorFaults: 2 });
  });

  it('that is dirty is lost: SIGBUS for whoever maps it, EIO for the next fsync', () => {
    const before = [shared, touch('store', 0x13000)];
    const sync = { op: 'msync', addr: BASE, lengthBytes: '256K', flags: 4 };
    const dirty = run({ pageSize, before, after: [touch('load', 0x13000), sync, sync] });
    expect(processOf(dirty)).toMatchObject({ signalsHandled: 1 });
    expect(errnosOf(dirty, 100, 'msync')).toEqual([ERRNO.EIO, 0]);
  });

  it('that lives in memory alone is not lost to zeroes', () => {
    const before = [shared, touch('store', 0x13000)];
    const tmpfs = run({ pageSize, before, after: [touch('load', 0x13000)], kind: 'tmpfs' });
    expect(processOf(tmpfs)).toMatchObject({ signalsHandled: 1 });
    expect(poisonOf(tmpfs).outcomes[0]).toMatchObject({ outcome: 'delayed' });
  });
});

describe('other frames', () => {
  it('that are free are never handed out again; reserved ones are left alone; an address without a page is nothing', () => {
    const before = [anonymous, touch('store', 0)];
    const { base, count } = run({ before, after: [] }).system.snapshot('zone').context.buddy;
    const none = reserved();
    const free = run({ before, after: [], error: { pfn: base + count - 5 } });
    expect(framesOf(free).reserved - none).toBe(1);
    expect(free.system.snapshot('zone').context.buddy.isFree(base + count - 5)).toBe(false);
    const zero = run({ before, after: [], error: { pfn: base } });
    expect(poisonOf(zero).outcomes[0]).toMatchObject({ outcome: 'ignored' });
    expect(poisonOf(run({ before, after: [], error: { va: BASE + 0x30000 } })).outcomes[0]).toMatchObject({
      outcome: 'not-mapped',
    });
  });

  it('that two processes share after fork go from both', () => {
    const before = [anonymous, touch('store', 0, 0x40000), { op: 'fork', childPid: 101 }];
    const parent = [...before, { op: 'nanosleep', cycles: 3_000_000 }, touch('load', 0x13000)];
    const child = [{ op: 'nanosleep', cycles: 3_000_000 }, touch('load', 0x13000)];
    const both = runChecked({
      name: 'both',
      cpus: 2,
      memoryFailure: {},
      processes: [
        { pid: 100, pageSize: '64K', children: [101], signals: 'skip', program: parent },
        { pid: 101, pageSize: '64K', forked: true, signals: 'skip', program: child },
      ],
      messages: [{ to: 'hwpoison', type: 'MEMORY_FAILURE', pid: 100, va: BAD, atCycles: 2_000_000 }],
    });
    expect(poisonOf(both).outcomes[0]).toMatchObject({ unmappedPages: 32, lostFrames: 1 });
    expect(processOf(both)).toMatchObject({ signalsHandled: 1 });
    expect(both.system.snapshot('process:101').context).toMatchObject({ signalsHandled: 1 });
  });
});

describe('errors anywhere, in any order of delivery', () => {
  it('keep the laws, and lose no more than they should', () => {
    const world = fc.record({
      pageSize: fc.constantFrom(...SIZES),
      containment: fc.constantFrom('process-page', 'kernel-page'),
      errors: fc.array(
        fc.record({ page: fc.integer({ min: 0, max: 40 }), soft: fc.boolean(), at: fc.integer({ min: 0, max: 20 }) }),
        { minLength: 1, maxLength: 4 },
      ),
      seed: fc.integer({ min: 1, max: 1_000_000 }),
      chooser: fc.constantFrom('time-order', 'seeded-random'),
    });
    fc.assert(
      fc.property(world, ({ pageSize, containment, errors, seed, chooser }) => {
        const program = [
          anonymous,
          touch('store', 0, 0x20000),
          touch('load', 0x20000, 0x8000),
          touch('store', 0, 0x40000),
        ];
        const messages = errors.map(({ page, soft, at }) => {
          const type = soft ? 'SOFT_OFFLINE' : 'MEMORY_FAILURE';
          return { to: 'hwpoison', type, pid: 100, va: BASE + page * 4096, atCycles: at * 3000 };
        });
        const done = runChecked({
          name: 'anywhere',
          seed,
          chooser,
          memoryFailure: { containment },
          processes: [{ pid: 100, pageSize, signals: 'skip', program }],
          messages,
        });
        expectAllEnded(done, [100]);
        expect(poisonOf(done).outcomes.length).toBe(errors.length);
        const { anon } = framesOf(done);
        const delayed = poisonOf(done).outcomes.filter(({ outcome }) => outcome === 'delayed').length;
        expect(anon).toBeLessThanOrEqual((delayed * pageSize) / 4096);
      }),
      { numRuns: 40 },
    );
  });
});
