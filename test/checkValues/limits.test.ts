/**
 * Limits that follow from the page size, against the answers of real kernels.
 *
 * @models S-15
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GRANULES, pageSizeLimits } from '../../src/arch/granule.ts';
import { minFreeAtBoot, reservesOf, startupKbytesFor } from '../../src/arch/minFree.ts';
import { calculateMinFreeKbytes, recommendedMinFreeKbytes, watermarks } from '../../src/arch/watermarks.ts';
import { GB, KB, MB } from './support/worlds.ts';

const limits = GRANULES.map(pageSizeLimits);

describe('limits that follow from the page size', () => {
  it('PIPE: a new pipe holds 64K with 4K pages and 1 MiB with 64K pages', () => {
    expect(limits.map(({ pipeDefaultBytes }) => pipeDefaultBytes)).toEqual([64 * KB, 256 * KB, MB]);
  });

  it('the stack guard gap is 1 MiB with 4K pages and 16 MiB with 64K pages', () => {
    expect(limits.map(({ stackGuardGapBytes }) => stackGuardGapBytes)).toEqual([MB, 4 * MB, 16 * MB]);
  });

  it('MAX_ARG_STRLEN is 131072 with 4K pages and 2097152 with 64K pages', () => {
    expect(limits.map(({ maxArgStrlenBytes }) => maxArgStrlenBytes)).toEqual([131_072, 524_288, 2_097_152]);
  });
});

describe('min_free_kbytes with huge pages', () => {
  it('is 45056, 720896 and about 838848 kB on 16 GiB in two zones', () => {
    const kbytes = (16 * GB) / KB;
    const baseKbytes = calculateMinFreeKbytes(kbytes);
    const machine = { zones: 2, freeBufferKbytes: kbytes, baseKbytes };
    expect(GRANULES.map((pageBytes) => recommendedMinFreeKbytes({ ...machine, pageBytes }))).toEqual([
      45_056, 720_896, 838_848,
    ]);
  });
});

interface KernelLimits {
  page: number;
  pmd_kb: string;
  min_free_kbytes: number;
  HugepagesizeKB: number;
  MemTotalKB: number;
  kernel: string;
}

const answered = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/oracle/limits.json'), 'utf8'),
) as KernelLimits[];

/**
 * The initramfs, and the kernel's code and data for start-up: they count as used when the value is set and as free when it is
 * read. Nobody wrote the amount down; it is the one that both capped kernels of that boot agree with (see below).
 */
const STARTUP_KBYTES = 2112;

describe.each(answered)(
  'the $kernel kernel that was asked',
  ({ page, pmd_kb, min_free_kbytes, HugepagesizeKB, MemTotalKB }) => {
    it('has the huge page that its page size gives it', () => {
      expect(pageSizeLimits(page).pmdBytes).toBe(Number(pmd_kb));
      expect(pageSizeLimits(page).pmdBytes / KB).toBe(HugepagesizeKB);
    });

    it('keeps as much memory free as its size gives it', () => {
      const machine = { pageBytes: page, memTotalKbytes: MemTotalKB, zones: 1, hugePages: true };
      const { minFreeKbytes } = minFreeAtBoot({ ...machine, startupKbytes: STARTUP_KBYTES });
      expect(minFreeKbytes).toBe(min_free_kbytes);
    });
  },
);

describe('the readings of min_free_kbytes that are capped', () => {
  const rangeOf = (kernel: string, kbytes: number) => {
    const asked = answered.find((one) => one.kernel === kernel);
    const machine = { pageBytes: asked?.page ?? 0, memTotalKbytes: asked?.MemTotalKB ?? 0, zones: 1, hugePages: true };
    return startupKbytesFor(machine, kbytes);
  };

  it('of one boot agree on how much memory was still held back', () => {
    expect(rangeOf('16K', 103_216)).toEqual({ least: 1984, most: 2288 });
    expect(rangeOf('64K', 103_424)).toEqual({ least: 1856, most: 3072 });
  });

  it('of the 16K kernel differ because the second initramfs was larger: 16 kB to 624 kB more were held back', () => {
    const interfaces = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../fixtures/oracle/interfaces.json'), 'utf8'),
    ) as { min_free_kbytes: Record<string, { text: string }> };
    const second = Number(interfaces.min_free_kbytes['16K'].text);
    expect(second).toBe(103_200);
    expect(rangeOf('16K', second)).toEqual({ least: 2304, most: 2608 });
    // The 64K kernel counts in steps of 20 pages of 64K: the same initramfs does not show there. The 4K one is not capped.
    expect(Number(interfaces.min_free_kbytes['64K'].text)).toBe(103_424);
    expect(Number(interfaces.min_free_kbytes['4K'].text)).toBe(22_528);
  });

  it('cannot have come about later: with the watermarks of a kernel that is up, the cap is lower and raises nothing', () => {
    const managedPages = Math.floor(2_076_496 / 16);
    const { high } = watermarks(103_216 / 16, managedPages);
    const freeBufferKbytes = (managedPages - high) * 16;
    const again = { pageBytes: 16384, zones: 1, freeBufferKbytes, baseKbytes: 0 };
    expect(recommendedMinFreeKbytes(again)).toBeLessThan(103_200);
    expect(recommendedMinFreeKbytes({ ...again, baseKbytes: 103_216 })).toBe(103_216);
  });
});

describe('a 4K kernel with 64K processes', () => {
  const memoryKbytes = (16 * GB) / KB;
  const reserves = (kernelPageBytes: number, processPageBytes: number) =>
    reservesOf({ kernelPageBytes, processPageBytes, memoryKbytes, zones: 2 });

  it('keeps the page blocks and the watermarks of a 4K kernel', () => {
    const [plain, mixed] = [reserves(4096, 4096), reserves(4096, 65536)];
    expect([mixed.pageblockBytes, mixed.minFreeKbytes, mixed.marksKbytes]).toEqual([
      plain.pageblockBytes,
      plain.minFreeKbytes,
      plain.marksKbytes,
    ]);
    expect(mixed.pageblockBytes).toBe(2 * MB);
    // A kernel of 64K pages keeps 5% of the machine for blocks of 512M.
    expect(reserves(65536, 65536).pageblockBytes).toBe(512 * MB);
    expect(reserves(65536, 65536).minFreeKbytes).toBeGreaterThan(18 * mixed.minFreeKbytes);
  });

  it('has order 4 where a 64K kernel has order 0, above the costly order; 16K processes stay below it', () => {
    expect([reserves(4096, 65536).leastOrder, reserves(4096, 65536).costly]).toEqual([4, true]);
    expect([reserves(4096, 16384).leastOrder, reserves(4096, 16384).costly]).toEqual([2, false]);
  });

  it('cannot allocate a native block of 512M or 32M: the largest of its blocks is 4M', () => {
    expect([reserves(4096, 65536).nativeBlockOrder, reserves(4096, 65536).nativeBlockFits]).toEqual([17, false]);
    expect([reserves(4096, 16384).nativeBlockOrder, reserves(4096, 16384).nativeBlockFits]).toEqual([13, false]);
    expect(reserves(4096, 4096).nativeBlockFits).toBe(true);
  });
});
