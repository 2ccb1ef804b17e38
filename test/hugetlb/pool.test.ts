/**
 * Pools and inodes as pure rules: no page is lost or promised twice, whatever is asked; the sizes of each kernel.
 *
 * @models S-28 S-25
 */
import '../support/propertySeed.ts';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HugetlbContext } from '../../machines/index.ts';
import { holdings } from '../../src/mm/hugetlb/inode.ts';
import { hugeMeminfo } from '../../src/mm/hugetlb/meminfo.ts';
import {
  emptyPool,
  givePage,
  type HugePool,
  mounted,
  promise,
  resized,
  surplusFor,
  takePage,
  unpromise,
  withPage,
} from '../../src/mm/hugetlb/pool.ts';
import { newSubpool } from '../../src/mm/hugetlb/subpool.ts';
import { pudBytesOf, shareableAt, wantsPmdShare } from '../../src/mm/hugetlb/sharing.ts';
import { hugeSizes, listHugepages, usableHugeSizes } from '../../src/mm/hugetlb/sizes.ts';
import { nativeFormOf } from '../../src/mm/thp/pmdMapped.ts';
import { VM } from '../../src/mm/vma.ts';
import { BASE, play } from '../thp/support.ts';

const oracle = JSON.parse(
  readFileSync(new URL('../../fixtures/oracle/interfaces.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, { text: string }>>;

describe.each([
  ['4K', 4096],
  ['16K', 16384],
  ['64K', 65536],
] as const)('the sizes of a kernel of %s pages', (name, pageBytes) => {
  test('are those that it lists, and that a translated reader of its page size is told', () => {
    for (const kernelPageBytes of [pageBytes, 4096]) {
      const listed = listHugepages({ pageBytes, kernelPageBytes, policy: 'translate' });
      expect(listed.map((entry) => `${entry} `).join('')).toBe(oracle['hugepages/']?.[name]?.text);
    }
  });

  test('that a process can have on a 4K kernel are mapped by its own table exactly', () => {
    for (const bytes of usableHugeSizes(pageBytes, 4096)) {
      expect(hugeSizes(pageBytes)).toContain(bytes);
      expect(bytes % ((nativeFormOf(bytes, pageBytes)?.entries ?? 0) * pageBytes)).toBe(0);
    }
  });
});

/** One request to a pool, as its callers make them. */
type Ask = { op: 'reserve' | 'unreserve' | 'take' | 'takePromised' | 'give' | 'giveBack' | 'resize'; count: number };

test('a pool neither loses a page nor promises one twice', () => {
  const op = fc.constantFrom<Ask['op']>('reserve', 'unreserve', 'take', 'takePromised', 'give', 'giveBack', 'resize');
  fc.assert(
    fc.property(fc.array(fc.record({ op, count: fc.nat(5) }), { maxLength: 60 }), fc.nat(3), (asks, overcommit) => {
      let pool: HugePool = emptyPool(2 ** 21, overcommit);
      let next = 0;
      const inUse: number[] = [];
      const gone = new Set<number>();
      const leave = (freed: number[]): void => freed.forEach((pfn) => gone.add(pfn));
      for (const { op: what, count } of asks) {
        if (what === 'reserve') {
          const lacking = surplusFor(pool, count);
          if (lacking === null) continue;
          for (let page = 0; page < lacking; page++) pool = withPage(pool, next++, true);
          pool = promise(pool, count);
        } else if (what === 'unreserve') {
          const done = unpromise(pool, Math.min(count, pool.reserved));
          leave(done.freed);
          ({ pool } = done);
        } else if (what === 'take' || what === 'takePromised') {
          if (what === 'takePromised' && pool.reserved === 0) continue;
          const taken = takePage(pool, what === 'takePromised');
          if (taken === null) expect(pool.free.length).toBe(pool.reserved);
          else {
            inUse.push(taken.pfn);
            ({ pool } = taken);
          }
        } else if (what === 'resize') {
          const done = resized(pool, count);
          leave(done.freed);
          ({ pool } = done);
          for (let page = 0; page < done.wanted; page++) pool = withPage(pool, next++, false);
          expect(pool.total - pool.surplus).toBeLessThanOrEqual(Math.max(count, 0));
        } else {
          const pfn = inUse.pop();
          if (pfn === undefined) continue;
          const done = givePage(pool, pfn, what === 'giveBack' && pool.surplus === 0);
          leave(done.freed);
          ({ pool } = done);
        }
        expect(pool.total).toBe(pool.free.length + inUse.length);
        expect(pool.reserved).toBeLessThanOrEqual(pool.free.length);
        expect(new Set([...pool.free, ...inUse, ...gone]).size).toBe(next);
        expect(pool.surplus).toBeGreaterThanOrEqual(0);
        expect(pool.surplus).toBeLessThanOrEqual(pool.total);
      }
    }),
  );
});

test('a mount keeps what its files may count on, and lets them have no more than its size', () => {
  let pool: HugePool = emptyPool(2 ** 21, 0);
  for (let page = 0; page < 6; page++) pool = withPage(pool, page, false);
  pool = mounted(pool, newSubpool(4, 2));
  expect(pool.reserved).toBe(2);
  expect(surplusFor(pool, 5)).toBeNull();
  // The first two promises come out of what is kept.
  pool = promise(pool, 3);
  expect([pool.reserved, pool.mount?.unused]).toEqual([3, 0]);
  const taken = takePage(pool, false);
  expect([taken?.pool.reserved, taken?.pool.mount?.used]).toEqual([3, 4]);
  expect(takePage(taken?.pool ?? pool, false)).toBeNull();
  const back = unpromise(taken?.pool ?? pool, 3).pool;
  expect([back.reserved, back.mount]).toEqual([2, { maxPages: 4, minPages: 2, used: 1, unused: 2 }]);
});

test('tables are shared where the span, the flags and the place in the span agree', () => {
  const pud = pudBytesOf(4096);
  const area = { startVa: pud, endVa: 3 * pud, flags: VM.SHARED, prot: 3, offsetBytes: 0 };
  const va = pud + 5 * 2 ** 21;
  expect(wantsPmdShare({ ...area, flags: 0 }, va, 2 ** 21, 4096)).toBe(false);
  expect(wantsPmdShare(area, va, 2 ** 21, 65536)).toBe(false);
  expect(wantsPmdShare({ ...area, startVa: pud + 2 ** 21 }, va, 2 ** 21, 4096)).toBe(false);
  expect(wantsPmdShare({ ...area, startVa: pud + 2 ** 21 }, va + pud, 2 ** 21, 4096)).toBe(true);
  const other = { ...area, startVa: 8 * pud, endVa: 10 * pud };
  expect(shareableAt(other, area, va, 4096)).toBe(8 * pud + 5 * 2 ** 21);
  expect(shareableAt({ ...other, flags: VM.SHARED | VM.LOCKED }, area, va, 4096)).not.toBeNull();
  expect(shareableAt({ ...other, flags: VM.SHARED | VM.DONTCOPY }, area, va, 4096)).toBeNull();
  expect(shareableAt({ ...other, offsetBytes: 2 ** 21 }, area, va, 4096)).toBeNull();
  expect(shareableAt({ ...other, endVa: 8 * pud + 2 ** 29 }, area, va, 4096)).toBeNull();
});

describe('programs on a small pool, under any order of delivery', () => {
  const at = fc.integer({ min: 0, max: 3 }).map((page) => BASE + page * 2 ** 21);
  const within = fc.integer({ min: 0, max: 127 }).map((page) => BASE + page * 65536);
  const lengthBytes = fc.constantFrom('2M', '4M');
  const size = 21 * 2 ** 26;
  const flags = fc.constantFrom('PRIVATE', 'SHARED', 'PRIVATE|NORESERVE', 'SHARED|NORESERVE');
  const step = fc.oneof(
    fc.record({ op: fc.constant('store' as const), addr: within }),
    fc.record({ op: fc.constant('load' as const), addr: within }),
    fc.record({
      op: fc.constant('mmap' as const),
      addr: at,
      lengthBytes,
      flags: flags.map((kind) => `${kind}|ANONYMOUS|FIXED|HUGETLB|${size}`),
    }),
    fc.record({ op: fc.constant('munmap' as const), addr: at, lengthBytes }),
    fc.record({ op: fc.constant('mprotect' as const), addr: at, lengthBytes, prot: fc.constantFrom('r', 'rw') }),
    fc.record({ op: fc.constant('madvise' as const), addr: at, lengthBytes, advice: fc.constant('DONTNEED') }),
  );
  const program = fc.array(step, { minLength: 3, maxLength: 14 });

  test('conserve the pool at every event, tear no process page, and leave nothing behind', () => {
    let forked = 0;
    const sizes = fc.constantFrom('4K', '64K');
    fc.assert(
      fc.property(
        program,
        program,
        program,
        sizes,
        fc.nat(2),
        fc.nat(1000),
        (first, after, child, pageSize, overcommit, seed) => {
          const processes = [
            { pid: 1, program: [...first, { op: 'fork' as const, childPid: 2 }, ...after], pageSize, children: [2] },
            { pid: 2, program: child, pageSize, forked: true },
          ].map((process) => ({ ...process, signals: 'skip' as const }));
          const hugetlb = { pools: { '2M': { pages: 3, overcommit } } };
          const scheduled = { chooser: 'seeded-random' as const, seed, cpus: 2, memory: '32M' };
          const played = play({ processes, hugetlb, ...scheduled }, (record, system) => {
            if (record.to !== 'hugetlb') return;
            const { pools, inodes } = system.snapshot('hugetlb').context as HugetlbContext;
            const all = Object.values(inodes).map(holdings);
            const [, pool] = pools;
            expect(pool?.total).toBe((pool?.free.length ?? 0) + all.reduce((sum, { pages }) => sum + pages, 0));
            expect(pool?.reserved).toBe(all.reduce((sum, { promised }) => sum + promised, 0));
            expect(pool?.reserved).toBeLessThanOrEqual(pool?.free.length ?? 0);
          });
          const { pools, inodes } = played.system.snapshot('hugetlb').context as HugetlbContext;
          expect([inodes, pools[1]?.total, pools[1]?.surplus, pools[1]?.reserved]).toEqual([{}, 3, 0, 0]);
          expect([played.mm(1).fallbacks, played.mm(2).fallbacks]).toEqual([0, 0]);
          expect(played.zone.folios.framesByKind).toMatchObject({ anon: 0, kernel: 3 * 512 });
          const counted = played.records.filter(({ type }) => type === 'HUGE_DUP').length;
          forked += counted;
        },
      ),
      { numRuns: 40 },
    );
    expect(forked).toBeGreaterThan(3);
  }, 120_000);
});

test('/proc/meminfo tells each reader the Hugepagesize of a kernel of its page size', () => {
  const limits = JSON.parse(readFileSync(new URL('../../fixtures/oracle/limits.json', import.meta.url), 'utf8')) as {
    page: number;
    HugepagesizeKB: number;
  }[];
  for (const { page, HugepagesizeKB } of limits) {
    const reader = { pageBytes: page, kernelPageBytes: 4096, policy: 'translate' as const };
    const [size] = hugeMeminfo([], reader, 'process').filter((line) => line.startsWith('Hugepagesize'));
    expect(size).toBe(`Hugepagesize:   ${String(HugepagesizeKB).padStart(8)} kB`);
  }
});
