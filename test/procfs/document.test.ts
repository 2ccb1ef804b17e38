/** docs/procfs.md is held to the rules: its tables are generated. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { consumerTable, matrixTable, toolTable } from '../../src/mm/procfs/matrixText.ts';
import { leafBytes, rootOf, tableConsumers } from '../../src/mm/procfs/tableConsumers.ts';

const PATH = new URL('../../docs/procfs.md', import.meta.url);

describe('docs/procfs.md', () => {
  it.each([
    ['procfs-matrix', matrixTable],
    ['procfs-tools', toolTable],
    ['procfs-consumers', consumerTable],
  ])('shows %s as it is (npm run docs writes it anew)', (name, make) => {
    const place = new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- end -->`);
    const section = `<!-- ${name} -->\n${make()}\n<!-- end -->`;
    const text = readFileSync(PATH, 'utf8');
    expect(text).toMatch(place);
    if (process.env['UPDATE_DOCS'] === '1')
      writeFileSync(
        PATH,
        text.replace(place, () => section),
      );
    expect(readFileSync(PATH, 'utf8')).toContain(section);
  });
});

describe('consumers of tables', () => {
  it('that look at the size of a leaf find another one in each table; a root of one granule is none of another', () => {
    expect([4096, 16384, 65536].map(leafBytes)).toEqual([4096, 16384, 65536]);
    const roots = [4096, 16384, 65536].map(rootOf);
    expect(new Set(roots.map(({ entries }) => entries)).size).toBe(3);
    const wrong = tableConsumers.filter(({ uses, table }) => uses !== 'pages' && table !== 'linux');
    expect(wrong.map(({ consumer }) => consumer)).toEqual([
      'size of the page of a sample',
      'shared virtual addresses of a device',
    ]);
  });
});
