/**
 * What a larger page makes of recorded calls. The law at the end plays random programs in two worlds, of 4K pages and of
 * larger ones, and holds the report on the first to what really happens in the second.
 *
 * @models S-20 S-26 L-11
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateCall } from '../../src/mm/abiRules.ts';
import { type AbiReport, abiReport } from '../../src/report/abiReport/report.ts';
import type { RecordedEvent } from '../../src/trace/recordedCalls.ts';
import { eventsOfStrace } from '../../src/trace/strace/calls.ts';
import '../support/propertySeed.ts';
import { fixture } from '../cli/harness.ts';

const K64 = 65536;
const report = (lines: readonly string[], pageBytes = K64): AbiReport =>
  abiReport(eventsOfStrace(lines).events, pageBytes);
const kinds = (made: AbiReport): unknown[] => made.findings.map(({ kind, op, caller }) => [kind, op, caller]);
const ANON = 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0';
/** 1 MiB that the kernel put at an address of no larger page. */
const area = `mmap(NULL, 1048576, ${ANON}) = 0x7f0000001000`;

describe('an address', () => {
  it('that the kernel chose is none of the program', () => {
    const made = report([
      area,
      'madvise(0x7f0000001000, 65536, MADV_DONTNEED) = 0',
      'munmap(0x7f0000001000, 1048576) = 0',
    ]);
    expect(made.findings).toEqual([]);
    expect(made.rows.map(({ op, bareAddress, falseAlarms }) => [op, bareAddress, falseAlarms])).toEqual([
      ['madvise', 1, 1],
      ['mmap', 0, 0],
      ['munmap', 1, 1],
    ]);
  });

  it('that the program computed is refused by the rule of the call, with its errno', () => {
    const [finding] = report([area, 'mprotect(0x7f0000003000, 65536, PROT_NONE) = 0']).findings;
    expect(finding).toMatchObject({
      kind: 'refused',
      op: 'mprotect',
      errno: 'EINVAL',
      why: '`addr` not a multiple of the page: EINVAL',
      offsetBytes: 0x2000,
      madeAt: 'line 1',
      caller: '',
    });
    // An address that looks aligned is refused as well where its distance is not.
    const lucky = ['mmap(NULL, 1048576, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000003000'];
    expect(kinds(report([...lucky, 'munmap(0x7f0000010000, 65536) = 0']))).toEqual([['refused', 'munmap', '']]);
  });

  it('that the program rounded itself is aligned at any page size, and so is what it counts from there', () => {
    const heap = 'mmap(NULL, 134217728, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0001021000';
    const head = 'munmap(0x7f0001021000, 50196480) = 0';
    const made = report([
      heap,
      head,
      'mprotect(0x7f0004000000, 131072, PROT_READ) = 0',
      'mprotect(0x7f0004021000, 4096, PROT_READ) = 0',
    ]);
    expect(kinds(made)).toEqual([['refused', 'mprotect', '']]);
  });

  it('that the program chose for itself counts as it is', () => {
    const fixed = `mmap(0x10005000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x10005000`;
    expect(kinds(report([fixed]))).toEqual([['refused', 'mmap', '']]);
    expect(report([fixed.replace('MAP_FIXED|', '')]).findings).toEqual([]);
  });

  it('of what exec laid out is not known', () => {
    const made = report(['mprotect(0x564f7c10a000, 4096, PROT_READ) = 0']);
    expect(made.findings).toEqual([]);
    expect(made.rows[0]).toMatchObject({ op: 'mprotect', unknown: 1 });
  });

  it('of a call that failed says nothing', () => {
    const made = report([area, 'munmap(0x7f0000001001, 1) = -1 EINVAL (Invalid argument)']);
    expect([made.findings, made.rows[1]?.failed]).toEqual([[], 1]);
  });
});

describe('a length', () => {
  it('that is rounded up takes away what is behind it', () => {
    const [finding] = report([area, 'munmap(0x7f0000001000, 4096) = 0']).findings;
    expect(finding).toMatchObject({
      kind: 'reaches-further',
      why: 'unmaps 61440 bytes more, which are in use otherwise',
    });
    expect(kinds(report([area, 'madvise(0x7f0000001000, 4096, MADV_DONTNEED) = 0']))).toEqual([
      ['reaches-further', 'madvise', ''],
    ]);
    expect(
      kinds(
        report([
          area,
          `mmap(0x7f0000001000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0x7f0000001000`,
        ]),
      ),
    ).toEqual([['reaches-further', 'mmap', '']]);
  });

  it('takes away nothing where nothing is, nothing else is asked, or the call only advises', () => {
    expect(report([area, 'munmap(0x7f0000001000, 1048000) = 0']).findings).toEqual([]);
    expect(report([area, 'mprotect(0x7f0000001000, 4096, PROT_READ|PROT_WRITE) = 0']).findings).toEqual([]);
    expect(report([area, 'madvise(0x7f0000001000, 4096, MADV_WILLNEED) = 0']).findings).toEqual([]);
    expect(kinds(report([area, 'mprotect(0x7f0000001000, 4096, PROT_NONE) = 0']))).toEqual([
      ['reaches-further', 'mprotect', ''],
    ]);
  });

  it('adds up to address space', () => {
    expect(report([area, `mmap(NULL, 5000, ${ANON}) = 0x7f0000101000`]).growth).toEqual({
      mappings: 2,
      askedBytes: 1048576 + 8192,
      addedBytes: K64 - 8192,
    });
  });
});

describe('other answers', () => {
  it('of mincore are a byte a page', () => {
    const [finding] = report([area, 'mincore(0x7f0000001000, 1048576, [1]) = 0'], 16384).findings;
    expect(finding).toMatchObject({ kind: 'answers-otherwise', why: '64 bytes of answer instead of 256' });
  });

  it('of objects of the kernel: a perf ring that is not 1 + 2^n pages, an io_uring that is too small', () => {
    const perf = [
      'perf_event_open({}, 0, -1, -1, 0) = 3',
      'mmap(NULL, 69632, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = 0x7f0000001000',
    ];
    expect(report(perf).findings).toMatchObject([{ kind: 'needs-larger-object' }]);
    const odd = [perf[0], perf[1].replace('69632', '200704')];
    expect(report(odd).findings).toMatchObject([{ kind: 'refused', errno: 'EINVAL', why: '4 pages are not 1 + 2^n' }]);
    const ring = [
      'io_uring_setup(8, {}) = 4',
      'mmap(NULL, 4608, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_POPULATE, 4, 0x8000000) = 0x7f0000001000',
    ];
    expect(report(ring).findings).toMatchObject([{ kind: 'needs-larger-object', op: 'mmap' }]);
  });

  it('of pipes and procfs', () => {
    const made = report(['fcntl(3, F_SETPIPE_SZ, 5000) = 8192', 'openat(AT_FDCWD, "/proc/self/statm", O_RDONLY) = 3']);
    expect(made.asks.map(({ name, count }) => [name, count])).toEqual([
      ['F_SETPIPE_SZ', 1],
      ['proc:statm', 1],
    ]);
    expect(made.asks[0]?.says).toContain('65536 bytes for 5000');
  });

  it('of huge page sizes that the other kernel has not', () => {
    const huge =
      'mmap(NULL, 1073741824, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|30<<MAP_HUGE_SHIFT, -1, 0) = 0x7f0000000000';
    expect(report([huge]).findings).toMatchObject([{ kind: 'refused', errno: 'EINVAL' }]);
  });
});

const recorded = (name: string): string[] =>
  gunzipSync(readFileSync(fixture(`strace/${name}.strace.gz`)))
    .toString()
    .split('\n');

describe('recorded programs', () => {
  const programs = [
    'bash',
    'curl',
    'gcc',
    'git',
    'java',
    'luajit',
    'node-worker',
    'perl',
    'python',
    'redis',
    'rustc',
    'sort',
    'sqlite',
    'tar',
  ];
  it.each(programs)('%s is read without a strange line', (name) => {
    const { strange, unread } = eventsOfStrace(recorded(name).filter((line) => line !== ''));
    expect([strange, unread]).toEqual([0, 0]);
  });

  it('without threads of their own, run-time compiler or own allocator make no call that would be refused', () => {
    for (const name of ['bash', 'curl', 'gcc', 'git', 'luajit', 'perl', 'sort', 'sqlite', 'tar']) {
      expect(report(recorded(name)).findings, name).toEqual([]);
    }
  });

  it('thread stacks and malloc are known to ask for the page size', () => {
    expect(new Set(report(recorded('python')).findings.map(({ caller }) => caller))).toEqual(
      new Set(['thread stack', 'malloc heap', 'end of a thread']),
    );
  });

  it('a library of arm64 goes into an aligned part of a larger area, and is as it should be', () => {
    const made = report([
      'openat(AT_FDCWD, "/lib/libc.so.6", O_RDONLY|O_CLOEXEC) = 3',
      'mmap(NULL, 1826912, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0xffff80031000',
      'mmap(0xffff80040000, 1761376, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0) = 0xffff80040000',
      'munmap(0xffff80031000, 61440) = 0',
      'munmap(0xffff801ef000, 96) = 0',
      'mprotect(0xffff801c7000, 86016, PROT_NONE) = 0',
      'mmap(0xffff801dc000, 24576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x18c000) = 0xffff801dc000',
      'mmap(0xffff801e2000, 49248, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0) = 0xffff801e2000',
      'mprotect(0xffff801dc000, 16384, PROT_READ) = 0',
    ]);
    expect(made.findings).toEqual([]);
    expect(made.libraries.map(({ verdict }) => verdict.outcome)).toEqual(['as-is']);
  });

  it('libraries are judged as a whole, with the verdict of their files', () => {
    const { libraries, rows } = report(recorded('sort'));
    expect(libraries.map(({ file, verdict }) => [file, verdict.outcome])).toEqual([
      ['/lib/x86_64-linux-gnu/libc.so.6', 'broken'],
    ]);
    expect(rows.reduce((sum, row) => sum + row.loader, 0)).toBe(5);
  });
});

/** A program without addresses: areas, and calls at distances from their starts, or from an address rounded by itself. */
const area_ = fc.record({
  large: fc.boolean(),
  skew: fc.integer({ min: 1, max: 15 }),
  calls: fc.array(
    fc.record({
      op: fc.constantFrom('munmap', 'mprotect', 'madvise', 'msync'),
      pages: fc.integer({ min: 0, max: 40 }),
      length: fc.integer({ min: 1, max: 20 }),
      fromRounded: fc.boolean(),
    }),
    { maxLength: 6 },
  ),
});

describe('law', () => {
  it('the report on a 4K recording refuses what a larger page size really refuses', () => {
    fc.assert(
      fc.property(fc.array(area_, { maxLength: 4 }), fc.constantFrom(16384, K64), (areas, pageBytes) => {
        const events: RecordedEvent[] = [];
        const expected: string[] = [];
        areas.forEach(({ large, skew, calls }, at) => {
          const roundTo = 2 ** 22;
          const lengthBytes = large ? 2 ** 24 : 2 ** 18;
          // The same place in both worlds, but on whole pages of each.
          const base = { small: (at + 1) * 2 ** 30 + skew * 4096, large: (at + 1) * 2 ** 30 + pageBytes };
          const map = { op: 'mmap' as const, addr: 0, lengthBytes, prot: 3, flags: 0x22, file: null, offsetBytes: 0 };
          events.push({ kind: 'call', place: `map ${at}`, space: 1, call: map, result: base.small, errno: '' });
          // An allocator rounds first: what follows counts from there.
          const rounds = large && calls.some(({ fromRounded }) => fromRounded);
          const rounded = (start: number): number => Math.ceil(start / roundTo) * roundTo;
          if (rounds) {
            const head = { op: 'munmap' as const, addr: base.small, lengthBytes: rounded(base.small) - base.small };
            events.push({ kind: 'call', place: 'head', space: 1, call: head, result: 0, errno: '' });
          }
          calls.forEach(({ op, pages, length, fromRounded }, index) => {
            if (rounds !== fromRounded) return;
            const addrIn = (start: number): number => (rounds ? rounded(start) : start) + pages * 4096;
            // By chance an address may look rounded: the limit that docs/abi-report.md names.
            if (!rounds && addrIn(base.small) % (pageBytes * 4) === 0) return;
            const callAt = (start: number) => {
              const range = { addr: addrIn(start), lengthBytes: length * 4096 };
              if (op === 'mprotect') return { op, ...range, prot: 1 };
              if (op === 'madvise') return { op, ...range, advice: 3 };
              return op === 'msync' ? { op, ...range, flags: 4 } : { op: 'munmap' as const, ...range };
            };
            const place = `call ${at}.${index}`;
            events.push({ kind: 'call', place, space: 1, call: callAt(base.small) as never, result: 0, errno: '' });
            if ('errno' in translateCall(callAt(base.large) as never, pageBytes)) expected.push(place);
          });
        });
        const refused = abiReport(events, pageBytes).findings.filter(({ kind }) => kind === 'refused');
        expect(refused.map(({ place }) => place)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
