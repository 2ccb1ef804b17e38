/**
 * What userfaultfd asks of its arguments, case by case, for callers of 4K, 16K and 64K pages.
 *
 * @models L-08 X-05
 */
import { describe, expect, it } from 'vitest';
import { ERRNO, type ErrnoName, TASK_SIZE } from '../../src/mm/abi/numbers.ts';
import { translateCall } from '../../src/mm/abiRules.ts';
import type { ResolvedUserfaultCall } from '../../src/mm/userfaultfd/calls.ts';
import { UFFD, UFFD_FEATURE, UFFD_FEATURES } from '../../src/mm/userfaultfd/numbers.ts';
import { userfaultRules } from '../../src/mm/userfaultfd/rules.ts';

const K = 1024;
const G = K * K * K;
const PAGE_SIZES = [4 * K, 16 * K, 64 * K];

type Expected = ErrnoName | 'passes';
type Case = [says: string, call: ResolvedUserfaultCall, expected: Expected | [Expected, Expected, Expected]];

const fd = 'u';
const range = { fd, addr: G, lengthBytes: 64 * K };
const fits: [Expected, Expected, Expected] = ['passes', 'EINVAL', 'EINVAL'];

const cases: Case[] = [
  ['flags that are known', { op: 'userfaultfd', fd, flags: UFFD.O_CLOEXEC | UFFD.O_NONBLOCK | 1 }, 'passes'],
  ['a flag that is not', { op: 'userfaultfd', fd, flags: 2 }, 'EINVAL'],
  ['a read', { op: 'uffd_read', fd }, 'passes'],
  ['a close', { op: 'uffd_close', fd }, 'passes'],
  ['the interface', { op: 'uffdio_api', fd, api: 0xaa, features: 0 }, 'passes'],
  ['all features of arm64', { op: 'uffdio_api', fd, api: 0xaa, features: UFFD_FEATURES }, 'passes'],
  ['another interface', { op: 'uffdio_api', fd, api: 0xab, features: 0 }, 'EINVAL'],
  ['a feature of later kernels', { op: 'uffdio_api', fd, api: 0xaa, features: 0x20000 }, 'EINVAL'],
  ['registering', { op: 'uffdio_register', ...range, mode: 1 }, 'passes'],
  ['registering for nothing', { op: 'uffdio_register', ...range, mode: 0 }, 'EINVAL'],
  ['registering for more than there is', { op: 'uffdio_register', ...range, mode: 8 }, 'EINVAL'],
  ['16K aligned', { op: 'uffdio_register', ...range, addr: G + 16 * K, mode: 7 }, ['passes', 'passes', 'EINVAL']],
  ['4K aligned', { op: 'uffdio_register', ...range, addr: G + 4 * K, mode: 1 }, fits],
  ['not aligned', { op: 'uffdio_register', ...range, addr: G + 512, mode: 1 }, 'EINVAL'],
  ['below mmap_min_addr', { op: 'uffdio_register', ...range, addr: 0, mode: 1 }, 'EINVAL'],
  [
    'past the end',
    { op: 'uffdio_register', ...range, addr: TASK_SIZE - 64 * K, lengthBytes: 128 * K, mode: 1 },
    'EINVAL',
  ],
  ['up to the end', { op: 'uffdio_register', ...range, addr: TASK_SIZE - 64 * K, mode: 1 }, 'passes'],
  ['unregistering', { op: 'uffdio_unregister', ...range, lengthBytes: 4 * K }, fits],
  ['waking nothing', { op: 'uffdio_wake', ...range, lengthBytes: 0 }, 'EINVAL'],
  ['waking an odd length', { op: 'uffdio_wake', ...range, lengthBytes: 20 * K }, fits],
  ['copying from anywhere', { op: 'uffdio_copy', ...range, src: 2 * G + 1, mode: 3 }, 'passes'],
  ['copying from below mmap_min_addr', { op: 'uffdio_copy', ...range, src: 1, mode: 0 }, 'EINVAL'],
  ['copying from past the end', { op: 'uffdio_copy', ...range, src: TASK_SIZE - 4 * K, mode: 0 }, 'EINVAL'],
  ['copying a kernel page', { op: 'uffdio_copy', ...range, lengthBytes: 4 * K, src: 2 * G, mode: 0 }, fits],
  ['copying to an odd place', { op: 'uffdio_copy', ...range, addr: G + 1, src: 2 * G, mode: 0 }, 'EINVAL'],
  ['copying with a mode unknown', { op: 'uffdio_copy', ...range, src: 2 * G, mode: 4 }, 'EINVAL'],
  ['a zero page of 4K', { op: 'uffdio_zeropage', ...range, lengthBytes: 4 * K, mode: 0 }, fits],
  ['zero pages cannot be protected', { op: 'uffdio_zeropage', ...range, mode: 2 }, 'EINVAL'],
  ['protecting', { op: 'uffdio_writeprotect', ...range, mode: 1 }, 'passes'],
  ['protecting and not waking', { op: 'uffdio_writeprotect', ...range, mode: 3 }, 'EINVAL'],
  ['unprotecting and not waking', { op: 'uffdio_writeprotect', ...range, mode: 2 }, 'passes'],
  ['protecting 4K', { op: 'uffdio_writeprotect', ...range, lengthBytes: 4 * K, mode: 1 }, fits],
  ['going on', { op: 'uffdio_continue', ...range, mode: 3 }, 'passes'],
  ['going on with a mode unknown', { op: 'uffdio_continue', ...range, mode: 4 }, 'EINVAL'],
  ['poison', { op: 'uffdio_poison', ...range, mode: 1 }, 'passes'],
  ['poison at 4K', { op: 'uffdio_poison', ...range, addr: G + 4 * K, mode: 0 }, fits],
  ['moving', { op: 'uffdio_move', ...range, src: 2 * G, mode: 3 }, 'passes'],
  ['moving from 4K', { op: 'uffdio_move', ...range, src: 2 * G + 4 * K, mode: 0 }, fits],
  ['moving with a mode unknown', { op: 'uffdio_move', ...range, src: 2 * G, mode: 4 }, 'EINVAL'],
];

describe('the arguments of userfaultfd', () => {
  describe.each(PAGE_SIZES.map((pageBytes, at) => [pageBytes, at] as const))(
    'in pages of %i bytes',
    (pageBytes, at) => {
      it.each(cases)('%s', (_says, call, expected) => {
        const wanted = typeof expected === 'string' ? expected : expected[at];
        const answer = translateCall(call, pageBytes);
        if (wanted === 'passes') expect(answer).toEqual({ call });
        else expect(answer).toEqual({ errno: ERRNO[wanted] });
      });
    },
  );

  it('want CAP_SYS_PTRACE for fork events, before they are looked at', () => {
    const call = { op: 'uffdio_api' as const, fd, api: 0xaa, features: UFFD_FEATURE.EVENT_FORK | 0x20000 };
    expect(translateCall(call, 4096, false)).toEqual({ errno: ERRNO.EPERM });
    expect(translateCall(call, 4096, true)).toEqual({ errno: ERRNO.EINVAL });
  });

  it('have a rule each, and every rule is tried here', () => {
    expect([...new Set(cases.map(([, { op }]) => op))].sort()).toEqual(Object.keys(userfaultRules).sort());
  });
});
