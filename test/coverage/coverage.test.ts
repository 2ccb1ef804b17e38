/** docs/coverage.md is generated from the code, and every objection has its place in it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coverage, coverageTable, objections, ROOT, tagged } from './table.ts';

const PATH = join(ROOT, 'docs/coverage.md');

/** Objections that nothing need model: a word, a forecast, an opinion. */
const NOT_MODELLED_MOST = 10;

describe('docs/coverage.md', () => {
  it('shows what the code says (npm run docs writes it anew)', () => {
    const section = `<!-- coverage -->\n${coverageTable()}\n<!-- end -->`;
    const place = /<!-- coverage -->[\s\S]*?<!-- end -->/;
    let text = readFileSync(PATH, 'utf8');
    expect(text).toMatch(place);
    if (process.env['UPDATE_DOCS'] === '1') {
      text = text.replace(place, () => section);
      writeFileSync(PATH, text);
    }
    expect(text).toContain(section);
  });

  it('names no objection that is not in the list', () => {
    const known = new Set(objections().map(({ id }) => id));
    const unknown = tagged().flatMap(({ path, ids }) =>
      ids.filter((id) => !known.has(id)).map((id) => `${path}: ${id}`),
    );
    expect(unknown).toEqual([]);
  });

  it('has something that models each objection, and a test of it, or says why nothing does', () => {
    const without = coverage().filter(({ objection, actors, rules, topologies, tests }) => {
      const models = actors.length + rules.length + topologies.length > 0;
      return objection.notModelled === undefined ? !models || tests.length === 0 : models;
    });
    expect(without.map(({ objection }) => objection.id)).toEqual([]);
  });

  it('leaves few of them out, and none that are about the design itself', () => {
    const left = objections().filter(({ notModelled }) => notModelled !== undefined);
    expect(left.length).toBeLessThanOrEqual(NOT_MODELLED_MOST);
    expect(left.filter(({ id }) => id.startsWith('S-') || id.startsWith('D-'))).toEqual([]);
  });
});
