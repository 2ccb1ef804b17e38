/**
 * What userfaultfd's descriptors exchange with the ABI adapter, address spaces and processes.
 *
 * @models L-08 X-05
 */
import type { UserfaultCall, UserfaultMmCall } from '../../src/mm/userfaultfd/calls.ts';

/** Every message of userfaultfd. */
export type UserfaultMessage =
  | { type: 'UFFD_CALL'; fd: string; request: number; pageBytes: number; call: UserfaultCall }
  | {
      type: 'UFFD_DONE';
      request: number;
      errno: number;
      /** The event that was read. */
      data: number[];
      /** What is left to be done, by the mm of that process; null where the call is over. */
      left: { pid: number; call: UserfaultMmCall } | null;
    }
  | { type: 'USERFAULT'; fd: string; pid: number; va: number; flags: number }
  | { type: 'UFFD_WAKE'; fd: string; startVa: number; lengthBytes: number }
  | { type: 'UFFD_EXIT'; fd: string; pid: number }
  | { type: 'UFFD_RELEASE'; fd: string };
