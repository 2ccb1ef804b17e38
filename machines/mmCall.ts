/** What the ABI adapter asks of an mm: calls on its address space, checked and in whole process pages. */
import type { TraceCall } from '../src/mm/runs.ts';
import type { UserfaultMmCall } from '../src/mm/userfaultfd/calls.ts';
import type { MemoryCall } from '../src/mm/abiRules.ts';
import type { ImageSegment } from '../src/mm/runs.ts';
import type { CollapseWish } from './khugepaged/messages.ts';

/** execve as the outside asks for it: the image of a trace, run with a page size. */
export interface ExecCall {
  op: 'execve';
  file: string;
  pageBytes: number;
  image: ImageSegment[];
}

/**
 * What the ABI adapter asks of an mm: arguments checked and rounded to the caller's page size (`src/mm/abiRules.ts`), files
 * as inodes. pkey_mprotect comes as `mprotect`, shmat as `mmap` of its segment's inode, process_madvise as one `madvise` for
 * each range.
 */
export type MmCall =
  | ExecCall
  | MemoryCall
  | { op: 'fork'; childPid: number }
  /** khugepaged: the pages of one huge page become one (`collapse_huge_page`). */
  | ({ op: 'collapse'; sender: string } & CollapseWish)
  | { op: 'exit'; status: number }
  /** `ksys_shmdt`: `segments` has the size in bytes of every System V segment, by its inode. */
  | { op: 'shmdt'; addr: number; segments: Record<string, number> }
  /** `do_pages_move` and `do_pages_stat` of this mm; the data of MM_DONE is one status an address. */
  | { op: 'move_pages'; addresses: number[]; nodes: number[] | null; flags: number }
  /**
   * `pin_user_pages_remote`: fault the pages of another process's range in; the result is how many bytes from `addr` on are
   * there, which may be none.
   */
  | { op: 'remote_access'; addr: number; lengthBytes: number; write: boolean }
  | UserfaultMmCall
  | Extract<TraceCall, { op: 'pattern' | 'clear_refs' }>;
