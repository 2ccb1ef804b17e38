import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT, Workplace } from '../cli/harness.ts';
import { flowchartFaults } from './mermaidSyntax.ts';

const place = new Workplace();
const document = readFileSync(join(PROJECT, 'docs/graph.md'), 'utf8');

beforeAll(async () => {
  expect((await place.run(['new', 'actor', 'page-census'])).code).toBe(0);
});

afterAll(() => place.remove());

describe('docs/graph.md', () => {
  it('shows what the command that it names prints', async () => {
    const command = /`granule (graph page-census\.json [^`]+)`/.exec(document)?.[1] ?? '';
    const shown = /```mermaid\n([\s\S]*?)```/.exec(document)?.[1] ?? '';
    const { code, stdout } = await place.run(command.split(' '));
    expect(code).toBe(0);
    expect(shown).toBe(stdout);
    expect(flowchartFaults(shown)).toEqual([]);
  });

  it('says of every form and of every option that it names what the command has', async () => {
    const { stdout } = await place.run(['graph', '--help']);
    const named = [...document.matchAll(/`(--[a-z]+)/g)].map(([, option = '']) => option);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((option) => !stdout.includes(option))).toEqual([]);
    for (const form of ['svg', 'mermaid', 'dot']) expect(document).toContain(`| \`${form}\` |`);
  });
});
