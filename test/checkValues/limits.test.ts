import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GRANULES, pageSizeLimits } from '../../src/arch/granule.ts';
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

describe.each(answered)(
  'the $kernel kernel that was asked',
  ({ page, pmd_kb, min_free_kbytes, HugepagesizeKB, MemTotalKB }) => {
    it('has the huge page that its page size gives it', () => {
      expect(pageSizeLimits(page).pmdBytes).toBe(Number(pmd_kb));
      expect(pageSizeLimits(page).pmdBytes / KB).toBe(HugepagesizeKB);
    });

    it('keeps as much memory free as its size gives it', () => {
      /** Its code and data for start-up, which count as used when the value is set and as free when it is read. */
      const INIT_KBYTES = 2112;
      const managedKbytes = MemTotalKB - INIT_KBYTES;
      const baseKbytes = calculateMinFreeKbytes(managedKbytes);
      const { high } = watermarks(Math.floor((baseKbytes * KB) / page), Math.floor((managedKbytes * KB) / page));
      const freeBufferKbytes = managedKbytes - (high * page) / KB;
      const kbytes = recommendedMinFreeKbytes({ pageBytes: page, zones: 1, freeBufferKbytes, baseKbytes });
      expect(kbytes).toBe(min_free_kbytes);
    });
  },
);
