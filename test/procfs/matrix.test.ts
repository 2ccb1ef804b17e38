/**
 * Reader size by target size by file, under both policies: every cell of the matrix is read in a running system, and is what the
 * rule says; what is shown is, byte for byte, what a kernel of the page size shows.
 *
 * @models S-49 S-24 S-25 S-32 L-06 L-07 L-09 T-21
 */
import { describe, expect, it } from 'vitest';
import { procfsMatrix, relationOf, toolReads, toolWorks, verdictErrno, verdictOf } from '../../src/mm/procfs/matrix.ts';
import { play, readersTopology, readFiles, type Setting, type Steps, TARGET } from './support.ts';

const SIZES = [4096, 16384, 65536];
const POLICIES = ['translate', 'defeature'] as const;
const PAIRS = SIZES.flatMap((reader) => SIZES.map((target): [number, number] => [reader, target]));

/** A path that stands for a row. */
function pathOf({ scope, name }: (typeof procfsMatrix)[number]): string {
  if (scope === 'process') return `/proc/${TARGET}/${name}`;
  const whole = name
    .replace('transparent_hugepage/*', 'transparent_hugepage/hpage_pmd_size')
    .replace('*', 'max_map_count');
  return scope === 'sysfs' ? `/sys/kernel/mm/${whole}` : `/proc/${whole}`;
}

describe.each(POLICIES)('policy %s', (policy) => {
  it.each(PAIRS)(
    'a reader of %i and a target of %i: every file is as its row says',
    (readerPageBytes, targetPageBytes) => {
      const steps: Steps = procfsMatrix.map((row) => {
        const path = pathOf(row);
        return row.name === 'clear_refs'
          ? { op: 'write_proc', path, text: '1' }
          : { op: 'read_proc', path, lengthBytes: 4096 };
      });
      const told = play(readersTopology(steps, { readerPageBytes, targetPageBytes, policy }));
      expect(told.length).toBe(procfsMatrix.length);
      for (const [at, row] of procfsMatrix.entries()) {
        const beside = row.scope === 'process' ? targetPageBytes : 4096;
        const verdict = verdictOf(row, relationOf(readerPageBytes, beside), policy);
        expect([row.name, told[at].errno]).toEqual([row.name, verdictErrno(verdict)]);
        if (told[at].errno === 0 && row.name !== 'clear_refs') expect(told[at].data.length).toBeGreaterThan(0);
        else expect(told[at].data).toEqual([]);
      }
    },
  );
});

/** The numbers of devices tell how many huge page sizes a kernel has. */
const withoutDevice = (text: string): string => text.replaceAll(/ 00:1[12] /g, ' dev ');

describe('what a process sees of one of its own size', () => {
  const files = ['maps', 'smaps', 'smaps_rollup', 'statm', 'stat', 'status', 'numa_maps', 'pagemap'];

  it.each([16384, 65536])('is on a 4K kernel what it sees on a kernel of %i', (size) => {
    const pair: Setting = { readerPageBytes: size, targetPageBytes: size };
    const [on4K, plain] = [4096, size].map((kernelPageBytes) =>
      readFiles(files, { ...pair, kernelPageBytes, checked: true }),
    );
    for (const [at, name] of files.entries()) {
      expect(on4K[at].errno, name).toBe(0);
      expect(withoutDevice(on4K[at].text), name).toBe(withoutDevice(plain[at].text));
    }
  });
});

describe('units', () => {
  it('of a count in pages are the reader’s, rounded up where they do not come out even', () => {
    const statm = (readerPageBytes: number, targetPageBytes: number): number[] =>
      readFiles(['statm'], { readerPageBytes, targetPageBytes })[0].text.split(' ').map(Number);
    // 2176K mapped, of which 256K are resident in 64K pages.
    expect(statm(65536, 65536).slice(0, 3)).toEqual([34, 4, 2]);
    expect(statm(16384, 65536).slice(0, 3)).toEqual([136, 16, 8]);
    expect(statm(4096, 65536).slice(0, 3)).toEqual([544, 64, 32]);
    // Of 4K pages five are resident: 20K are two pages of 16K, and one of 64K.
    expect(statm(4096, 4096).slice(0, 3)).toEqual([544, 5, 2]);
    expect(statm(16384, 4096).slice(0, 3)).toEqual([136, 2, 1]);
    expect(statm(65536, 4096).slice(0, 3)).toEqual([34, 1, 1]);
  });

  it('of smaps and status are kB, whoever reads', () => {
    const read = (readerPageBytes: number): string[] =>
      readFiles(['smaps', 'status'], { readerPageBytes, targetPageBytes: 4096 }).map(({ text }) => text);
    expect(read(65536)).toEqual(read(4096));
  });

  it('of huge pages are those of a kernel of the reader’s page size', () => {
    const names = ['/proc/meminfo', '/sys/kernel/mm/transparent_hugepage/hpage_pmd_size', '/sys/kernel/mm/hugepages/'];
    const read = (readerPageBytes: number, policy: Setting['policy']): string[] =>
      readFiles(names, { readerPageBytes, targetPageBytes: 4096, policy }).map(({ text, errno }) =>
        errno === 0 ? text : `errno ${errno}`,
      );
    const [meminfo, pmd, sizes] = read(65536, 'translate');
    expect(meminfo).toContain('Hugepagesize:     524288 kB\n');
    expect(meminfo).not.toContain('DirectMap');
    expect(pmd).toBe('536870912\n');
    expect(sizes).toBe('hugepages-16777216kB\nhugepages-2048kB\nhugepages-524288kB\n');
    expect(read(4096, 'translate')[1]).toBe('2097152\n');
    expect(read(65536, 'defeature').slice(1)).toEqual(['errno 2', 'hugepages-2048kB\n']);
  });

  it('of free blocks are blocks of the reader: what is smaller than its page falls away', () => {
    const columns = (readerPageBytes: number): number[] =>
      readFiles(['/proc/buddyinfo'], { readerPageBytes, targetPageBytes: 4096 })[0]
        .text.slice(23)
        .trim()
        .split(/\s+/)
        .map(Number);
    expect(columns(4096).length).toBe(11);
    const large = columns(65536);
    expect(large.length).toBe(14);
    expect(large.slice(7)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(large.slice(0, 7).reduce((sum, blocks, order) => sum + blocks * 2 ** order, 0)).toBeGreaterThan(900);
  });
});

describe('a process that is not there', () => {
  it('is ESRCH when it has ended, and ENOENT when there never was one', () => {
    const setting: Setting = { readerPageBytes: 4096, targetPageBytes: 4096 };
    const input = readersTopology(
      [
        { op: 'read_proc', path: '/proc/99/maps' },
        { op: 'read_proc', path: '/proc/self/maps' },
        { op: 'read_proc', path: '/proc/self/environ' },
        { op: 'write_proc', path: '/proc/self/maps', text: '1' },
        { op: 'write_proc', path: '/proc/self/clear_refs', text: '9' },
      ],
      setting,
    );
    expect(play(input).map(({ errno }) => errno)).toEqual([2, 0, 2, 22, 22]);
    const late = {
      ...input,
      processes: input.processes.map((each) => ({ ...each, startCycles: each.pid === TARGET ? 0 : 50_000_000 })),
    };
    const gone = play({
      ...late,
      processes: late.processes.map((each) =>
        each.pid === TARGET ? each : { ...each, program: [{ op: 'read_proc' as const, path: `/proc/${TARGET}/maps` }] },
      ),
    });
    expect(gone.map(({ errno }) => errno)).toEqual([3]);
  });
});

describe('tools', () => {
  it('of smaller pages work on every target; of larger ones those fail that need a frame, and under defeature all', () => {
    for (const { tool, reads } of toolReads) {
      expect([tool, toolWorks(reads, 'smaller', 'defeature')]).toEqual([tool, true]);
      expect([tool, toolWorks(reads, 'larger', 'translate')]).toEqual([tool, !reads.includes('pagemap')]);
      expect([tool, toolWorks(reads, 'larger', 'defeature')]).toEqual([tool, false]);
    }
  });
});
