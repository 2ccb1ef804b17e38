/**
 * When a group of Linux entries may be one native entry.
 *
 * @models S-11 S-50
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gatherAccessedDirty, groupOf, kernelFrameOf, syncNative, translateGroup } from '../../src/mm/nativeTable.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { flagsOf, isDirty, isValid, isYoung, makeOld, packPte, PTE, pfnOf } from '../../src/mm/pte.ts';

const SHARED_CLEAN = PTE.VALID | PTE.WRITE | PTE.READONLY;

function group(nr = 16, pfn = 32, flags: number = SHARED_CLEAN) {
  const edit = PageTable.empty(4096).edit();
  edit.setRange(0x10000, pfn, nr, flags);
  return edit;
}

describe('a group of Linux entries', () => {
  test('that is whole, aligned and alike becomes one native entry', () => {
    expect(translateGroup(group(), 0x1abcd, 65536)).toEqual({ ok: true, pte: packPte(2, SHARED_CLEAN) });
    expect(kernelFrameOf(packPte(2, SHARED_CLEAN), 65536, 4096)).toBe(32);
    expect(groupOf(0x1abcd, 16384)).toEqual({ startVa: 0x18000, endVa: 0x1c000 });
  });

  test('with nothing valid in it becomes no native entry, which is no fault of translation', () => {
    expect(translateGroup(group(16, 32, PTE.SWAP), 0x10000, 65536)).toEqual({ ok: true, pte: 0 });
    expect(translateGroup(group(7, 32, PTE.PROT_NONE), 0x10000, 65536)).toEqual({ ok: true, pte: 0 });
    expect(translateGroup(PageTable.empty(4096), 0, 16384)).toEqual({ ok: true, pte: 0 });
  });

  test('that is partly there, out of step, misaligned, mixed or special is refused with the reason', () => {
    const reasonOf = (linux: ReturnType<typeof group>) => {
      const translation = translateGroup(linux, 0x10000, 65536);
      return translation.ok ? 'none' : translation.reason;
    };
    expect(reasonOf(group(15))).toBe('partly-valid');
    expect(reasonOf(group(16, 33))).toBe('misaligned');
    const swapped = group();
    swapped.set(0x13000, packPte(99, SHARED_CLEAN));
    expect(reasonOf(swapped)).toBe('not-consecutive');
    const mixed = group();
    mixed.set(0x13000, packPte(35, PTE.VALID | PTE.READONLY));
    expect(reasonOf(mixed)).toBe('mixed-flags');
    const zeroPage = PageTable.empty(4096).edit();
    for (let page = 0; page < 16; page++) zeroPage.set(0x10000 + page * 4096, packPte(32, PTE.VALID | PTE.SPECIAL));
    expect(reasonOf(zeroPage)).toBe('special');
  });

  test('is accessed or dirty when any of its entries is, and those differences never keep it apart', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 16, maxLength: 16 }), (bits) => {
        const linux = PageTable.empty(4096).edit();
        for (const [page, [young, dirty]] of bits.entries()) {
          const flags = PTE.VALID | PTE.WRITE | (young ? PTE.YOUNG : 0) | (dirty ? 0 : PTE.READONLY);
          linux.set(page * 4096, packPte(16 + page, flags));
        }
        const translation = translateGroup(linux, 0, 65536);
        expect(translation.ok).toBe(true);
        if (!translation.ok) return;
        expect(isYoung(translation.pte)).toBe(bits.some(([young]) => young));
        expect(isDirty(translation.pte)).toBe(bits.some(([, dirty]) => dirty));
      }),
    );
  });
});

describe('the native table', () => {
  test('agrees with the Linux table after any changes: each native entry maps just the frames that its group maps', () => {
    const change = fc.record({
      page: fc.nat(63),
      nr: fc.integer({ min: 1, max: 32 }),
      pfn: fc.constantFrom(0, 16, 64, 70),
      flags: fc.constantFrom(0, SHARED_CLEAN, PTE.VALID | PTE.READONLY, PTE.PROT_NONE),
    });
    fc.assert(
      fc.property(fc.constantFrom(16384, 65536), fc.array(change, { maxLength: 12 }), (granule, changes) => {
        const linux = PageTable.empty(4096).edit();
        const native = PageTable.empty(granule).edit();
        for (const { page, nr, pfn, flags } of changes) {
          if (flags === 0) linux.clearRange(page * 4096, (page + nr) * 4096);
          else linux.setRange(page * 4096, pfn, nr, flags);
          syncNative(linux, native, page * 4096, (page + nr) * 4096);
        }
        for (let va = 0; va < 96 * 4096; va += granule) {
          const entry = native.get(va);
          const expected = translateGroup(linux, va, granule);
          expect(entry).toBe(expected.ok ? expected.pte : 0);
          if (entry === 0) continue;
          for (let at = 0; at < granule; at += 4096) {
            const pte = linux.get(va + at);
            expect(isValid(pte)).toBe(true);
            expect(pfnOf(pte)).toBe(kernelFrameOf(entry, granule, 4096) + at / 4096);
            expect(flagsOf(pte) & PTE.WRITE).toBe(flagsOf(entry) & PTE.WRITE);
          }
        }
      }),
    );
  });

  test('gives back what hardware noted in it, to every Linux entry of the group, and loses it only through Linux', () => {
    const linux = group();
    const native = PageTable.empty(65536).edit();
    syncNative(linux, native, 0x10000, 0x20000);
    // Hardware writes to the native entry: accessed, and dirty by clearing the read-only bit.
    native.set(0x10000, packPte(2, PTE.VALID | PTE.WRITE | PTE.YOUNG));
    gatherAccessedDirty(linux, native, 0x13000, 0x14000);
    for (let page = 0; page < 16; page++) {
      const pte = linux.get(0x10000 + page * 4096);
      expect([isYoung(pte), isDirty(pte)]).toEqual([true, true]);
    }
    linux.changeRange(0x10000, 0x20000, makeOld);
    const { changed } = syncNative(linux, native, 0x10000, 0x20000);
    expect(changed.length).toBe(1);
    expect([isYoung(native.get(0x10000)), isDirty(native.get(0x10000))]).toEqual([false, true]);
  });

  test('has one table for the room of 256 Linux tables at 64K, and of 16 at 16K', () => {
    for (const [granule, tables] of [
      [65536, 256],
      [16384, 16],
    ] as const) {
      const span = PageTable.empty(granule).geometry.levels.at(-1)?.tableSpanBytes ?? 0;
      expect(PageTable.empty(4096).tablesMissing(0, span).at(-1)).toBe(tables);
    }
  });
});
