/**
 * Devices whose memory processes map: by which shape, what becomes of memory that fills no process page, and who sees
 * what is not theirs.
 *
 * @models S-29 S-30 S-47 T-10 D-20 L-10
 */
import { describe, expect, test } from 'vitest';
import { hasFlags, PTE, pfnOf } from '../../src/mm/pte.ts';
import { BASE, type Played, play, type Step, topologyOf } from './support/programs.ts';

const K = 1024;
const ZERO_FRAMES = 16;
/** Two devices of 4K each in one 64K block of physical addresses, the second one page behind the first. */
const NIC = { name: 'nic', registers: 0xa003000, lengthBytes: 4 * K };
const UART = { name: 'uart', registers: 0xa004000, lengthBytes: 4 * K };

const map = (lengthBytes: number, beside: object = {}): Step => {
  return { op: 'mmap', addr: BASE, lengthBytes, prot: 'rw', flags: 'SHARED', file: 'driver:nic', ...beside };
};
const touch = (op: 'load' | 'store', offsetBytes: number): Step => ({ op, addr: BASE + offsetBytes });
const playWith = (pageSize: string, program: Step[], nic: object): Played => {
  return play(topologyOf(pageSize, program, { drivers: [{ ...NIC, ...nic }, UART] }));
};
const frameAt = (played: Played, offsetBytes: number): number =>
  pfnOf(played.contextOf('mmu:1').linux.get(BASE + offsetBytes));

describe('registers of 4K and a process of 64K', () => {
  test("a 4K process maps them on a 4K kernel, special and as device memory, and they are nobody's resident pages", () => {
    const played = playWith('4K', [map(4 * K), touch('store', 0)], {});
    expect(played.calls).toEqual([BASE]);
    const pte = played.contextOf('mmu:1').linux.get(BASE);
    expect(pfnOf(pte)).toBe(0xa003);
    expect(hasFlags(pte, PTE.SPECIAL) && hasFlags(pte, PTE.DEVICE)).toBe(true);
    expect(played.contextOf('mm:1').rssFilePages).toBe(0);
    expect(played.leftOf('zone').folios.frames).toBe(ZERO_FRAMES);
  });

  test('refuse: there is no area', () => {
    const played = playWith('64K', [map(4 * K), touch('load', 0)], {});
    expect(played.calls).toEqual([-22]);
    expect(played.signals).toEqual([11]);
    expect(played.contextOf('driver:nic')).toMatchObject({ refused: 1, exposed: [] });
  });

  test('pad: they are where a 64K kernel has them, with holes around, and the native table is given up', () => {
    const program = [map(4 * K), touch('load', 12 * K), touch('load', 0), touch('load', 16 * K)];
    const played = playWith('64K', program, { small: 'pad' });
    expect(played.calls).toEqual([BASE]);
    expect(frameAt(played, 12 * K)).toBe(0xa003);
    expect(played.signals).toEqual([7, 7]);
    expect(played.contextOf('driver:nic').exposed).toEqual([]);
    expect(played.contextOf('mm:1').fallbacks).toBe(1);
  });

  test('leak: one native entry, and the neighbour with it', () => {
    const program = [map(4 * K), touch('load', 12 * K), touch('store', 16 * K)];
    const played = playWith('64K', program, { small: 'leak' });
    expect(played.signals).toEqual([]);
    expect(played.contextOf('mm:1').fallbacks).toBe(0);
    const { native } = played.contextOf('mmu:1');
    expect(pfnOf(native?.get(BASE) ?? 0)).toBe(0xa00);
    expect(played.contextOf('driver:nic').exposed).toEqual([
      { mm: 'mm:1', areaBytes: 0, startBytes: 0xa000000, lengthBytes: 12 * K, owner: 'nobody' },
      { mm: 'mm:1', areaBytes: 16 * K, startBytes: 0xa004000, lengthBytes: 4 * K, owner: 'driver:uart' },
      { mm: 'mm:1', areaBytes: 20 * K, startBytes: 0xa005000, lengthBytes: 44 * K, owner: 'nobody' },
    ]);
  });

  test('a kernel of 64K leaks the same, by the rule of vm_iomap_memory', () => {
    const drivers = [{ ...NIC, small: 'driver' as const }, UART];
    const there = play(topologyOf('64K', [map(4 * K), touch('load', 12 * K)], { kernelPageSize: '64K', drivers }));
    const here = playWith('64K', [map(4 * K), touch('load', 12 * K)], { small: 'leak' });
    const entry = there.contextOf('mmu:1').linux.get(BASE);
    expect(pfnOf(entry)).toBe(pfnOf(here.contextOf('mmu:1').native?.get(BASE) ?? 0));
    expect(there.signals).toEqual(here.signals);
  });

  test('left to the driver: the unchecked one maps its neighbour too, the checked one refuses', () => {
    const played = playWith('64K', [map(4 * K)], { small: 'driver', shape: 'remap_pfn_range' });
    expect(played.calls).toEqual([BASE]);
    expect(frameAt(played, 4 * K)).toBe(0xa004);
    expect(played.contextOf('driver:nic').exposed.map(({ owner }) => owner)).toEqual(['driver:uart', 'nobody']);
    // The frames begin in the middle of a process page of physical memory: no native entry.
    expect(played.contextOf('mm:1').fallbackReason).toMatch(/special/);
    const checked = playWith('64K', [map(4 * K)], { small: 'driver', shape: 'remap_pfn_range_checked' });
    expect(checked.calls).toEqual([-22]);
  });

  test('the core cannot see the end of what remap_pfn_range is given: an aligned start passes', () => {
    const aligned = { registers: 0xa010000, shape: 'remap_pfn_range' };
    const played = playWith('64K', [map(4 * K)], aligned);
    expect(played.calls).toEqual([BASE]);
    expect(played.contextOf('driver:nic').exposed).toMatchObject([{ owner: 'nobody', lengthBytes: 60 * K }]);
    expect(playWith('64K', [map(4 * K)], { shape: 'remap_pfn_range' }).calls).toEqual([-22]);
  });
});

describe('memory that fills its process pages', () => {
  test('is one native entry, whatever the choice', () => {
    for (const small of ['refuse', 'pad', 'leak', 'driver']) {
      const whole = { registers: 0xa010000, lengthBytes: 128 * K, small };
      const played = playWith('64K', [map(128 * K), touch('store', 64 * K)], whole);
      expect(played.calls).toEqual([BASE]);
      expect(played.contextOf('mm:1').fallbacks).toBe(0);
      expect(pfnOf(played.contextOf('mmu:1').native?.get(BASE + 64 * K) ?? 0)).toBe(0xa02);
      expect(played.contextOf('driver:nic').exposed).toEqual([]);
    }
  });

  test('of two attributes in one process page is none', () => {
    const mixed = { registers: 0xa010000, lengthBytes: 64 * K, deviceMemory: [{ offsetBytes: 0, lengthBytes: 4 * K }] };
    const played = playWith('64K', [map(64 * K), touch('load', 0), touch('load', 4 * K)], mixed);
    expect(played.signals).toEqual([]);
    expect(played.contextOf('mm:1').fallbackReason).toMatch(/mixed-flags/);
  });

  test('is copied to a child of fork, entry by entry, and nobody counts it', () => {
    const whole = { registers: 0xa010000, lengthBytes: 64 * K };
    const program = [map(64 * K), { op: 'fork', childPid: 2 }];
    const processes = [
      { pid: 1, pageSize: '64K', signals: 'skip' as const, children: [2], program },
      { pid: 2, pageSize: '64K', signals: 'skip' as const, forked: true, program: [...program, touch('load', 0)] },
    ];
    const drivers = [{ ...NIC, ...whole }];
    const played = play(topologyOf('64K', program, { drivers, processes: processes as never }));
    expect(played.signals).toEqual([]);
    expect(played.leftOf('zone').folios.frames).toBe(ZERO_FRAMES);
  });
});

describe('RAM of a driver', () => {
  const ram = (beside: object) => ({ registers: undefined, ...beside });

  test('a coherent buffer is padded where it is allocated, and then maps natively', () => {
    const program = [map(4 * K), touch('store', 0), touch('load', 60 * K)];
    const padded = playWith('64K', program, ram({ shape: 'dma_mmap_coherent', small: 'pad' }));
    expect(padded.signals).toEqual([]);
    expect(padded.contextOf('mm:1').fallbacks).toBe(0);
    expect(padded.contextOf('driver:nic')).toMatchObject({ exposed: [] });
    expect(padded.contextOf('driver:nic').frames).toHaveLength(16);
    const refused = playWith('64K', program, ram({ shape: 'dma_mmap_coherent' }));
    expect(refused.calls).toEqual([-22]);
    const plain = playWith('64K', program, ram({ shape: 'dma_mmap_coherent', small: 'driver' }));
    expect(plain.calls).toEqual([-6]);
  });

  test('leaked, it shows memory of others: here page tables', () => {
    const played = playWith('64K', [map(4 * K)], ram({ shape: 'dma_mmap_coherent', small: 'leak' }));
    expect(played.calls).toEqual([BASE]);
    const { exposed } = played.contextOf('driver:nic');
    expect(exposed).toHaveLength(15);
    expect(exposed.every(({ lengthBytes }) => lengthBytes === 4 * K)).toBe(true);
    expect(exposed.map(({ owner }) => owner)).toContain('mmu:1');
  });

  test('pages one by one are counted, and end with the object', () => {
    const pages = ram({ shape: 'vm_map_pages', lengthBytes: 12 * K, small: 'pad' });
    const program = [map(12 * K), touch('store', 8 * K), touch('load', 12 * K)];
    const played = playWith('64K', program, pages);
    expect(played.signals).toEqual([7]);
    expect(played.contextOf('mm:1')).toMatchObject({ rssFilePages: 3, fallbacks: 1 });
    const frames = played.contextOf('driver:nic').frames.length;
    expect(played.leftOf('zone').folios.frames).toBe(ZERO_FRAMES + frames);
    expect(playWith('64K', program, { ...pages, small: 'driver' }).calls).toEqual([-6]);
    expect(playWith('64K', program, { ...pages, small: 'leak' }).contextOf('driver:nic').exposed).toEqual([]);
  });

  test('a fault handler is called for each page of a process page, or for one alone', () => {
    const handler = ram({ shape: 'fault_page', lengthBytes: 64 * K });
    const program = [map(64 * K), touch('load', 20 * K)];
    expect(playWith('64K', program, handler).contextOf('mm:1').rssFilePages).toBe(16);
    const alone = playWith('64K', program, { ...handler, small: 'driver' });
    expect(alone.contextOf('mm:1')).toMatchObject({ rssFilePages: 1, fallbacks: 1 });
    const short = playWith('64K', program, { ...handler, lengthBytes: 32 * K });
    expect(short.signals).toEqual([7]);
    const padded = playWith('64K', program, { ...handler, lengthBytes: 32 * K, small: 'pad' });
    expect(padded.contextOf('mm:1')).toMatchObject({ rssFilePages: 8, fallbacks: 1 });
  });

  test('a dma-buf is no longer than it is', () => {
    const buffer = ram({ shape: 'dma_buf_mmap', lengthBytes: 64 * K });
    expect(playWith('64K', [map(64 * K), touch('store', 0)], buffer).calls).toEqual([BASE]);
    expect(playWith('4K', [map(68 * K)], buffer).calls).toEqual([-22]);
  });
});

describe('ioctls', () => {
  const log: Step = { op: 'ioctl', file: 'driver:nic', command: 'KVM_GET_DIRTY_LOG', values: [4 * K * K] };
  const region: Step = {
    op: 'ioctl',
    file: 'driver:nic',
    command: 'KVM_SET_USER_MEMORY_REGION',
    values: [BASE + 4 * K, 0, 4 * K],
  };

  test('count in the pages of the process, or of the kernel behind its back', () => {
    const own = playWith('64K', [log, region], {});
    expect(own.calls).toEqual([8, -22]);
    expect(own.contextOf('driver:nic').overrunBytes).toBe(0);
    const kernels = playWith('64K', [log, region], { ioctlPages: 'kernel-page' });
    expect(kernels.calls).toEqual([128, 0]);
    expect(kernels.contextOf('driver:nic').overrunBytes).toBe(120);
  });

  test('that nobody knows are ENOTTY', () => {
    expect(playWith('4K', [{ ...log, command: 'TCGETS' }], {}).calls).toEqual([-25]);
  });
});

describe('a topology with devices', () => {
  test.each([
    [[NIC, NIC], /twice/],
    [[NIC, { ...UART, registers: 0xa003800 }], /overlap/],
    [[{ ...NIC, registers: 2 ** 30 }], /1 GiB/],
    [[{ ...NIC, lengthBytes: 0 }], /has memory/],
    [[UART], /no driver:nic/],
  ])('that cannot be, %#, is refused', (drivers, words) => {
    expect(() => play(topologyOf('64K', [map(4 * K)], { drivers }))).toThrow(words);
  });
});
