/**
 * docs/procfs.md is held to the rules: its tables are generated. And what those find who walk the tables of a running process.
 *
 * @models D-10
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MmuContext } from '../../machines/index.ts';
import { consumerTable, matrixTable, toolTable } from '../../src/mm/procfs/matrixText.ts';
import { leafBytes, rootOf, tableConsumers } from '../../src/mm/procfs/tableConsumers.ts';
import { play, readersTopology, type Steps, TARGET } from './support.ts';

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
  it('find 4K leaves in the Linux table of a running 64K process, and 64K ones in the table that hardware walks', () => {
    const steps: Steps = [{ op: 'read_proc', path: `/proc/${TARGET}/maps` }];
    const seen: { linux: number; walked: number; roots: number[] }[] = [];
    play(readersTopology(steps, { readerPageBytes: 4096, targetPageBytes: 65536 }), false, ({ type }, system) => {
      if (type !== 'PROC_DATA') return;
      const { linux, native } = system.snapshot(`mmu:${TARGET}`).context as MmuContext;
      const tables = [linux, native ?? linux];
      const [linuxLeaf, walkedLeaf] = tables.map((table) => leafBytes(table.geometry.granuleBytes));
      const roots = tables.map((table) => table.geometry.levels[0]?.tableBytes ?? 0);
      seen.push({ linux: linuxLeaf, walked: walkedLeaf, roots });
    });
    expect(seen).toEqual([{ linux: 4096, walked: 65536, roots: [rootOf(4096).bytes, rootOf(65536).bytes] }]);
  });

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
