import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flowchartFaults, stateDiagramFaults } from '../graph/mermaidSyntax.ts';
import { PROJECT, Workplace } from './harness.ts';

const place = new Workplace();
const read = (name: string): string => readFileSync(place.path(name), 'utf8');

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(['graph', ...args]);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(['graph', ...args]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  return stderr;
}

beforeAll(async () => {
  for (const name of ['clock.mjs', 'clock.json'])
    copyFileSync(join(PROJECT, 'test/library/fixtures', name), place.path(name));
  expect((await place.run(['run', 'clock.json', '--out', 'clock.glog'])).code).toBe(0);
});

afterAll(() => place.remove());

describe('granule graph', () => {
  it('draws a topology, of which nobody need say in which form', async () => {
    const svg = await ok('plain-4k');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).toContain('>file ×38</text>');
    expect(flowchartFaults(await ok('plain-4k', '--format', 'mermaid'))).toEqual([]);
    expect(await ok('plain-4k', '--format', 'dot')).toMatch(/^digraph "plain-4k" \{/);
  });

  it('writes a file whose ending says the form, whole or not at all', async () => {
    for (const [name, begins] of [
      ['a.svg', '<svg '],
      ['a.mmd', '---\ntitle: "a clock beside a program"'],
      ['a.md', '```mermaid\n---\ntitle: '],
      ['a.dot', 'digraph '],
      ['a.gv', 'digraph '],
    ] as const) {
      const { code, stdout, stderr } = await place.run(['graph', 'clock.json', '--out', name]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^${name}: \\d+ (?:B|KiB)\n$`));
      expect(read(name).startsWith(begins)).toBe(true);
    }
    expect(await refused('clock.json', '--out', 'none/a.svg')).toMatch(/^OUTPUT_UNWRITABLE: /);
    expect(existsSync(place.path('none'))).toBe(false);
  });

  it("draws one's own actors, of a topology as of its log", async () => {
    expect(await ok('clock.json')).toContain('data-node="clock:wall"');
    const log = JSON.parse(await ok('clock.glog', '--json')) as { edges: { to: string; count: number }[] };
    expect(log.edges).toContainEqual({
      from: 'outside',
      to: 'clock:wall',
      type: 'TICK',
      port: null,
      origin: 'carried',
      count: 2,
    });
    const one = JSON.parse(await ok('clock.glog', '--actor', 'clock:wall', '--json')) as { nodes: { id: string }[] };
    expect(one.nodes.map(({ id }) => id)).toEqual(['outside', 'clock:wall']);
  });

  it('names every type of message where that is asked for', async () => {
    expect(await ok('clock.json', '--format', 'mermaid')).not.toContain('TTBR0_RESERVED');
    expect(await ok('clock.json', '--of', 'messages', '--format', 'mermaid')).toContain('TTBR0_RESERVED');
    expect(await ok('--of', 'messages', 'clock.json', '--format', 'mermaid')).toContain('TTBR0_RESERVED');
  });

  it('draws machines: one, those of a system, and all', async () => {
    expect(stateDiagramFaults(await ok('--of', 'machine', 'disk', '--format', 'mermaid'))).toEqual([]);
    expect(await ok('clock.json', '--of', 'machine', 'clock', '--format', 'mermaid')).toContain('running: TICK');
    expect(await ok('--of', 'machine', 'clock', '--uses', 'clock.mjs')).toContain('>clock</text>');
    const titles = (text: string): string[] => (JSON.parse(text) as { title: string }[]).map(({ title }) => title);
    expect(titles(await ok('clock.json', '--of', 'machines', '--json'))).toContain('clock');
    expect(titles(await ok('--of', 'machines', '--json'))).toEqual(expect.arrayContaining(['zone', 'ksmd', 'pipe']));
    await ok('clock.json', '--of', 'machines', '--out', 'machines.md');
    const diagrams = [...read('machines.md').matchAll(/```mermaid\n([\s\S]*?)```/g)].map(([, diagram = '']) => diagram);
    expect(diagrams.length).toBe(titles(await ok('clock.json', '--of', 'machines', '--json')).length);
    expect(diagrams.flatMap(stateDiagramFaults)).toEqual([]);
  });

  it('gives the same drawing each time', async () => {
    expect(await ok('mixed-page-sizes')).toBe(await ok('mixed-page-sizes'));
  });

  it('refuses what it cannot draw, and says what it could', async () => {
    expect(await refused()).toBe(
      'USAGE: a topology or a log is missing (granule graph). Give a file, or --of machine KIND.\n',
    );
    expect(await refused('plain-4k', '--of', 'clouds')).toContain('Give topology, messages, machine KIND or machines.');
    expect(await refused('--of', 'machine')).toMatch(/^USAGE: the kind is missing/);
    expect(await refused('--of', 'machine', 'buddy')).toContain('the kinds are process, ');
    expect(await refused('plain-4k', '--of', 'messages', 'more')).toMatch(/^USAGE: "more" is one word too many/);
    expect(await refused('plain-4k', '--actor', 'tlb:9')).toMatch(
      /^ACTOR_UNKNOWN: there is no actor tlb:9 \(there are tlb:0/,
    );
    expect(await refused('none')).toMatch(/^TOPOLOGY_UNKNOWN: /);
    expect(await refused('clock.mjs')).toMatch(/^DEFINITION_MISSING: /);
  });

  it('refuses a drawing in which nobody would see anything, and writes its text', async () => {
    const program = [{ op: 'store', addr: '0x500000' }];
    const processes = Array.from({ length: 40 }, (_, at) => ({ pid: at + 1, pageSize: '4K', program }));
    writeFileSync(place.path('many.json'), JSON.stringify({ name: 'many', processes }));
    expect(await ok('many.json')).toContain('>process ×40</text>');
    expect(await refused('many.json', '--all')).toMatch(
      /^USAGE: \d{3} nodes are more than the 100 that one drawing can have \(--all\)/,
    );
    expect(await ok('many.json', '--all', '--format', 'dot')).toContain('"process:40"');
    const crowd = Array.from({ length: 600 }, (_, at) => ({ pid: at + 1, pageSize: '4K', program }));
    writeFileSync(place.path('crowd.json'), JSON.stringify({ name: 'crowd', processes: crowd }));
    expect(await ok('crowd.json', '--actor', 'mm:7', '--format', 'mermaid')).toContain('"process:7"');
    expect(await refused('crowd.json', '--all', '--format', 'dot')).toContain(
      'than the 1000 that one drawing can have',
    );
  });
});
