import { existsSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workplace } from './harness.ts';

const workplace = new Workplace();
afterAll(() => workplace.remove());

const BASE = '200000000';
const AREA = [BASE, '200010000', 'rw-p', 0, 0];
const MAP = { op: 'mmap', addr: BASE, len: 65536, prot: 3, flags: 50, file: 0, off: 0, ret: BASE, maps: [AREA] };
const STORE = { op: 'store', addr: BASE, signal: 0, minflt: 1 };

/** Two sequences of a 64K kernel; the second claims `minflt` for its store. */
function answers(minflt: number): string {
  const steps = [
    { kernel_page_size: 65536, file_size: 200_000 },
    { seq: 0, i: 0, ...MAP },
    { seq: 0, i: 1, ...STORE },
    { seq: 1, i: 0, ...MAP },
    { seq: 1, i: 1, ...STORE, minflt },
  ];
  return steps.map((step) => `${JSON.stringify(step)}\n`).join('');
}

/** Exit code and error code of a command line that is refused. */
async function refused(...args: string[]): Promise<[number, string]> {
  const { code, stderr } = await workplace.run(['validate', 'abi', ...args]);
  return [code, stderr.split(':')[0]];
}

beforeAll(() => {
  writeFileSync(workplace.path('right.ndjson'), answers(1));
  writeFileSync(workplace.path('wrong.ndjson'), answers(5));
});

describe('granule validate abi', () => {
  it('passes where every answer is the kernel s, and says so last', async () => {
    const { code, stdout } = await workplace.run(['validate', 'abi', 'right.ndjson']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('sequences: 2 passed, 0 failed');
    expect(stdout).toContain('a plain 64K kernel');
    expect(existsSync(workplace.path('granule-validate'))).toBe(false);
  });

  it('runs a process of the page size of the file on another kernel with --on', async () => {
    const { code, stdout } = await workplace.run(['validate', 'abi', 'right.ndjson', '--on', '4K']);
    expect(code).toBe(0);
    expect(stdout).toContain('a 64K process on a 4K kernel');
  });

  it('exits with 1 at a difference, shows both sides, and the command it prints opens the run there', async () => {
    const { code, stdout } = await workplace.run(['validate', 'abi', 'wrong.ndjson', '--keep', 'kept']);
    expect(code).toBe(1);
    expect(stdout).toContain('sequence 1, step 1 (wrong.ndjson:5), in minflt');
    expect(stdout).toMatch(/kernel {2}signal 0, minflt 5\n {2}model {3}signal 0, minflt 1\n/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('sequences: 1 passed, 1 failed');
    const command = /granule (state \S*seq-1\.glog --at \d+ --actor mm:1)/.exec(stdout)?.[1] ?? '';
    const state = await workplace.run(command.split(' '));
    expect(state.code).toBe(0);
    expect(state.stdout).toContain('200000000-200010000');
    const replayed = await workplace.run(['replay', 'kept/seq-1.glog']);
    expect(replayed.code).toBe(0);
  });

  it('prints the same as JSON', async () => {
    const { code, stdout } = await workplace.run(['validate', 'abi', 'wrong.ndjson', '--json']);
    const report = JSON.parse(stdout) as { passed: number; failed: number; files: { differences: number }[] };
    expect({ code, passed: report.passed, failed: report.failed }).toEqual({ code: 1, passed: 1, failed: 1 });
    expect(report.files[0].differences).toBe(1);
  });

  it('shows progress on a terminal and nowhere else', async () => {
    const shown = await workplace.run(['validate', 'abi', 'right.ndjson'], { tty: true });
    expect(shown.stderr).toContain('sequences');
    expect((await workplace.run(['validate', 'abi', 'right.ndjson'])).stderr).toBe('');
  });

  it('fails where a law is broken, with --checked', async () => {
    const load = { seq: 0, i: 1, op: 'load', addr: BASE, signal: 0, minflt: 1 };
    const steps = [{ seq: 0, i: 0, ...MAP }, load, { seq: 0, i: 2, ...STORE }, { ...load, i: 3, minflt: 0 }];
    writeFileSync(workplace.path('laws.ndjson'), steps.map((step) => `${JSON.stringify(step)}\n`).join(''));
    const args = ['validate', 'abi', 'laws.ndjson', '--on', '4K', '--checked'];
    expect((await workplace.run(args)).code).toBe(0);
    const { code, stdout } = await workplace.run([...args, '--design', 'tlbiOperands=kernel-page']);
    expect(code).toBe(1);
    expect(stdout).toContain('LAW_BROKEN: law 8');
  });

  it.each([
    ['a step without a field', 'bad.ndjson', '{"seq":0}\n'],
    ['an operation that there is not', 'jump.ndjson', '{"seq":0,"i":0,"op":"jump","addr":"0"}\n'],
    ['a line that is no JSON', 'broken.ndjson', `${answers(1)}{"seq":0,`],
    ['nothing', 'empty.ndjson', ''],
  ])('refuses a file with %s', async (_what, name, content) => {
    writeFileSync(workplace.path(name), content);
    expect(await refused(name)).toEqual([2, 'ANSWERS_MALFORMED']);
  });

  it('refuses a file that is not there, is a folder, or is compressed and cut', async () => {
    const zipped = gzipSync(answers(1));
    writeFileSync(workplace.path('cut.ndjson.gz'), zipped.subarray(0, zipped.length - 9));
    expect(await refused('none.ndjson')).toEqual([2, 'FILE_NOT_FOUND']);
    expect(await refused('.')).toEqual([2, 'FILE_UNREADABLE']);
    expect(await refused('cut.ndjson.gz')).toEqual([2, 'TRACE_GZIP_BROKEN']);
  });

  it('refuses a kernel of larger pages than the process, and values that options do not have', async () => {
    expect(await refused('right.ndjson', '--kernel', '4K', '--on', '64K')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--on', '8K')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--kernel', 'all')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--design', 'fileTail')).toEqual([2, 'USAGE']);
    expect(await refused('right.ndjson', '--design', 'fileTale=x')).toEqual([2, 'TOPOLOGY_INVALID']);
    expect(await refused('right.ndjson', '--design', 'fileTail=x')).toEqual([2, 'TOPOLOGY_INVALID']);
    expect(await refused('wrong.ndjson', '--keep', 'right.ndjson')).toEqual([2, 'OUTPUT_UNWRITABLE']);
  });
});
