import { existsSync, writeFileSync } from 'node:fs';
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

  it('refuses what is no file of answers, and a kernel of larger pages than the process', async () => {
    writeFileSync(workplace.path('bad.ndjson'), '{"seq":0}\n');
    writeFileSync(workplace.path('empty.ndjson'), '');
    const run = async (...args: string[]): Promise<[number, string]> => {
      const { code, stderr } = await workplace.run(['validate', 'abi', ...args]);
      return [code, stderr.split(':')[0]];
    };
    expect(await run('bad.ndjson')).toEqual([2, 'ANSWERS_MALFORMED']);
    expect(await run('empty.ndjson')).toEqual([2, 'ANSWERS_MALFORMED']);
    expect(await run('none.ndjson')).toEqual([2, 'FILE_NOT_FOUND']);
    expect(await run('right.ndjson', '--kernel', '4K', '--on', '64K')).toEqual([2, 'USAGE']);
    expect(await run('right.ndjson', '--design', 'fileTail')).toEqual([2, 'USAGE']);
    expect(await run('right.ndjson', '--design', 'fileTale=x')).toEqual([2, 'TOPOLOGY_INVALID']);
  });
});
