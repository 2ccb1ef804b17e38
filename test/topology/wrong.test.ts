/** Wrong topologies, each with the one message that granule check gives: the place, the parts and the remedy. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/program.ts';
import { textIo } from '../../src/cli/textIo.ts';
import { fixturesFolder } from '../../src/topology/fixtures.node.ts';

const folder = join(import.meta.dirname, 'wrong');
const files = readdirSync(folder).filter((name) => ['.json', '.yaml'].includes(extname(name)));

/** A message without what differs from one machine to the next. */
function plain(text: string): string {
  const short = text.replaceAll(`${folder}/`, '').replaceAll(folder, '.');
  return short.replaceAll(fixturesFolder('topologies'), 'fixtures/topologies');
}

async function check(file: string, ...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = textIo(folder);
  const code = await main(['check', file, ...options], io);
  return { code, stdout: io.stdout.text, stderr: plain(io.stderr.text) };
}

describe('a wrong topology', () => {
  it('there are many kinds of', () => {
    expect(files.length).toBeGreaterThanOrEqual(80);
  });

  it.each(files)('is refused with the place, the parts and the remedy: %s', async (file) => {
    const { code, stdout, stderr } = await check(file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    // Every fault has the line and the column of its file.
    const faults = stderr.trimEnd().split('\n');
    for (const fault of faults.length === 1 ? faults : faults.slice(1)) expect(fault).toMatch(/\.(json|yaml):\d+:\d+/);
    const path = join(folder, `${file}.expected`);
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, stderr);
    expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(stderr);
  });

  it('has no message left of a file that is gone', () => {
    const messages = readdirSync(folder).filter((name) => name.endsWith('.expected'));
    expect(messages).toEqual(files.map((file) => `${file}.expected`).sort());
  });

  it('tells programs of each fault by itself', async () => {
    const { stderr } = await check('many-faults.yaml', '--json');
    const { error } = JSON.parse(stderr) as { error: { code: string; faults: { where: string; what: string }[] } };
    expect(error.code).toBe('TOPOLOGY_INVALID');
    expect(error.faults.map(({ where }) => where.split(': ')[0])).toEqual([
      'many-faults.yaml:1:1',
      'many-faults.yaml:2:1',
      'many-faults.yaml:4:42',
      'many-faults.yaml:5:5',
      'many-faults.yaml:6:8',
      'many-faults.yaml:7:1',
    ]);
  });
});
