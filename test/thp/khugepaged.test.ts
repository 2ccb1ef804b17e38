/**
 * khugepaged and MADV_COLLAPSE in running systems: what becomes of the memory of processes of each page size, in the checked mode.
 *
 * @models S-34 S-17 S-23 S-10
 */
import '../support/propertySeed.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KhugepagedContext } from '../../machines/index.ts';
import { flagsOf, PTE, pfnOf } from '../../src/mm/pte.ts';
import { pmdMappedBytes } from '../../src/mm/thp/pmdMapped.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, FIXED, framesAt, type Played, play } from './support.ts';

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

const HUGE = 2 ** 21;
const ADVISED: Steps = [
  { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: FIXED },
  { op: 'madvise', addr: BASE, lengthBytes: '4M', advice: 'HUGEPAGE' },
];
/** Untouched memory is filled in by faults of more than a page where MADV_HUGEPAGE came first. */
const SMALL: Steps = [
  { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: FIXED },
  { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: 4096 },
  { op: 'madvise', addr: BASE, lengthBytes: '4M', advice: 'HUGEPAGE' },
];
/** Gives khugepaged time. */
const WAIT: Steps = [{ op: 'load', addr: BASE, lengthBytes: 400 * 4096 }];
const WAKE = { to: 'khugepaged', type: 'KHUGEPAGED_WAKE', atCycles: 1000 };
const SWIFT = { scanSleepMilliseconds: 0, allocSleepMilliseconds: 0 };

/** Frames and flags at the moment of the last collapse. */
interface Seen {
  frames: number[];
  flags: Set<number>;
  nativeFrames: number[];
  anonHugeBytes: number;
}

function playWatched(pageSize: string, program: Steps, thp: TopologyInput['thp'], messages: TopologyInput['messages']) {
  let seen: Seen | null = null;
  const played: Played = play({ processes: [{ pid: 1, program, pageSize }], thp, messages }, (record, system) => {
    if (record.type !== 'TABLE_DONE' || record.to !== 'mm:1') return;
    const mmu = system.snapshot('mmu:1').context as ReturnType<Played['mmu']>;
    const zone = system.snapshot('zone').context as Played['zone'];
    const runs: { va: number; pfn: number; nr: number; flags: number }[] = [];
    mmu.linux.forEach(BASE, BASE + HUGE, (va, pte) => {
      runs.push({ va, pfn: pfnOf(pte), nr: 1, flags: flagsOf(pte) });
    });
    const { anonBytes } = pmdMappedBytes(runs, (pfn) => zone.folios.find(pfn), HUGE, 4096);
    if (anonBytes === 0) return;
    const nativeFrames: number[] = [];
    mmu.native?.forEach(BASE, BASE + HUGE, (_va, pte) => nativeFrames.push(pfnOf(pte)));
    const flags = new Set(runs.map((run) => run.flags & (PTE.VALID | PTE.WRITE | PTE.EXEC | PTE.ANON)));
    seen = { frames: framesAt(mmu, BASE, HUGE), flags, nativeFrames, anonHugeBytes: anonBytes };
  });
  return { played, seen: seen as Seen | null };
}

const daemonOf = ({ system }: Played): KhugepagedContext => system.snapshot('khugepaged').context as KhugepagedContext;

describe.each(['4K', '16K', '64K'])('the memory of a %s process', (pageSize) => {
  const thp = { collapseSize: 'kernel-pmd' as const, khugepaged: SWIFT, fullScans: 5000 };

  test('becomes one huge page of the kernel by khugepaged: same permissions, every page at its place, nothing torn', () => {
    const { played, seen } = playWatched(pageSize, [...SMALL, ...WAIT], thp, [WAKE]);
    expect(daemonOf(played).results.succeed).toBe(1);
    expect(seen?.anonHugeBytes).toBe(HUGE);
    const [first = 0] = seen?.frames ?? [];
    expect(seen?.frames).toEqual(Array.from({ length: 512 }, (_, page) => first + page));
    expect([...(seen?.flags ?? [])]).toEqual([PTE.VALID | PTE.WRITE | PTE.ANON]);
    const pageBytes = Number.parseInt(pageSize) * 1024;
    const native = pageSize === '4K' ? 0 : HUGE / pageBytes;
    const step = pageBytes / 4096;
    expect(seen?.nativeFrames).toEqual(Array.from({ length: native }, (_, page) => first / step + page));
    expect([played.mm(1).fallbacks, played.mm(1).rssPeakPages]).toEqual([0, 512]);
    expect(played.zone.folios.framesByKind.anon).toBe(0);
  });

  test('becomes one by MADV_COLLAPSE, which sysfs does not stop', () => {
    const program: Steps = [...SMALL, { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'COLLAPSE' }];
    const design = { thp: { enabled: 'never' as const } };
    const played = play({ processes: [{ pid: 1, program, pageSize }], thp, design });
    expect(played.answers(1).at(-1)).toBe('madvise 0');
    expect(played.mm(1).copiedBytes).toBe(2 ** 20);
  });

  test('stays small where khugepaged may not: MADV_NOHUGEPAGE, sysfs, max_ptes_none', () => {
    const forbidding: [Steps, object, object][] = [
      [[{ op: 'madvise', addr: BASE, lengthBytes: '4M', advice: 'NOHUGEPAGE' }], {}, {}],
      [[], { design: { thp: { enabled: 'never' } } }, {}],
      [[], {}, { maxPtesNone: 255 }],
    ];
    for (const [steps, design, khugepaged] of forbidding) {
      const part = { ...thp, khugepaged: { ...SWIFT, ...khugepaged } };
      const program = [...SMALL, ...steps, ...WAIT];
      const played = play({ processes: [{ pid: 1, program, pageSize }], thp: part, messages: [WAKE], ...design });
      const { results, controls } = daemonOf(played);
      expect([results.succeed, controls.khugepaged.fullScans > 0]).toEqual([undefined, true]);
    }
  });
});

describe('what MADV_COLLAPSE answers', () => {
  const call = (program: Steps, thp: TopologyInput['thp'] = {}, memory = '2G'): string[] =>
    play({ processes: [{ pid: 1, program, pageSize: '4K' }], thp, memory }).answers(1);
  const collapse = { op: 'madvise' as const, addr: BASE, lengthBytes: '2M', advice: 'COLLAPSE' };

  test('EINVAL for memory that nobody touched or wrote to', () => {
    expect(call([...ADVISED.slice(0, 1), collapse]).at(-1)).toBe('madvise 22');
    expect(call([...ADVISED.slice(0, 1), { op: 'load', addr: BASE }, collapse]).at(-1)).toBe('madvise 22');
  });

  test('ENOMEM where there is no huge page, and what is there stays', () => {
    const played = play({ processes: [{ pid: 1, program: [...SMALL, collapse], pageSize: '4K' }], memory: '2M' });
    expect(played.answers(1).at(-1)).toBe('madvise 12');
    expect(played.mm(1).rssPeakPages).toBe(256);
  });

  test('success for what is a huge page already', () => {
    expect(call([...SMALL, collapse, collapse]).slice(-2)).toEqual(['madvise 0', 'madvise 0']);
  });

  test('the first failure of several, after the others were tried', () => {
    const both = { ...collapse, lengthBytes: '4M' };
    expect(call([...SMALL, both, collapse]).slice(-2)).toEqual(['madvise 22', 'madvise 0']);
  });
});

test('a PMD of a 64K process is 512M: khugepaged finds no such page on a 4K kernel, and a larger zone does not help', () => {
  const program: Steps = [
    { op: 'mmap', addr: BASE, lengthBytes: '512M', flags: FIXED },
    { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '64K' },
    { op: 'madvise', addr: BASE, lengthBytes: '512M', advice: 'HUGEPAGE' },
    ...WAIT,
    { op: 'madvise', addr: BASE, lengthBytes: '512M', advice: 'COLLAPSE' },
  ];
  const part = { khugepaged: SWIFT, fullScans: 5000 };
  const played = play({ processes: [{ pid: 1, program, pageSize: '64K' }], thp: part, messages: [WAKE], memory: '4G' });
  expect(daemonOf(played).results).toMatchObject({ 'no-huge-page': expect.any(Number) as number });
  expect(daemonOf(played).results.succeed).toBeUndefined();
  expect(played.answers(1).at(-1)).toBe('madvise 12');
});

describe('controls that a program writes', () => {
  const path = (file: string): string => `/sys/kernel/mm/transparent_hugepage/${file}`;
  const read = (file: string) => ({ op: 'read_control' as const, path: path(file) });
  const write = (file: string, text: string) => ({ op: 'write_control' as const, path: path(file), text });

  test('act on its next fault, and a 64K process keeps its own page as the least there is', () => {
    const program: Steps = [
      write('enabled', 'never'),
      ...ADVISED.slice(0, 1),
      { op: 'store', addr: BASE },
      write('hugepages-256kB/enabled', 'always\n'),
      { op: 'store', addr: BASE + HUGE },
      read('hugepages-256kB/enabled'),
      read('hugepages-256kB/stats/anon_fault_alloc'),
      write('hugepages-64kB/enabled', 'never'),
    ];
    const played = play({ processes: [{ pid: 1, program, pageSize: '64K' }], thp: {} });
    expect(played.answers(1).slice(-3)).toEqual([
      'read_control [always] inherit madvise never',
      'read_control 1',
      'write_control 2',
    ]);
    expect(played.mm(1).rssPeakPages).toBe(16 + 64);
  });

  test('without the part there is no such file', () => {
    const program: Steps = [read('enabled')];
    expect(play({ processes: [{ pid: 1, program, pageSize: '4K' }] }).answers(1)).toEqual(['read_control 2']);
  });

  test('of a size that a 4K process reads: the single pages of a 64K process are counted as 64K folios', () => {
    const first: Steps = [
      ...ADVISED.slice(0, 1),
      { op: 'store', addr: BASE, lengthBytes: '256K', strideBytes: '64K' },
      ...WAIT,
    ];
    const second: Steps = [read('hugepages-64kB/enabled'), read('hugepages-64kB/stats/anon_fault_alloc')];
    const processes = [
      { pid: 1, program: first, pageSize: '64K' },
      { pid: 2, program: second, pageSize: '4K', startCycles: 600_000 },
    ];
    expect(play({ processes, thp: {}, cpus: 2 }).answers(2)).toEqual([
      'read_control always inherit madvise [never]',
      'read_control 4',
    ]);
  });
});

describe('under any order of delivery', () => {
  const at = fc.integer({ min: 0, max: 63 }).map((page) => BASE + page * 65536);
  const lengthBytes = fc.constantFrom('64K', '256K', '1M', '2M');
  const step = fc.oneof(
    fc.record({ op: fc.constant('store' as const), addr: at }),
    fc.record({ op: fc.constant('load' as const), addr: at }),
    fc.record({
      op: fc.constant('madvise' as const),
      addr: at,
      lengthBytes,
      advice: fc.constantFrom('DONTNEED', 'FREE', 'COLD', 'PAGEOUT', 'COLLAPSE', 'HUGEPAGE', 'NOHUGEPAGE'),
    }),
    fc.record({ op: fc.constant('mprotect' as const), addr: at, lengthBytes, prot: fc.constantFrom('r', 'rw') }),
    fc.record({ op: fc.constant('munmap' as const), addr: at, lengthBytes: fc.constantFrom('64K', '256K') }),
  );

  test('a program answers and ends as without khugepaged, no page is torn, and memory comes back', () => {
    let collapsed = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.constantFrom('4K', '64K'),
        fc.nat(1000),
        (steps, pageSize, seed) => {
          const program = [...SMALL, ...steps] as Steps;
          const child: Steps = [{ op: 'fork', childPid: 2 }, ...program.slice(3)];
          const processes = [
            { pid: 1, program: [...SMALL, ...child], pageSize, children: [2], signals: 'skip' as const },
            { pid: 2, program: [...SMALL, ...child], pageSize, forked: true, signals: 'skip' as const },
          ];
          const scheduled = { chooser: 'seeded-random' as const, seed, cpus: 2, memory: '256M' };
          const thp = { collapseSize: 'kernel-pmd' as const, khugepaged: SWIFT, fullScans: 3000 };
          const with0 = play({ processes, ...scheduled, thp, messages: [{ ...WAKE, atCycles: 300_000 }] });
          const without = play({ processes, ...scheduled, thp: { collapseSize: 'kernel-pmd' } });
          for (const pid of [1, 2]) {
            const calls = (played: Played): string[] =>
              played.answers(pid).filter((answer) => !answer.startsWith('madvise'));
            expect(calls(with0)).toEqual(calls(without));
            expect(with0.mm(pid).fallbacks).toBe(0);
          }
          collapsed += daemonOf(with0).results.succeed ?? 0;
          expect(with0.zone.folios.framesByKind).toEqual(without.zone.folios.framesByKind);
        },
      ),
      { numRuns: 25 },
    );
    expect(collapsed).toBeGreaterThan(10);
  }, 120_000);
});
