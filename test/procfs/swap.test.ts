/**
 * A process part of which is in swap, as it is seen in smaps, status, pagemap and meminfo.
 *
 * @models S-10 S-32
 */
import { describe, expect, it } from 'vitest';
import type { TopologyInput } from '../../src/topology/schema.ts';
import { BASE, play, readersTopology, type Steps, type Told, TARGET } from './support.ts';

const MEGABYTES = 8;

/** A target of more memory than there is, and a reader that looks when it has been written. */
function swapped(targetPageBytes: number, reads: Steps): Told[] {
  const lengthBytes = `${MEGABYTES}M`;
  const target: Steps = [
    { op: 'mmap', addr: BASE, lengthBytes, flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: BASE, lengthBytes, strideBytes: '4K' },
    { op: 'nanosleep', cycles: 600_000_000 },
  ];
  const input = readersTopology(reads, { readerPageBytes: 4096, targetPageBytes, target });
  const system: TopologyInput = { ...input, memory: '6M', reclaim: { swap: { size: '64M' } } };
  // The reader comes when the target has written everything and sleeps.
  const processes = system.processes.map((each) =>
    each.pid === TARGET ? each : { ...each, startCycles: 300_000_000 },
  );
  return play({ ...system, processes });
}

function kilobytes(text: string, label: string): number {
  return [...text.matchAll(new RegExp(`^${label}:\\s+(\\d+) kB$`, 'gm'))].reduce((sum, [, kB]) => sum + Number(kB), 0);
}

describe.each([4096, 65536])('memory of a process of %i', (size) => {
  it('is resident or in swap, and each page of it is one of both in pagemap', () => {
    const pages = (MEGABYTES * 2 ** 20) / 4096;
    const reads: Steps = [
      { op: 'read_proc', path: `/proc/${TARGET}/smaps`, lengthBytes: 65536 },
      { op: 'read_proc', path: `/proc/${TARGET}/pagemap`, offsetBytes: (BASE / 4096) * 8, lengthBytes: pages * 8 },
      { op: 'read_proc', path: '/proc/meminfo' },
    ];
    const [smaps, pagemap, meminfo] = swapped(size, reads);
    expect([smaps.errno, pagemap.errno]).toEqual([0, 0]);
    const [rss, swap] = [kilobytes(smaps.text, 'Rss'), kilobytes(smaps.text, 'Swap')];
    expect(swap).toBeGreaterThan(1024);
    // Between the read of smaps and that of pagemap pages come and go, and while they move they are neither.
    expect(rss + swap).toBeGreaterThan((MEGABYTES - 1) * 1024);
    expect(rss + swap).toBeLessThanOrEqual(MEGABYTES * 1024);
    expect(kilobytes(smaps.text, 'SwapPss')).toBe(swap);
    const entries = Array.from({ length: pages }, (_, at) => pagemap.data[at * 8 + 7]);
    expect(entries.every((high) => !(high >= 128 && (high & 64) !== 0))).toBe(true);
    expect(entries.filter((high) => (high & 64) !== 0).length).toBeGreaterThan(256);
    expect(kilobytes(meminfo.text, 'SwapTotal')).toBe(65536);
    expect(kilobytes(meminfo.text, 'SwapFree')).toBeLessThan(65536 - 1024);
  });
});
