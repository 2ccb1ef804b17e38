/**
 * docs/compare-designs.md is held to what the designs come to on real programs.
 *
 * @models S-02 S-03 S-04 S-05 T-11 X-02 X-13
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DesignColumn, DesignComparison } from '../../../src/report/designs/comparison.ts';
import { comparisonOf, sectionOf } from './tables.ts';

const PATH = new URL('../../../docs/compare-designs.md', import.meta.url);
/** Programs of the document; the short ones are run again by every test. */
const PROGRAMS = ['sqlite-kernel', 'python-json-kernel', 'cc1', 'sort', 'nginx', 'node', 'java', 'git-log-kernel'];
const SHORT = ['sort', 'git-log-kernel'];
const PLACE = /<!-- designs -->[\s\S]*?<!-- end designs -->/;

const comparisons = new Map<string, DesignComparison>();

function column(program: string, design: string): DesignColumn {
  const found = comparisons.get(program)?.columns.find((one) => one.design.name === design);
  if (found === undefined) throw new Error(`${program} was not run on ${design}`);
  return found;
}

beforeAll(() => {
  const writes = process.env['UPDATE_DOCS'] === '1';
  for (const name of writes ? PROGRAMS : SHORT) comparisons.set(name, comparisonOf(name));
  if (!writes) return;
  const sections = PROGRAMS.flatMap((name) => {
    const comparison = comparisons.get(name);
    return comparison === undefined ? [] : [sectionOf(comparison)];
  });
  const text = readFileSync(PATH, 'utf8');
  writeFileSync(
    PATH,
    text.replace(PLACE, () => `<!-- designs -->\n${sections.join('\n\n')}\n<!-- end designs -->`),
  );
}, 600_000);

describe('designs on real programs', () => {
  it.each(SHORT)('of %s are in the document as they run (UPDATE_DOCS=1 writes it anew)', (name) => {
    const comparison = comparisons.get(name);
    if (comparison === undefined) throw new Error(name);
    expect(readFileSync(PATH, 'utf8')).toContain(sectionOf(comparison));
  });

  it('are described for every program', () => {
    const text = readFileSync(PATH, 'utf8');
    expect(PROGRAMS.filter((name) => !text.includes(`### ${name}\n`))).toEqual([]);
  });

  it.each(SHORT)('end alike on all of them: %s', (name) => {
    const ends = new Set(comparisons.get(name)?.columns.map(({ figures }) => figures.end));
    expect([...ends]).toEqual(['exited']);
  });

  it.each(SHORT)(
    'give the proposal the TLB misses and the anonymous memory of a kernel of its page size: %s',
    (name) => {
      for (const size of ['16K', '64K']) {
        const { figures: plain } = column(name, `plain-${size}`);
        const { figures: proposal } = column(name, `proposal-${size}`);
        expect(proposal.l1iMisses).toBe(plain.l1iMisses);
        expect(proposal.l1dMisses).toBe(plain.l1dMisses);
        expect(proposal.anonPeakBytes).toBe(plain.anonPeakBytes);
        expect(proposal.nativeTableBytes).toBe(plain.linuxTableBytes);
      }
    },
  );

  it.each(SHORT)('cover more with mTHP, and miss less, the greater the coverage: %s', (name) => {
    const misses = [0, 25, 50, 75, 100].map((percent) => column(name, `mthp-${percent}`).figures.walks);
    expect(misses).toEqual([...misses].sort((a, b) => b - a));
    const memory = [0, 25, 50, 75, 100].map((percent) => column(name, `mthp-${percent}`).figures.anonPeakBytes);
    expect(memory).toEqual([...memory].sort((a, b) => a - b));
  });

  it.each(SHORT)('count walk steps as the TLB does, and no more lines than steps: %s', (name) => {
    for (const { figures } of comparisons.get(name)?.columns ?? []) {
      expect(figures.walkReads).toBeGreaterThanOrEqual(figures.walkLineMisses);
      expect(figures.walkLineMisses).toBeGreaterThanOrEqual(figures.walkLines);
      expect(figures.walkLevels).toBeGreaterThanOrEqual(figures.walkReads);
    }
  });
});
