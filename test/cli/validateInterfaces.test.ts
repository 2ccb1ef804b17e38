import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workplace } from './harness.ts';

const workplace = new Workplace();
afterAll(() => workplace.remove());

const RIGHT = {
  'F_SETPIPE_SZ 9000': { '4K': { ret: 16384 }, '64K': { ret: 65536 } },
  'mprotect +8192 len 4096 read': { '4K': { ret: 0 }, '64K': { err: 22 } },
  'memfd 5000: load 8192': { '4K': { signal: 7, code: 2 }, '64K': { signal: 0, code: 0 } },
  'pagemap mlocked after MADV_FREE 0..64K': { '64K': { text: 'P-X- ---- ' } },
};
const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1);

async function validate(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return workplace.run(['validate', 'interfaces', ...args]);
}

beforeAll(() => {
  const write = (name: string, data: unknown): void => writeFileSync(workplace.path(name), JSON.stringify(data));
  write('right.json', RIGHT);
  write('wrong.json', { ...RIGHT, 'F_SETPIPE_SZ 9000': { '64K': { ret: 1 } } });
  write('unknown.json', { ...RIGHT, 'weather in Paris': { '64K': { text: 'rain' } } });
  write('column.json', { 'F_SETPIPE_SZ 9000': { riscv: { ret: 1 } } });
  write('answer.json', { 'F_SETPIPE_SZ 9000': { '64K': { result: 1 } } });
  writeFileSync(workplace.path('text.json'), 'no JSON');
});

describe('granule validate interfaces', () => {
  it('puts every question to the plain kernel and to a process on a 4K kernel, and counts answers last', async () => {
    const { code, stdout, stderr } = await validate('right.json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('a plain 64K kernel');
    expect(stdout).toContain('a 64K process on a 4K kernel');
    expect(lastLine(stdout)).toBe('answers: 11 passed, 0 failed');
  });

  it('says of each choice how many answers turn on it, and shows the other outcome with --design', async () => {
    expect((await validate('right.json')).stdout).toMatch(/pipes=process-page +kernel-page +1 /);
    const { code, stdout } = await validate('right.json', '--on', '4K', '--design', 'pipes=kernel-page');
    expect(code).toBe(1);
    expect(stdout).toMatch(/F_SETPIPE_SZ 9000 +ret 65536 +ret 16384 +pipes/);
    const tail = await validate('right.json', '--on', '4K', '--design', 'fileTail=kernel-page', '--json');
    const { columns } = (JSON.parse(tail.stdout) as { files: { columns: { name: string; unexplained: number }[] }[] })
      .files[0];
    expect(columns.map(({ name, unexplained }) => [name, unexplained])).toEqual([
      ['4K', 0],
      ['64K', 1],
    ]);
  });

  it('exits with 1 at a difference and shows both sides', async () => {
    const { code, stdout } = await validate('wrong.json');
    expect(code).toBe(1);
    expect(stdout).toMatch(/F_SETPIPE_SZ 9000 +ret 1 +ret 65536/);
  });

  it('counts and names a question that it does not understand, and exits with 1', async () => {
    const { code, stdout } = await validate('unknown.json');
    expect(code).toBe(1);
    expect(stdout).toContain('not understood: 1\n  weather in Paris\n');
    expect(lastLine(stdout)).toBe('answers: 11 passed, 1 failed');
  });

  it('refuses what is no file of answers with one message', async () => {
    const refusals: [string[], string][] = [
      [['missing.json'], 'FILE_NOT_FOUND'],
      [['text.json'], 'ANSWERS_MALFORMED'],
      [['column.json'], 'ANSWERS_MALFORMED'],
      [['answer.json'], 'ANSWERS_MALFORMED'],
      [['right.json', '--design', 'pipes=both'], 'USAGE'],
      [['right.json', '--design', 'nothing=1'], 'TOPOLOGY_INVALID'],
    ];
    for (const [args, wanted] of refusals) {
      const { code, stderr } = await validate(...args);
      expect([code, stderr.split(':')[0]], args.join(' ')).toEqual([2, wanted]);
    }
  });
});
