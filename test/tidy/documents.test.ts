import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorTable } from '../../src/errors.ts';
import { projectFile } from '../support/tree.ts';
import { readManifest } from './rules/house.ts';

/** The cells of every table row of a document whose first cell is a name in backticks; `\|` is a bar in a cell. */
function namedRows(text: string): { name: string; cells: string[] }[] {
  return text.split('\n').flatMap((line) => {
    const name = /^\| `([^`]+)` \|/.exec(line)?.[1];
    if (name === undefined) return [];
    const cells = line.split(/(?<!\\)\|/).slice(2, -1);
    return [{ name, cells: cells.map((cell) => cell.trim().replaceAll('\\|', '|')) }];
  });
}

/** The part of a document under one heading. */
function section(text: string, heading: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
}

function installedLicence(name: string): string {
  const text = projectFile(`node_modules/${name}/package.json`).text;
  return z.object({ license: z.string() }).parse(JSON.parse(text)).license;
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

describe('docs/dependencies.md', () => {
  const { text } = projectFile('docs/dependencies.md');
  const manifest = readManifest(projectFile('package.json'));

  it('has a row for each dependency of package.json and for no other', () => {
    const names = (heading: string): string[] => sorted(namedRows(section(text, heading)).map((row) => row.name));
    expect(names('At run time')).toEqual(sorted(Object.keys(manifest.dependencies)));
    expect(names('For development')).toEqual(sorted(Object.keys(manifest.devDependencies)));
  });

  it('gives each one a reason, what was weighed, and the licence it is installed under', () => {
    for (const { name, cells } of namedRows(text)) {
      expect(cells, name).toHaveLength(3);
      expect(Math.min(...cells.map((cell) => cell.length)), name).toBeGreaterThan(0);
      expect(cells[2], name).toBe(installedLicence(name));
    }
  });
});

describe('docs/errors.md', () => {
  const rows = namedRows(projectFile('docs/errors.md').text);

  it('lists every code with its exit status and remedy, in the order of the code', () => {
    const documented = rows.map(({ name, cells }) => ({ code: name, exit: Number(cells[0]), next: cells[2] }));
    expect(documented).toEqual(errorTable());
  });

  it('says of every code when it comes', () => {
    expect(rows.filter(({ cells }) => (cells[1] ?? '').length < 10).map((row) => row.name)).toEqual([]);
  });

  it('is read row by row, so that a missing or altered row is seen', () => {
    expect(namedRows('| `A` | 2 | when a\\|b | next |\n| B | 1 |\n')).toEqual([
      { name: 'A', cells: ['2', 'when a|b', 'next'] },
    ]);
  });
});
