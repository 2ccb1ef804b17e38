/**
 * `granule elf` on files made here.
 *
 * @models L-11 X-03
 */
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { PT } from '../../src/mm/elf/elfFile.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { buildElf, F } from '../elf/build.ts';
import { Workplace } from './harness.ts';

const place = new Workplace();
afterAll(() => place.remove());

const shifted = { offset: 0x1db0, vaddr: 0x2db0, fileBytes: 0x250, flags: F.RW };
const relro = { type: PT.GNU_RELRO, offset: 0x1db0, vaddr: 0x2db0, fileBytes: 0x250, flags: F.R };
const interpreter = new TextEncoder().encode('/no/such/ld.so\0');
const program = buildElf({
  headers: [{ fileBytes: 0x800, flags: F.RX }, shifted, relro, { type: PT.INTERP, offset: 0x400, fileBytes: 15 }],
  content: [{ offset: 0x400, bytes: interpreter }],
  sizeBytes: 0x3000,
});
const library = buildElf({ headers: [{ fileBytes: 0x800, flags: F.RX, align: 0x10000 }], sizeBytes: 0x1000 });
writeFileSync(place.path('prog'), program);
writeFileSync(place.path('lib.so'), library);

describe('granule elf', () => {
  it('tells everything about one file', async () => {
    const { code, stdout } = await place.run(['elf', 'prog']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^prog: pie, 64 bit, little-endian, linked for 4K$/m);
    expect(stdout).toMatch(/^ +LOAD 1 +0x2db0 +0x1db0 +0x250 +0x250 +rw- +0x1000$/m);
    expect(stdout).toMatch(/^4K: as is; 8 KiB mapped$/m);
    expect(stdout).toMatch(/^64K: refused, EINVAL: .* \(past the point of no return: SIGSEGV\)$/m);
    expect(stdout).toMatch(/with merged rights and anonymous copies: weaker; 64 KiB copied/);
    expect(stdout).toMatch(/^interpreter \/no\/such\/ld\.so: not here$/m);
  });

  it('prints one line a file where there are more', async () => {
    const { stdout } = await place.run(['elf', 'prog', 'lib.so', '--page', '64K']);
    expect(stdout.split('\n').slice(2)).toEqual([
      'prog    pie      4K          refused: EINVAL',
      'lib.so  library  64K         as is',
      '',
    ]);
  });

  it('prints JSON with the verdict of each size', async () => {
    const { stdout } = await place.run(['elf', 'lib.so', '--json']);
    const [file] = JSON.parse(stdout) as { kind: string; verdicts: { pageBytes: number; outcome: string }[] }[];
    expect(file.kind).toBe('library');
    expect(file.verdicts.map(({ pageBytes, outcome }) => [pageBytes, outcome])).toEqual([
      [4096, 'as-is'],
      [16384, 'as-is'],
      [65536, 'as-is'],
    ]);
  });

  it('prints a program for a topology', async () => {
    const { stdout } = await place.run(['elf', 'prog', '--image']);
    const [image] = JSON.parse(stdout) as [Record<string, unknown>];
    expect(image).toMatchObject({ path: 'prog', type: 'dyn', size: 0x3000 });
    const process = { pid: 1, pageSize: '4K', program: [{ op: 'exec', file: 'prog' }] };
    const topology = parseTopology({ name: 'one', processes: [process], selection: { images: [image] } }, 'test');
    expect(topology.selection?.images[0]?.segments).toEqual([
      { vaddr: 0, offset: 0, fileBytes: 0x800, rights: 'rx', align: 4096 },
      { vaddr: 0x2db0, offset: 0x1db0, fileBytes: 0x250, rights: 'rw', align: 4096 },
    ]);
  });

  it('says what is wrong with a file', async () => {
    writeFileSync(place.path('a.sh'), '#!/bin/sh\n');
    writeFileSync(place.path('cut'), program.subarray(0, 70));
    expect((await place.run(['elf', 'a.sh'])).stderr).toMatch(/^ELF_NOT_ELF: .*a\.sh/);
    expect((await place.run(['elf', 'cut'])).stderr).toMatch(
      /^ELF_MALFORMED: the file ends inside its program headers/,
    );
    expect((await place.run(['elf', 'none'])).stderr).toMatch(/^FILE_NOT_FOUND: /);
    expect((await place.run(['elf', 'prog', '--page', '8K'])).code).toBe(2);
  });
});
