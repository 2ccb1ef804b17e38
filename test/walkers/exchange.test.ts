/**
 * Exchanging entries from outside: only what still is as it was seen, and the native table follows.
 *
 * @models S-10 S-38 D-01 D-02 D-05
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { translateGroup } from '../../src/mm/nativeTable.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { flagsOf, isDirty, isPresent, makeDirty, makeYoung, packPte, PTE, pfnOf } from '../../src/mm/pte.ts';
import { isAsSeen } from '../../src/mm/tableExchange.ts';
import { operate, type TableOp, type Tables } from '../../src/mm/tableOps.ts';
import '../support/propertySeed.ts';

const VA = 0x4000_0000;
const CLEAN = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.ANON;
const SEEN = { pfn: 64, flags: CLEAN };

function mapped(native: number | null, contpte = false): Tables {
  const empty = { linux: PageTable.empty(4096), native: native === null ? null : PageTable.empty(native) };
  const runs = [{ va: VA, pfn: 64, nr: 32, flags: CLEAN | PTE.LARGE }];
  return operate(empty, { op: 'set', runs, expects: -1 }, contpte);
}

function exchanged(tables: Tables, changes: Extract<TableOp, { op: 'exchange' }>['changes'], contpte = false) {
  return operate(tables, { op: 'exchange', changes }, contpte);
}

describe('an exchange of entries', () => {
  test('of a whole process page leaves the native table whole', () => {
    const swap = { pfn: 1000, flags: PTE.SWAP };
    const after = exchanged(mapped(65536), [{ va: VA, nr: 16, expects: SEEN, to: swap }]);
    expect(after.untranslatable).toBe('');
    expect(after.native?.get(VA)).toBe(0);
    expect(after.native?.get(VA + 65536)).not.toBe(0);
    expect(after.linux.get(VA + 0x3000)).toBe(packPte(1003, PTE.SWAP));
    expect(after.cleared).toEqual([{ va: VA, pfn: 64, nr: 16, flags: CLEAN | PTE.LARGE }]);
    expect(after.set).toEqual([]);
  });

  test('of one 4K page of a group cannot be translated', () => {
    const after = exchanged(mapped(65536), [{ va: VA + 0x2000, nr: 1, expects: { ...SEEN, pfn: 66 }, to: null }]);
    expect(after.untranslatable).toBe('partly-valid at 0x40000000');
  });

  test('of one frame for another is break-before-make, in the table that hardware walks', () => {
    const to = { pfn: 128, flags: CLEAN };
    const plain = exchanged(mapped(null), [{ va: VA, nr: 1, expects: SEEN, to }]);
    expect(plain.linuxBroken).toEqual([VA]);
    const native = exchanged(mapped(65536), [{ va: VA, nr: 16, expects: SEEN, to }]);
    expect(native.nativeBroken).toEqual([VA]);
  });

  test('unfolds a contpte block of which it takes a part', () => {
    const before = mapped(null, true);
    expect(flagsOf(before.linux.get(VA)) & PTE.CONT).toBe(PTE.CONT);
    const after = exchanged(before, [{ va: VA + 0x1000, nr: 1, expects: { ...SEEN, pfn: 65 }, to: null }], true);
    expect([after.unfolds, flagsOf(after.linux.get(VA)) & PTE.CONT]).toEqual([1, 0]);
  });

  test('gathers what hardware noted in the native entry, and hands it on where that is wanted', () => {
    const before = mapped(65536);
    const edit = before.native?.edit();
    edit?.set(VA, makeDirty(makeYoung(edit.get(VA))));
    const dirtied = { linux: before.linux, native: edit?.done() ?? null };
    const migration = { pfn: 64, flags: PTE.SWAP | PTE.SPECIAL };
    const gone = exchanged(dirtied, [{ va: VA, nr: 16, expects: SEEN, to: migration }]);
    expect(gone.cleared.every(({ flags }) => isDirty(flags) && (flags & PTE.YOUNG) !== 0)).toBe(true);
    const moved = exchanged(dirtied, [
      { va: VA, nr: 16, expects: SEEN, to: { pfn: 256, flags: CLEAN }, keepAge: true },
    ]);
    expect(isDirty(moved.native?.get(VA) ?? 0)).toBe(true);
  });

  test('misses an entry that is another by now, and says so', () => {
    const wrong = [{ va: VA, nr: 2, expects: { pfn: 63, flags: CLEAN }, to: null }];
    const after = exchanged(mapped(65536), wrong);
    expect([after.rejected.length > 0, after.cleared, after.linux.presentCount]).toEqual([true, [], 32]);
  });
});

test('an exchange does to the Linux table what a plain map of entries does', () => {
  const flags = fc.constantFrom(
    CLEAN,
    PTE.VALID | PTE.READONLY,
    PTE.SWAP,
    PTE.SWAP | PTE.SPECIAL,
    PTE.PROT_NONE | PTE.READONLY,
  );
  const value = fc.record({ pfn: fc.integer({ min: 1, max: 200 }), flags });
  const change = fc.record({
    va: fc.integer({ min: 0, max: 40 }).map((page) => VA + page * 4096),
    nr: fc.integer({ min: 1, max: 20 }),
    expects: fc.option(fc.oneof(fc.constant(SEEN), value)),
    to: fc.option(value),
    sameEntry: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(null, 16384, 65536),
      (changes, size) => {
        const model = new Map<number, number>();
        const start = mapped(size);
        start.linux.forEach(VA, VA + 2 ** 20, (va, pte) => void model.set(va, pte));
        let tables: Tables = start;
        for (const one of changes) {
          for (let page = 0; page < one.nr; page++) {
            const va = one.va + page * 4096;
            const before = model.get(va) ?? 0;
            const fits =
              one.expects === null ? before === 0 : isAsSeen(before, one.expects.pfn + page, one.expects.flags);
            if (!fits) continue;
            if (one.to === null) model.delete(va);
            else model.set(va, packPte(one.to.pfn + (one.sameEntry ? 0 : page), one.to.flags));
          }
          const outcome = exchanged(tables, [one]);
          for (const run of outcome.set) expect(isPresent(run.flags)).toBe(true);
          tables = outcome.untranslatable === '' ? outcome : { linux: outcome.linux, native: null };
          const found = new Map<number, number>();
          tables.linux.forEach(VA, VA + 2 ** 20, (va, pte) => void found.set(va, pte));
          expect([...found].map(([va, pte]) => [va, pfnOf(pte), flagsOf(pte)])).toEqual(
            [...model].sort(([a], [b]) => a - b).map(([va, pte]) => [va, pfnOf(pte), flagsOf(pte)]),
          );
          for (let va = VA; tables.native !== null && va < VA + 2 ** 18; va += tables.native.geometry.granuleBytes) {
            const group = translateGroup(tables.linux, va, tables.native.geometry.granuleBytes);
            expect(group.ok && group.pte === tables.native.get(va)).toBe(true);
          }
        }
      },
    ),
  );
});
