/**
 * Those who follow `mm->pgd` with the kernel's geometry: right in the Linux table of every process, and in no native one.
 *
 * @models D-10
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GRANULES } from '../../src/arch/granule.ts';
import { misread, pgdConsumers } from '../../src/mm/gup/pgdConsumers.ts';

const address = fc.bigInt({ min: 0n, max: 2n ** 48n - 1n }).map(Number);

describe('consumers of mm->pgd', () => {
  test('are right in a table of their own geometry, which the Linux table is for every process', () => {
    fc.assert(
      fc.property(fc.constantFrom(...GRANULES), address, (granule, va) => {
        expect(misread(granule, granule, va)).toBe('right');
      }),
    );
  });

  test('are never right in a native table: every address misleads them', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(16384, 65536), address, (native, va) => {
        const found = misread(4096, native, va);
        seen.add(found);
        expect(found).not.toBe('right');
      }),
      { numRuns: 300 },
    );
    // A root of 64 entries walked as one of 512: most indexes lie behind its end.
    expect(seen.has('beyond-root')).toBe(true);
  });

  test('name their place in the kernel, each once', () => {
    expect(new Set(pgdConsumers.map(({ source }) => source)).size).toBe(pgdConsumers.length);
    for (const { source } of pgdConsumers) expect(source).toMatch(/^[a-z0-9_/-]+\.c:\w+$/);
  });
});
