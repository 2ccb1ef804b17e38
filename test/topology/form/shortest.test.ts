/** The shortest useful topology is as short as docs/topology.md shows it, means the same in both forms, and runs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { main } from '../../../src/cli/program.ts';
import { textIo } from '../../../src/cli/textIo.ts';
import { loadForm } from '../../../src/topology/form/form.node.ts';

const LINES_MAX = 5;
const folder = mkdtempSync(join(tmpdir(), 'granule-shortest-'));
afterAll(() => rmSync(folder, { recursive: true }));

const document = readFileSync(new URL('../../../docs/topology.md', import.meta.url), 'utf8');
const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(document)?.[1] ?? '';

async function granule(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = textIo(folder);
  const code = await main(words, io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length;
}

it('has five lines at most, in YAML and in JSON, and means the same', () => {
  const [yaml, json] = [block('yaml'), block('json')];
  for (const text of [yaml, json]) expect([lineCount(text) > 1, lineCount(text) <= LINES_MAX]).toEqual([true, true]);
  writeFileSync(join(folder, 'sqlite.yaml'), yaml);
  writeFileSync(join(folder, 'sqlite.json'), json);
  const [fromYaml, fromJson] = ['sqlite.yaml', 'sqlite.json'].map((name) => loadForm(join(folder, name)).topology);
  expect(fromYaml).toEqual(fromJson);
  expect(fromYaml).toMatchObject({ name: 'sqlite', processes: [{ pid: 1, trace: 'sqlite-kernel', pageSize: 65536 }] });
});

it('is checked with the words that the document shows', async () => {
  writeFileSync(join(folder, 'sqlite.yaml'), block('yaml'));
  expect(await granule('check', 'sqlite.yaml')).toEqual({ code: 0, stdout: block('text'), stderr: '' });
});

it('compares two page sizes side by side in five lines, and runs', async () => {
  const text = [
    'processes:',
    '  - trace: true-kernel',
    '    pageSize: 4K',
    '  - trace: true-kernel',
    '    pageSize: 64K',
    '',
  ].join('\n');
  expect(lineCount(text)).toBe(LINES_MAX);
  writeFileSync(join(folder, 'both.yaml'), text);
  const { code, stdout } = await granule('run', 'both.yaml', '--no-log', '--json');
  const { processes, events } = JSON.parse(stdout) as { processes: { pid: number }[]; events: number };
  expect([code, processes.map(({ pid }) => pid), events > 100]).toEqual([0, [1, 2], true]);
});
