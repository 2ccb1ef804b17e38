/**
 * What holds for every mapped object, whoever's page it is made of.
 *
 * @models D-20 S-29
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mapArray, mapRingbuf } from '../../src/mm/objects/bpfMaps.ts';
import { IORING_OFF, mapIoUring, setUpIoUring } from '../../src/mm/objects/ioUring.ts';
import { type ObjectAnswer, type ObjectSizes, sizesOf } from '../../src/mm/objects/mapping.ts';
import { mapPerfRing, newPerfEvent } from '../../src/mm/objects/perfRing.ts';
import { mapPacketRings } from '../../src/mm/objects/sockets.ts';

const SIZES: ObjectSizes[] = [
  sizesOf(4096, 4096, 'kernel-page'),
  sizesOf(16384, 16384, 'kernel-page'),
  sizesOf(65536, 65536, 'kernel-page'),
  sizesOf(16384, 4096, 'kernel-page'),
  sizesOf(65536, 4096, 'kernel-page'),
];

const request = (lengthBytes: number, offsetBytes: number, prot: number) => {
  return { addr: 0, lengthBytes, offsetBytes, prot, flags: 1 };
};

/** Any object, with its bytes, and how it answers a request. */
const objects = fc.oneof(
  fc.record({ kind: fc.constant('perf' as const), dataPages: fc.integer({ min: 0, max: 5 }).map((n) => 2 ** n) }),
  fc.record({ kind: fc.constant('ringbuf' as const), dataPages: fc.integer({ min: 0, max: 5 }).map((n) => 2 ** n) }),
  fc.record({ kind: fc.constant('array' as const), entries: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ kind: fc.constant('uring' as const), entries: fc.integer({ min: 1, max: 4096 }) }),
  fc.record({ kind: fc.constant('packet' as const), blocks: fc.integer({ min: 1, max: 40 }) }),
);
type Drawn = typeof objects extends fc.Arbitrary<infer T> ? T : never;

function ask(
  object: Drawn,
  how: ReturnType<typeof request>,
  sizes: ObjectSizes,
): { answer: ObjectAnswer; bytes: number } {
  const page = sizes.objectPageBytes;
  switch (object.kind) {
    case 'perf': {
      const event = { ...newPerfEvent, dataPages: object.dataPages };
      return { answer: mapPerfRing(event, how, sizes), bytes: (object.dataPages + 1) * page };
    }
    case 'ringbuf': {
      const ring = { dataBytes: object.dataPages * page, user: false };
      return { answer: mapRingbuf(ring, how, sizes), bytes: (object.dataPages + 2) * page };
    }
    case 'array': {
      const array = { valueBytes: 8, entries: object.entries };
      return { answer: mapArray(array, how, sizes), bytes: Math.ceil((object.entries * 8) / page) * page };
    }
    case 'uring': {
      const { ring } = setUpIoUring(
        { entries: object.entries, cqEntries: 0, flags: 0, ringAddr: 0, sqesAddr: 0 },
        page,
      );
      if (ring === null) throw new Error('no ring');
      return { answer: mapIoUring(ring, how, sizes), bytes: Math.max(ring.ringPages, ring.sqesPages) * page };
    }
    default: {
      const rings = [{ blockBytes: page, blocks: object.blocks }];
      return { answer: mapPacketRings(rings, how, sizes), bytes: object.blocks * page };
    }
  }
}

describe('for every object', () => {
  test('an area shows bytes of the object and no others, in whole pages, each address once', () => {
    let areas = 0;
    const lengths = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(2, 3, 5, 9, 17, 33));
    const offsets = fc.constantFrom(0, 0, 1, 2, IORING_OFF.SQES / 65536);
    fc.assert(
      fc.property(
        objects,
        fc.constantFrom(...SIZES),
        lengths,
        offsets,
        fc.constantFrom(1, 3),
        (object, sizes, length, offset, prot) => {
          const lengthBytes = length * sizes.objectPageBytes;
          const offsetBytes = offset >= 1024 ? offset * 65536 : offset * sizes.abiPageBytes;
          const { answer, bytes } = ask(object, request(lengthBytes, offsetBytes, prot), sizes);
          if (answer.area === null) {
            expect(answer.errno).not.toBe(0);
            return;
          }
          areas++;
          const { area } = answer;
          expect(area.lengthBytes % sizes.abiPageBytes).toBe(0);
          let reached = 0;
          for (const piece of area.pieces) {
            expect(piece.areaBytes).toBeGreaterThanOrEqual(reached);
            reached = piece.areaBytes + piece.lengthBytes;
            expect(piece.objectBytes + piece.lengthBytes).toBeLessThanOrEqual(bytes);
            for (const value of Object.values(piece)) expect(value % sizes.objectPageBytes).toBe(0);
          }
          expect(reached).toBeLessThanOrEqual(area.lengthBytes);
        },
      ),
      { numRuns: 2000 },
    );
    expect(areas).toBeGreaterThan(200);
  });
});
