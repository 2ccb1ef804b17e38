/**
 * docs/architectures.md is held to the data: its table is generated.
 *
 * @models S-45 T-12
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Architecture, architectures } from '../../src/arch/architectures.ts';
import { formatSize } from '../../src/arch/granule.ts';

const PATH = new URL('../../docs/architectures.md', import.meta.url);

function rowOf({
  name,
  layouts,
  roots,
  granuleFixedBy,
  maintenance,
  asidBits,
  nativeTables,
  sources,
  ...rest
}: Architecture) {
  const tables = layouts.map((each) => `${formatSize(each.pageBytes)}/${each.vaBits}: ${each.levels}`).join(', ');
  const limit = maintenance.operationsMost === null ? 'see tlbi' : `${maintenance.operationsMost} operations`;
  const flush = `${maintenance.reach}, ${limit}`;
  const verdict = `${nativeTables.possible ? 'yes' : 'no'}: ${nativeTables.why}`;
  const root = `${roots === 'one' ? 'one root' : 'a root for each half'}; granule of the ${granuleFixedBy}`;
  const group = rest.contiguousBytes === 0 ? 'none' : formatSize(rest.contiguousBytes);
  const cells = [name, tables, root, rest.walker, group, flush, String(asidBits), verdict, sources.join('; ')];
  return `| ${cells.join(' | ')} |`;
}

const HEAD = [
  '',
  'page/address bits: levels',
  'roots',
  'TLB filled by',
  'PTEs joined by a bit',
  'user range dropped by',
  'ASID bits',
  'native tables',
  'sources',
];
const RULE = '|---|---|---|---|---|---|---|---|---|';

test('docs/architectures.md shows the data as it is (UPDATE_DOCS=1 writes it anew)', () => {
  const table = [`| ${HEAD.join(' | ')} |`, RULE, ...Object.values(architectures).map(rowOf)].join('\n');
  const section = `<!-- architectures -->\n${table}\n<!-- end -->`;
  let text = readFileSync(PATH, 'utf8');
  const place = /<!-- architectures -->[\s\S]*?<!-- end -->/;
  expect(text).toMatch(place);
  if (process.env['UPDATE_DOCS'] === '1') {
    text = text.replace(place, () => section);
    writeFileSync(PATH, text);
  }
  expect(text).toContain(section);
});
