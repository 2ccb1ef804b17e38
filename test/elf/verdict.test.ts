/**
 * What becomes of a program at each page size: hand-made files whose answer is worked out from fs/binfmt_elf.c, programs
 * that the linker of this machine makes, and the areas that the kernel of this machine really made.
 *
 * @models L-11 X-03
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ET, PT, readElf } from '../../src/mm/elf/elfFile.ts';
import { playLoad } from '../../src/mm/elf/play.ts';
import { judgeElf, type Verdict } from '../../src/mm/elf/verdict.ts';
import { readElfAt } from '../../src/trace/elfSource.node.ts';
import '../support/propertySeed.ts';
import { buildElf, F, type FileSpec, sourceOf } from './build.ts';

const SIZES = [4096, 16384, 65536] as const;
const K64 = 65536;

function judged(spec: FileSpec, pageBytes: number, loader: 'kernel' | 'ld.so' = 'kernel'): Verdict {
  return judgeElf(readElf(sourceOf(buildElf({ sizeBytes: 0x400000, ...spec }))), pageBytes, loader);
}

const found = (verdict: Verdict): unknown[] =>
  verdict.findings.map(({ what, segment, bytes, firstVaddr }) => [what, segment, bytes, firstVaddr]);
const outcomes = (spec: FileSpec): string[] => SIZES.map((size) => judged(spec, size).outcome);

/** Code, constants and data as a linker for 4K pages lays them out, in one stretch of the file. */
const packed: FileSpec = {
  headers: [
    { offset: 0, vaddr: 0, fileBytes: 0x2800, flags: F.R },
    { offset: 0x3000, vaddr: 0x3000, fileBytes: 0x12800, flags: F.RX },
    { offset: 0x16000, vaddr: 0x16000, fileBytes: 0x4000, flags: F.R },
    { offset: 0x1ad00, vaddr: 0x1ad00, fileBytes: 0x1000, memoryBytes: 0x2000, flags: F.RW },
  ],
};

describe('a file linked for 4K pages', () => {
  it('is as it should be at 4K', () => {
    expect(outcomes(packed)[0]).toBe('as-is');
  });

  it('loses rights at 64K where a later segment is mapped over the page that two share', () => {
    const verdict = judged(packed, K64);
    expect(verdict).toMatchObject({ outcome: 'broken', refusal: null });
    // Page 0 ends up with the rights of the code, page 1 with those of the data.
    expect(found(verdict)).toEqual([
      ['executable', 0, 0x2800, 0],
      ['not-executable', 1, 0x15800 - 0x10000, 0x10000],
      ['writable', 1, 0x5800, 0x10000],
      ['writable', 2, 0x4000, 0x16000],
    ]);
    expect(verdict.remedy).toEqual({
      copiedBytes: 0,
      mergedBytes: 2 * K64,
      writeAndExecuteBytes: K64,
      relroLostBytes: 0,
      outcome: 'weaker',
    });
  });

  it('is refused where address and offset of a segment agree in 4K only', () => {
    const shifted: FileSpec = { headers: [{ offset: 0x2db0, vaddr: 0x3db0, fileBytes: 0x268, flags: F.RW }] };
    expect(outcomes(shifted)).toEqual(['as-is', 'refused', 'refused']);
    expect(judged(shifted, K64).refusal).toMatchObject({ errno: 'EINVAL', when: 'killed' });
    expect(judged(shifted, K64, 'ld.so').refusal?.why).toBe('ELF load command address/offset not page-aligned');
    expect(judged(shifted, K64).remedy).toMatchObject({ copiedBytes: K64, outcome: 'as-is' });
  });

  it('does not look at p_align', () => {
    const aligned: FileSpec = { headers: [{ offset: 0x10000, vaddr: 0x20000, fileBytes: 9, flags: F.RX, align: 16 }] };
    expect(outcomes(aligned)).toEqual(['as-is', 'as-is', 'as-is']);
  });
});

describe('what else a larger page does', () => {
  it('hides bytes where two segments of one page come from two places of the file', () => {
    const twoPlaces: FileSpec = {
      headers: [
        { offset: 0, vaddr: 0, fileBytes: 0x1000, flags: F.RX },
        { offset: 0x42000, vaddr: 0x2000, fileBytes: 0x1000, flags: F.RX },
      ],
    };
    expect(outcomes(twoPlaces)).toEqual(['as-is', 'broken', 'broken']);
    expect(found(judged(twoPlaces, K64))).toEqual([['replaced', 0, 0x1000, 0]]);
    expect(judged(twoPlaces, K64).remedy).toMatchObject({ copiedBytes: K64, outcome: 'as-is' });
  });

  it('maps file bytes over memory that was cleared for an earlier segment', () => {
    const bssFirst: FileSpec = {
      headers: [
        { offset: 0, vaddr: 0, fileBytes: 0x1000, memoryBytes: 0x2800, flags: F.RW },
        { offset: 0x3000, vaddr: 0x3000, fileBytes: 0x1000, flags: F.RW },
      ],
    };
    expect(outcomes(bssFirst)).toEqual(['as-is', 'broken', 'broken']);
    expect(found(judged(bssFirst, K64))).toEqual([['not-cleared', 0, 0x1800, 0x1000]]);
  });

  it('clears what is on the page of a segment without bytes in the file', () => {
    const onlyMemory: FileSpec = {
      headers: [
        { offset: 0, vaddr: 0, fileBytes: 0x1000, flags: F.RW },
        { offset: 0x1000, vaddr: 0x1000, fileBytes: 0, memoryBytes: 0x5000, flags: F.RW },
      ],
    };
    expect(outcomes(onlyMemory)).toEqual(['as-is', 'broken', 'broken']);
    expect(found(judged(onlyMemory, K64))).toEqual([['cleared', 0, 0x1000, 0]]);
    // The dynamic linker maps the page of the file again and clears from the segment on only.
    expect(judged(onlyMemory, K64, 'ld.so').outcome).toBe('as-is');
  });

  it('leaves the end of a page as the file has it where the segment cannot be written', () => {
    const constant: FileSpec = {
      headers: [{ offset: 0, vaddr: 0, fileBytes: 0x1000, memoryBytes: 0x1800, flags: F.R }],
    };
    expect(outcomes(constant)).toEqual(['weaker', 'broken', 'broken']);
    expect(found(judged(constant, K64))).toEqual([['not-cleared', 0, 0x800, 0x1000]]);
  });

  it('rounds RELRO down at both ends', () => {
    const relro = (vaddr: number, memoryBytes: number): FileSpec => ({
      headers: [
        { offset: 0, vaddr: 0, fileBytes: 0x20000, flags: F.RX },
        { offset: 0x30000, vaddr: 0x30000, fileBytes: 0x40000, flags: F.RW },
        { type: PT.GNU_RELRO, offset: vaddr, vaddr, fileBytes: memoryBytes, memoryBytes, flags: F.R },
      ],
    });
    expect(outcomes(relro(0x30000, 0x20000))).toEqual(['as-is', 'as-is', 'as-is']);
    expect(outcomes(relro(0x30000, 0x24000))).toEqual(['as-is', 'as-is', 'weaker']);
    expect(found(judged(relro(0x30000, 0x24000), K64))).toEqual([['relro-writable', 1, 0x4000, 0x50000]]);
    expect(found(judged(relro(0x30000, 0x3000), K64))).toEqual([['relro-writable', 1, 0x3000, 0x30000]]);
    // A start inside a page takes the right to write from data before it.
    expect(found(judged(relro(0x34000, 0x1c000), K64))).toEqual([['not-writable', 1, 0x4000, 0x30000]]);
  });

  it('rounds an address down below mmap_min_addr', () => {
    const low: FileSpec = {
      type: ET.EXEC,
      bits: 32,
      headers: [{ offset: 0x8000, vaddr: 0x8000, fileBytes: 99, flags: F.RX }],
    };
    expect(outcomes(low)).toEqual(['as-is', 'as-is', 'refused']);
    expect(judged(low, K64).refusal).toMatchObject({ errno: 'EPERM', when: 'killed' });
    const file = readElf(sourceOf(buildElf(low)));
    expect(playLoad(file, { pageBytes: K64, loader: 'kernel', privileged: true }).refusal).toBeNull();
  });

  it('takes more program headers', () => {
    const many: FileSpec = {
      headers: Array.from({ length: 74 }, (_, at) => ({ vaddr: at * K64, offset: 0, fileBytes: 1 })),
    };
    expect(outcomes(many)).toEqual(['refused', 'as-is', 'as-is']);
    expect(judged(many, 4096).refusal).toMatchObject({ errno: 'ENOEXEC', when: 'before-no-return' });
  });
});

describe('what is refused at every page size', () => {
  const cases: [string, FileSpec, string][] = [
    ['a file that is no program', { type: 1, headers: [{ fileBytes: 9 }] }, 'ENOEXEC'],
    ['program headers of another size', { entryBytes: 64, headers: [{ fileBytes: 9 }] }, 'ENOEXEC'],
    ['no program headers', { headers: [] }, 'ENOEXEC'],
    ['nothing to load', { headers: [{ type: PT.NOTE, fileBytes: 9 }] }, 'EINVAL'],
    ['less memory than file', { headers: [{ fileBytes: 9, memoryBytes: 3 }] }, 'EINVAL'],
    ['an address outside user memory', { headers: [{ vaddr: 2 ** 49, fileBytes: 9 }] }, 'EINVAL'],
    ['a segment larger than user memory', { headers: [{ fileBytes: 2 ** 49 }] }, 'ENOMEM'],
  ];
  it.each(cases)('%s', (_, spec, errno) => {
    for (const size of SIZES) expect(judged(spec, size).refusal?.errno).toBe(errno);
  });

  it('a file that ends before its segment is mapped, and cannot be read there', () => {
    const short: FileSpec = { sizeBytes: 0x1000, headers: [{ fileBytes: 0x3000, flags: F.R }] };
    expect(found(judged(short, K64))).toEqual([['past-end', 0, 0x2000, 0x1000]]);
  });
});

/** Program headers that people printed when they asked for help, with what their kernel or ld.so of 64K pages had said. */
describe('what users of 64K kernels have reported', () => {
  it('a libcef.so is refused by ld.so (github.com/chromiumembedded/cef/issues/3695)', () => {
    const headers = [
      { offset: 0, vaddr: 0, fileBytes: 0x1e83d44, flags: F.R },
      { offset: 0x1e83d80, vaddr: 0x1e84d80, fileBytes: 0x7cd2540, flags: F.RX },
    ];
    const verdict = judged({ headers }, K64, 'ld.so');
    expect([verdict.outcome, verdict.oldGlibcRefuses]).toEqual(['refused', true]);
  });

  it('a library of a numpy wheel is refused by ld.so (github.com/numpy/numpy/issues/16677)', () => {
    const headers = [{ offset: 0x3fb000, vaddr: 0x3e1000, fileBytes: 0x1000, flags: F.RW }];
    expect(judged({ headers }, K64, 'ld.so').outcome).toBe('refused');
  });

  it('an unpacked upx runs, with its RELRO writable (github.com/upx/upx/issues/737)', () => {
    const headers = [
      { offset: 0, vaddr: 0x400000, fileBytes: 0x1f7bb0, flags: F.RX, align: K64 },
      { offset: 0x1f8570, vaddr: 0x608570, fileBytes: 0x1e40, memoryBytes: 0x5a80, flags: F.RW, align: K64 },
      { type: PT.GNU_RELRO, offset: 0x1f8570, vaddr: 0x608570, fileBytes: 0x1a90, flags: F.R },
    ];
    const verdict = judged({ type: ET.EXEC, headers }, K64);
    expect([verdict.outcome, found(verdict)]).toEqual(['weaker', [['relro-writable', 1, 0x1a90, 0x608570]]]);
  });
});

describe('laws', () => {
  const segment = fc.record({
    pages: fc.nat(3),
    gapPages: fc.nat(2),
    skew: fc.nat(0xfff),
    flags: fc.constantFrom(F.R, F.RW, F.RX),
    bss: fc.nat(0x3000),
  });

  it('a file laid out for a page size loads as is at that size and at every smaller one', () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.constantFrom(...SIZES), (segments, size) => {
        let at = 0;
        const headers = segments.map(({ pages, gapPages, skew, flags, bss }) => {
          const vaddr = at + gapPages * size + skew;
          const fileBytes = pages * size + 1;
          const memoryBytes = fileBytes + (flags === F.RW ? bss : 0);
          at = Math.ceil((vaddr + memoryBytes) / size) * size;
          return { vaddr, offset: vaddr, fileBytes, memoryBytes, flags };
        });
        for (const smaller of SIZES.filter((candidate) => candidate <= size)) {
          for (const loader of ['kernel', 'ld.so'] as const) {
            expect(judged({ headers, sizeBytes: 0x400000 }, smaller, loader).outcome).toBe('as-is');
          }
        }
      }),
    );
  });
});

const folder = mkdtempSync(join(tmpdir(), 'granule-elf-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that the linker of this machine made for pages of a size; null where there is no compiler. */
function linked(maxPageBytes: number): string | null {
  try {
    const source = join(folder, 'p.c');
    writeFileSync(
      source,
      'int data[9] = {1}; const char text[9000] = "x"; int main(void) { return data[1] + text[2]; }\n',
    );
    const path = join(folder, `p-${maxPageBytes}`);
    execFileSync('gcc', ['-Wl,-z,max-page-size=' + maxPageBytes, '-Wl,-z,separate-code', '-o', path, source], {
      stdio: 'pipe',
    });
    return path;
  } catch {
    return null;
  }
}

describe('the linker of this machine', () => {
  const small = linked(4096);
  const large = linked(65536);
  it.skipIf(small === null || large === null)('makes what it is told to (SKIPPED: there is no gcc here)', () => {
    const at64 = (path: string | null): Verdict => judgeElf(readElfAt(path ?? '').file, K64);
    // It need not keep RELRO on whole pages of the larger size: only nothing may be refused or broken.
    expect(['as-is', 'weaker']).toContain(at64(large).outcome);
    expect(['broken', 'refused']).toContain(at64(small).outcome);
  });
});

interface Area {
  start: number;
  end: number;
  prot: number;
}

/** The file-backed areas of every object of a process that prints its own /proc/self/maps. */
function realAreas(): Map<string, Area[]> {
  const objects = new Map<string, Area[]>();
  for (const line of execFileSync('cat', ['/proc/self/maps'], { encoding: 'utf8' }).split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) ([r-])([w-])([x-])p .* (\/\S+)$/.exec(line);
    if (match === null) continue;
    const prot = (match[3] === 'r' ? 1 : 0) | (match[4] === 'w' ? 2 : 0) | (match[5] === 'x' ? 4 : 0);
    const area = { start: Number.parseInt(match[1], 16), end: Number.parseInt(match[2], 16), prot };
    objects.set(match[6], [...(objects.get(match[6]) ?? []), area]);
  }
  return objects;
}

describe.skipIf(!existsSync('/proc/self/maps'))('the kernel of this machine', () => {
  const pageBytes = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
  const objects = [...realAreas()].filter(([path]) => /\/(?:cat|coreutils)$|\.so[.0-9]*$/.test(path));

  it('maps a program, its library and its interpreter as they are played', () => {
    expect(objects.length).toBeGreaterThanOrEqual(3);
    for (const [path, areas] of objects) {
      const loader = /\.so/.test(path) && !/ld-/.test(path) ? 'ld.so' : 'kernel';
      const played = playLoad(readElfAt(path).file, { pageBytes, loader });
      const base = areas[0].start;
      // Pages behind the file part are anonymous, so the real list ends earlier: each area is looked up in the play.
      for (const { start, end, prot } of areas) {
        const there = played.rights.within(start - base, end - base);
        expect(there.length, `${path} ${start - base}`).toBeGreaterThan(0);
        for (const range of there) expect(range.value, `${path} ${range.start}`).toBe(prot);
        expect(
          there.reduce((sum, range) => sum + range.end - range.start, 0),
          path,
        ).toBe(end - start);
      }
    }
  });
});
