/** Faults on a file as three real kernels counted them, and as a process of their page size counts them on a 4K kernel. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FileWorld } from './support/fileWorld.ts';

interface Line {
  workload: string;
  kernel: string;
  mthp: string;
  page: number;
  bytes: number;
  stride: number;
  warm: number;
  minflt: number;
  majflt: number;
  dRssFileKB: number;
}

/** Faults of the measuring program's own text and data. */
const OWN_FAULTS: Record<number, number> = { 4096: 5, 16384: 1, 65536: 0 };

const text = readFileSync(new URL('../../fixtures/oracle/footprint.ndjson', import.meta.url), 'utf8');
const lines = text
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Line)
  .filter(({ workload, mthp }) => workload === 'fmap' && mthp === 'never');

/** Reads the file in strides through a mapping, as `fmap` does. */
function run(line: Line, kernelPageBytes: number): { faults: number; major: number; residentKb: number } {
  const world = new FileWorld({ kernelPageBytes, sizeBytes: line.bytes });
  const orderPages = Math.log2(line.page / kernelPageBytes);
  // A process of larger pages has mapped the file before it reads: the cache is in its order.
  world.map('mm:1', orderPages);
  const buffer = 65536;
  for (let offsetBytes = 0; line.warm === 1 && offsetBytes <= line.bytes; offsetBytes += buffer) {
    world.tell({ type: 'READ_FILE', file: 'a', request: 1, offsetBytes, lengthBytes: buffer });
  }
  const table = world.mapped.get('mm:1') ?? new Map<number, number>();
  let faults = 0;
  let major = 0;
  for (let at = 0; at < line.bytes; at += line.stride) {
    const index = at / kernelPageBytes;
    if (table.has(Math.floor(index))) continue;
    faults++;
    if (world.fault('mm:1', orderPages, Math.floor(index)).major) major++;
  }
  return { faults, major, residentKb: (table.size * kernelPageBytes) / 1024 };
}

describe('reading a file through a mapping', () => {
  it('has oracle lines of every page size', () => {
    expect(new Set(lines.map(({ page }) => page))).toEqual(new Set([4096, 16384, 65536]));
    expect(lines.length).toBeGreaterThanOrEqual(18);
  });

  it.each(lines)('takes the faults of the $kernel kernel, stride $stride, warm $warm', (line) => {
    const own = OWN_FAULTS[line.page] ?? 0;
    const expected = { faults: line.minflt - own + line.majflt, major: line.majflt, residentKb: line.dRssFileKB };
    expect(run(line, line.page)).toEqual(expected);
  });

  it.each(lines)('takes them at $page on a 4K kernel too, stride $stride, warm $warm', (line) => {
    const own = OWN_FAULTS[line.page] ?? 0;
    const expected = { faults: line.minflt - own + line.majflt, major: line.majflt, residentKb: line.dRssFileKB };
    expect(run(line, 4096)).toEqual(expected);
  });
});
