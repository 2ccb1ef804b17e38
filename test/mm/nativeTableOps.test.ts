/**
 * The native table through whole operations: what it holds, and that nothing that hardware noted is lost.
 *
 * @models S-38 D-01 D-02
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { translateGroup } from '../../src/mm/nativeTable.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import {
  flagsOf,
  hasFlags,
  isDirty,
  isValid,
  isWritable,
  isYoung,
  makeDirty,
  makeYoung,
  PTE,
  pfnOf,
} from '../../src/mm/pte.ts';
import { operate, type TableOp, type Tables } from '../../src/mm/tableOps.ts';

const VA = 0x4000_0000;
const CLEAN = PTE.VALID | PTE.WRITE | PTE.READONLY;

function tablesOf(granuleBytes: number): Tables {
  return { linux: PageTable.empty(4096), native: PageTable.empty(granuleBytes) };
}

/** A CPU reads or writes through the native entry: that is all it marks. */
function hardware(tables: Tables, va: number, write: boolean): Tables {
  const edit = (tables.native as PageTable).edit();
  const pte = edit.get(va);
  const page = va - (va % edit.geometry.granuleBytes);
  if (isValid(pte)) edit.set(page, write && isWritable(pte) ? makeDirty(makeYoung(pte)) : makeYoung(pte));
  return { linux: tables.linux, native: edit.done() };
}

const set = (va: number, pfn: number, nr: number, flags = CLEAN, expects = -1): TableOp => ({
  op: 'set',
  runs: [{ va, pfn, nr, flags }],
  expects,
});
const range = { startVa: VA, endVa: VA + 65536 };

describe('a batch of whole groups', () => {
  test('becomes one native entry a process page', () => {
    const after = operate(tablesOf(65536), set(VA, 64, 48));
    expect([after.linux.presentCount, after.native?.presentCount, after.untranslatable]).toEqual([48, 3, '']);
    expect(operate(tablesOf(16384), set(VA, 64, 48)).native?.presentCount).toBe(12);
  });

  test('that is cut short cannot be translated, and says where', () => {
    expect(operate(tablesOf(65536), set(VA, 64, 40)).untranslatable).toBe('partly-valid at 0x40020000');
    expect(operate(tablesOf(65536), set(VA, 65, 16)).untranslatable).toBe('misaligned at 0x40000000');
  });
});

describe('what hardware noted in the native entry', () => {
  const used = (write: boolean) => hardware(operate(tablesOf(65536), set(VA, 64, 16)), VA + 0x5000, write);

  test('comes with the Linux entries when they are cleared, for each page of the group', () => {
    const { cleared, native } = operate(used(true), {
      op: 'clear',
      ranges: [range],
      freeWithin: null,
      fileOnly: false,
    });
    expect(cleared).toHaveLength(1);
    expect([cleared[0].nr, isDirty(cleared[0].flags), isYoung(cleared[0].flags)]).toEqual([16, true, true]);
    expect(native?.entryCount).toBe(0);
  });

  test('survives a write protection and a change of protection', () => {
    const copy: TableOp = { op: 'copy', ranges: [{ ...range, always: true }] };
    const protect: TableOp = {
      op: 'protect',
      ranges: [{ ...range, protection: PTE.VALID | PTE.READONLY, anonProtection: PTE.VALID | PTE.READONLY }],
    };
    for (const op of [copy, protect]) {
      const after = operate(used(true), op);
      after.linux.forEach(VA, VA + 65536, (_va, pte) => expect([isDirty(pte), isYoung(pte)]).toEqual([true, true]));
      expect(isDirty(after.native?.get(VA) ?? 0)).toBe(true);
    }
  });

  test('is young no more in either table once the age is cleared, and the entry is flushed', () => {
    const after = operate(used(false), { op: 'age', ...range, young: true, dirty: false });
    expect([isYoung(after.native?.get(VA) ?? 0), isYoung(after.linux.get(VA))]).toEqual([false, false]);
    expect(after.flush).toEqual([range]);
  });

  test('reaches the file as dirty, once, when the page is cleaned', () => {
    const clean: TableOp = { op: 'age', ...range, young: false, dirty: true };
    const after = operate(used(true), clean);
    expect(after.cleared.map(({ nr }) => nr)).toEqual([16]);
    expect(operate(after, clean).cleared).toEqual([]);
    expect(isDirty(after.native?.get(VA) ?? 0)).toBe(false);
  });

  test('moves with the entries', () => {
    const after = operate(used(true), { op: 'move', fromVa: VA, toVa: VA + 2 ** 21, lengthBytes: 65536 });
    expect([after.native?.get(VA), isDirty(after.native?.get(VA + 2 ** 21) ?? 0)]).toEqual([0, true]);
  });
});

describe('break-before-make of the native entry', () => {
  test('is for another frame and not for another permission', () => {
    const before = operate(tablesOf(65536), set(VA, 64, 16));
    expect(operate(before, set(VA, 128, 16, CLEAN, 64)).nativeBroken).toEqual([VA]);
    expect(operate(before, set(VA, 64, 16, PTE.VALID | PTE.WRITE | PTE.YOUNG, 64)).nativeBroken).toEqual([]);
    expect(before.nativeBroken).toEqual([]);
  });
});

describe('any sequence of operations and accesses', () => {
  const page = fc.nat(7);
  const kinds = ['set', 'clear', 'protect', 'age', 'clean', 'copy', 'move', 'replace', 'read', 'write'] as const;
  const step = fc.tuple(fc.constantFrom(...kinds), page, page);

  test('leaves a native entry exactly where a group is whole and alike, and loses no age and no dirt', () => {
    const property = fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom(16384, 65536),
      (steps, granuleBytes) => {
        const nr = granuleBytes / 4096;
        let tables = tablesOf(granuleBytes);
        // What was written or read since it was last cleaned or aged, by page of the process.
        const dirty = new Set<number>();
        const young = new Set<number>();
        for (const [at, [kind, first, second]] of steps.entries()) {
          const va = VA + first * granuleBytes;
          const to = VA + (second + 16) * granuleBytes;
          if (kind === 'read' || kind === 'write') {
            const pte = tables.native?.get(va) ?? 0;
            tables = hardware(tables, va, kind === 'write');
            if (isValid(pte)) young.add(va);
            if (isValid(pte) && kind === 'write' && isWritable(pte)) dirty.add(va);
            continue;
          }
          const op = opOf(kind, va, to, nr, (at + 1) * nr * 4, tables);
          if (op === null) continue;
          const outcome = operate(tables, op);
          expect(outcome.untranslatable).toBe('');
          for (const run of outcome.cleared) {
            for (let each = run.va; each < run.va + run.nr * 4096; each += granuleBytes) {
              if (dirty.delete(each)) expect(isDirty(run.flags)).toBe(true);
              young.delete(each);
            }
          }
          follow(kind, va, to, dirty, young);
          tables = outcome;
          checkTables(tables, granuleBytes, dirty, young);
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});

function opOf(kind: string, va: number, to: number, nr: number, pfn: number, { linux }: Tables): TableOp | null {
  const bytes = nr * 4096;
  const ranges = [{ startVa: va, endVa: va + bytes }];
  const protection = PTE.VALID | PTE.READONLY | (pfn % 3 === 0 ? 0 : PTE.WRITE);
  if (kind === 'set') return linux.get(va) === 0 ? set(va, pfn, nr) : null;
  if (kind === 'replace') return linux.get(va) === 0 ? null : set(va, pfn, nr, CLEAN, pfnOf(linux.get(va)));
  if (kind === 'clear') return { op: 'clear', ranges, freeWithin: null, fileOnly: false };
  if (kind === 'protect') return { op: 'protect', ranges: [{ ...ranges[0], protection, anonProtection: protection }] };
  if (kind === 'age') return { op: 'age', ...ranges[0], young: true, dirty: false };
  if (kind === 'clean') return { op: 'age', ...ranges[0], young: false, dirty: true };
  if (kind === 'copy') return { op: 'copy', ranges: [{ ...ranges[0], always: true }] };
  return linux.get(to) === 0 ? { op: 'move', fromVa: va, toVa: to, lengthBytes: bytes } : null;
}

/** What an operation means for pages that were used. */
function follow(kind: string, va: number, to: number, dirty: Set<number>, young: Set<number>): void {
  if (kind === 'age') young.delete(va);
  if (kind !== 'move') return;
  for (const set of [dirty, young]) if (set.delete(va)) set.add(to);
}

function checkTables({ linux, native }: Tables, granuleBytes: number, dirty: Set<number>, young: Set<number>): void {
  for (let va = VA; va < VA + 24 * granuleBytes; va += granuleBytes) {
    const translation = translateGroup(linux, va, granuleBytes);
    expect(translation.ok).toBe(true);
    const wanted = translation.ok ? translation.pte : 0;
    const found = native?.get(va) ?? 0;
    const noted = PTE.YOUNG | PTE.DIRTY | PTE.READONLY;
    expect(found === 0).toBe(wanted === 0);
    if (found === 0) continue;
    expect([pfnOf(found), flagsOf(found) | noted]).toEqual([pfnOf(wanted), flagsOf(wanted) | noted]);
    if (dirty.has(va)) expect(isDirty(found) || isDirty(wanted)).toBe(true);
    if (young.has(va)) expect(isYoung(found) || isYoung(wanted)).toBe(true);
    expect(hasFlags(found, PTE.CONT)).toBe(false);
  }
}
