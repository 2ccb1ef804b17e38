/** docs/api is held to the exports of the package and to their TSDoc: it is written from them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as granule from '../../src/index.ts';
import * as node from '../../src/node.ts';
import { PROJECT_ROOT, projectPaths } from '../support/tree.ts';
import { anchorsOf, referencePages } from './support/apiReference.ts';

const pages = referencePages();

describe('docs/api', () => {
  it.each([...pages.keys()])('%s is what the source says (npm run api writes it anew)', (path) => {
    const written = pages.get(path) ?? '';
    const place = join(PROJECT_ROOT, path);
    if (process.env['UPDATE_DOCS'] === '1') {
      mkdirSync(join(PROJECT_ROOT, 'docs/api'), { recursive: true });
      writeFileSync(place, written);
    }
    expect(readFileSync(place, 'utf8')).toBe(written);
  });

  it('has no other page', () => {
    expect(projectPaths('docs/api')).toEqual([...pages.keys()].toSorted());
  });

  it('has a section for every value that is exported', () => {
    for (const [path, module] of [
      ['docs/api/granule.md', granule],
      ['docs/api/node.md', node],
    ] as const) {
      const headings = new Set(Array.from((pages.get(path) ?? '').matchAll(/^### (\w+)$/gm), ([, name]) => name));
      expect(Object.keys(module).filter((name) => !headings.has(name))).toEqual([]);
    }
  });

  it('links to sections that are there', () => {
    for (const [, page = '', anchor = ''] of (pages.get('docs/api/README.md') ?? '').matchAll(
      /\]\((\w+\.md)#([^)]+)\)/g,
    )) {
      const text = pages.get(`docs/api/${page}`) ?? '';
      const headings = Array.from(text.matchAll(/^### (\w+)$/gm), ([, name = '']) => name);
      expect(anchorsOf(headings)).toContain(anchor);
    }
  });

  it('numbers anchors as GitHub does where names differ in capitals alone', () => {
    expect(anchorsOf(['timeline', 'Timeline', 'run'])).toEqual(['timeline', 'timeline-1', 'run']);
  });
});
