/**
 * The rules of drivers' shapes, for memory and requests of every size.
 *
 * @models D-20 S-29 S-30 S-47 T-10
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DriverShape, driverShapes, mapDriver, type SmallMemory } from '../../src/mm/objects/driverShapes.ts';
import { exposures } from '../../src/mm/objects/exposure.ts';
import { ioctls, overrunBytes } from '../../src/mm/objects/ioctls.ts';

const shapes = Object.keys(driverShapes) as DriverShape[];
/** Memory that begins anywhere in a 64K block, in steps of 1K as small registers do, and is up to 40 pages long. */
const memoryArb = fc.record({
  startBytes: fc.oneof(fc.integer({ min: 0, max: 127 }), fc.constantFrom(0, 16, 64)).map((n) => n * 1024),
  lengthBytes: fc.oneof(fc.integer({ min: 1, max: 160 }), fc.constantFrom(4, 64, 128)).map((n) => n * 1024),
});
const requestArb = fc.record({
  lengthBytes: fc.integer({ min: 1, max: 200_000 }),
  offsetPages: fc.integer({ min: 0, max: 2 }),
});
const sizesArb = fc.constantFrom(
  { abiPageBytes: 4096, kernelPageBytes: 4096 },
  { abiPageBytes: 16384, kernelPageBytes: 4096 },
  { abiPageBytes: 65536, kernelPageBytes: 4096 },
  { abiPageBytes: 65536, kernelPageBytes: 65536 },
);
type Request = { lengthBytes: number; offsetPages: number };
const requestOf = ({ lengthBytes, offsetPages }: Request, abiPageBytes: number) => {
  return { addr: 0, lengthBytes, offsetBytes: offsetPages * abiPageBytes, prot: 3, flags: 1 };
};

describe('whatever is mapped', () => {
  test('under refuse and pad no foreign byte is shown by a shape whose length the core is told', () => {
    let areas = 0;
    const told = fc.constantFrom(...shapes.filter((shape) => driverShapes[shape].told === 'length'));
    const kept = fc.constantFrom<SmallMemory>('refuse', 'pad');
    fc.assert(
      fc.property(told, kept, memoryArb, requestArb, sizesArb, (shape, small, memory, request, sizes) => {
        const { area } = mapDriver(shape, memory, requestOf(request, sizes.abiPageBytes), sizes, small);
        if (area === null) return;
        areas++;
        expect(exposures(area.pieces, { owner: 'it', ...memory }, [], sizes.kernelPageBytes)).toEqual([]);
      }),
      { numRuns: 3000 },
    );
    expect(areas).toBeGreaterThan(300);
  });

  test('a piece is whole kernel pages inside the area, at the place that its frames have in a process page', () => {
    const small = fc.constantFrom<SmallMemory>('refuse', 'pad', 'leak', 'driver');
    fc.assert(
      fc.property(
        fc.constantFrom(...shapes),
        small,
        memoryArb,
        requestArb,
        sizesArb,
        (shape, choice, memory, request, sizes) => {
          const { area } = mapDriver(shape, memory, requestOf(request, sizes.abiPageBytes), sizes, choice);
          for (const piece of area?.pieces ?? []) {
            const { areaBytes, memoryBytes, lengthBytes } = piece;
            expect(areaBytes).toBeGreaterThanOrEqual(0);
            expect(areaBytes + lengthBytes).toBeLessThanOrEqual(area?.lengthBytes ?? 0);
            for (const bytes of [areaBytes, memory.startBytes + memoryBytes, lengthBytes]) {
              expect(bytes % sizes.kernelPageBytes).toBe(0);
            }
            const isMoved = choice === 'pad' || choice === 'leak';
            if (!isMoved || sizes.abiPageBytes === sizes.kernelPageBytes) continue;
            expect((memory.startBytes + memoryBytes) % sizes.abiPageBytes).toBe(areaBytes % sizes.abiPageBytes);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('leak is what vm_iomap_memory of a kernel of that page size does', () => {
    const large = fc.constantFrom(16384, 65536);
    fc.assert(
      fc.property(memoryArb, requestArb, large, (memory, request, pageBytes) => {
        const asked = requestOf(request, pageBytes);
        const own = { abiPageBytes: pageBytes, kernelPageBytes: pageBytes };
        const there = mapDriver('vm_iomap_memory', memory, asked, own, 'driver');
        const here = mapDriver('vm_iomap_memory', memory, asked, { ...own, kernelPageBytes: 4096 }, 'leak');
        expect(here.errno).toBe(there.errno);
        expect(here.area?.pieces).toEqual(there.area?.pieces);
      }),
    );
  });

  test('remap_pfn_range is the shape that cannot be mended: an aligned start hides a short memory', () => {
    const memory = { startBytes: 65536, lengthBytes: 4096 };
    const sizes = { abiPageBytes: 65536, kernelPageBytes: 4096 };
    const { area } = mapDriver(
      'remap_pfn_range',
      memory,
      requestOf({ lengthBytes: 1, offsetPages: 0 }, 65536),
      sizes,
      'refuse',
    );
    expect(exposures(area?.pieces ?? [], { owner: 'it', ...memory }, [], 4096)).toMatchObject([{ lengthBytes: 61440 }]);
    expect(driverShapes.remap_pfn_range.mended).toBe('partly');
  });
});

describe('ioctls', () => {
  const mixed = { abiPageBytes: 65536, objectPageBytes: 4096 };
  const own = { abiPageBytes: 65536, objectPageBytes: 65536 };

  test('of a process on a kernel whose objects are its own never overrun', () => {
    for (const command of Object.keys(ioctls)) {
      fc.assert(
        fc.property(fc.array(fc.nat(2 ** 30), { minLength: 1, maxLength: 3 }), (values) => {
          expect(overrunBytes(command, values, own)).toBe(0);
        }),
      );
    }
  });

  test('each by its words', () => {
    const answer = (command: string, values: number[], sizes = own) => ioctls[command]?.answer(values, sizes);
    expect(answer('VFIO_IOMMU_MAP_DMA', [65536, 0, 65536])).toEqual({ errno: 0, result: 0 });
    expect(answer('VFIO_IOMMU_MAP_DMA', [65536, 0, 0])?.errno).toBe(22);
    expect(answer('VFIO_IOMMU_MAP_DMA', [4096, 0, 4096], mixed)?.errno).toBe(0);
    expect(answer('KVM_SET_USER_MEMORY_REGION', [0, 4096, 65536])?.errno).toBe(22);
    expect(answer('UFFDIO_COPY', [65536, 4096])?.errno).toBe(22);
    expect(answer('UFFDIO_COPY', [65536, 65536])).toEqual({ errno: 0, result: 65536 });
    expect(answer('IOCTL_PRIVCMD_MMAPBATCH', [17])?.result).toBe(131072);
    expect(answer('IOCTL_PRIVCMD_MMAPBATCH', [17], mixed)?.result).toBe(69632);
    expect(answer('KVM_GET_DIRTY_LOG', [2 ** 30], mixed)?.result).toBe(32768);
    expect(overrunBytes('KVM_GET_DIRTY_LOG', [2 ** 30], mixed)).toBe(30720);
  });
});
