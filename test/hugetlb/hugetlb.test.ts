/**
 * hugetlb in running systems: promises, faults, forks and files of processes of each page size, in the checked mode.
 *
 * @models S-28 S-25
 */
import { describe, expect, test } from 'vitest';
import type { HugetlbContext } from '../../machines/index.ts';
import { holdings } from '../../src/mm/hugetlb/inode.ts';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, type Played, play } from '../thp/support.ts';

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

const ANON = 'PRIVATE|ANONYMOUS|FIXED|HUGETLB|1409286144';
const SHARED = 'SHARED|ANONYMOUS|FIXED|HUGETLB|1409286144';

const poolsOf = ({ system }: Played): HugetlbContext => system.snapshot('hugetlb').context as HugetlbContext;

/** What must hold of every pool after every event. */
function checkPools(context: HugetlbContext): void {
  for (const pool of context.pools) {
    const inodes = Object.values(context.inodes).filter(({ hugeBytes }) => hugeBytes === pool.bytes);
    const used = inodes.reduce((sum, inode) => sum + holdings(inode).pages, 0);
    const promised = inodes.reduce((sum, inode) => sum + holdings(inode).promised, 0);
    expect([pool.total, pool.reserved]).toEqual([pool.free.length + used, promised + (pool.mount?.unused ?? 0)]);
    expect(pool.reserved).toBeLessThanOrEqual(pool.free.length);
    expect(pool.surplus).toBeLessThanOrEqual(pool.total);
  }
}

function run(pageSize: string, program: Steps, hugetlb: TopologyInput['hugetlb'], more: object = {}): Played {
  const topology = { processes: [{ pid: 1, program, pageSize }], hugetlb, memory: '64M', ...more };
  return play(topology, (record, system) => {
    if (record.to === 'hugetlb') checkPools(system.snapshot('hugetlb').context as HugetlbContext);
  });
}

const two = (pages: number, overcommit = 0) => ({ pools: { '2M': { pages, overcommit } } });

describe.each(['4K', '16K', '64K'])('a %s process', (pageSize) => {
  test('gets promised huge pages at its faults, one fault each, and gives them back', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: ANON },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages' },
      { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '64K' },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages' },
    ];
    const played = run(pageSize, program, two(3));
    expect(played.answers(1)).toEqual(['mmap 0', 'read_control 2', 'read_control 1']);
    expect(played.mm(1).minorFaults).toBe(3);
    // Only the page of the program's own text.
    expect([played.mm(1).rssPeakPages, played.mm(1).hugetlbPages]).toEqual([0, { anon: 0, file: 0 }]);
    expect(played.mm(1).fallbacks).toBe(0);
    expect(poolsOf(played).pools[1]).toMatchObject({ total: 3, reserved: 0, surplus: 0 });
    expect(poolsOf(played).pools[1]?.free.length).toBe(3);
    expect(poolsOf(played).inodes).toEqual({});
  });

  test('is refused more than the pool can promise, and dies of what was not promised', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: ANON },
      { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: `${ANON}|NORESERVE` },
      { op: 'store', addr: BASE },
      { op: 'store', addr: BASE + 2 ** 21 },
      { op: 'munmap', addr: BASE, lengthBytes: '2M' },
      { op: 'store', addr: BASE + 2 ** 21 },
    ];
    const processes = [{ pid: 1, program, pageSize, signals: 'skip' as const }];
    const played = run(pageSize, program, two(1), { processes });
    expect(played.answers(1)).toEqual(['mmap 12', 'mmap 0', 'munmap 0']);
    const signals = played.records
      .filter(({ type }) => type === 'FAULT_SIGNAL')
      .map(({ payload }) => payload['signal']);
    expect(signals).toEqual([7]);
  });

  test('gets surplus pages, which leave the pool with it', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: ANON },
      { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '2M' },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages' },
      { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'DONTNEED' },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages' },
    ];
    const played = run(pageSize, program, two(1, 4));
    expect(played.answers(1).filter((answer) => answer.startsWith('read'))).toEqual([
      'read_control 1',
      'read_control 1',
    ]);
    expect(poolsOf(played).pools[1]).toMatchObject({ total: 1, surplus: 0, reserved: 0 });
  });

  test('shares shared pages with its child and has its own pages copied, each as a whole', () => {
    const before: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '2M', flags: ANON },
      { op: 'mmap', addr: BASE + 2 ** 22, lengthBytes: '2M', flags: SHARED },
      { op: 'store', addr: BASE },
      { op: 'store', addr: BASE + 2 ** 22 },
    ];
    const parent: Steps = [...before, { op: 'fork', childPid: 2 }, { op: 'load', addr: BASE, lengthBytes: '2M' }];
    const child: Steps = [
      { op: 'store', addr: BASE + 70_000 },
      { op: 'store', addr: BASE + 2 ** 22 },
      { op: 'load', addr: BASE },
    ];
    const processes = [
      { pid: 1, program: parent, pageSize, children: [2] },
      { pid: 2, program: child, pageSize, forked: true },
    ];
    let most = 0;
    const played = play({ processes, hugetlb: two(4), memory: '64M', cpus: 2 }, (record, system) => {
      if (record.to !== 'hugetlb') return;
      const context = system.snapshot('hugetlb').context as HugetlbContext;
      checkPools(context);
      const used = Object.values(context.inodes).reduce((sum, inode) => sum + holdings(inode).pages, 0);
      most = Math.max(most, used);
    });
    expect(most).toBe(3);
    expect([played.mm(1).fallbacks, played.mm(2).fallbacks]).toEqual([0, 0]);
    expect(poolsOf(played).pools[1]?.free.length).toBe(4);
  });

  test('maps a memfd of huge pages, which is cut off under it', () => {
    const program: Steps = [
      { op: 'memfd_create', file: 'memfd:x', flags: 4 | (21 << 26) },
      { op: 'ftruncate', file: 'memfd:x', sizeBytes: 4096 },
      { op: 'ftruncate', file: 'memfd:x', sizeBytes: '4M' },
      { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: 'SHARED|FIXED', file: 'memfd:x' },
      { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '2M' },
      { op: 'ftruncate', file: 'memfd:x', sizeBytes: '2M' },
      { op: 'load', addr: BASE },
      { op: 'load', addr: BASE + 2 ** 21 },
      { op: 'fallocate', file: 'memfd:x', mode: 3, offsetBytes: 0, lengthBytes: '2M' },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages' },
    ];
    const processes = [{ pid: 1, program, pageSize, signals: 'skip' as const }];
    const played = run(pageSize, program, two(2), { processes });
    const answers = ['memfd_create 0', 'ftruncate 22', 'ftruncate 0', 'mmap 0', 'ftruncate 0', 'fallocate 0'];
    expect(played.answers(1)).toEqual([...answers, 'read_control 2']);
    const signals = played.records
      .filter(({ type }) => type === 'FAULT_SIGNAL')
      .map(({ payload }) => payload['signal']);
    expect(signals).toEqual([7]);
  });

  test('attaches a System V segment of huge pages, promised when it is made', () => {
    const flags = 0o4000 | 0o1600 | (21 << 26);
    const program: Steps = [
      { op: 'shmget', key: 7, lengthBytes: '5M', flags, shmid: 1 },
      { op: 'shmget', key: 8, lengthBytes: '5M', flags, shmid: 2 },
      { op: 'shmat', shmid: 1, addr: BASE },
      { op: 'store', addr: BASE, lengthBytes: '6M', strideBytes: '2M' },
      { op: 'shmdt', addr: BASE },
      { op: 'shmctl', shmid: 1 },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages' },
    ];
    const played = run(pageSize, program, two(4));
    const answers = ['shmget 0', 'shmget 12', 'shmat 0', 'shmdt 0', 'shmctl 0', 'read_control 4'];
    expect(played.answers(1)).toEqual(answers);
  });

  test('is held to whole huge pages by every call', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE + 65536, lengthBytes: '2M', flags: ANON },
      { op: 'mmap', addr: BASE, lengthBytes: '6M', flags: ANON },
      { op: 'store', addr: BASE, lengthBytes: '6M', strideBytes: '2M' },
      { op: 'munmap', addr: BASE, lengthBytes: '64K' },
      { op: 'mprotect', addr: BASE + 65536, lengthBytes: '2M', prot: 'r' },
      { op: 'madvise', addr: BASE + 65536, lengthBytes: '4M', advice: 'DONTNEED' },
      { op: 'madvise', addr: BASE, lengthBytes: '1M', advice: 'DONTNEED' },
      { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'COLD' },
      { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'FREE' },
      { op: 'madvise', addr: BASE, lengthBytes: '2M', advice: 'DODUMP' },
      { op: 'mremap', addr: BASE, oldLengthBytes: '2M', newLengthBytes: '4M', flags: 1 },
      { op: 'mremap', addr: BASE, oldLengthBytes: '2M', newLengthBytes: '2M', flags: 3, newAddr: BASE + 2 ** 24 },
      { op: 'load', addr: BASE + 2 ** 24 },
      { op: 'mprotect', addr: BASE + 2 ** 21, lengthBytes: '2M', prot: 'r' },
      { op: 'mprotect', addr: BASE + 2 ** 21, lengthBytes: '2M', prot: 'rw' },
      { op: 'store', addr: BASE + 2 ** 21 },
      { op: 'madvise', addr: BASE + 2 ** 22, lengthBytes: '2M', advice: 'DONTNEED' },
      { op: 'mlock', addr: BASE + 2 ** 21, lengthBytes: '64K' },
      { op: 'mincore', addr: BASE + 2 ** 21, lengthBytes: '64K' },
      { op: 'munmap', addr: BASE + 2 ** 21, lengthBytes: '2M' },
    ];
    const played = run(pageSize, program, two(3));
    const errnos = [22, 0, 22, 22, 22, 0, 22, 22, 0, 22, 0, 0, 0, 0, 0, 0, 0];
    expect(played.answers(1).map((answer) => Number(answer.replace(/\D+/, '')))).toEqual(errnos);
    expect(played.mm(1).fallbacks).toBe(0);
    expect(poolsOf(played).pools[1]?.free.length).toBe(3);
  });
});

test('a mount with a size refuses what is beyond it, and one with a least size keeps pages for its files', () => {
  const program: Steps = [
    { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages' },
    { op: 'mmap', addr: BASE, lengthBytes: '6M', flags: ANON },
    { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: ANON },
    { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '2M' },
    { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages' },
    { op: 'munmap', addr: BASE, lengthBytes: '4M' },
    { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages' },
  ];
  const pools = { '2M': { pages: 5, mount: { maxPages: 2, minPages: 1 } } };
  const answers = ['read_control 1', 'mmap 12', 'mmap 0', 'read_control 0', 'munmap 0', 'read_control 1'];
  expect(run('64K', program, { pools }).answers(1)).toEqual(answers);
});

describe('sizes', () => {
  test('a kernel of 4K has gigantic pages where memory is in one piece, and a process of 16K maps one as a block', () => {
    const program: Steps = [
      { op: 'mmap', addr: BASE, lengthBytes: '32M', flags: `PRIVATE|ANONYMOUS|FIXED|HUGETLB|${25 * 2 ** 26}` },
      { op: 'store', addr: BASE + 5_000_000 },
      { op: 'read_control', path: '/sys/kernel/mm/hugepages/hugepages-32768kB/free_hugepages' },
    ];
    const played = run('16K', program, { pools: { '32M': { pages: 9 } } }, { memory: '128M' });
    expect(played.answers(1)).toEqual(['mmap 0', 'read_control 2']);
    expect(played.mm(1).fallbacks).toBe(0);
  });

  test('a 64K process that names none asks for 512M, which this kernel has not; by the other design it gets 2M', () => {
    const program: Steps = [{ op: 'mmap', addr: BASE, lengthBytes: '2M', flags: 'PRIVATE|ANONYMOUS|FIXED|HUGETLB' }];
    expect(run('64K', program, two(1)).answers(1)).toEqual(['mmap 12']);
    expect(run('64K', program, { ...two(1), defaultSize: 'kernel' }).answers(1)).toEqual(['mmap 0']);
  });

  test('pools are read and set by files, and a reader finds the sizes of a kernel of its own', () => {
    const file = (kib: number, name: string): string => `/sys/kernel/mm/hugepages/hugepages-${kib}kB/${name}`;
    const program: Steps = [
      { op: 'write_control', path: file(2048, 'nr_hugepages'), text: '5\n' },
      { op: 'read_control', path: file(2048, 'nr_hugepages') },
      { op: 'read_control', path: '/proc/sys/vm/nr_hugepages' },
      { op: 'read_control', path: file(64, 'nr_hugepages') },
      { op: 'read_control', path: file(524288, 'nr_hugepages') },
      { op: 'write_control', path: file(2048, 'nr_hugepages'), text: '900' },
      { op: 'read_control', path: file(2048, 'nr_hugepages') },
      { op: 'write_control', path: file(2048, 'free_hugepages'), text: '1' },
      { op: 'write_control', path: file(2048, 'nr_hugepages'), text: '0' },
      { op: 'read_control', path: file(2048, 'nr_hugepages') },
    ];
    const numbers = (answers: string[]): string[] => answers.map((answer) => answer.replace(/\D+/, ''));
    const translated = run('64K', program, {}).answers(1);
    expect(numbers(translated)).toEqual([
      '0',
      '5',
      '0',
      '2',
      '0',
      '0',
      translated[6]?.replace(/\D+/, '') ?? '',
      '13',
      '0',
      '0',
    ]);
    expect(Number(translated[6]?.replace(/\D+/, ''))).toBeGreaterThan(20);
    expect(numbers(run('64K', program, { policy: 'defeature' }).answers(1)).slice(2, 5)).toEqual(['0', '2', '2']);
    expect(numbers(run('4K', program, {}).answers(1)).slice(1, 5)).toEqual(['5', '5', '0', '2']);
  });
});
