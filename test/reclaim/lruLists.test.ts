/**
 * The lists of reclaim: order, sizes and the rules that move folios between them.
 *
 * @models S-10 X-07
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LRU_LISTS, type LruName, LruLists } from '../../src/mm/reclaim/lruLists.ts';
import { checkReferences, type FolioUse, referenceRules, staysActive } from '../../src/mm/reclaim/references.ts';
import { inactiveIsLow, scanCounts } from '../../src/mm/reclaim/scanBalance.ts';
import '../support/propertySeed.ts';

const moves = fc.array(
  fc.record({
    what: fc.constantFrom('add', 'remove', 'mark'),
    list: fc.constantFrom(...LRU_LISTS),
    pfn: fc.nat(12).map((at) => at * 16),
  }),
  { maxLength: 80 },
);

describe('the lists', () => {
  test('are queues of folios, each folio in one of them', () => {
    fc.assert(
      fc.property(moves, (list) => {
        let lists = LruLists.empty();
        const model: Record<LruName, number[]> = {
          'inactive-anon': [],
          'active-anon': [],
          'inactive-file': [],
          'active-file': [],
        };
        for (const { what, list: name, pfn } of list) {
          if (what === 'mark') {
            lists = lists.mark(pfn, true);
            continue;
          }
          for (const each of LRU_LISTS) model[each] = model[each].filter((other) => other !== pfn);
          if (what === 'add') model[name].push(pfn);
          lists = what === 'add' ? lists.add(name, pfn, 16) : lists.remove(pfn);
          for (const each of LRU_LISTS) {
            expect(lists.tail(each, 100)).toEqual(model[each]);
            expect(lists.sizeOf(each)).toBe(16 * model[each].length);
          }
          expect(LruLists.fromPlain(lists.toPlain()).toPlain()).toEqual(lists.toPlain());
        }
      }),
    );
  });
});

describe('the rules of references', () => {
  const unused: FolioUse = {
    referencedMappings: 0,
    wasReferenced: false,
    locked: false,
    executable: false,
    isFile: false,
  };

  test('a page used once is kept once, and activated when it is used again', () => {
    const once = checkReferences({ ...unused, referencedMappings: 1 });
    expect(once).toMatchObject({ verdict: 'keep', referenced: true });
    const twice = checkReferences({ ...unused, referencedMappings: 1, wasReferenced: once.referenced });
    expect(twice.verdict).toBe('activate');
    expect(checkReferences({ ...unused, wasReferenced: true }).verdict).toBe('reclaim');
    expect(checkReferences({ ...unused, wasReferenced: true, isFile: true }).verdict).toBe('reclaim-clean');
  });

  test('a locked page stays, and code that runs stays active', () => {
    expect(checkReferences({ ...unused, locked: true }).verdict).toBe('activate');
    const code = { ...unused, referencedMappings: 1, executable: true };
    expect(checkReferences({ ...code, isFile: true }).verdict).toBe('activate');
    expect(checkReferences(code).verdict).toBe('keep');
    expect(staysActive({ ...code, isFile: true })).toBe(true);
    expect(staysActive(code)).toBe(false);
  });

  test('every rule decides something', () => {
    const all = fc.sample(
      fc.record({
        referencedMappings: fc.nat(2),
        wasReferenced: fc.boolean(),
        locked: fc.boolean(),
        executable: fc.boolean(),
        isFile: fc.boolean(),
      }),
      300,
    );
    const used = new Set(all.map((use) => referenceRules.find(({ holds }) => holds(use))?.when));
    expect(used.size).toBe(referenceRules.length);
  });
});

describe('the balance of a pass', () => {
  const sizes = { 'inactive-anon': 8192, 'active-anon': 8192, 'inactive-file': 8192, 'active-file': 8192 };
  const request = {
    swappiness: 60,
    priority: 6,
    sizes,
    swapFree: true,
    freePages: 0,
    highPages: 64,
    anonCost: 0,
    fileCost: 0,
  };

  test('follows swappiness and what reclaim has cost', () => {
    const usual = scanCounts(request);
    expect(usual['inactive-anon']).toBe(38);
    expect(usual['inactive-file']).toBe(89);
    const dearFiles = scanCounts({ ...request, fileCost: 1000 });
    expect(dearFiles['inactive-anon']).toBeGreaterThan(usual['inactive-anon']);
    expect(scanCounts({ ...request, swappiness: 0 })['inactive-anon']).toBe(0);
    expect(scanCounts({ ...request, swappiness: 200 })['inactive-file']).toBe(0);
    expect(scanCounts({ ...request, swapFree: false })['inactive-anon']).toBe(0);
  });

  test('leaves files alone where hardly any are left', () => {
    const few = { ...sizes, 'inactive-file': 20, 'active-file': 20 };
    const tiny = scanCounts({ ...request, swappiness: 0, sizes: few });
    expect([tiny['inactive-anon'], tiny['inactive-file']]).toEqual([128, 0]);
    expect(scanCounts({ ...request, swappiness: 0, sizes: few, freePages: 100 })['inactive-anon']).toBe(0);
  });

  test('finds an inactive list low beside its active one', () => {
    expect(inactiveIsLow(0, 1, 4096)).toBe(true);
    expect(inactiveIsLow(2 ** 18, 3 * 2 ** 18, 4096)).toBe(false);
    expect(inactiveIsLow(2 ** 16, 7 * 2 ** 17, 4096)).toBe(true);
  });
});
