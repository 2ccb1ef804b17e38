import { describe, expect, test } from 'vitest';
import { type CorePreset, corePresets, findCore } from '../../src/arch/cores.ts';
import { cyclesForBytes, defaultCosts } from '../../src/arch/costs.ts';
import { calculateMinFreeKbytes, recommendedMinFreeKbytes, watermarks } from '../../src/arch/watermarks.ts';

describe('memory kept free', () => {
  const GIB_KBYTES = 1024 * 1024;
  const reserve = (gib: number, zones: number) =>
    [4096, 16384, 65536].map((pageBytes) =>
      recommendedMinFreeKbytes({
        pageBytes,
        zones,
        freeBufferKbytes: gib * GIB_KBYTES,
        baseKbytes: calculateMinFreeKbytes(gib * GIB_KBYTES),
      }),
    );

  test('a 16 GiB machine with two zones keeps 45056, 720896 and 838848 kB at 4K, 16K and 64K', () => {
    expect(calculateMinFreeKbytes(16 * GIB_KBYTES)).toBe(16384);
    expect(reserve(16, 2)).toEqual([45056, 720896, 838848]);
    expect(reserve(16, 1)).toEqual([22528, 360448, 838848]);
  });

  test('a 128 GiB machine keeps the base value at 4K, where the reserve for huge pages is smaller', () => {
    expect(reserve(128, 2).slice(0, 2)).toEqual([46340, 720896]);
    expect(reserve(128, 1)[2]).toBe(5632 * 1024);
  });

  test('the base value stays within its bounds', () => {
    expect([0, 1e12].map(calculateMinFreeKbytes)).toEqual([128, 262144]);
  });

  test('a 480 GB machine with 64K pages has the watermarks that were reported for it', () => {
    const PAGES_PER_MIB = 16;
    const { min, low, high } = watermarks(11264 * PAGES_PER_MIB, 480 * 1024 * PAGES_PER_MIB);
    // The report counts a thousand MiB as a G and cuts after one decimal.
    const reported = [min, low, high].map((pages) => Math.floor(pages / PAGES_PER_MIB / 100) / 10);
    expect(reported).toEqual([11.2, 14, 16.8]);
  });
});

describe('core presets', () => {
  test.each(Object.values<CorePreset>(corePresets))('$name is made of whole sets', ({ l1i, l1d, l2, walkCache }) => {
    for (const shape of [l1i, l1d, l2, walkCache]) {
      if (typeof shape !== 'string') expect(Number.isInteger(Math.log2(shape.entries / shape.ways))).toBe(true);
    }
  });

  test('each goes by its own name and names real fields as unverified', () => {
    for (const [name, preset] of Object.entries<CorePreset>(corePresets)) {
      expect(preset.name).toBe(name);
      expect(findCore(name)).toBe(preset);
      for (const field of preset.unverified) expect(preset).toHaveProperty(field);
    }
    expect(findCore('nothing')).toBeNull();
  });

  test('the M1 performance core has the sets that were measured', () => {
    const { l1d, l2 } = corePresets['apple-m1-firestorm'];
    expect([l1d.entries / l1d.ways, l2.entries / l2.ways]).toEqual([32, 256]);
  });
});

test('costs are whole cycles, and so is the cost of any number of bytes', () => {
  expect(Object.values(defaultCosts).every((cycles) => Number.isSafeInteger(cycles) && cycles > 0)).toBe(true);
  expect([0, 1, 1024, 65536].map((bytes) => cyclesForBytes(64, bytes))).toEqual([0, 1, 64, 4096]);
});
