/** A small workload of each pattern. */
import type { WorkloadInput } from '../../src/trace/workloads/workloadSchema.ts';

/** One of each, by name. */
export const SAMPLES = {
  sequential: { pattern: 'sequential', lengthBytes: '100K', accesses: 20_000 },
  strided: { pattern: 'strided', lengthBytes: '1M', strideBytes: '12K', accesses: 500, access: 'write' },
  random: { pattern: 'random', lengthBytes: '300K', accesses: 1000 },
  zipf: { pattern: 'zipf', lengthBytes: '1M', accesses: 1000, exponent: 1.1 },
  'pointer-chase': { pattern: 'pointer-chase', lengthBytes: '70K', accesses: 2000 },
  'fork-server': { pattern: 'fork-server', heapBytes: '500K', forks: 2, pauseCycles: 1_000_000 },
  'fork-child': { pattern: 'fork-child', heapBytes: '500K', laps: 2 },
  'jvm-heap': { pattern: 'jvm-heap', youngBytes: '1M', oldBytes: '1M', allocatedBytes: '8M', survivingPercent: 20 },
  allocator: { pattern: 'allocator', operations: 3000, slots: 256, sizes: mixOfSizes() },
  'mmap-file-scan': { pattern: 'mmap-file-scan', lengthBytes: '300K', writeEvery: 100, advice: 'sequential', laps: 2 },
  seq: { pattern: 'seq', lengthBytes: '1M' },
  sparse: { pattern: 'sparse', lengthBytes: '1M', strideBytes: '20K' },
  rand: { pattern: 'rand', lengthBytes: '1M', touches: 100 },
  randread: { pattern: 'randread', lengthBytes: '1M', touches: 100 },
  cow: { pattern: 'cow', lengthBytes: '256K', strideBytes: '8K' },
  'cow-child': { pattern: 'cow-child', lengthBytes: '256K', strideBytes: '8K' },
  tree: { pattern: 'tree', sizesBytes: [5000, 70_000, 0], entriesBytes: [300, 100] },
  fmap: { pattern: 'fmap', lengthBytes: '200K', strideBytes: '4K', warm: true },
  fmapw: { pattern: 'fmapw', lengthBytes: '200K', strideBytes: '8K' },
  heap: { pattern: 'heap', ops: 2000 },
  dontneed: { pattern: 'dontneed', lengthBytes: '512K', strideBytes: '128K', adviseBytes: '30K' },
} as const satisfies Record<string, WorkloadInput>;

/** Small blocks, large ones, and some that are mapped by themselves. */
function mixOfSizes(): { leastBytes: number; mostBytes: number; percent: number }[] {
  return [
    { leastBytes: 16, mostBytes: 512, percent: 80 },
    { leastBytes: 512, mostBytes: 30_000, percent: 18 },
    { leastBytes: 130_000, mostBytes: 300_000, percent: 2 },
  ];
}
