/**
 * Reading ELF files: all four layouts, damage of every kind, and the machine's own programs against readelf.
 *
 * @models L-11 X-03
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { ET, headersOf, linkedAlign, PT, readElf } from '../../src/mm/elf/elfFile.ts';
import { notedPageBytes, readNotes, readProperties } from '../../src/mm/elf/notes.ts';
import { judgeElf } from '../../src/mm/elf/verdict.ts';
import { readElfAt } from '../../src/trace/elfSource.node.ts';
import '../support/propertySeed.ts';
import { buildElf, F, sourceOf } from './build.ts';

const LAYOUTS = ([32, 64] as const).flatMap((bits) => [true, false].map((littleEndian) => ({ bits, littleEndian })));

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof GranuleError ? error.code : String(error);
  }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('readElf', () => {
  it.each(LAYOUTS)('reads a file of %o', ({ bits, littleEndian }) => {
    const headers = [
      { offset: 0, vaddr: 0x10000, fileBytes: 0x300, flags: F.RX, align: 0x10000 },
      { offset: 0x400, vaddr: 0x20400, fileBytes: 0x10, memoryBytes: 0x9000, flags: F.RW, align: 0x4000 },
      { type: PT.INTERP, offset: 0x300, fileBytes: 10, flags: F.R },
    ];
    const content = [{ offset: 0x300, bytes: text('/lib/ld.s\0') }];
    const file = readElf(sourceOf(buildElf({ bits, littleEndian, headers, content, type: ET.EXEC })));
    expect(file).toMatchObject({ bits, littleEndian, type: ET.EXEC, machine: 183, interpreter: '/lib/ld.s' });
    expect(headersOf(file, PT.LOAD)).toEqual([
      { type: 1, offset: 0, vaddr: 0x10000, fileBytes: 0x300, memoryBytes: 0x300, align: 0x10000, prot: 5 },
      { type: 1, offset: 0x400, vaddr: 0x20400, fileBytes: 0x10, memoryBytes: 0x9000, align: 0x4000, prot: 3 },
    ]);
    expect(linkedAlign(file)).toBe(0x4000);
  });

  it('tells what is no ELF file from what is a damaged one', () => {
    expect(codeOf(() => readElf(sourceOf(text('#!/bin/sh'))))).toBe('ELF_NOT_ELF');
    expect(codeOf(() => readElf(sourceOf(new Uint8Array(0))))).toBe('ELF_NOT_ELF');
    const whole = buildElf({ headers: [{ fileBytes: 9 }] });
    expect(codeOf(() => readElf(sourceOf(whole.subarray(0, 40))))).toBe('ELF_MALFORMED');
    expect(codeOf(() => readElf(sourceOf(whole.subarray(0, 100))))).toBe('ELF_MALFORMED');
    for (const [at, value] of [
      [4, 3],
      [5, 0],
    ]) {
      const damaged = whole.slice();
      damaged[at] = value;
      expect(codeOf(() => readElf(sourceOf(damaged)))).toBe('ELF_MALFORMED');
    }
  });

  it('refuses an interpreter path that does not end, and numbers that lose their low bits', () => {
    const interp = (bytes: Uint8Array, fileBytes: number): Uint8Array =>
      buildElf({ headers: [{ type: PT.INTERP, offset: 0x200, fileBytes }], content: [{ offset: 0x200, bytes }] });
    expect(codeOf(() => readElf(sourceOf(interp(text('/lib/ld.so'), 10))))).toBe('ELF_MALFORMED');
    expect(codeOf(() => readElf(sourceOf(interp(text('/\0'), 1))))).toBe('ELF_MALFORMED');
    expect(readElf(sourceOf(interp(text('/a\0b\0'), 5))).interpreter).toBe('/a');
    const large = buildElf({ headers: [{ fileBytes: 9 }] });
    new DataView(large.buffer).setBigUint64(64 + 16, 0xffff_ffff_ffff_f000n, true);
    expect(codeOf(() => readElf(sourceOf(large)))).toBe('ELF_MALFORMED');
  });

  it('gives a typed error or a verdict for any bytes', () => {
    const base = buildElf({
      headers: [
        { fileBytes: 0x200, flags: F.RX },
        { offset: 0x200, vaddr: 0x1200, fileBytes: 8, flags: F.RW },
      ],
      sizeBytes: 0x400,
    });
    const change = fc.record({ at: fc.nat(base.length - 1), value: fc.nat(255) });
    const damage = fc.record({ changes: fc.array(change, { minLength: 1, maxLength: 12 }), cut: fc.nat(base.length) });
    const headerChange = fc.record({ at: fc.nat(180), value: fc.nat(255) });
    const inHeader = fc.record({ changes: fc.array(headerChange, { maxLength: 4 }), cut: fc.constant(0) });
    fc.assert(
      fc.property(fc.oneof(damage, inHeader), ({ changes, cut }) => {
        const bytes = base.slice(0, base.length - cut);
        for (const { at, value } of changes) if (at < bytes.length) bytes[at] = value;
        const code = codeOf(() => {
          const source = sourceOf(bytes);
          const file = readElf(source);
          readNotes(source, file);
          readProperties(source, file);
          for (const pageBytes of [4096, 65536]) judgeElf(file, pageBytes);
        });
        expect(['none', 'ELF_NOT_ELF', 'ELF_MALFORMED']).toContain(code);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('notes', () => {
  it.each([true, false])('finds the page size that a note asks for, little-endian %s', (littleEndian) => {
    const bytes = new Uint8Array(12 + 4 + 4 + 12 + 8 + 4);
    const view = new DataView(bytes.buffer);
    // A GNU note of 4 bytes, then the one that is looked for, its name padded to 8 bytes.
    [4, 4, 3].forEach((value, at) => view.setUint32(at * 4, value, littleEndian));
    bytes.set(text('GNU\0'), 12);
    [8, 4, 1].forEach((value, at) => view.setUint32(20 + at * 4, value, littleEndian));
    bytes.set(text('Granule\0'), 32);
    view.setUint32(40, 16384, littleEndian);
    const headers = [{ type: PT.NOTE, offset: 0x100, fileBytes: bytes.length, align: 4 }];
    const source = sourceOf(buildElf({ littleEndian, headers, content: [{ offset: 0x100, bytes }] }));
    const notes = readNotes(source, readElf(source));
    expect(notes.map(({ name, type }) => [name, type])).toEqual([
      ['GNU', 3],
      ['Granule', 1],
    ]);
    expect(notedPageBytes(notes, littleEndian)).toBe(16384);
  });

  it.each(LAYOUTS)('finds the properties of a file of %o', ({ bits, littleEndian }) => {
    const align = bits / 8;
    const property = 8 + align;
    const bytes = new Uint8Array(16 + 2 * property);
    const view = new DataView(bytes.buffer);
    const word = (at: number, value: number): void => view.setUint32(at, value, littleEndian);
    [4, 2 * property, 5].forEach((value, at) => word(at * 4, value));
    bytes.set(text('GNU\0'), 12);
    [0xc0000000, 4, 3].forEach((value, at) => word(16 + at * 4, value));
    [0xc0010001, 4, 7].forEach((value, at) => word(16 + property + at * 4, value));
    const headers = [{ type: PT.GNU_PROPERTY, offset: 0x200, fileBytes: bytes.length, align }];
    const source = sourceOf(buildElf({ bits, littleEndian, headers, content: [{ offset: 0x200, bytes }] }));
    expect(readProperties(source, readElf(source))).toEqual([
      { type: 0xc0000000, value: 3 },
      { type: 0xc0010001, value: 7 },
    ]);
    word(16 + property + 4, 99);
    const cut = sourceOf(buildElf({ bits, littleEndian, headers, content: [{ offset: 0x200, bytes }] }));
    expect(readProperties(cut, readElf(cut))).toEqual([{ type: 0xc0000000, value: 3 }]);
  });

  it('ends at a note that reaches past its header', () => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(4, 1000, true);
    const headers = [{ type: PT.NOTE, offset: 0x100, fileBytes: 16, align: 4 }];
    const source = sourceOf(buildElf({ headers, content: [{ offset: 0x100, bytes }] }));
    expect(readNotes(source, readElf(source))).toEqual([]);
  });
});

/** Programs that a Debian machine has; those that this one lacks are left out. */
const PROGRAMS = ['/bin/sh', '/usr/bin/env', '/lib64/ld-linux-x86-64.so.2', process.execPath].filter(existsSync);

/** The numbers of the PT_LOAD lines that readelf prints; null where there is no readelf. */
function readelfSegments(path: string): number[][] | null {
  try {
    const lines = execFileSync('readelf', ['-lW', path], { encoding: 'utf8' }).split('\n');
    return lines.filter((line) => /^ +LOAD /.test(line)).map((line) => (line.match(/0x[0-9a-f]+/g) ?? []).map(Number));
  } catch {
    return null;
  }
}

describe('programs of this machine', () => {
  const known = PROGRAMS.map((path) => ({ path, expected: readelfSegments(path) })).filter(
    ({ expected }) => expected !== null,
  );

  it.skipIf(known.length === 0)('have the segments that readelf prints (SKIPPED: there is no readelf here)', () => {
    for (const { path, expected } of known) {
      const segments = headersOf(readElfAt(path).file, PT.LOAD);
      const numbers = segments.map((s) => [s.offset, s.vaddr, s.vaddr, s.fileBytes, s.memoryBytes, s.align]);
      expect(numbers, path).toEqual(expected);
    }
  });

  it.skipIf(PROGRAMS.length === 0)('load as is in the pages of this machine, since they run on it', () => {
    const pageBytes = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
    for (const path of PROGRAMS) expect(judgeElf(readElfAt(path).file, pageBytes).outcome, path).toBe('as-is');
  });
});
