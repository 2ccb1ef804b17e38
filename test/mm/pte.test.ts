import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  flagsOf,
  isDirty,
  isPresent,
  isValid,
  isWritable,
  isYoung,
  makeClean,
  makeDirty,
  makeOld,
  makeWritable,
  makeYoung,
  modifyProtection,
  packPte,
  PROT,
  PTE,
  pfnOf,
  protectionFlags,
  writeProtect,
} from '../../src/mm/pte.ts';

/** Entries that mean something: valid, PROT_NONE or swap. Age or dirt alone is no entry. */
const entries = fc.record({
  pfn: fc.nat(2 ** 31 - 1),
  flags: fc
    .tuple(fc.constantFrom(PTE.VALID, PTE.PROT_NONE, PTE.SWAP), fc.integer({ min: 0, max: 8191 }))
    .map(([kind, others]) => kind | others),
});

describe('an entry', () => {
  test('gives back the frame and the flags it was made of, up to the largest frame', () => {
    fc.assert(
      fc.property(entries, ({ pfn, flags }) => {
        const pte = packPte(pfn, flags);
        return pfnOf(pte) === pfn && flagsOf(pte) === flags;
      }),
    );
    expect(pfnOf(packPte(2 ** 40 - 1, 8191))).toBe(2 ** 40 - 1);
    expect(() => packPte(2 ** 40, 1)).toThrow('frame number');
    expect(() => packPte(0, 0)).toThrow('flags');
  });

  test('that is write-protected keeps the dirt that hardware had noted', () => {
    fc.assert(
      fc.property(entries, ({ pfn, flags }) => {
        const pte = packPte(pfn, flags);
        const protectedPte = writeProtect(pte);
        return isDirty(protectedPte) === isDirty(pte) && !isWritable(protectedPte) && pfnOf(protectedPte) === pfn;
      }),
    );
  });

  test('is clean after makeClean, dirty after makeDirty, and no allowance to write makes it dirty', () => {
    fc.assert(
      fc.property(entries, ({ pfn, flags }) => {
        const pte = packPte(pfn, flags);
        expect(isDirty(makeClean(pte))).toBe(false);
        expect(isDirty(makeDirty(pte))).toBe(true);
        expect(isYoung(makeYoung(pte))).toBe(true);
        expect(isYoung(makeOld(pte))).toBe(false);
        expect(isDirty(makeWritable(writeProtect(pte)))).toBe(isDirty(pte));
      }),
    );
  });

  test('keeps dirt, age and bookkeeping when its protection changes', () => {
    fc.assert(
      fc.property(entries, fc.nat(7), fc.boolean(), ({ pfn, flags }, prot, shared) => {
        const pte = packPte(pfn, flags);
        const changed = modifyProtection(pte, protectionFlags(prot, shared));
        expect([isDirty(changed), isYoung(changed)]).toEqual([isDirty(pte), isYoung(pte)]);
        expect(flagsOf(changed) & PTE.ANON).toBe(flags & PTE.ANON);
        expect(isValid(changed)).toBe(prot !== 0);
        expect(isPresent(changed)).toBe(true);
      }),
    );
  });

  test('of a private writable mapping starts read-only, of a shared one writable and clean', () => {
    const privately = packPte(1, protectionFlags(PROT.READ | PROT.WRITE, false));
    const shared = packPte(1, protectionFlags(PROT.READ | PROT.WRITE, true));
    expect([isWritable(privately), isWritable(shared), isDirty(shared)]).toEqual([false, true, false]);
  });
});
