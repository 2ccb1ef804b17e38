/** docs/memory-study.md is held to what the command says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workplace } from '../../cli/harness.ts';

const PATH = new URL('../../../docs/memory-study.md', import.meta.url);
const MIX = ['--processes', 'git-log-kernel=8', '--processes', 'true-kernel=20'];
const workplace = new Workplace();
afterAll(() => workplace.remove());

function sectionOf(name: string, text: string): string {
  return `<!-- ${name} -->\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n<!-- end ${name} -->`;
}

/** The tables of trees, without the published ones behind them; and the table of processes, which is last. */
function partsOf(stdout: string): { trees: string; mix: string } {
  const tables = stdout.split('\n\n');
  return { trees: tables.slice(0, 4).join('\n\n'), mix: tables.at(-1) ?? '' };
}

describe('the memory study', () => {
  let sections: string[] = [];
  beforeAll(async () => {
    const { code, stdout } = await workplace.run(['memory-study', ...MIX]);
    expect(code).toBe(0);
    const { trees, mix } = partsOf(stdout);
    sections = [sectionOf('trees', trees), sectionOf('mix', mix)];
    if (process.env['UPDATE_DOCS'] !== '1') return;
    let text = readFileSync(PATH, 'utf8');
    for (const section of sections) {
      const [, name] = /^<!-- (\w+) -->/.exec(section) ?? [];
      text = text.replace(new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- end ${name} -->`), () => section);
    }
    writeFileSync(PATH, text);
  }, 120_000);

  it('is in the document as it is (UPDATE_DOCS=1 writes it anew)', () => {
    const text = readFileSync(PATH, 'utf8');
    for (const section of sections) expect(text).toContain(section);
  });

  it('looks at folders of the machine, and prints JSON', async () => {
    const { code, stdout } = await workplace.run(['memory-study', '/etc', '--json']);
    expect(code).toBe(0);
    const study = JSON.parse(stdout) as {
      trees: { name: string; files: number }[];
      published: unknown;
      mix: unknown[];
    };
    expect(study.trees[0].name).toBe('/etc');
    expect(study.trees[0].files).toBeGreaterThan(0);
    expect([study.published, study.mix]).toEqual([null, []]);
  });

  it.each([
    [['memory-study', '/no/such/folder'], 'FILE_UNREADABLE'],
    [['memory-study', '/etc', '--processes', 'sort'], 'USAGE'],
    [['memory-study', '/etc', '--processes', 'sort=0'], 'USAGE'],
    [['memory-study', '/etc', '--processes', 'no-such-trace=1'], 'FILE_NOT_FOUND'],
  ])('refuses %j', async (args, code) => {
    const ran = await workplace.run(args);
    expect(ran.code).toBe(2);
    expect(ran.stderr.split(':')[0]).toBe(code);
  });
});
