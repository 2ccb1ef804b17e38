/** Equal contents have one hash, whatever their history; and one thing changed, another. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combined, hashOf, hashOfString, highOf, lowOf, ofWords, summed } from '../../../src/explore/world/hash.ts';
import { Buddy } from '../../../src/mm/buddy.ts';
import { FolioTable } from '../../../src/mm/frames.ts';
import { IntMap } from '../../../src/mm/intMap.ts';
import { PageTable } from '../../../src/mm/pageTable.ts';
import { PersistentList } from '../../../src/mm/persistentList.ts';
import { packPte, PTE } from '../../../src/mm/pte.ts';
import { MAY_READ, TlbArray } from '../../../src/mm/tlbArray.ts';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
})).value;

describe('hashes of plain data', () => {
  test('do not depend on the order of fields, nor on fields that are there as undefined', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), plain), (record) => {
        const turned = Object.fromEntries(Object.entries(record).reverse());
        expect(hashOf({ ...turned, goneField: undefined })).toBe(hashOf(record));
      }),
    );
  });

  test('are those of a copy', () => {
    fc.assert(fc.property(plain, (value) => hashOf(structuredClone(value)) === hashOf(value)));
  });

  test('differ where anything does', () => {
    const seen = new Map<number, string>();
    fc.assert(
      fc.property(plain, (value) => {
        // -0 and 0 are one state.
        const text = JSON.stringify(value, (_key, each) => (Object.is(each, -0) ? 0 : each), 0);
        const sorted = JSON.stringify(sortedFields(JSON.parse(text)));
        const hash = hashOf(value);
        expect(seen.get(hash) ?? sorted).toBe(sorted);
        seen.set(hash, sorted);
      }),
      { numRuns: 3000 },
    );
  });

  test('spread over all 53 bits', () => {
    const bits = Array.from({ length: 53 }, () => 0);
    const count = 4000;
    for (let at = 0; at < count; at++) {
      const hash = BigInt(hashOf({ at, of: ['a', at * 2] }));
      for (let bit = 0; bit < 53; bit++) bits[bit] += Number((hash >> BigInt(bit)) & 1n);
    }
    for (const [bit, ones] of bits.entries()) expect(Math.abs(ones / count - 0.5), `bit ${bit}`).toBeLessThan(0.05);
  });

  test('of small numbers and short strings are all different', () => {
    const hashes = new Set<number>();
    for (let at = -50_000; at < 50_000; at++) hashes.add(hashOf(at));
    for (let at = 0; at < 50_000; at++) hashes.add(hashOfString(`mm:${at}`));
    expect(hashes.size).toBe(150_000);
  });

  test('of what is no data are refused', () => {
    expect(() => hashOf(() => 1)).toThrow(/a state holds data, and no function/);
    class Odd {
      at = 1;
    }
    expect(() => hashOf({ odd: new Odd() })).toThrow(/a state holds a Odd, which has no plain form/);
  });
});

function sortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sortedFields(each)]),
  );
}

describe('sums of hashes', () => {
  const hash = fc.maxSafeInteger().map((value) => Math.abs(value));

  test('do not depend on order, and are made word by word', () => {
    fc.assert(
      fc.property(hash, hash, hash, (a, b, c) => {
        expect(summed(a, summed(b, c))).toBe(summed(summed(c, a), b));
        expect(ofWords((lowOf(a) + lowOf(b)) | 0, highOf(a) + highOf(b))).toBe(summed(a, b));
        expect(ofWords(lowOf(a), highOf(a))).toBe(a);
      }),
    );
  });

  test('of ordered pairs do', () => {
    fc.assert(fc.property(hash, hash, (a, b) => a === b || combined(a, b) !== combined(b, a)));
  });
});

describe('hashes of structures', () => {
  test('of lists and maps are those of their contents', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), fc.nat({ max: 10 }), (values, extra) => {
        let list = PersistentList.empty<number>();
        for (let at = 0; at < extra; at++) list = list.pushAll([at]);
        for (let at = 0; at < extra; at++) list = list.shift();
        expect(hashOf(list.pushAll(values))).toBe(hashOf(PersistentList.fromPlain(values)));
        const forward = IntMap.empty<string>().edit();
        const backward = IntMap.empty<string>().edit();
        for (const value of values) forward.set(value, `${value}`);
        for (const value of values.toReversed()) backward.set(value, `${value}`);
        expect(hashOf(forward.done())).toBe(hashOf(backward.done()));
      }),
    );
  });

  test('of page tables are those of their entries', () => {
    const entry = fc.record({ page: fc.nat({ max: 5000 }), pfn: fc.nat({ max: 2 ** 20 }) });
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ({ page }) => page, minLength: 1, maxLength: 60 }), (entries) => {
        const made = (list: typeof entries, passing: readonly number[] = []): PageTable => {
          const edit = PageTable.empty(4096).edit();
          for (const page of passing) edit.set(page * 4096, packPte(1, PTE.VALID));
          for (const { page, pfn } of list) edit.set(page * 4096, packPte(pfn, PTE.VALID));
          return edit.done();
        };
        const pages = entries.map(({ page }) => page);
        const table = made(entries);
        expect(hashOf(made(entries.toReversed(), pages))).toBe(hashOf(table));
        const other = table.edit();
        other.set(pages[0] * 4096, packPte(entries[0].pfn, PTE.VALID | PTE.DIRTY));
        expect(hashOf(other.done())).not.toBe(hashOf(table));
      }),
    );
  });

  test('of TLBs say what is held and in which order it was used, not when', () => {
    const use = fc.nat({ max: 9 });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 30 }), fc.array(use, { maxLength: 30 }), (uses, before) => {
        const made = (list: readonly number[]): TlbArray => {
          const array = new TlbArray(4, 4);
          for (const page of list) if (array.find(page, 0) < 0) array.insert(page, 0, page * 7, MAY_READ);
          return array;
        };
        const array = made(uses);
        const later = made([...before, ...uses]);
        const same = JSON.stringify(array.toPlain()) === JSON.stringify(later.toPlain());
        expect(hashOf(later) === hashOf(array)).toBe(same);
      }),
    );
  });

  test('of free lists and folios are those of what is free, and of what is used', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 12 }), (orders) => {
        const buddy = Buddy.create(0, 256, 6);
        const edit = buddy.edit();
        const blocks = orders.map((order) => ({ order, pfn: edit.alloc(order) ?? -1 }));
        const used = edit.done();
        expect(hashOf(used)).not.toBe(hashOf(Buddy.create(0, 256, 6)));
        const back = used.edit();
        for (const { pfn, order } of blocks) back.free(pfn, order);
        expect(hashOf(back.done())).toBe(hashOf(Buddy.create(0, 256, 6)));
        // The version before is looked at once more: what was written since changes nothing in it.
        const again = Buddy.create(0, 256, 6).edit();
        for (const order of orders) again.alloc(order);
        expect(hashOf(used)).toBe(hashOf(again.done()));
      }),
    );
    const one = FolioTable.empty().edit();
    one.add({ pfn: 8, order: 0, owner: 'mm:1', kind: 'anon' });
    const two = FolioTable.empty().edit();
    two.add({ pfn: 9, order: 0, owner: 'mm:1', kind: 'anon' });
    expect(hashOf(one.done())).not.toBe(hashOf(two.done()));
  });
});
