/**
 * The rules of each mapped object, check by check, and what holds for all of them.
 *
 * @models S-29 S-33 T-10 D-13 D-20
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { setUpAioRing } from '../../src/mm/objects/aioRing.ts';
import { makeArena, mapArena, mapArray, mapRingbuf, ringbufErrno } from '../../src/mm/objects/bpfMaps.ts';
import {
  IORING_OFF,
  IORING_SETUP,
  mapIoUring,
  registerBufferRing,
  setUpIoUring,
} from '../../src/mm/objects/ioUring.ts';
import { sizesOf } from '../../src/mm/objects/mapping.ts';
import { mapPerfRing, newPerfEvent, perfCharge, rootPerfLimits } from '../../src/mm/objects/perfRing.ts';
import { mapPacketRings, mapXdpRing, packetRingErrno, registerUmem, XDP_PGOFF } from '../../src/mm/objects/sockets.ts';
import { sharedProcessPages, uprobeMapping, vdsoMappings } from '../../src/mm/objects/specialMappings.ts';

const of4K = sizesOf(4096, 4096, 'kernel-page');
const of64K = sizesOf(65536, 65536, 'kernel-page');
/** A 64K process and objects as an unmodified 4K kernel makes them. */
const mixed = sizesOf(65536, 4096, 'kernel-page');

const request = (lengthBytes: number, offsetBytes = 0, prot = 3) => {
  return { addr: 0, lengthBytes, offsetBytes, prot, flags: 1 };
};

describe('perf rings', () => {
  test('a private mapping and an inherited event are refused', () => {
    expect(mapPerfRing(newPerfEvent, { ...request(8192), flags: 2 }, of4K).errno).toBe(22);
    expect(mapPerfRing({ ...newPerfEvent, inherited: true }, request(8192), of4K).errno).toBe(22);
  });

  test('a second mapping has the length of the first', () => {
    const event = { ...newPerfEvent, dataPages: 8 };
    expect(mapPerfRing(event, request(9 * 4096), of4K).errno).toBe(0);
    expect(mapPerfRing(event, request(5 * 4096), of4K).errno).toBe(22);
  });

  test('only the header may be written', () => {
    expect(mapPerfRing(newPerfEvent, request(9 * 4096), of4K).area).toMatchObject({
      entries: 'at-fault',
      writableBytes: 4096,
    });
  });

  test('no ring at all can be mapped by a process whose page is larger than the ring counts in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), fc.constantFrom(16384, 65536), (pages, pageBytes) => {
        const sizes = sizesOf(pageBytes, 4096, 'kernel-page');
        expect(mapPerfRing(newPerfEvent, request(pages * pageBytes), sizes).errno).toBe(22);
      }),
    );
  });

  test('AUX comes behind the ring, where the header says', () => {
    const aux = { offsetBytes: 9 * 4096, sizeBytes: 4 * 4096 };
    const event = { ...newPerfEvent, dataPages: 8, aux, hasAux: true };
    expect(mapPerfRing(event, request(4 * 4096, 9 * 4096), of4K).errno).toBe(0);
    expect(mapPerfRing({ ...event, hasAux: false }, request(4 * 4096, 9 * 4096), of4K).errno).toBe(95);
    expect(mapPerfRing({ ...event, dataPages: null }, request(4 * 4096, 9 * 4096), of4K).errno).toBe(22);
    expect(mapPerfRing(event, request(4 * 4096, 10 * 4096), of4K).errno).toBe(22);
    const inside = { ...event, aux: { ...aux, offsetBytes: 8 * 4096 } };
    expect(mapPerfRing(inside, request(4 * 4096, 8 * 4096), of4K).errno).toBe(22);
    const three = { ...event, aux: { ...aux, sizeBytes: 3 * 4096 } };
    expect(mapPerfRing(three, request(3 * 4096, 9 * 4096), of4K).errno).toBe(22);
  });

  test('the free share grows with the page, and the rest counts against RLIMIT_MEMLOCK', () => {
    const limits = { ...rootPerfLimits, unlimited: false, memlockBytes: 65536 };
    // 516 KiB are 129 pages of 4K, 576 KiB are 9 of 64K.
    expect(perfCharge(129, 4096, limits)).toEqual({ userPages: 129, pinnedPages: 0 });
    expect(perfCharge(145, 4096, limits)).toEqual({ userPages: 129, pinnedPages: 16 });
    expect(perfCharge(146, 4096, limits)).toBeNull();
    expect(perfCharge(10, 65536, limits)).toEqual({ userPages: 9, pinnedPages: 1 });
    expect(perfCharge(11, 65536, limits)).toBeNull();
    expect(mapPerfRing(newPerfEvent, request(257 * 4096), of4K, limits).errno).toBe(1);
  });
});

describe('io_uring', () => {
  const setup = { entries: 128, cqEntries: 0, flags: 0, ringAddr: 0, sqesAddr: 0 };

  test('sizes of the rings', () => {
    expect(setUpIoUring({ ...setup, entries: 100 }, 4096).ring).toMatchObject({ sqEntries: 128, cqEntries: 256 });
    expect(setUpIoUring(setup, 4096).ring).toMatchObject({
      ringBytes: 64 + 256 * 16 + 128 * 4,
      ringPages: 2,
      sqesPages: 2,
    });
    expect(setUpIoUring(setup, 65536).ring).toMatchObject({ ringPages: 1, sqesPages: 1 });
    const wide = { ...setup, flags: IORING_SETUP.SQE128 | IORING_SETUP.CQE32 | IORING_SETUP.NO_SQARRAY };
    expect(setUpIoUring(wide, 4096).ring).toMatchObject({ ringBytes: 2 * (64 + 256 * 16), sqesBytes: 16384 });
    expect(setUpIoUring({ ...setup, entries: 0 }, 4096).errno).toBe(22);
    expect(setUpIoUring({ ...setup, entries: 40000 }, 4096).errno).toBe(22);
    expect(setUpIoUring({ ...setup, entries: 40000, flags: IORING_SETUP.CLAMP }, 4096).ring?.sqEntries).toBe(32768);
    const small = { ...setup, cqEntries: 64, flags: IORING_SETUP.CQSIZE };
    expect(setUpIoUring(small, 4096).errno).toBe(22);
  });

  test('the rings may be cut and stretched, the entries not cut', () => {
    const { ring } = setUpIoUring(setup, 4096);
    expect(ring).not.toBeNull();
    if (ring === null) return;
    const at = (offset: number, pages: number) => mapIoUring(ring, request(pages * 4096, offset), of4K);
    expect(at(IORING_OFF.SQ_RING, 1).area?.pieces).toEqual([{ areaBytes: 0, objectBytes: 0, lengthBytes: 4096 }]);
    expect(at(IORING_OFF.CQ_RING, 32).area).toMatchObject({ lengthBytes: 131072, pieces: [{ lengthBytes: 8192 }] });
    expect(at(IORING_OFF.SQES, 1).errno).toBe(14);
    expect(at(IORING_OFF.SQES, 2).errno).toBe(0);
    expect(at(0x18000000, 1).errno).toBe(12);
    expect(mapIoUring(ring, { ...request(4096), addr: 0x10000 }, of4K).errno).toBe(22);
  });

  test('a ring in memory of the caller is not mapped', () => {
    const { ring, errno } = setUpIoUring(
      { ...setup, flags: IORING_SETUP.NO_MMAP, ringAddr: 4096, sqesAddr: 12288 },
      4096,
    );
    expect(errno).toBe(0);
    expect(ring === null ? 0 : mapIoUring(ring, request(4096), of4K).errno).toBe(12);
  });

  test('rings of buffers by their group', () => {
    const { ring } = setUpIoUring(setup, 4096);
    if (ring === null) throw new Error('no ring');
    const both = registerBufferRing(ring, { group: 3, entries: 512, addr: 0, mmaps: true }, 4096).ring;
    expect(mapIoUring(both, request(8192, IORING_OFF.PBUF_RING + 3 * 65536), of4K).errno).toBe(0);
    expect(mapIoUring(both, request(4096, IORING_OFF.PBUF_RING + 3 * 65536), of4K).errno).toBe(14);
    expect(mapIoUring(both, request(8192, IORING_OFF.PBUF_RING + 2 * 65536), of4K).errno).toBe(12);
    const errno = (entries: number, addr: number, mmaps: boolean, pageBytes: number) => {
      return registerBufferRing(both, { group: 4, entries, addr, mmaps }, pageBytes).errno;
    };
    expect(errno(500, 0, true, 4096)).toBe(22);
    expect(errno(65536, 0, true, 4096)).toBe(22);
    expect(errno(512, 0, false, 4096)).toBe(14);
    expect(errno(512, 4096, false, 4096)).toBe(0);
    expect(errno(512, 4096, false, 65536)).toBe(22);
    expect(registerBufferRing(both, { group: 3, entries: 512, addr: 0, mmaps: true }, 4096).errno).toBe(17);
  });

  test('of a ring that a 4K kernel made a 64K process has one page in sixteen', () => {
    const { ring } = setUpIoUring({ ...setup, entries: 8 }, 4096);
    const area = ring === null ? null : mapIoUring(ring, request(65536), mixed).area;
    expect(area).toMatchObject({ lengthBytes: 65536, pieces: [{ areaBytes: 0, objectBytes: 0, lengthBytes: 4096 }] });
  });
});

describe('BPF maps', () => {
  test('the data of a ring buffer is there twice', () => {
    const ring = { dataBytes: 8192, user: false };
    expect(mapRingbuf(ring, request(20480, 4096, 1), of4K).area?.pieces).toEqual([
      { areaBytes: 0, objectBytes: 4096, lengthBytes: 12288 },
      { areaBytes: 12288, objectBytes: 8192, lengthBytes: 8192 },
    ]);
    expect(mapRingbuf(ring, request(24576, 4096, 1), of4K).errno).toBe(22);
    expect(mapRingbuf(ring, { ...request(4096), flags: 2 }, of4K).errno).toBe(22);
  });

  test('who produces may write what the other may not', () => {
    const ring = { dataBytes: 8192, user: false };
    expect(mapRingbuf(ring, request(4096), of4K).errno).toBe(0);
    expect(mapRingbuf(ring, request(8192), of4K).errno).toBe(1);
    expect(mapRingbuf(ring, request(4096, 4096), of4K).errno).toBe(1);
    expect(mapRingbuf({ ...ring, user: true }, request(4096), of4K).errno).toBe(1);
    expect(mapRingbuf({ ...ring, user: true }, request(4096, 4096), of4K).errno).toBe(0);
  });

  test('sizes of ring buffers', () => {
    expect([0, 4096, 12288, 65536].map((bytes) => ringbufErrno(bytes, 4096))).toEqual([22, 0, 22, 0]);
  });

  test('an array ends with the page of its last value, and values are rounded to 8 bytes', () => {
    const array = { valueBytes: 12, entries: 300 };
    expect(mapArray(array, request(8192), of4K).errno).toBe(0);
    expect(mapArray(array, request(4096, 4096), of4K).errno).toBe(0);
    expect(mapArray(array, request(4096, 8192), of4K).errno).toBe(22);
    expect(mapArray(array, request(4096), mixed).errno).toBe(22);
  });

  test('an arena is where it was said to be', () => {
    expect(makeArena({ entries: 16, mapExtra: 2 ** 32 - 8192 }, 4096).errno).toBe(34);
    expect(makeArena({ entries: 16, mapExtra: 0x200001000 }, 65536).errno).toBe(22);
    const { arena } = makeArena({ entries: 16, mapExtra: 0x200000000 }, 4096);
    if (arena === null) throw new Error('no arena');
    const there = { ...request(65536), addr: 0x200000000 };
    expect(mapArena(arena, there, of4K, 0x200000000).errno).toBe(0);
    expect(mapArena(arena, { ...there, lengthBytes: 131072 }, of4K, 0x200000000).errno).toBe(7);
    expect(mapArena(arena, { ...there, addr: 0x300000000 }, of4K, 0x300000000).errno).toBe(22);
    expect(mapArena(arena, there, of4K, 0x300000000).errno).toBe(16);
    expect(mapArena(arena, { ...there, offsetBytes: 4096 }, of4K, 0x200000000).errno).toBe(22);
  });
});

describe('sockets', () => {
  const ring = {
    version: 3 as const,
    blockBytes: 65536,
    blocks: 4,
    frameBytes: 2048,
    frames: 128,
    reserveBytes: 0,
    privateBytes: 0,
  };

  test('packet rings', () => {
    expect(packetRingErrno(ring, 65536)).toBe(0);
    expect(packetRingErrno({ ...ring, blockBytes: 4096, frames: 8 }, 4096)).toBe(0);
    expect(packetRingErrno({ ...ring, blockBytes: 4096, frames: 8 }, 16384)).toBe(22);
    expect(packetRingErrno({ ...ring, frames: 127 }, 65536)).toBe(22);
    expect(packetRingErrno({ ...ring, frameBytes: 2040, frames: 128 }, 65536)).toBe(22);
    expect(packetRingErrno({ ...ring, frameBytes: 64, frames: 4096 }, 65536)).toBe(22);
    expect(packetRingErrno({ ...ring, privateBytes: 65536 }, 65536)).toBe(22);
    expect(packetRingErrno({ ...ring, blocks: 0, frames: 1 }, 4096)).toBe(22);
    const rings = [
      { blockBytes: 4096, blocks: 16 },
      { blockBytes: 8192, blocks: 8 },
    ];
    expect(mapPacketRings(rings, request(131072), mixed).errno).toBe(0);
    expect(mapPacketRings(rings, request(65536), of4K).errno).toBe(22);
    expect(mapPacketRings([], request(4096), of4K).errno).toBe(22);
  });

  test('memory and rings of AF_XDP', () => {
    const umem = { addr: 0x200000, lengthBytes: 2 ** 20, chunkBytes: 4096, headroomBytes: 0, unaligned: false };
    expect(registerUmem(umem, 4096)).toEqual({ errno: 0, pages: 256 });
    expect(registerUmem({ ...umem, chunkBytes: 8192 }, 4096).errno).toBe(22);
    expect(registerUmem({ ...umem, chunkBytes: 3000 }, 4096).errno).toBe(22);
    expect(registerUmem({ ...umem, chunkBytes: 3000, unaligned: true }, 4096).errno).toBe(0);
    expect(registerUmem({ ...umem, addr: 0x201000 }, 65536).errno).toBe(22);
    expect(registerUmem({ ...umem, headroomBytes: 3393 }, 4096).errno).toBe(22);
    expect(registerUmem({ ...umem, lengthBytes: 4097 }, 4096).errno).toBe(22);
    expect(registerUmem(umem, 4096, 2 ** 19).errno).toBe(105);
    const rings = { rx: 64, tx: 0, fill: 64, completion: 0 };
    expect(mapXdpRing(rings, request(4096, XDP_PGOFF.FILL), of4K).errno).toBe(0);
    expect(mapXdpRing(rings, request(8192, XDP_PGOFF.FILL), of4K).errno).toBe(22);
    expect(mapXdpRing(rings, request(4096, XDP_PGOFF.TX), of4K).errno).toBe(22);
    expect(mapXdpRing(rings, request(4096, XDP_PGOFF.FILL), mixed).errno).toBe(22);
  });
});

describe('what the kernel maps by itself', () => {
  test('AIO rings are full of events', () => {
    expect(setUpAioRing(1, of4K).ring).toMatchObject({ pages: 1, events: 127 });
    expect(setUpAioRing(65537, of4K).errno).toBe(11);
    expect(setUpAioRing(2 ** 23, of4K).errno).toBe(22);
    // The area of a ring of 4K pages is no whole process page.
    expect(setUpAioRing(128, mixed).ring?.area.lengthBytes).toBe(12288);
  });

  test('vDSO and vvar share a process page only where they are in pages of the kernel', () => {
    for (const sizes of [of4K, of64K]) expect(sharedProcessPages(vdsoMappings(sizes), sizes)).toEqual([]);
    expect(sharedProcessPages(vdsoMappings(mixed), mixed)).toEqual([
      { groupBytes: 0, names: ['[vvar]', '[vdso]'], protectionsDiffer: true },
    ]);
    expect(sharedProcessPages([uprobeMapping(mixed).mapping], mixed)).toEqual([
      { groupBytes: 0, names: ['[uprobes]'], protectionsDiffer: false },
    ]);
  });
});
