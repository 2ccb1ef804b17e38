/** Which calls the adapter treats alike. */
import { abiRules, type RuledCall } from '../src/mm/abi/rules.ts';
import type { FileCall, OtherProcessCall, SharedMemoryCall } from '../src/mm/runs.ts';

const FILE_CALLS: ReadonlySet<string> = new Set<FileCall['op']>([
  'read',
  'write',
  'truncate',
  'ftruncate',
  'fallocate',
  'memfd_create',
]);
const SHARED_CALLS: ReadonlySet<string> = new Set<SharedMemoryCall['op']>(['shmget', 'shmat', 'shmdt', 'shmctl']);
const OTHER_CALLS: ReadonlySet<string> = new Set<OtherProcessCall['op']>([
  'move_pages',
  'process_madvise',
  'process_vm_readv',
  'process_vm_writev',
]);

/**
 * Whether it is a call on a file with a page cache.
 *
 * @example
 * ```ts
 * isFileCall({ op: 'read' }); // true
 * ```
 */
export const isFileCall = (call: { op: string }): call is FileCall => FILE_CALLS.has(call.op);
/**
 * Whether it is a call of System V shared memory.
 *
 * @example
 * ```ts
 * isSharedCall({ op: 'shmdt' }); // true
 * ```
 */
export const isSharedCall = (call: { op: string }): call is SharedMemoryCall => SHARED_CALLS.has(call.op);
/**
 * Whether it is a call on the memory of another process.
 *
 * @example
 * ```ts
 * isOtherCall({ op: 'read' }); // false
 * ```
 */
export const isOtherCall = (call: { op: string }): call is OtherProcessCall => OTHER_CALLS.has(call.op);
/**
 * Whether it is a call that layer 1 has a rule for.
 *
 * @example
 * ```ts
 * isRuled({ op: 'mmap' }); // true
 * ```
 */
export const isRuled = (call: { op: string }): call is RuledCall => call.op in abiRules;
