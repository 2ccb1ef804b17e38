/**
 * Pinning pages of process pages larger than the kernel's, and what fork, unmapping and debuggers make of pinned memory.
 *
 * @models S-08 D-16
 */
import { describe, expect, test } from 'vitest';
import { heldPages } from '../../src/mm/gup/held.ts';
import { BASE, mapped, pin, pinsInZone, ran, resultsOf } from './support.ts';

const stores = { op: 'store', addr: BASE, lengthBytes: '128K' };

describe('pages of a 64K process', () => {
  test('are pinned one by one by the fast walk, and unpinned in pieces', () => {
    const program = [
      mapped('128K'),
      stores,
      pin('64K'),
      pin('4K', { command: 'unpin' }),
      pin('8K', { addr: BASE + 0x8000, command: 'unpin' }),
    ];
    const { gup, zone, records } = ran({ processes: [{ pid: 1, program, pageSize: '64K' }] });
    expect(gup).toMatchObject({ fastPages: 16, slowPages: 0, changed: 0, undone: 0, short: 0 });
    expect(resultsOf(records, 1)[1]).toBe(16);
    // The process has exited: what is left of the folio is the holder's, as on every kernel.
    expect(heldPages(gup.held)).toBe(13);
    expect(pinsInZone(zone)).toBe(13);
    const folio = zone.folios.find(gup.held[0].pfn);
    expect(folio).toMatchObject({ order: 4, refs: 13, pins: 13 });
  });

  test('are as many folios as on a 64K kernel', () => {
    const program = [mapped('128K'), stores, pin('128K')];
    const mixed = ran({ processes: [{ pid: 1, program, pageSize: '64K' }] });
    const plain = ran({ kernelPageSize: '64K', processes: [{ pid: 1, program, pageSize: '64K' }] });
    const folios = (run: typeof mixed): number =>
      new Set(
        run.gup.held.flatMap((held) =>
          Array.from({ length: held.nr }, (_, at) => run.zone.folios.headOf(held.pfn + at)),
        ),
      ).size;
    expect([heldPages(mixed.gup.held), heldPages(plain.gup.held)]).toEqual([32, 2]);
    expect([folios(mixed), folios(plain)]).toEqual([2, 2]);
  });

  test('that are not there yet are faulted in by the mm', () => {
    const program = [mapped('128K'), pin('128K'), pin('128K', { command: 'unpin' })];
    const { gup, zone } = ran({ processes: [{ pid: 1, program, pageSize: '64K' }] });
    expect(gup).toMatchObject({ fastPages: 0, slowPages: 32, held: [] });
    expect(pinsInZone(zone)).toBe(0);
  });

  test('stay with the holder when they are unmapped, advised away or overmapped', () => {
    const gone = [
      { op: 'madvise', addr: BASE, lengthBytes: '64K', advice: 'DONTNEED' },
      { op: 'store', addr: BASE },
      { op: 'munmap', addr: BASE, lengthBytes: '128K' },
    ];
    const { gup, zone, records } = ran({
      processes: [{ pid: 1, program: [mapped('128K'), stores, pin('128K'), ...gone], pageSize: '64K' }],
    });
    expect(resultsOf(records, 1).every((result) => result >= 0)).toBe(true);
    expect([heldPages(gup.held), pinsInZone(zone)]).toEqual([32, 32]);
  });

  test('beyond what may be written to are refused, or those before it pinned', () => {
    const readOnly = { op: 'mprotect', addr: BASE + 0x10000, lengthBytes: '64K', prot: 'r' };
    const program = [
      mapped('128K'),
      stores,
      readOnly,
      pin('128K'),
      pin('4K', { addr: BASE + 0x10000 }),
      pin('4K', { addr: 0x1000 }),
    ];
    const { gup, records } = ran({ processes: [{ pid: 1, program, pageSize: '64K' }] });
    expect(resultsOf(records, 1).slice(2, 5)).toEqual([16, -14, -14]);
    expect(gup.short).toBe(3);
  });
});

describe('a pin for reading', () => {
  test('of memory shared with a child gets a page of its own first (FAULT_FLAG_UNSHARE)', () => {
    const parent = [
      mapped('64K'),
      { op: 'store', addr: BASE },
      { op: 'fork', childPid: 2 },
      pin('64K', { write: false }),
    ];
    const child = [{ op: 'load', addr: BASE, lengthBytes: '64K' }];
    const { gup, mm, records } = ran({
      cpus: 2,
      processes: [
        { pid: 1, program: parent, pageSize: '64K', children: [2] },
        { pid: 2, program: child, pageSize: '64K', forked: true, startCycles: 0 },
      ],
    });
    expect(resultsOf(records, 1).at(-1)).toBe(16);
    expect(gup).toMatchObject({ fastPages: 0, slowPages: 16 });
    expect(mm(1).fallbacks).toBe(0);
  });

  test('of untouched memory takes the zero page without a pin, or for long a page of its own', () => {
    const program = [
      mapped('128K'),
      pin('64K', { write: false }),
      pin('64K', { write: false, longterm: true, addr: BASE + 0x10000 }),
    ];
    const { gup, zone, records } = ran({ processes: [{ pid: 1, program, pageSize: '64K' }] });
    expect(resultsOf(records, 1).slice(1, 3)).toEqual([16, 16]);
    expect([heldPages(gup.held), pinsInZone(zone)]).toEqual([16, 16]);
    expect(gup.held[0]).toMatchObject({ va: BASE + 0x10000, anon: true });
  });
});

describe('fork of pinned memory', () => {
  const world = (gup: object) => {
    const parent = [mapped('128K'), stores, pin('4K'), { op: 'fork', childPid: 2 }, { op: 'store', addr: BASE }];
    const child = [
      { op: 'load', addr: BASE, lengthBytes: '128K' },
      { op: 'store', addr: BASE },
    ];
    return ran({
      cpus: 2,
      gup: { holders: ['dev'], ...gup },
      processes: [
        { pid: 1, program: parent, pageSize: '64K', children: [2] },
        { pid: 2, program: child, pageSize: '64K', forked: true },
      ],
    });
  };

  test('copies the process page of the pin for the child, and leaves the parent its own', () => {
    const { mm, gup, records } = world({});
    expect([mm(1).fallbacks, mm(2).fallbacks]).toEqual([0, 0]);
    expect(mm(1).copiedBytes).toBe(65536);
    // The parent's store is no fault and the child's neither: both have pages of their own.
    expect(records.filter(({ type }) => type === 'COPY_ON_WRITE')).toEqual([]);
    expect(gup.held[0]).toMatchObject({ va: BASE, nr: 1 });
  });

  test('copies page by page on an unmodified kernel: the child falls back', () => {
    const { mm } = world({ forkCopy: 'kernel-page' });
    expect([mm(1).fallbacks, mm(2).fallbacks]).toEqual([0, 1]);
    expect(mm(2).fallbackReason).toMatch(/at 0x200000000/);
  });
});

describe('a debugger of 4K pages', () => {
  const world = (forcedWrite: string, call: object) => {
    const target = [
      mapped('64K', { prot: 'rw' }),
      { op: 'store', addr: BASE },
      { op: 'mprotect', addr: BASE, lengthBytes: '64K', prot: 'r' },
      { op: 'fork', childPid: 3 },
      { op: 'load', addr: BASE, lengthBytes: '64K', strideBytes: 64 },
    ];
    const tracer = [call];
    return ran({
      cpus: 3,
      gup: { holders: ['dev'], forcedWrite },
      processes: [
        { pid: 1, program: target, pageSize: '64K', children: [3] },
        { pid: 2, program: tracer, pageSize: '4K', startCycles: 200_000 },
        { pid: 3, program: [{ op: 'load', addr: BASE }], pageSize: '64K', forked: true },
      ],
    });
  };
  const poke = { op: 'ptrace', request: 'pokedata', targetPid: 1, addr: BASE + 0x3008 };

  test.each([
    ['process-page', 0, 0],
    ['kernel-page', 0, 1],
    ['refused', -5, 0],
  ])('writes to memory that its 64K target may not: %s', (choice, result, fallbacks) => {
    for (const call of [poke, { op: 'uprobe_register', targetPid: 1, addr: BASE + 0x3000 }]) {
      const { mm, records } = world(choice, call);
      expect(resultsOf(records, 2)[0]).toBe(result);
      expect(mm(1).fallbacks).toBe(fallbacks);
    }
  });

  test('reads whatever the protection', () => {
    const { mm, records } = world('process-page', {
      op: 'ptrace',
      request: 'peekdata',
      targetPid: 1,
      addr: BASE + 0x3008,
    });
    expect([resultsOf(records, 2)[0], mm(1).fallbacks]).toEqual([0, 0]);
  });
});
