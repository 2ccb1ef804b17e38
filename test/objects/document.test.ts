/** docs/objects.md and docs/drivers.md are held to the rules: their tables are generated. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ioctlTable, objectTable, shapeTable } from '../../src/mm/objects/ruleText.ts';

const TABLES = [
  ['objects', 'object-table', objectTable],
  ['drivers', 'shape-table', shapeTable],
  ['drivers', 'ioctl-table', ioctlTable],
] as const;

describe('the documents of mapped objects', () => {
  it.each(TABLES)('docs/%s.md shows its %s as it is (UPDATE_DOCS=1 writes it anew)', (name, mark, make) => {
    const path = new URL(`../../docs/${name}.md`, import.meta.url);
    const text = readFileSync(path, 'utf8');
    const pattern = new RegExp(`<!-- ${mark} -->[\\s\\S]*?<!-- end -->`);
    expect(text).toMatch(pattern);
    const section = `<!-- ${mark} -->\n${make()}\n<!-- end -->`;
    if (process.env['UPDATE_DOCS'] === '1')
      writeFileSync(
        path,
        text.replace(pattern, () => section),
      );
    expect(readFileSync(path, 'utf8')).toContain(section);
  });

  it('names for every shape and ioctl a file of the kernel', () => {
    for (const row of [...shapeTable().split('\n').slice(2), ...ioctlTable().split('\n').slice(2)]) {
      expect(row).toMatch(/\| `(?:[a-z][\w-]*\/)+[\w-]+\.[ch]:\w+/);
    }
  });
});
