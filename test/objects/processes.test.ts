/**
 * Processes that make objects of the kernel and map them: areas, entries, native tables and references.
 *
 * @models S-33 S-29 T-10 D-13 D-20
 */
import { describe, expect, test } from 'vitest';
import { BASE, type Played, play, type Step, topologyOf } from './support/programs.ts';

const PERF: Step = { op: 'perf_event_open', file: 'cycles' };
const map = (file: string, lengthBytes: number, beside: object = {}): Step => {
  return { op: 'mmap', addr: BASE, lengthBytes, prot: 'rw', flags: 'SHARED', file, ...beside };
};
const touch = (op: 'load' | 'store', offsetBytes: number, addr = BASE): Step => ({ op, addr: addr + offsetBytes });
const K = 1024;
const NATIVE = { objects: { pages: 'process-page' as const } };
const NAIVE = { objects: { pages: 'kernel-page' as const } };
/** Frames of the zero page: what is in use when nobody holds anything. */
const ZERO_FRAMES = 16;

function minflt({ contextOf }: Played): number {
  return contextOf('mm:1').minorFaults;
}

describe('a perf ring', () => {
  const program = [PERF, map('cycles', 9 * 64 * K), touch('load', 0), touch('store', 0), touch('load', 64 * K)];

  test('made of process pages is one native entry a page, and costs a fault each', () => {
    const played = play(topologyOf('64K', program, NATIVE));
    expect(played.calls).toEqual([0, BASE]);
    expect(played.contextOf('mm:1')).toMatchObject({ fallbacks: 0, rssFilePages: 32 });
    const { native, linux } = played.contextOf('mmu:1');
    expect(native?.get(BASE + 64 * K)).not.toBe(0);
    expect(linux.get(BASE + 64 * K)).not.toBe(0);
    expect(played.contextOf('object').objects['object:0']?.pages).toHaveLength(9);
  });

  test('on a kernel of the process page it is the same', () => {
    const there = play(topologyOf('64K', program, { ...NATIVE, kernelPageSize: '64K' }));
    const here = play(topologyOf('64K', program, NATIVE));
    expect(here.calls).toEqual(there.calls);
    expect(minflt(here)).toBe(minflt(there));
  });

  test('made of kernel pages cannot be mapped at all', () => {
    const played = play(topologyOf('64K', [PERF, map('cycles', 9 * 64 * K), map('cycles', 9 * 4 * K)], NAIVE));
    expect(played.calls).toEqual([0, -22, -22]);
    expect(play(topologyOf('4K', [PERF, map('cycles', 9 * 4 * K)], NAIVE)).calls).toEqual([0, BASE]);
  });

  test('data may be read and not written, the header both', () => {
    const played = play(topologyOf('64K', [...program, touch('store', 64 * K), touch('store', 128 * K)], NATIVE));
    expect(played.signals).toEqual([7, 7]);
    const write = play(topologyOf('4K', [PERF, map('cycles', 9 * 4 * K), touch('store', 0), touch('store', 4 * K)]));
    expect(write.signals).toEqual([7]);
  });

  test('goes with its last mapping, and with the process', () => {
    const done = [...program, { op: 'munmap', addr: BASE, lengthBytes: 9 * 64 * K }];
    const unmapped = play(topologyOf('64K', done, NATIVE));
    expect(unmapped.contextOf('object').objects['object:0']).toMatchObject({ pages: [], shape: { dataPages: null } });
    const gone = play(topologyOf('64K', program, NATIVE));
    expect(gone.leftOf('object').objects).toEqual({});
    expect(gone.leftOf('zone').folios.frames).toBe(ZERO_FRAMES);
  });

  test('is not inherited: the area is VM_DONTCOPY', () => {
    const processes = [
      {
        pid: 1,
        pageSize: '64K',
        signals: 'skip',
        children: [2],
        program: [...program, { op: 'fork', childPid: 2 }],
      },
      { pid: 2, pageSize: '64K', signals: 'skip', forked: true, program: [...program, touch('load', 0)] },
    ];
    const played = play(topologyOf('64K', program, { ...NATIVE, processes: processes as never }));
    expect(played.contextOf('mm:2').vmas.find(BASE)).toBeNull();
    expect(played.leftOf('zone').folios.frames).toBe(ZERO_FRAMES);
  });
});

describe('an io_uring', () => {
  const setup: Step = { op: 'io_uring_setup', file: 'ring', entries: 8 };
  const place = { addr: 0 };

  test('is entered by mmap itself: no fault is counted for it', () => {
    const without = play(topologyOf('64K', [setup], NATIVE));
    const program = [setup, map('ring', 64 * K, place), map('ring', 64 * K, { ...place, offsetBytes: 0x10000000 })];
    const played = play(topologyOf('64K', program, NATIVE));
    expect(played.calls[1]).toBeGreaterThan(0);
    expect(minflt(played)).toBe(minflt(without));
    expect(played.contextOf('mm:1')).toMatchObject({ rssFilePages: 32, fallbacks: 0 });
  });

  test('longer than there is, it has a hole: SIGBUS', () => {
    const first = play(topologyOf('64K', [setup, map('ring', 128 * K, place)], NATIVE));
    const addr = first.calls[1] ?? 0;
    const program = [setup, map('ring', 128 * K, place), touch('load', 0, addr), touch('load', 64 * K, addr)];
    const played = play(topologyOf('64K', program, NATIVE));
    expect(played.signals).toEqual([7]);
    expect(played.contextOf('mm:1').fallbacks).toBe(0);
  });

  test('made of kernel pages it is one entry in sixteen, and the native table is given up', () => {
    const played = play(topologyOf('64K', [setup, map('ring', 64 * K, place)], NAIVE));
    const addr = played.calls[1] ?? 0;
    expect(played.contextOf('mm:1')).toMatchObject({ rssFilePages: 1, fallbacks: 1 });
    expect(played.contextOf('mm:1').fallbackReason).toMatch(/partly-valid/);
    const read = [setup, map('ring', 64 * K, place), touch('load', 0, addr), touch('load', 4 * K, addr)];
    // Nothing beyond the object is to be seen: the second page is a hole.
    expect(play(topologyOf('64K', read, NAIVE)).signals).toEqual([7]);
  });

  test('a hint is refused, an unknown offset is ENOMEM', () => {
    const program = [setup, map('ring', 64 * K), map('ring', 64 * K, { addr: 0, offsetBytes: 0x18000000 })];
    expect(play(topologyOf('64K', program, NATIVE)).calls).toEqual([0, -22, -12]);
  });
});

describe('BPF maps', () => {
  const ring: Step = { op: 'bpf_map_create', file: 'events', mapType: 'ringbuf', maxEntries: 64 * K };

  test('a ring buffer: consumer, producer and the data twice', () => {
    const consumer = map('events', 64 * K, { flags: 'SHARED|FIXED' });
    const rest = map('events', 192 * K, {
      addr: BASE + 64 * K,
      flags: 'SHARED|FIXED',
      offsetBytes: 64 * K,
      prot: 'r',
    });
    const accesses = [touch('store', 0), touch('load', 64 * K), touch('load', 192 * K), touch('store', 64 * K)];
    const played = play(topologyOf('64K', [ring, consumer, rest, ...accesses], NATIVE));
    expect(played.calls).toEqual([0, BASE, BASE + 64 * K]);
    expect(played.signals).toEqual([11]);
    const { linux } = played.contextOf('mmu:1');
    // Flags differ by age; the frames are one and the same.
    expect(Math.floor(linux.get(BASE + 128 * K) / 8192)).toBe(Math.floor(linux.get(BASE + 192 * K) / 8192));
    expect(played.contextOf('mm:1').fallbacks).toBe(0);
  });

  test('made of kernel pages the consumer cannot be mapped, and the producer is not where libbpf looks', () => {
    const consumer = map('events', 4 * K);
    const producer = map('events', 64 * K, { offsetBytes: 64 * K, prot: 'r' });
    const played = play(topologyOf('64K', [ring, consumer, producer, touch('load', 0)], NAIVE));
    expect(played.calls).toEqual([0, -1, BASE]);
    const { pages } = played.contextOf('object').objects['object:0'] ?? { pages: [] };
    // What it maps at one process page of offset is the fifteenth page of data.
    expect(Math.floor(played.contextOf('mmu:1').linux.get(BASE) / 8192)).toBe(pages[16]);
  });

  test('an arena brings a page at a time, an array all at once', () => {
    const arena: Step = { op: 'bpf_map_create', file: 'arena', mapType: 'arena', maxEntries: 16 };
    const program = [arena, map('arena', 1024 * K), touch('store', 0), touch('store', 640 * K)];
    const played = play(topologyOf('64K', program, NATIVE));
    expect(played.contextOf('mm:1')).toMatchObject({ rssFilePages: 32, fallbacks: 0 });
    const naive = play(topologyOf('64K', program, NAIVE));
    expect(naive.contextOf('mm:1')).toMatchObject({ rssFilePages: 2, fallbacks: 1 });
    const array: Step = { op: 'bpf_map_create', file: 'array', mapType: 'array', maxEntries: 100 };
    expect(play(topologyOf('64K', [array, map('array', 64 * K)], NATIVE)).contextOf('mm:1').rssFilePages).toBe(16);
    expect(play(topologyOf('64K', [array, map('array', 64 * K)], NAIVE)).calls).toEqual([0, -22]);
  });
});

describe('other objects', () => {
  test('a packet ring is mapped to the byte, or not', () => {
    const socket = (blockBytes: number): Step => {
      return {
        op: 'packet_ring',
        file: 'tap',
        blockBytes,
        blocks: 4,
        frameBytes: 2048,
        frames: (blockBytes / 2048) * 4,
      };
    };
    expect(play(topologyOf('64K', [socket(64 * K), map('tap', 256 * K)], NATIVE)).calls).toEqual([0, BASE]);
    expect(play(topologyOf('64K', [socket(4 * K)], NATIVE)).calls).toEqual([-22]);
    expect(play(topologyOf('64K', [socket(4 * K), map('tap', 16 * K)], NAIVE)).calls).toEqual([0, -22]);
    expect(play(topologyOf('64K', [socket(64 * K), map('tap', 256 * K)], NAIVE)).contextOf('mm:1')).toMatchObject({
      rssFilePages: 64,
    });
  });

  test('an AIO ring is mapped by the kernel, in whole process pages or in part', () => {
    const setup: Step = { op: 'io_setup', file: 'aio', requests: 128 };
    const first = play(topologyOf('64K', [setup], NATIVE));
    const addr = first.calls[0] ?? 0;
    expect(addr % (64 * K)).toBe(0);
    const played = play(topologyOf('64K', [setup, touch('load', 0, addr)], NATIVE));
    expect(played.contextOf('mm:1')).toMatchObject({ rssFilePages: 16, fallbacks: 0 });
    const naive = play(topologyOf('64K', [setup, touch('load', 0, addr), touch('load', 16 * K, addr)], NAIVE));
    expect(naive.signals).toEqual([7]);
    expect(naive.contextOf('mm:1').fallbacks).toBe(1);
  });

  test('an object without memory for it fails with ENOMEM and leaves nothing', () => {
    const ring: Step = { op: 'bpf_map_create', file: 'events', mapType: 'ringbuf', maxEntries: 2 ** 26 };
    const played = play(topologyOf('64K', [ring, map('events', 64 * K)], NATIVE));
    expect(played.calls[0]).toBe(-12);
    expect(played.contextOf('object').objects).toEqual({});
  });
});

describe('mmap that cannot make its entries', () => {
  const setup: Step = { op: 'io_uring_setup', file: 'ring', entries: 8 };
  const refuses = { design: { untranslatable: 'fail' as const } };

  test('fails where layer 3 refuses a part of a process page, and leaves no area', () => {
    const played = play(topologyOf('64K', [setup, map('ring', 64 * K, { addr: 0 })], { ...NAIVE, ...refuses }));
    expect(played.calls).toEqual([0, -22]);
    expect(played.contextOf('mm:1')).toMatchObject({ fallbacks: 0, rssFilePages: 0 });
    expect(played.contextOf('object').objects['object:0']?.mappers).toEqual([]);
    expect(played.leftOf('zone').folios.frames).toBe(ZERO_FRAMES);
    expect(
      play(topologyOf('64K', [setup, map('ring', 64 * K, { addr: 0 })], { ...NATIVE, ...refuses })).calls[1],
    ).toBeGreaterThan(0);
  });

  test('of a device too: holes in a process page are refused', () => {
    const drivers = [{ name: 'nic', registers: 0xa003000, lengthBytes: 4 * K, small: 'pad' as const }];
    const program = [map('driver:nic', 4 * K), touch('load', 12 * K)];
    const played = play(topologyOf('64K', program, { drivers, ...refuses }));
    expect(played.calls).toEqual([-22]);
    expect(played.signals).toEqual([11]);
  });
});
