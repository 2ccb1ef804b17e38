/**
 * What userfaultfd asks of its arguments, as rows of the table of layer 1, in the order of fs/userfaultfd.c of Linux 6.12.
 * What depends on the areas, on what is mapped or on the descriptor's state is in the other files of this folder.
 *
 * @models L-08 X-05
 */
import type { AbiRule } from '../abi/rules.ts';
import type { Step } from '../abi/steps.ts';
import type { UserfaultCall } from './calls.ts';
import { UFFD, UFFD_FEATURES } from './numbers.ts';

const known = (mask: number, argument = 'mode'): Step => ({ do: 'known', argument, mask, errno: 'EINVAL' });

const start = (addr: 'addr' | 'src'): Step[] => [
  { do: 'refuse', when: addr === 'addr' ? 'startBelowMinimum' : 'sourceBelowMinimum', errno: 'EINVAL' },
  { do: 'below', addr, length: 'lengthBytes', errno: 'EINVAL' },
];
const alignedAt = (argument: 'addr' | 'src' | 'lengthBytes'): Step => ({ do: 'aligned', argument, errno: 'EINVAL' });
const length: Step[] = [alignedAt('lengthBytes'), { do: 'nonzero', argument: 'lengthBytes', errno: 'EINVAL' }];

/** `validate_range`: its first step, then `validate_unaligned_range`. */
const range: Step[] = [alignedAt('addr'), ...length, ...start('addr')];

/** One row for each call of userfaultfd. */
export const userfaultRules: { readonly [O in UserfaultCall['op']]: AbiRule } = {
  userfaultfd: {
    source: 'fs/userfaultfd.c:new_userfaultfd',
    steps: [known(UFFD.USER_MODE_ONLY | UFFD.O_NONBLOCK | UFFD.O_CLOEXEC, 'flags')],
    note: 'CAP_SYS_PTRACE is there, so that vm.unprivileged_userfaultfd does not matter.',
  },
  uffd_read: {
    source: 'fs/userfaultfd.c:userfaultfd_read_iter',
    steps: [],
    note: 'One event; EINVAL before UFFDIO_API, EAGAIN where there is none and O_NONBLOCK was given.',
  },
  uffd_close: { source: 'fs/userfaultfd.c:userfaultfd_release', steps: [] },
  uffdio_api: {
    source: 'fs/userfaultfd.c:userfaultfd_api',
    steps: [
      { do: 'refuse', when: 'userfaultApiUnknown', errno: 'EINVAL' },
      { do: 'refuse', when: 'userfaultForkUnprivileged', errno: 'EPERM' },
      known(UFFD_FEATURES, 'features'),
    ],
    note: 'EINVAL the second time. Every other request is EINVAL before it.',
  },
  uffdio_register: {
    source: 'fs/userfaultfd.c:userfaultfd_register,validate_range',
    steps: [
      { do: 'nonzero', argument: 'mode', errno: 'EINVAL' },
      known(UFFD.REGISTER_MISSING | UFFD.REGISTER_WP | UFFD.REGISTER_MINOR),
      ...range,
    ],
  },
  uffdio_unregister: { source: 'fs/userfaultfd.c:userfaultfd_unregister,validate_range', steps: range },
  uffdio_wake: { source: 'fs/userfaultfd.c:userfaultfd_wake,validate_range', steps: range },
  uffdio_copy: {
    source: 'fs/userfaultfd.c:userfaultfd_copy,validate_unaligned_range,validate_range',
    steps: [...length, ...start('src'), alignedAt('addr'), ...start('addr'), known(UFFD.DONTWAKE | UFFD.COPY_WP)],
    note: 'The source may lie anywhere. The kernel looks at the length a second time with the destination.',
  },
  uffdio_zeropage: {
    source: 'fs/userfaultfd.c:userfaultfd_zeropage,validate_range',
    steps: [...range, known(UFFD.DONTWAKE)],
  },
  uffdio_writeprotect: {
    source: 'fs/userfaultfd.c:userfaultfd_writeprotect,validate_range',
    steps: [
      ...range,
      known(UFFD.WRITEPROTECT_WP | UFFD.WRITEPROTECT_DONTWAKE),
      { do: 'refuse', when: 'userfaultProtectsAndWakes', errno: 'EINVAL' },
    ],
  },
  uffdio_continue: {
    source: 'fs/userfaultfd.c:userfaultfd_continue,validate_range',
    steps: [...range, known(UFFD.DONTWAKE | UFFD.CONTINUE_WP)],
  },
  uffdio_poison: {
    source: 'fs/userfaultfd.c:userfaultfd_poison,validate_range',
    steps: [...range, known(UFFD.DONTWAKE)],
  },
  uffdio_move: {
    source: 'fs/userfaultfd.c:userfaultfd_move,validate_range',
    steps: [...range, alignedAt('src'), ...start('src'), known(UFFD.MOVE_DONTWAKE | UFFD.MOVE_ALLOW_SRC_HOLES)],
    note: 'Only by the process whose memory it is: EINVAL. The kernel looks at the length a second time with the source.',
  },
};
