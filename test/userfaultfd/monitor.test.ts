/**
 * A process whose faults a monitor resolves: what waits, what is woken, and what the tables hold, for pages of every size
 * and for both ways in which messages are delivered.
 *
 * @models L-08 X-05 D-07
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { errnosOf, expectAllEnded, type PartRun, runChecked } from '../support/partRuns.ts';
import '../support/propertySeed.ts';

const BASE = 0x2_0000_0000;
const SOURCE = 0x3_0000_0000;
const K = 1024;
const SIZES = [4 * K, 16 * K, 64 * K];

type Step = Record<string, unknown>;
type Granularity = 'process-page' | 'kernel-page' | 'defeature';

interface Settings {
  pageSize: number;
  monitorSize?: number;
  granularity?: Granularity;
  kernelPageSize?: number;
  chooser?: 'time-order' | 'seeded-random';
  seed?: number;
  features?: number;
  mode?: number;
  signals?: 'die' | 'skip';
  mapped?: Step;
}

/** A process that makes a mapping, has it watched and does some steps; a monitor that does others. */
function watched(settings: Settings, program: Step[], monitor: Step[]): PartRun {
  const { pageSize, monitorSize = pageSize, granularity = 'process-page', kernelPageSize = 4 * K } = settings;
  const { chooser = 'time-order', seed = 1, features = 0, mode = 1, signals = 'die' } = settings;
  const map = { op: 'mmap', addr: BASE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED', ...settings.mapped };
  const source = { op: 'mmap', addr: SOURCE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' };
  const input = {
    name: 'watched',
    cpus: 2,
    kernelPageSize,
    chooser,
    seed,
    userfaultfd: { descriptors: ['u'], granularity },
    processes: [
      {
        pid: 100,
        pageSize,
        cpu: 0,
        signals,
        program: [
          map,
          { op: 'userfaultfd', fd: 'u' },
          { op: 'uffdio_api', fd: 'u', features },
          { op: 'uffdio_register', fd: 'u', addr: BASE, lengthBytes: '1M', mode },
          ...program,
        ],
      },
      {
        pid: 200,
        pageSize: monitorSize,
        cpu: 1,
        startCycles: 3_000_000,
        program: [source, { op: 'store', addr: SOURCE, lengthBytes: '1M' }, ...monitor],
      },
    ],
  };
  return runChecked(input);
}

const read = { op: 'uffd_read', fd: 'u' };
const copy = (fields: Step = {}): Step => ({ op: 'uffdio_copy', fd: 'u', src: SOURCE, ...fields });

/** Keeps the process there until the monitor has done the rest: a last page, and what fills it in. */
const HOLD = { op: 'load', addr: BASE + 0xf0000 };
const letGo = [read, copy()];

/** The addresses of the events that the monitor read. */
function eventsOf(run: PartRun): number[][] {
  const reads = (run.answers.get(200) ?? []).filter(({ op, errno }) => op === 'uffd_read' && errno === 0);
  return reads.map(({ data }) => data);
}

describe.each(SIZES)('a watched process of %i-byte pages', (pageSize) => {
  it('sleeps at a missing page until a monitor of its size has copied one', () => {
    const run = watched({ pageSize }, [{ op: 'store', addr: BASE + 0x21234 }], [read, copy()]);
    expectAllEnded(run, [100, 200]);
    const address = BASE + 0x21234 - (0x21234 % pageSize);
    expect(eventsOf(run)).toEqual([[0x12, 1, address]]);
    expect(errnosOf(run, 200, 'uffdio_copy')).toEqual([0]);
    const mm = run.system.snapshot('mm:100').context;
    expect(mm).toMatchObject({ majorFaults: 1, fallbacks: 0, rssExitPages: pageSize / (4 * K) });
    expect(run.system.snapshot('uffd:u').context).toMatchObject({ userfaults: 1, eventsRead: 1, wakeUps: 1 });
  });

  it('learns the exact address where that was agreed on', () => {
    const run = watched({ pageSize, features: 0x800 }, [{ op: 'load', addr: BASE + 0x21234 }], [read, copy()]);
    expect(eventsOf(run)).toEqual([[0x12, 0, BASE + 0x21000]]);
    expectAllEnded(run, [100, 200]);
  });

  it('is not woken by DONTWAKE, but by WAKE', () => {
    const wake = { op: 'uffdio_wake', fd: 'u' };
    const run = watched({ pageSize }, [{ op: 'load', addr: BASE }], [read, copy({ mode: 1 }), wake]);
    expectAllEnded(run, [100, 200]);
    expect(run.system.snapshot('mm:100').context).toMatchObject({ majorFaults: 1 });
  });

  it('takes SIGBUS instead where that was agreed on, and for poison', () => {
    const settings = { pageSize, features: 0x80, signals: 'skip' } as const;
    const run = watched(settings, [{ op: 'load', addr: BASE }], []);
    expect(run.system.snapshot('process:100').context).toMatchObject({ signalsHandled: 1 });
    const poison = { op: 'uffdio_poison', fd: 'u' };
    const poisoned = watched({ pageSize, signals: 'skip' }, [{ op: 'load', addr: BASE }], [read, poison]);
    expect(poisoned.system.snapshot('process:100').context).toMatchObject({ signalsHandled: 1 });
    expect(poisoned.system.snapshot('mm:100').context).toMatchObject({ fallbacks: 0 });
    const dead = watched({ pageSize }, [{ op: 'load', addr: BASE }], [read, poison]);
    expect(dead.system.snapshot('process:100').context).toMatchObject({ signal: 7, signalCode: 4 });
  });

  it('fills several pages up to the first that is there: EAGAIN with the bytes done, EEXIST for none', () => {
    const four = { addr: BASE, lengthBytes: 4 * pageSize };
    const steps = [copy({ addr: BASE + 2 * pageSize, lengthBytes: pageSize }), copy(four), copy(four)];
    const run = watched({ pageSize }, [HOLD], [read, ...steps, copy()]);
    const copies = (run.answers.get(200) ?? []).filter(({ op }) => op === 'uffdio_copy');
    expect(copies.map(({ errno, data }) => [errno, ...data])).toEqual([
      [0, pageSize],
      [ERRNO.EAGAIN, 2 * pageSize],
      [ERRNO.EEXIST, -ERRNO.EEXIST],
      [0, pageSize],
    ]);
  });

  it('sleeps at a protected page when it writes, not when it reads', () => {
    const program = [
      { op: 'store', addr: BASE },
      { op: 'uffdio_writeprotect', fd: 'u', addr: BASE, lengthBytes: pageSize, mode: 1 },
      { op: 'load', addr: BASE + 8 },
      { op: 'store', addr: BASE + 16 },
    ];
    const lift = { op: 'uffdio_writeprotect', fd: 'u' };
    const run = watched({ pageSize, mode: 3 }, program, [read, copy(), read, lift]);
    expectAllEnded(run, [100, 200]);
    expect(eventsOf(run).map(([, flags]) => flags)).toEqual([1, 3]);
    expect(run.system.snapshot('mm:100').context).toMatchObject({ majorFaults: 2, fallbacks: 0 });
  });

  it('keeps the protection through mprotect', () => {
    const program = [
      { op: 'store', addr: BASE },
      { op: 'uffdio_writeprotect', fd: 'u', addr: BASE, lengthBytes: pageSize, mode: 1 },
      { op: 'mprotect', addr: BASE, lengthBytes: '1M', prot: 'r' },
      { op: 'mprotect', addr: BASE, lengthBytes: '1M', prot: 'rw' },
      { op: 'store', addr: BASE + 16 },
    ];
    const run = watched({ pageSize, mode: 2 }, program, [read, { op: 'uffdio_writeprotect', fd: 'u' }]);
    expectAllEnded(run, [100, 200]);
    expect(eventsOf(run).map(([, flags]) => flags)).toEqual([3]);
  });

  it('protects what is not there yet by markers, where that was agreed on', () => {
    const program = [
      { op: 'uffdio_writeprotect', fd: 'u', addr: BASE, lengthBytes: '1M', mode: 1 },
      { op: 'load', addr: BASE },
      { op: 'store', addr: BASE + 16 },
      { op: 'store', addr: BASE + 0x40000 },
    ];
    const lift = { op: 'uffdio_writeprotect', fd: 'u' };
    const run = watched({ pageSize, mode: 2, features: 0x2000 }, program, [read, lift, read, lift]);
    expectAllEnded(run, [100, 200]);
    expect(eventsOf(run).map(([, flags]) => flags)).toEqual([3, 3]);
    expect(run.system.snapshot('mm:100').context).toMatchObject({ fallbacks: 0 });
  });

  it('moves pages of its own into place', () => {
    const from = BASE + 0x80000;
    const move = (src: number, mode = 0): Step => {
      return { op: 'uffdio_move', fd: 'u', addr: BASE, src, lengthBytes: 2 * pageSize, mode };
    };
    const map = { op: 'mmap', addr: SOURCE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' };
    const program = [
      map,
      { op: 'store', addr: SOURCE, lengthBytes: pageSize },
      move(from),
      move(SOURCE),
      move(SOURCE, 2),
      { op: 'load', addr: BASE },
    ];
    const run = watched({ pageSize }, program, []);
    expect(errnosOf(run, 100, 'uffdio_move')).toEqual([ERRNO.ENOENT, ERRNO.EAGAIN, ERRNO.EEXIST]);
    expect(run.system.snapshot('mm:100').context).toMatchObject({ majorFaults: 0, fallbacks: 0 });
    const other = watched({ pageSize }, [HOLD], [move(SOURCE), ...letGo]);
    expect(errnosOf(other, 200, 'uffdio_move')).toEqual([ERRNO.EINVAL]);
  });

  it('is let go when the descriptor is closed or unregistered', () => {
    const close = { op: 'uffd_close', fd: 'u' };
    const program = [close, { op: 'store', addr: BASE }];
    const run = watched({ pageSize }, program, []);
    expectAllEnded(run, [100, 200]);
    const unregister = { op: 'uffdio_unregister', fd: 'u', addr: BASE, lengthBytes: '1M' };
    const woken = watched({ pageSize }, [{ op: 'store', addr: BASE }], [read, unregister]);
    expectAllEnded(woken, [100, 200]);
    expect(errnosOf(woken, 200, 'uffdio_unregister')).toEqual([0]);
  });
});

describe.each(SIZES)('shared memory watched in %i-byte pages', (pageSize) => {
  const shared = { flags: 'SHARED|ANONYMOUS|FIXED' };

  it('waits for a page that is missing from the page cache, and is filled there', () => {
    const steps = [read, copy(), copy(), ...letGo];
    const run = watched({ pageSize, mapped: shared }, [{ op: 'store', addr: BASE }, HOLD], steps);
    expectAllEnded(run, [100, 200]);
    expect(errnosOf(run, 200, 'uffdio_copy')).toEqual([0, ERRNO.EEXIST, 0]);
  });

  it('waits for a page that is there where it is registered for minor faults', () => {
    const program = [
      { op: 'uffdio_unregister', fd: 'u', addr: BASE, lengthBytes: '1M' },
      { op: 'store', addr: BASE },
      { op: 'madvise', addr: BASE, lengthBytes: '64K', advice: 'DONTNEED' },
      { op: 'uffdio_register', fd: 'u', addr: BASE, lengthBytes: '1M', mode: 4 },
      { op: 'store', addr: BASE },
    ];
    const goOn = { op: 'uffdio_continue', fd: 'u' };
    const far = { ...goOn, addr: BASE + 0x80000 };
    const run = watched({ pageSize, mapped: shared }, program, [read, far, goOn]);
    expectAllEnded(run, [100, 200]);
    expect(eventsOf(run).map(([, flags]) => flags)).toEqual([5]);
    expect(errnosOf(run, 200, 'uffdio_continue')).toEqual([ERRNO.EFAULT, 0]);
  });
});

describe('a 64K process on a 4K kernel with a monitor of 4K pages', () => {
  const program = [{ op: 'store', addr: BASE + 0x5000 }];

  it('is filled a process page at a time: a copy of 4K is refused, whoever makes it', () => {
    const steps = [read, copy(), copy({ addr: BASE, lengthBytes: '64K' })];
    const run = watched({ pageSize: 64 * K, monitorSize: 4 * K }, program, steps);
    expectAllEnded(run, [100, 200]);
    expect(errnosOf(run, 200, 'uffdio_copy')).toEqual([ERRNO.EINVAL, 0]);
    expect(run.system.snapshot('mm:100').context).toMatchObject({ fallbacks: 0 });
  });

  it('in the naive design gets one kernel page, and the native table is given up', () => {
    const settings = { pageSize: 64 * K, monitorSize: 4 * K, granularity: 'kernel-page' } as const;
    const run = watched(settings, program, [read, copy()]);
    expectAllEnded(run, [100, 200]);
    expect(eventsOf(run)).toEqual([[0x12, 1, BASE + 0x5000]]);
    expect(run.system.snapshot('mm:100').context).toMatchObject({ rssExitPages: 1, fallbacks: 1 });
    expect(run.system.snapshot('mm:100').context['fallbackReason']).toMatch(/^partly-valid/);
  });

  it('has no userfaultfd where that is taken away: register fails, and faults are handled as ever', () => {
    const run = watched({ pageSize: 64 * K, granularity: 'defeature' }, program, []);
    expectAllEnded(run, [100, 200]);
    expect(errnosOf(run, 100, 'uffdio_register')).toEqual([ERRNO.EINVAL]);
    const small = watched({ pageSize: 4 * K, granularity: 'defeature' }, program, [read, copy()]);
    expect(errnosOf(small, 100, 'uffdio_register')).toEqual([0]);
    const probe = watched({ pageSize: 64 * K, granularity: 'defeature', features: 1 }, program, []);
    expect(errnosOf(probe, 100, 'uffdio_api')).toEqual([ERRNO.EINVAL]);
  });
});

describe('any order of delivery', () => {
  it('loses no wake-up: every process comes to its end, and no page is filled twice', () => {
    const settings = fc.record({
      pageSize: fc.constantFrom(...SIZES),
      seed: fc.integer({ min: 1, max: 1_000_000 }),
      pages: fc.integer({ min: 1, max: 3 }),
      mode: fc.constantFrom(0, 1),
    });
    fc.assert(
      fc.property(settings, ({ pageSize, seed, pages, mode }) => {
        const touched = Array.from({ length: pages }, (_, at) => ({ op: 'store', addr: BASE + at * pageSize }));
        const wake = mode === 1 ? [{ op: 'uffdio_wake', fd: 'u' }] : [];
        const served = touched.flatMap(() => [read, copy({ mode }), ...wake]);
        const run = watched({ pageSize, seed, chooser: 'seeded-random' }, touched, served);
        expectAllEnded(run, [100, 200]);
        expect(errnosOf(run, 200, 'uffdio_copy').every((errno) => errno === 0)).toBe(true);
        expect(run.system.snapshot('mm:100').context).toMatchObject({ rssExitPages: (pages * pageSize) / 4096 });
      }),
      { numRuns: 40 },
    );
  });
});

describe('a descriptor that is not there', () => {
  it('is ENOSYS where the kernel has no userfaultfd, and EBADF by another name', () => {
    const program = [{ op: 'userfaultfd', fd: 'u' }];
    const input = { name: 'none', processes: [{ pid: 1, pageSize: '4K', program }] };
    expect(errnosOf(runChecked(input), 1, 'userfaultfd')).toEqual([ERRNO.ENOSYS]);
    const named = { ...input, userfaultfd: { descriptors: ['v'] } };
    expect(errnosOf(runChecked(named), 1, 'userfaultfd')).toEqual([ERRNO.EBADF]);
  });
});
