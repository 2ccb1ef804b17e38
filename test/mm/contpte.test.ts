/**
 * The contpte layer: what may be folded, and what hardware sees on the way.
 *
 * @models S-03 S-11 S-35 D-05
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { needsBreak, needsFlush } from '../../src/mm/breakBeforeMake.ts';
import { Contpte, largeFlag } from '../../src/mm/contpte.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import {
  flagsOf,
  hasFlags,
  isDirty,
  isValid,
  isYoung,
  makeDirty,
  makeYoung,
  packPte,
  PTE,
  pfnOf,
} from '../../src/mm/pte.ts';
import { operate, type TableOp, type Tables } from '../../src/mm/tableOps.ts';

const FLAGS = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.LARGE;
const VA = 0x4000_0000;

const empty = (granuleBytes = 4096): Tables => ({ linux: PageTable.empty(granuleBytes), native: null });
const run = (va: number, pfn: number, nr: number, flags: number = FLAGS): TableOp => ({
  op: 'set',
  runs: [{ va, pfn, nr, flags }],
  expects: -1,
});
const conts = ({ linux }: Tables, granuleBytes = 4096, pages = 256): number => {
  let count = 0;
  linux.forEach(VA, VA + pages * granuleBytes, (_va, pte) => {
    if (hasFlags(pte, PTE.CONT)) count++;
  });
  return count;
};

/** Entry by entry from a batch that nothing folds: a folio mapped one page a fault. */
function onePageAtATime(pages: number, pfn = 64): ReturnType<typeof operate> {
  let outcome = operate(empty(), run(VA, pfn, 1), true);
  for (let page = 1; page < pages; page++) outcome = operate(outcome, run(VA + page * 4096, pfn + page, 1), true);
  return outcome;
}

describe('setting several entries at once', () => {
  test.each([
    [4096, 16],
    [16384, 128],
    [65536, 32],
  ])('sets the bit on whole aligned groups, %i bytes x %i, and flushes nothing', (granuleBytes, group) => {
    const outcome = operate(empty(granuleBytes), run(VA, 4 * group, 2 * group + 3), true);
    expect(conts(outcome, granuleBytes, 3 * group)).toBe(2 * group);
    expect([outcome.folds, outcome.converts, outcome.linuxBroken]).toEqual([2, [], []]);
  });

  test('leaves groups alone that begin before the batch, end after it, or lie askew in memory', () => {
    expect(conts(operate(empty(), run(VA + 4096, 65, 30), true))).toBe(0);
    expect(conts(operate(empty(), run(VA, 65, 16), true))).toBe(0);
    expect(conts(operate(empty(), run(VA, 64, 16, FLAGS & ~PTE.LARGE), true))).toBe(0);
    expect(conts(operate(empty(), run(VA, 64, 16, PTE.PROT_NONE | PTE.READONLY | PTE.LARGE), true))).toBe(0);
    expect(conts(operate(empty(), run(VA, 64, 16), false))).toBe(0);
  });

  test('is not done in a Linux table that a native table shadows', () => {
    const tables = { linux: PageTable.empty(4096), native: PageTable.empty(65536) };
    const outcome = operate(tables, run(VA, 64, 16), true);
    expect([conts(outcome), outcome.native?.presentCount]).toEqual([0, 1]);
  });
});

describe('setting one entry', () => {
  test('folds when the last of a group completes it: break, one flush of the block, make', () => {
    const before = onePageAtATime(15);
    expect(conts(before)).toBe(0);
    const outcome = operate(before, run(VA + 15 * 4096, 64 + 15, 1), true);
    expect(conts(outcome)).toBe(16);
    expect(outcome.converts).toEqual([{ startVa: VA, endVa: VA + 65536 }]);
    expect([outcome.folds, outcome.linuxBroken.length]).toEqual([1, 16]);
  });

  test('does not fold when another than the last one completes it', () => {
    let outcome = operate(empty(), run(VA + 4096, 65, 1), true);
    for (let page = 2; page < 16; page++) outcome = operate(outcome, run(VA + page * 4096, 64 + page, 1), true);
    outcome = operate(outcome, run(VA, 64, 1), true);
    expect(conts(outcome)).toBe(0);
  });

  test('does not fold pages of different protection, of small folios, or the zero page', () => {
    const mixed = operate(onePageAtATime(14), run(VA + 14 * 4096, 78, 1, PTE.VALID | PTE.READONLY | PTE.LARGE), true);
    expect(conts(operate(mixed, run(VA + 15 * 4096, 79, 1), true))).toBe(0);
    const special = (page: number) => run(VA + page * 4096, 64 + page, 1, FLAGS | PTE.SPECIAL);
    let zero = operate(empty(), special(0), true);
    for (let page = 1; page < 16; page++) zero = operate(zero, special(page), true);
    expect(conts(zero)).toBe(0);
    expect([largeFlag(4, 4096), largeFlag(3, 4096), largeFlag(7, 16384), largeFlag(5, 65536)]).toEqual([
      PTE.LARGE,
      0,
      PTE.LARGE,
      PTE.LARGE,
    ]);
  });
});

describe('a block', () => {
  const block = () => operate(empty(), run(VA, 64, 32), true);

  test('is unfolded where a range to clear cuts it, and only there', () => {
    const range = { startVa: VA + 4 * 4096, endVa: VA + 32 * 4096 };
    const outcome = operate(block(), { op: 'clear', ranges: [range], freeWithin: null, fileOnly: false }, true);
    expect([outcome.unfolds, outcome.linux.presentCount, conts(outcome)]).toEqual([1, 4, 0]);
    expect(outcome.converts).toEqual([{ startVa: VA, endVa: VA + 65536 }]);
    const whole = { ...range, startVa: VA };
    expect(operate(block(), { op: 'clear', ranges: [whole], freeWithin: null, fileOnly: false }, true).unfolds).toBe(0);
  });

  test('stays folded through a write protection of all of it, and not through one of a part', () => {
    const copy = (pages: number): TableOp => ({
      op: 'copy',
      ranges: [{ startVa: VA, endVa: VA + pages * 4096, always: true }],
    });
    expect(operate(block(), copy(32), true).unfolds).toBe(0);
    expect(conts(operate(block(), copy(20), true))).toBe(16);
  });

  test('is unfolded and folded again by mprotect, entry by entry, at the price of two flushes', () => {
    const protect = (pages: number): TableOp => {
      const protection = PTE.VALID | PTE.READONLY;
      return {
        op: 'protect',
        ranges: [{ startVa: VA, endVa: VA + pages * 4096, protection, anonProtection: protection }],
      };
    };
    const whole = operate(block(), protect(32), true);
    expect([whole.unfolds, whole.folds, whole.converts.length, conts(whole)]).toEqual([2, 2, 4, 32]);
    const part = operate(block(), protect(20), true);
    expect([part.unfolds, part.folds, conts(part)]).toEqual([2, 1, 16]);
  });

  test('loses its age as a whole, without unfolding', () => {
    const young = operate(empty(), run(VA, 64, 16, FLAGS | PTE.YOUNG), true);
    const age: TableOp = { op: 'age', startVa: VA + 8192, endVa: VA + 12_288, young: true, dirty: false };
    const outcome = operate(young, age, true);
    expect([outcome.unfolds, conts(outcome)]).toEqual([0, 16]);
    outcome.linux.forEach(VA, VA + 65536, (_va, pte) => expect(isYoung(pte)).toBe(false));
    expect(outcome.flush).toEqual([{ startVa: VA, endVa: VA + 65536 }]);
  });

  test('takes access flags as a whole, and is unfolded where the write bit changes', () => {
    const edit = block().linux.edit();
    const layer = new Contpte(edit);
    const dirty = makeDirty(makeYoung(packPte(66, FLAGS)));
    expect(layer.setAccessFlags(VA + 8192, dirty)).toEqual({ startVa: VA, endVa: VA + 65536 });
    expect([layer.unfolds, isDirty(edit.get(VA)), isYoung(edit.get(VA + 61_440))]).toEqual([0, true, true]);
    expect(layer.setAccessFlags(VA + 8192, dirty)).toBeNull();
    const second = new Contpte(edit);
    second.setAccessFlags(VA + 8192, packPte(66, PTE.VALID | PTE.READONLY | PTE.LARGE));
    expect([second.unfolds, hasFlags(edit.get(VA), PTE.CONT)]).toEqual([1, false]);
  });

  test('is broken by a copy-on-write inside it, and the other entries keep what hardware noted in any', () => {
    const edit = block().linux.edit();
    edit.set(VA + 5 * 4096, makeDirty(makeYoung(edit.get(VA + 5 * 4096))));
    const set: TableOp = { op: 'set', runs: [{ va: VA, pfn: 500, nr: 1, flags: FLAGS & ~PTE.LARGE }], expects: 64 };
    const outcome = operate({ linux: edit.done(), native: null }, set, true);
    expect(outcome.linuxBroken.length).toBe(16);
    expect(isDirty(packPte(0, outcome.cleared[0].flags))).toBe(true);
    expect(outcome.linux.get(VA + 4096) % 2).toBe(1);
    outcome.linux.forEach(VA + 4096, VA + 65536, (_va, pte) =>
      expect([isDirty(pte), isYoung(pte)]).toEqual([true, true]),
    );
    expect(pfnOf(outcome.linux.get(VA))).toBe(500);
  });
});

test('break-before-make is for other frames and for the contiguous bit; a flush for all that takes something away', () => {
  const pte = packPte(5, PTE.VALID | PTE.WRITE | PTE.YOUNG);
  expect(needsBreak(pte, packPte(6, PTE.VALID))).toBe(true);
  expect(needsBreak(pte, packPte(5, flagsOf(pte) | PTE.CONT))).toBe(true);
  expect(needsBreak(pte, packPte(5, PTE.VALID | PTE.READONLY))).toBe(false);
  expect([needsFlush(pte, 0), needsFlush(0, pte), needsFlush(pte, pte)]).toEqual([true, false, false]);
  expect(needsFlush(pte, packPte(5, PTE.VALID | PTE.WRITE))).toBe(true);
  expect(needsFlush(packPte(5, PTE.VALID | PTE.READONLY), packPte(5, PTE.VALID | PTE.WRITE))).toBe(false);
});

describe('any sequence of operations', () => {
  // Whole groups often, so that there is something to fold and to cut.
  const pages = fc.oneof(fc.constantFrom(16, 32), fc.integer({ min: 1, max: 40 }));
  const at = fc.oneof(fc.constantFrom(0, 16, 32), fc.nat(47));
  const ops: fc.Arbitrary<(pfn: number) => TableOp> = fc.oneof(
    fc.tuple(at, pages, fc.constantFrom(0, 0, 0, 2, 1, 3)).map(([page, nr, kind]) => (): TableOp => {
      // Four large folios of 16 pages for each place, so that whatever is set lies in step or out of it.
      const flags = kind === 3 ? FLAGS & ~PTE.LARGE : FLAGS;
      return run(VA + page * 4096, 1024 + (kind % 2) * 8 + page, nr, flags);
    }),
    fc.tuple(at, pages).map(([page, nr]) => (): TableOp => {
      const range = { startVa: VA + page * 4096, endVa: VA + (page + nr) * 4096 };
      return { op: 'clear', ranges: [range], freeWithin: null, fileOnly: false };
    }),
    fc.tuple(at, pages, fc.boolean()).map(([page, nr, writable]) => (): TableOp => {
      const protection = PTE.VALID | PTE.READONLY | (writable ? PTE.WRITE : 0);
      const range = { startVa: VA + page * 4096, endVa: VA + (page + nr) * 4096 };
      return { op: 'protect', ranges: [{ ...range, protection, anonProtection: protection }] };
    }),
    fc.tuple(at, pages).map(([page, nr]) => (): TableOp => {
      return { op: 'copy', ranges: [{ startVa: VA + page * 4096, endVa: VA + (page + nr) * 4096, always: true }] };
    }),
    fc.tuple(at, fc.nat(20)).map(([page, by]) => (): TableOp => {
      return { op: 'move', fromVa: VA + page * 4096, toVa: VA + (128 + by) * 4096, lengthBytes: 8 * 4096 };
    }),
  );
  const steps = fc.array(fc.oneof(ops, fc.tuple(at, fc.boolean())), { minLength: 10, maxLength: 40, size: 'max' });

  let folds = 0;

  test('translates as a table without the bit does, loses no age and no dirt, and every block is whole', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        let folded: Tables = empty();
        let plain: Tables = empty();
        for (const [at, step] of sequence.entries()) {
          if (typeof step === 'function') {
            const op = step(0);
            const [a, b] = [operate(folded, op, true), operate(plain, op, false)];
            expect(a.cleared.map(({ va, pfn, nr }) => [va, pfn, nr]).length > 0).toBe(b.cleared.length > 0);
            folds += a.folds;
            folded = a;
            plain = b;
          } else {
            folded = hardware(folded, ...step);
            plain = hardware(plain, ...step);
          }
          if (at % 4 === 3 || at === sequence.length - 1) compare(folded, plain);
        }
      }),
      { numRuns: 150 },
    );
    expect(folds).toBeGreaterThan(50);
  });
});

/** What a CPU notes in the one entry that it uses. */
function hardware(tables: Tables, page: number, write: boolean): Tables {
  const edit = tables.linux.edit();
  const va = VA + page * 4096;
  const pte = edit.get(va);
  if (isValid(pte)) edit.set(va, write && hasFlags(pte, PTE.WRITE) ? makeDirty(makeYoung(pte)) : makeYoung(pte));
  return { linux: edit.done(), native: null };
}

function compare(folded: Tables, plain: Tables): void {
  const edit = folded.linux.edit();
  const layer = new Contpte(edit);
  expect(folded.linux.presentCount).toBe(plain.linux.presentCount);
  plain.linux.forEach(VA - 2 ** 20, VA + 2 ** 21, (va, pte) => {
    const found = layer.get(va);
    const noted = PTE.YOUNG | PTE.DIRTY | PTE.READONLY | PTE.CONT;
    expect([pfnOf(found), flagsOf(found) | noted]).toEqual([pfnOf(pte), flagsOf(pte) | noted]);
    if (isDirty(pte)) expect(isDirty(found)).toBe(true);
    if (isYoung(pte)) expect(isYoung(found)).toBe(true);
    if (hasFlags(found, PTE.CONT)) {
      const startVa = va - (va % 65536);
      for (let page = 0; page < 16; page++) {
        const each = folded.linux.get(startVa + page * 4096);
        expect([hasFlags(each, PTE.CONT), pfnOf(each)]).toEqual([true, pfnOf(found) - (va - startVa) / 4096 + page]);
      }
    }
  });
}
