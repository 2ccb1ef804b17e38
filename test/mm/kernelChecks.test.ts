/**
 * Layer 1 beside a second source: what the functions of the kernel ask, written down line by line, at every border of their
 * arguments and every page size.
 *
 * @models S-20 S-22 X-01
 */
import { describe, expect, it } from 'vitest';
import { userfaultRules } from '../../src/mm/userfaultfd/rules.ts';
import { abiRules } from '../../src/mm/abi/rules.ts';
import { borderFault, CHECKED_CALLS } from './support/borderCalls.ts';

/** Calls that have another second source: recordings of kernels, or no argument that is asked about. */
const ELSEWHERE = ['brk', 'mmap', 'munlockall', 'read', 'shmctl', 'shmget', 'uffd_close', 'uffd_read', 'write'];

describe('layer 1 and the function of the kernel', () => {
  it.each(CHECKED_CALLS)('answer %s alike at every border of its arguments', (op) => {
    const count = { calls: 0 };
    expect(borderFault(op, count)).toBeNull();
    expect(count.calls).toBeGreaterThan(20);
  });

  it('are held together for every call but those that are held elsewhere', () => {
    const all = Object.keys({ ...abiRules, ...userfaultRules }).sort();
    expect([...CHECKED_CALLS, ...ELSEWHERE].sort()).toEqual(all);
  });
});
