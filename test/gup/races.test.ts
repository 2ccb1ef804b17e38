/**
 * Pins against fork, unmapping and the freeing of tables, in every order that the channels allow: nothing is lost, nothing is
 * shared that is pinned, and what keeps it so can be taken out and is missed.
 *
 * @models S-08 S-09
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { BASE, mapped, ran } from './support.ts';

const SIZE = 0x40000;

/** One step of a random program: pins by two holders that nobody waits for, and what may happen to the pages meanwhile. */
const step = fc.oneof(
  fc.record({
    op: fc.constant('gup_test'),
    holder: fc.constantFrom('dev', 'rdma'),
    command: fc.constantFrom('pin', 'pin', 'unpin'),
    addr: fc.nat({ max: 63 }).map((page) => BASE + page * 4096),
    lengthBytes: fc.integer({ min: 1, max: 4 }).map((pages) => pages * 4096),
    write: fc.boolean(),
    longterm: fc.boolean(),
    fast: fc.constantFrom(true, true, false),
    wait: fc.constantFrom(false, false, true),
  }),
  fc.record({ op: fc.constantFrom('store', 'load'), addr: fc.nat({ max: SIZE - 1 }).map((at) => BASE + at) }),
  fc.record({
    op: fc.constant('madvise'),
    addr: fc.nat({ max: 3 }).map((page) => BASE + page * 0x10000),
    lengthBytes: fc.constant(0x10000),
    advice: fc.constantFrom('DONTNEED', 'FREE', 'PAGEOUT'),
  }),
  fc.constant({ op: 'munmap', addr: BASE + 0x30000, lengthBytes: 0x10000 }),
  fc.constant({ op: 'mprotect', addr: BASE + 0x20000, lengthBytes: 0x10000, prot: 'r' }),
);

const program = fc.array(step, { minLength: 3, maxLength: 14 });

function world(parent: object[], child: object[], seed: number, gup: object = {}, pageSize = '64K') {
  return ran({
    cpus: 2,
    chooser: 'seeded-random',
    seed,
    memory: '64M',
    gup: { holders: ['dev', 'rdma'], ...gup },
    processes: [
      { pid: 1, program: parent, pageSize, children: [2], signals: 'skip' },
      { pid: 2, program: child, pageSize, forked: true, signals: 'skip' },
    ],
  });
}

describe('pins in random worlds', () => {
  test.each(['4K', '16K', '64K'])('of %s processes are conserved, never shared and never stale', (pageSize) => {
    const fork = { op: 'fork', childPid: 2 };
    const first = [mapped(`${SIZE}`), { op: 'store', addr: BASE, lengthBytes: SIZE, strideBytes: 65536 }];
    fc.assert(
      fc.property(program, program, program, fc.integer({ min: 0, max: 1e6 }), (before, after, child, seed) => {
        const movable = seed % 2 === 0 ? {} : { movableBytes: 2 ** 24 };
        const { zone, gup } = world([...first, ...before, fork, ...after], child, seed, movable, pageSize);
        expect(zone.buddy.freeFrames + zone.folios.frames).toBe(zone.totalPages);
        expect(gup.phase).toBe('idle');
      }),
      { numRuns: 40 },
    );
  });
});

/** Runs a world with many seeds until a law is broken. */
function firstBroken(parent: object[], child: object[], gup: object, seeds: number): string | null {
  for (let seed = 0; seed < seeds; seed++) {
    try {
      world(parent, child, seed, gup);
    } catch (error) {
      if (error instanceof GranuleError && error.code === 'LAW_BROKEN') return error.message;
      throw error;
    }
  }
  return null;
}

describe('a fast pin beside a fork', () => {
  const parent = [
    mapped('64K'),
    { op: 'store', addr: BASE },
    { op: 'gup_test', holder: 'dev', addr: BASE, lengthBytes: '4K', wait: false },
    { op: 'fork', childPid: 2 },
    { op: 'store', addr: BASE },
  ];
  const child = [{ op: 'load', addr: BASE }];

  test('is undone or done before, where write_protect_seq is compared', () => {
    expect(firstBroken(parent, child, {}, 120)).toBeNull();
  });

  test('ends in a pinned page that is shared, where it is not', () => {
    expect(firstBroken(parent, child, { forkSequence: 'ignored' }, 120)).toMatch(
      /pinned page at 0x200000000 of mmu:1 is shared/,
    );
  });
});

describe('a fast walk beside munmap', () => {
  const parent = [
    mapped('64K'),
    { op: 'store', addr: BASE },
    { op: 'gup_test', holder: 'dev', addr: BASE, lengthBytes: '16K', wait: false },
    { op: 'munmap', addr: BASE, lengthBytes: '64K' },
  ];
  const child = [{ op: 'load', addr: BASE }];

  test('reads tables that are freed when it has left', () => {
    expect(firstBroken(parent, child, {}, 100)).toBeNull();
    let deferred = 0;
    for (let seed = 0; seed < 100; seed++) deferred += world(parent, child, seed).mmu(1).walkers?.deferredFrames ?? 0;
    expect(deferred).toBeGreaterThan(0);
  });

  test('reads free memory where tables go at once', () => {
    expect(firstBroken(parent, child, { tableFree: 'immediate' }, 100)).toMatch(/has read a page table that is free/);
  });
});
