/** Layer 1's rules, one by one: each case is a call with what 4K, 16K and 64K callers are answered. */
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { abiRules } from '../../src/mm/abi/rules.ts';
import { lateErrno, translateCall } from '../../src/mm/abiRules.ts';
import { userfaultRules } from '../../src/mm/userfaultfd/rules.ts';
import { cases, expectedAt, late, PAGE_SIZES } from './support/ruleCases.ts';

describe('a rule of layer 1', () => {
  it.each(cases)('%s', (_says, call, expected, privileged = true) => {
    for (const [index, pageBytes] of PAGE_SIZES.entries()) {
      const wanted = expectedAt(expected, index);
      const found = translateCall(call, pageBytes, privileged);
      if (wanted === 'nothing') expect(found).toEqual({ nothing: true });
      else if (typeof wanted === 'string') expect(found, `${pageBytes}`).toEqual({ errno: ERRNO[wanted] });
      else expect(found, `${pageBytes}`).toMatchObject({ call: wanted });
    }
  });

  it('stands in the table for every call that is tried here, and the other way round', () => {
    const tried = new Set(cases.map(([, { op }]) => op));
    const others = Object.keys(abiRules).filter((op) => !(op in userfaultRules));
    expect([...tried].sort()).toEqual(others.sort());
  });
});

describe('what is asked late', () => {
  it.each(late)('%s', (_says, call, errno) => {
    expect(lateErrno(call, 4096)).toBe(errno === null ? 0 : ERRNO[errno]);
  });
});
