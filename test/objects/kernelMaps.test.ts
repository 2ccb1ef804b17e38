/**
 * vvar and vDSO as every program has them, in pages of the process or of the kernel; and areas that are never split.
 *
 * @models D-13 S-29 S-47
 */
import { describe, expect, test } from 'vitest';
import { hasFlags, PTE } from '../../src/mm/pte.ts';
import { formatMapsLine, type Vma } from '../../src/mm/vma.ts';
import { BASE, play, type Played, type Step, topologyOf } from './support/programs.ts';

const K = 1024;
const REST: Step = { op: 'brk', addr: 0 };

function areaOf(played: Played, name: string): Vma {
  const area = played
    .contextOf('mm:1')
    .vmas.list()
    .find((vma) => vma.name === name);
  if (area === undefined) throw new Error(`there is no ${name}`);
  return area;
}

type Pages = 'process-page' | 'kernel-page';

function played(pages: Pages, program: Step[], kernelPageSize = '4K', pageSize = '64K'): Played {
  return play(topologyOf(pageSize, program, { kernelPageSize, objects: { pages, vdso: true } }));
}

const sizeOf = ({ startVa, endVa }: Vma): number => endVa - startVa;

describe('vvar and vDSO', () => {
  test('of a 64K process are those of a 64K kernel, to the address', () => {
    const here = played('process-page', [REST]);
    const there = played('kernel-page', [REST], '64K');
    for (const name of ['[vvar]', '[vdso]']) {
      expect(areaOf(here, name).startVa).toBe(areaOf(there, name).startVa);
      expect(formatMapsLine(areaOf(here, name))).toBe(formatMapsLine(areaOf(there, name)));
    }
    expect(sizeOf(areaOf(here, '[vvar]'))).toBe(128 * K);
    expect(sizeOf(areaOf(here, '[vdso]'))).toBe(64 * K);
    expect(formatMapsLine(areaOf(here, '[vdso]'))).toMatch(/ r-xp 00000000 00:00 0 +\[vdso\]$/);
  });

  test('made of process pages they are native entries, data special and code counted', () => {
    const { startVa } = areaOf(played('process-page', [REST]), '[vvar]');
    const code = startVa + 128 * K;
    const run = played('process-page', [
      { op: 'load', addr: startVa },
      { op: 'load', addr: code },
      { op: 'load', addr: startVa + 64 * K },
      { op: 'store', addr: startVa },
    ]);
    // The page of time namespaces is not there; data cannot be written.
    expect(run.signals).toEqual([7, 11]);
    expect(run.contextOf('mm:1')).toMatchObject({ fallbacks: 0, rssFilePages: 16 });
    const { linux, native } = run.contextOf('mmu:1');
    expect(hasFlags(linux.get(startVa), PTE.SPECIAL)).toBe(true);
    expect(hasFlags(linux.get(code), PTE.SPECIAL)).toBe(false);
    expect(native?.get(startVa)).not.toBe(0);
  });

  test('made of kernel pages they are holes for the most part, and the first look at one costs the native table', () => {
    const vvar = areaOf(played('kernel-page', [REST]), '[vvar]');
    const vdso = areaOf(played('kernel-page', [REST]), '[vdso]');
    expect([sizeOf(vvar), sizeOf(vdso)]).toEqual([64 * K, 64 * K]);
    const run = played('kernel-page', [
      { op: 'load', addr: vdso.startVa },
      { op: 'load', addr: vvar.startVa },
      { op: 'load', addr: vvar.startVa + 8 * K },
      { op: 'load', addr: vdso.startVa + 4 * K },
    ]);
    expect(run.signals).toEqual([7, 7]);
    expect(run.contextOf('mm:1')).toMatchObject({ fallbacks: 1, rssFilePages: 1 });
  });

  test('a 4K and a 64K process have each their own, and a child that of its parent', () => {
    const child = { pid: 3, pageSize: '64K', signals: 'skip' as const, forked: true, program: [REST] };
    const program = [REST, { op: 'fork', childPid: 3 }];
    const processes = [
      { pid: 1, pageSize: '64K', signals: 'skip' as const, children: [3], program },
      { pid: 2, pageSize: '4K', signals: 'skip' as const, program: [REST] },
      child,
    ];
    const objects = { pages: 'process-page' as const, vdso: true };
    const run = play(topologyOf('64K', program, { objects, processes: processes as never }));
    const { objects: held } = run.contextOf('object');
    expect(Object.keys(held).sort()).toEqual(['object:vdso.4096', 'object:vdso.65536']);
    expect(held['object:vdso.65536']?.mappers).toEqual(['mm:1', 'mm:3']);
  });

  test('without being asked for there are none', () => {
    const run = play(topologyOf('64K', [REST], { objects: { pages: 'process-page' } }));
    expect(
      run
        .contextOf('mm:1')
        .vmas.list()
        .some(({ name }) => name === '[vdso]'),
    ).toBe(false);
  });
});

describe('areas that stay whole', () => {
  const program: Step[] = [
    { op: 'perf_event_open', file: 'cycles' },
    { op: 'mmap', addr: BASE, lengthBytes: 9 * 64 * K, prot: 'rw', flags: 'SHARED', file: 'cycles' },
  ];

  test('a perf ring is unmapped or protected as a whole', () => {
    const run = play(
      topologyOf('64K', [
        ...program,
        { op: 'munmap', addr: BASE, lengthBytes: 64 * K },
        { op: 'mprotect', addr: BASE + 64 * K, lengthBytes: 64 * K, prot: 'r' },
        { op: 'mprotect', addr: BASE, lengthBytes: 9 * 64 * K, prot: 'r' },
        { op: 'munmap', addr: BASE - 64 * K, lengthBytes: 10 * 64 * K },
      ]),
    );
    expect(run.calls).toEqual([0, BASE, -22, -22, 0, 0]);
  });

  test('its line in maps has the name of its file', () => {
    const run = play(topologyOf('64K', program));
    const area = run.contextOf('mm:1').vmas.find(BASE);
    expect(area === null ? '' : formatMapsLine(area)).toMatch(/ rw-s 00000000 00:00 0 +anon_inode:\[perf_event\]$/);
  });
});
