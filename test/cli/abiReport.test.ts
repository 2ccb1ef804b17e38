/**
 * `granule abi-report` on recorded programs, in all forms of input.
 *
 * @models S-20 S-26
 */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { AbiReport } from '../../src/report/abiReport/report.ts';
import { fixture, Workplace } from './harness.ts';

const place = new Workplace();
afterAll(() => place.remove());

const asJson = async (...args: string[]): Promise<AbiReport> => {
  const { stdout, stderr, code } = await place.run(['abi-report', ...args, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as AbiReport;
};

describe('granule abi-report', () => {
  it('tells a report in text: calls, findings with rule and place, libraries', async () => {
    const { code, stdout } = await place.run(['abi-report', fixture('strace/python.strace.gz')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^as a process of 64K pages$/m);
    expect(stdout).toMatch(
      /^406 calls; 240 have an address .* of which 24 only because the recording kernel chose it/m,
    );
    expect(stdout).toMatch(
      /1 x refused \[thread stack\]: EINVAL, addr not a multiple of the page: EINVAL\n +line \d+: mprotect\(/,
    );
    expect(stdout).toMatch(/libpython3\.11\.so\.1\.0 +line \d+ +refused by ld\.so/);
  });

  it('reads a trace as well, and raw trace text', async () => {
    const made = await asJson(fixture('traces/true-kernel.gtr'));
    const raw = await asJson(fixture('traces/true-kernel.lackey.gz'));
    expect(made.rows).toEqual(raw.rows);
    expect(made.rows.find(({ op }) => op === 'mmap')?.calls).toBeGreaterThan(5);
    expect(made.findings.every(({ caller }) => caller === 'RELRO of the program')).toBe(true);
  });

  it('reads text, gzipped or not, and judges for the size asked for', async () => {
    const text = ['brk(NULL) = 0x564f9af89000', 'munmap(0x564f9af88000, 4096) = 0', ''].join('\n');
    writeFileSync(place.path('a.strace'), text);
    writeFileSync(place.path('a.strace.gz'), gzipSync(text));
    expect(await asJson('a.strace')).toEqual(await asJson('a.strace.gz'));
    expect((await asJson('a.strace', '--page', '16K')).pageBytes).toBe(16384);
    expect((await place.run(['abi-report', 'a.strace', '--page', '4K'])).code).toBe(2);
  });

  it('takes the files of several processes, which share no memory', async () => {
    const area = 'mmap(NULL, 65536, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000001000';
    writeFileSync(place.path('out.7'), `${area}\n`);
    writeFileSync(place.path('out.8'), `${area}\nmprotect(0x7f0000002000, 4096, PROT_NONE) = 0\n`);
    const made = await asJson('out.7', 'out.8');
    expect(made.rows.map(({ op, calls }) => [op, calls])).toEqual([
      ['mmap', 2],
      ['mprotect', 1],
    ]);
    expect(made.findings).toMatchObject([{ place: 'out.8, line 2', madeAt: 'out.8, line 1' }]);
  });

  it('refuses what is neither', async () => {
    writeFileSync(place.path('noise'), 'hello\n'.repeat(60));
    writeFileSync(place.path('half'), `brk(NULL) = 0x1000\n${'hello\n'.repeat(60)}`);
    expect((await place.run(['abi-report', 'noise'])).stderr).toMatch(/^TRACE_MALFORMED: /);
    expect((await place.run(['abi-report', 'half'])).stderr).toMatch(
      /^TRACE_MALFORMED: 60 of 61 lines are no text of strace/,
    );
    expect((await place.run(['abi-report', 'none'])).stderr).toMatch(/^FILE_NOT_FOUND: /);
  });
});
