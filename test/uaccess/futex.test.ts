/**
 * Futexes between processes of different page sizes, and between threads.
 *
 * @models S-07
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { futexKey } from '../../src/mm/uaccess/futexKey.ts';
import { VM } from '../../src/mm/vma.ts';
import { BASE, ran, resultsOf } from '../gup/support.ts';

const OTHER = 0x3_0000_0000;
const shm = (addr: number, offsetBytes: number) => {
  return { op: 'mmap', addr, lengthBytes: '128K', flags: 'SHARED|FIXED', file: 'shm', prot: 'rw', offsetBytes };
};
const files = [{ path: 'shm', size: '512K', kind: 'tmpfs', cached: true }];
const spin = { op: 'load', addr: 0x500000, lengthBytes: '64K', strideBytes: 16 };

/** A 64K process waits on byte 0x25008 of a file; one of 4K, which has mapped it elsewhere, wakes it. */
function world(futexKeys: string, seed?: number) {
  const waiter = [shm(BASE, 0x20000), { op: 'futex', command: 'wait', addr: BASE + 0x5008 }];
  const waker = [shm(OTHER, 0x23000), spin, { op: 'futex', command: 'wake', addr: OTHER + 0x2008 }];
  return ran({
    cpus: 2,
    ...(seed === undefined ? {} : { chooser: 'seeded-random', seed }),
    uaccess: { futexKeys },
    files,
    processes: [
      { pid: 1, program: waiter, pageSize: '64K', cpu: 0 },
      { pid: 2, program: waker, pageSize: '4K', cpu: 1, startCycles: 200_000 },
    ],
  });
}

describe('a shared futex of a 4K and a 64K process', () => {
  test('is one: the wake-up arrives', () => {
    const { records, system } = world('kernel-page');
    expect([resultsOf(records, 1).at(-1), resultsOf(records, 2).at(-1)]).toEqual([0, 1]);
    expect(system.snapshot('process:1').value).toBe('zombie');
  });

  test('is two where each counts pages of its own: the waiter sleeps for ever', () => {
    const { records, system } = world('process-page');
    expect(resultsOf(records, 2).at(-1)).toBe(0);
    expect(system.snapshot('process:1').value).toEqual({ 'in-syscall': 'asleep' });
  });

  test('has the same key wherever each has mapped the byte, whatever its page size', () => {
    const page = fc.constantFrom(4096, 16384, 65536);
    fc.assert(
      fc.property(page, page, fc.nat({ max: 0x3ffff }), (one, two, word) => {
        const at = word - (word % 4);
        const key = (size: number, base: number): string | null => {
          const offsetBytes = at - (at % size);
          const vma = { startVa: base, endVa: base + size, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes };
          return futexKey({ mmPid: base, addr: base + at - offsetBytes, shared: true, pageBytes: 4096 }, vma);
        };
        expect(key(one, 0x10000)).toBe(key(two, 0x70000));
      }),
    );
  });
});

describe('a futex', () => {
  const calls = (program: object[]) =>
    resultsOf(ran({ files, processes: [{ pid: 1, program, pageSize: '64K' }] }).records, 1);

  test('answers EINVAL, EFAULT and EAGAIN where the kernel does', () => {
    const wait = (addr: number, more: object = {}) => ({ op: 'futex', command: 'wait', addr, ...more });
    const answers = calls([
      shm(BASE, 0),
      wait(BASE + 2),
      wait(0x1000),
      wait(0x1000, { shared: false }),
      wait(BASE, { equal: false }),
      { op: 'futex', command: 'wake', addr: 0x1000 },
      { op: 'futex', command: 'wake', addr: 0x1000, shared: false },
      { op: 'futex', command: 'wake', addr: BASE, count: 7 },
    ]);
    expect(answers).toEqual([BASE, -22, -14, -14, -11, -14, 0, 0]);
  });

  test('of threads is private: it is woken under every order of delivery, also before it sleeps', () => {
    for (let seed = 0; seed < 10; seed++) {
      const lock = 0x500008;
      const wake = { op: 'futex', command: 'wake', addr: lock, shared: false };
      const main = [
        { op: 'clone', tid: 11 },
        { op: 'futex', command: 'wait', addr: lock, shared: false },
      ];
      const { records, system } = ran({
        cpus: 2,
        chooser: 'seeded-random',
        seed,
        processes: [
          { pid: 1, program: main, pageSize: '64K' },
          { pid: 11, program: [spin, wake], pageSize: '64K', threadOf: 1 },
        ],
      });
      const woken = resultsOf(records, 11).at(-1);
      // Where the wake came first there was nobody to wake, and the word would have had another value.
      expect(system.snapshot('process:1').value).toEqual(woken === 1 ? 'zombie' : { 'in-syscall': 'asleep' });
    }
  });
});
