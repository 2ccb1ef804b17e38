/**
 * Numbers that are told or asked in pages of the process, beyond what kernels were asked: each worked out from the kernel's function.
 *
 * @models S-20 S-24 S-32
 */
import { describe, expect, it } from 'vitest';
import { ResourceHolder } from '../../machines/index.ts';
import { initialMm, stackGuardBytesOf } from '../../machines/mmState.ts';
import { defaultCosts } from '../../src/arch/costs.ts';
import { sysconfValue } from '../../src/mm/abi/answers.ts';
import { ERRNO, HUGE_SHIFT, SHM } from '../../src/mm/abi/numbers.ts';
import { getSegment, noSharedMemory } from '../../src/mm/abi/sharedMemory.ts';
import { vmstatText, type ZoneFacts, zoneinfoText } from '../../src/mm/procfs/systemFiles.ts';

const K = 1024;
const frames = { anon: 17, file: 33, table: 1, kernel: 0, reserved: 16 };
const zone: ZoneFacts = {
  kernelPageBytes: 4 * K,
  totalPages: 4096,
  basePfn: 0,
  freePages: 1000,
  freeBlocks: [],
  frames,
  min: 17,
  low: 40,
  high: 49,
};

const numbers = (text: string): number[] => [...text.matchAll(/(\d+)$/gm)].map(([, number]) => Number(number));

describe('a process of 64K pages', () => {
  it('is told whole pages of its own: used ones rounded up, free ones down', () => {
    expect(numbers(vmstatText(zone, 64 * K))).toEqual([62, 2, 3, 1]);
    expect(numbers(vmstatText(zone, 4 * K))).toEqual([1000, 17, 33, 1]);
    expect(numbers(zoneinfoText(zone, 64 * K)).slice(-7)).toEqual([62, 2, 3, 4, 256, 256, 255]);
    expect(numbers(zoneinfoText(zone, 4 * K)).slice(-7)).toEqual([1000, 17, 40, 49, 4096, 4096, 4080]);
  });

  it('counts memory in its pages (`_SC_PHYS_PAGES`)', () => {
    const memory = { totalBytes: 2 ** 30 + 4 * K, freeBytes: 2 ** 20 + 4 * K };
    const of = (name: string, pageBytes: number): number => sysconfValue(name, pageBytes, memory).result;
    expect([of('_SC_PHYS_PAGES', 64 * K), of('_SC_PHYS_PAGES', 4 * K)]).toEqual([2 ** 14, 2 ** 18 + 1]);
    expect([of('_SC_AVPHYS_PAGES', 64 * K), of('_SC_AVPHYS_PAGES', 4 * K)]).toEqual([16, 257]);
  });

  it('has 256 of its pages free below a stack (`stack_guard_gap`)', () => {
    const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
    const input = {
      resources,
      pid: 1,
      kernelPageBytes: 4 * K,
      nativeTables: true,
      zeroPfn: 0,
      stackLimitBytes: 2 ** 23,
    };
    const gap = (pageBytes: number): number => stackGuardBytesOf({ ...initialMm(input), pageBytes });
    expect([gap(64 * K), gap(16 * K), gap(4 * K)]).toEqual([2 ** 24, 2 ** 22, 2 ** 20]);
  });

  it('may ask for segments of the huge pages that a kernel of its size has (`newseg`)', () => {
    const flags = (log: number): number => SHM.IPC_CREAT | SHM.HUGETLB | (log << HUGE_SHIFT);
    const errno = (log: number, pageBytes: number): unknown => {
      return getSegment(noSharedMemory(), { key: 0, lengthBytes: 2 ** 30, flags: flags(log) }, pageBytes);
    };
    expect([errno(29, 64 * K), errno(16, 64 * K)]).toEqual([{ errno: ERRNO.ENOMEM }, { errno: ERRNO.EINVAL }]);
    expect([errno(16, 4 * K), errno(29, 4 * K)]).toEqual([{ errno: ERRNO.ENOMEM }, { errno: ERRNO.EINVAL }]);
  });
});
