/**
 * The huge zero page: who maps it, what a write makes of it, and that nobody counts it.
 *
 * @models S-17 S-34
 */
import { describe, expect, test } from 'vitest';
import type { MmuContext } from '../../machines/index.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, FIXED, framesAt, type Played, play } from './support.ts';

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

const HUGE = 2 ** 21;
const START: Steps = [
  { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: FIXED },
  { op: 'madvise', addr: BASE, lengthBytes: '4M', advice: 'HUGEPAGE' },
  { op: 'load', addr: BASE + 4096 },
];

/** Frames at the moment that a process exits. */
function endOf(program: Steps, more: object = {}): { played: Played; frames: number[] } {
  let frames: number[] = [];
  const topology = { processes: [{ pid: 1, program, pageSize: '4K' }], thp: {}, memory: '64M', ...more };
  const played = play(topology, ({ type, from, payload }, system) => {
    const ends = type === 'SYSCALL' && from === 'process:1' && (payload as { call: { op: string } }).call.op === 'exit';
    if (ends) frames = framesAt(system.snapshot('mmu:1').context as MmuContext, BASE, HUGE);
  });
  return { played, frames };
}

const isRun = (frames: readonly number[]): boolean => frames.every((pfn, page) => pfn === (frames[0] ?? 0) + page);

describe('a read of memory that may have huge pages', () => {
  test('maps the huge zero page, which is no resident memory, and the next process the same one', () => {
    const { played, frames } = endOf(START);
    expect([isRun(frames), frames[0], played.mm(1).rssPeakPages]).toEqual([true, played.zone.hugeZero?.pfn, 0]);
    expect(played.mm(1).zeroedBytes).toBe(0);
    expect(played.zone.folios.framesByKind.anon).toBe(0);
  });

  test('and a write to it make a huge page of all of it', () => {
    const { played, frames } = endOf([...START, { op: 'store', addr: BASE + 300 * 4096 }, { op: 'load', addr: BASE }]);
    expect([isRun(frames), frames[0] === played.zone.hugeZero?.pfn]).toEqual([true, false]);
    expect(played.mm(1).rssPeakPages).toBe(512);
  });

  test('of which a part is gone: a write makes a single page', () => {
    const steps: Steps = [
      { op: 'madvise', addr: BASE, lengthBytes: '4K', advice: 'DONTNEED' },
      { op: 'store', addr: BASE + 8192 },
    ];
    const { played, frames } = endOf([...START, ...steps]);
    expect([frames[0], isRun(frames.slice(3))]).toEqual([-1, true]);
    expect(played.mm(1).rssPeakPages).toBe(1);
  });

  test('of which there is a page already, or where sysfs or the topology forbid it: single zero pages', () => {
    const file = '/sys/kernel/mm/transparent_hugepage/use_zero_page';
    const variants: [Steps, object][] = [
      [[{ op: 'write_control', path: file, text: '0' }, ...START], {}],
      [START, { thp: { useZeroPage: false } }],
      [START, { thp: undefined }],
      [START, { design: { thp: { enabled: 'never' } } }],
    ];
    for (const [program, more] of variants) {
      const { played, frames } = endOf(program, more);
      expect([frames.filter((pfn) => pfn >= 0).length, played.zone.hugeZero]).toEqual([1, undefined]);
    }
    const touched: Steps = [...START.slice(0, 1), { op: 'store', addr: BASE + HUGE - 4096 }, ...START.slice(1)];
    expect(endOf(touched).frames.filter((pfn) => pfn >= 0).length).toBe(2);
  });

  test('by a process of larger pages: its PMD is beyond this kernel, it maps single zero pages', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '1G', flags: FIXED },
      { op: 'madvise', addr: BASE, lengthBytes: '1G', advice: 'HUGEPAGE' },
      { op: 'load', addr: BASE },
    ];
    const processes = [{ pid: 1, program, pageSize: '64K' }];
    const { played, frames } = endOf(program, { processes, memory: '2G' });
    expect([frames.filter((pfn) => pfn >= 0).length, played.zone.hugeZero]).toEqual([16, undefined]);
  });

  test('is inherited by fork, and a child that writes has its own', () => {
    const parent: Steps = [...START, { op: 'fork', childPid: 2 }, { op: 'load', addr: BASE, lengthBytes: '1M' }];
    const processes = [
      { pid: 1, program: parent, pageSize: '4K', children: [2] },
      { pid: 2, program: [{ op: 'store' as const, addr: BASE }], pageSize: '4K', forked: true },
    ];
    const { played, frames } = endOf(parent, { processes, cpus: 2 });
    expect([frames[0], played.mm(1).rssPeakPages]).toEqual([played.zone.hugeZero?.pfn, 0]);
    expect(played.mm(2).rssPeakPages).toBe(512);
  });
});
