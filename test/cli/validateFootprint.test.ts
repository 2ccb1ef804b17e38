import { existsSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workplace } from './harness.ts';

const workplace = new Workplace();
afterAll(() => workplace.remove());

const SEQ = {
  workload: 'seq',
  mb: 1,
  page: 65536,
  minflt: 16,
  dRssAnonKB: 1024,
  dRssFileKB: 0,
  dVmPteKB: 64,
  mthp: 'never',
};
const HEAP = { workload: 'heap', ops: 50_000, page: 65536, minflt: 100 };

/** Three lines, the second of which claims so much memory for its touches. */
function answers(dRssAnonKB: number): string {
  return [SEQ, { ...SEQ, workload: 'sparse', stride: 131_072, minflt: 8, dRssAnonKB }, HEAP]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1);

/** Exit code and error code of a command line that is refused. */
async function refused(...args: string[]): Promise<[number, string]> {
  const { code, stderr } = await workplace.run(['validate', 'footprint', ...args]);
  return [code, stderr.split(':')[0]];
}

beforeAll(() => {
  writeFileSync(workplace.path('right.ndjson'), answers(512));
  writeFileSync(workplace.path('wrong.ndjson'), answers(516));
});

describe('granule validate footprint', () => {
  it('passes where every counter is the kernel s, names what it passes over, and counts lines last', async () => {
    const { code, stdout, stderr } = await workplace.run(['validate', 'footprint', 'right.ndjson']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('kernels: plain 64K\n');
    expect(stdout).toContain('skipped 1 of heap needs a recorded trace of the allocator');
    expect(lastLine(stdout)).toBe('lines: 2 passed, 0 failed');
    expect(existsSync(workplace.path('granule-validate'))).toBe(false);
  });

  it('runs the lines as processes on another kernel with --on, and looks at the laws with --checked', async () => {
    const { code, stdout } = await workplace.run(['validate', 'footprint', 'right.ndjson', '--on', '4K', '--checked']);
    expect(code).toBe(0);
    expect(stdout).toContain('kernels: 64K on 4K\n');
  });

  it('exits with 1 at a difference, shows both sides, and the command it prints opens the run there', async () => {
    const { code, stdout } = await workplace.run(['validate', 'footprint', 'wrong.ndjson', '--keep', 'kept']);
    expect(code).toBe(1);
    expect(stdout).toContain('First difference: sparse mb=1 stride=131072 (wrong.ndjson:2)');
    expect(stdout).toMatch(/! {2}dRssAnonKB +516 +512\n/);
    expect(lastLine(stdout)).toBe('lines: 1 passed, 1 failed');
    const command = /granule (state \S*line-2-sparse\.glog --at \d+ --actor mm:100)/.exec(stdout)?.[1] ?? '';
    const state = await workplace.run(command.split(' '));
    expect(state.code).toBe(0);
    expect(state.stdout).toContain('minorFaults');
    expect((await workplace.run(['replay', 'kept/line-2-sparse.glog'])).code).toBe(0);
    expect((await workplace.run(['run', 'kept/line-2-sparse.json', '--no-log'])).code).toBe(0);
  });

  it('prints the same as JSON', async () => {
    const { code, stdout } = await workplace.run(['validate', 'footprint', 'wrong.ndjson', '--keep', 'kept', '--json']);
    expect(code).toBe(1);
    const report = JSON.parse(stdout) as {
      passed: number;
      failed: number;
      files: { first: { line: number }; command: string }[];
    };
    expect(report).toMatchObject({ passed: 1, failed: 1, interrupted: false });
    expect(report.files[0]).toMatchObject({
      lines: 2,
      failedLines: 1,
      skipped: [{ line: 3, workload: 'heap' }],
      first: { line: 2, pageBytes: 65536 },
    });
    expect(report.files[0]?.command).toMatch(/^granule state /);
  });

  it('shows a progress line on a terminal, and takes it away', async () => {
    const { stderr } = await workplace.run(['validate', 'footprint', 'right.ndjson'], { tty: true });
    expect(stderr).toContain('right.ndjson: line 1');
    expect(stderr.endsWith('\u001b[K')).toBe(true);
  });

  it('fails where a law is broken, with --checked', async () => {
    const advised = { workload: 'dontneed', mb: 1, stride: 65_536, len: 65_536, page: 65_536, minflt: 0 };
    writeFileSync(workplace.path('laws.ndjson'), `${JSON.stringify(advised)}\n`);
    const args = ['validate', 'footprint', 'laws.ndjson', '--on', '4K', '--checked'];
    expect((await workplace.run(args)).code).toBe(0);
    const { code, stdout } = await workplace.run([...args, '--design', 'tlbiOperands=kernel-page']);
    expect(code).toBe(1);
    expect(stdout).toContain('the model failed: LAW_BROKEN: law 8');
  });

  it.each([
    ['a line that names no workload', 'odd.ndjson', '{"mb":1}\n', 'it names no workload'],
    ['a workload that there is not', 'dance.ndjson', '{"workload":"dance"}\n', 'workload: '],
    ['a line of no kernel', 'nowhere.ndjson', '{"workload":"seq","mb":1}\n', 'neither page nor kernel says which'],
    ['a line that is no JSON', 'broken.ndjson', '{"workload":', 'not JSON'],
    ['nothing', 'empty.ndjson', '', 'not one line'],
  ])('refuses a file with %s', async (_what, name, content, message) => {
    writeFileSync(workplace.path(name), content);
    const { code, stderr } = await workplace.run(['validate', 'footprint', name]);
    expect({ code, stderr: stderr.slice(0, stderr.indexOf(message)) }).toEqual({
      code: 2,
      stderr: 'ANSWERS_MALFORMED: ',
    });
  });

  it('refuses a file that is not there, is a folder, or is compressed and cut', async () => {
    const zipped = gzipSync(answers(512));
    writeFileSync(workplace.path('cut.ndjson.gz'), zipped.subarray(0, zipped.length - 9));
    expect(await refused('none.ndjson')).toEqual([2, 'FILE_NOT_FOUND']);
    expect(await refused('.')).toEqual([2, 'FILE_UNREADABLE']);
    expect(await refused('cut.ndjson.gz')).toEqual([2, 'TRACE_GZIP_BROKEN']);
  });

  it('refuses a kernel of larger pages than the process, and values that options do not have', async () => {
    writeFileSync(workplace.path('small.ndjson'), `${JSON.stringify({ ...SEQ, page: 4096 })}\n`);
    expect(await refused('small.ndjson', '--on', '64K')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--on', '8K')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--design', 'readOrder')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--design', 'readOrder=none')).toEqual([2, 'TOPOLOGY_INVALID']);
    expect(await refused('right.ndjson', '--design', 'order=none')).toEqual([2, 'TOPOLOGY_INVALID']);
    expect(await refused('wrong.ndjson', '--keep', 'right.ndjson')).toEqual([2, 'OUTPUT_UNWRITABLE']);
  });
});
