/** docs/abi.md is held to the rules of layer 1: its table is generated. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { abiTable } from '../../src/mm/abi/ruleText.ts';

const PATH = new URL('../../docs/abi.md', import.meta.url);

describe('docs/abi.md', () => {
  it('shows every rule as it is (UPDATE_DOCS=1 writes it anew)', () => {
    const text = readFileSync(PATH, 'utf8');
    const pattern = /<!-- abi-table -->[\s\S]*?<!-- end -->/;
    expect(text).toMatch(pattern);
    const section = `<!-- abi-table -->\n${abiTable()}\n<!-- end -->`;
    if (process.env['UPDATE_DOCS'] === '1')
      writeFileSync(
        PATH,
        text.replace(pattern, () => section),
      );
    expect(readFileSync(PATH, 'utf8')).toContain(section);
  });

  it('names for every call a file of the kernel', () => {
    const rows = abiTable().split('\n').slice(2);
    expect(rows.length).toBeGreaterThan(30);
    for (const row of rows) expect(row).toMatch(/\| `(?:[a-z]\w*\/)+\w+\.[chS]:\w+/);
  });
});
