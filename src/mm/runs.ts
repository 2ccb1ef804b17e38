/**
 * The stretch-of-memory-references form that the TLB actor works through: what translation needs of a trace, and
 * nothing else. `src/trace` reads and writes it; machines only ever see these types.
 *
 * A **run** is a stretch of consecutive accesses of one stream to one 4K page. Fetches form one stream, data accesses the
 * other. A data run ends when the data page changes, when its first write comes (the run so far was RUN_READ, a
 * RUN_WRITE run begins and may hold later reads), and whenever a new fetch run begins. Every run ends at a system call. A
 * fetch run holds at most 65,536 fetches, so that a quantum, which ends between fetch runs, is not outlasted by a loop.
 * So the runs between two fetch runs belong to the first of them, and a stretch can be cut before any fetch run.
 */

import type { UserfaultCall } from './userfaultfd/calls.ts';

/** An instruction-fetch run. */
export const RUN_FETCH = 0;
/** A data run of reads only. */
export const RUN_READ = 1;
/** A data run that begins with a write; it may hold reads as well. */
export const RUN_WRITE = 2;
/** Not an access: the place of a system call. `page` is then the index of the call in the block. */
export const RUN_CALL = 3;

/** log2 of the page size that runs are made of: always 4K, so that one trace serves every page size. */
export const RUN_PAGE_SHIFT = 12;

/** A stretch of user memory, in bytes: one element of an iovec. */
export interface UserRange {
  addr: number;
  lengthBytes: number;
}

/**
 * One system call of a trace, with the arguments that the program gave; addresses and lengths in bytes, `file` the path.
 * Linux's numbers for prot, flags, advice and modes. Where the kernel chose a place, the recorded place stands in the call,
 * and is a hint when the call runs again.
 */
export type TraceCall =
  | MappingCall
  | AdviceCall
  | FileCall
  | PipeCall
  | SharedMemoryCall
  | OtherProcessCall
  | QueryCall
  | ProcCall
  | UserfaultCall
  | ControlCall
  | SelectionCall
  | ObjectCall
  | DeviceCall
  | TaskCall;

/** What the mmap handler of an object asks for its area. */
export interface ObjectAreaWish {
  flags: number;
  /** mmap makes the entries itself. */
  inserts: boolean;
  /** What /proc/PID/maps shows. */
  name?: string;
  /** The area cannot be split. */
  noSplit?: boolean;
}

/** Calls that make, change and remove mappings. */
export type MappingCall =
  /** `addr` is a hint, or the place where MAP_FIXED is among the flags; `file` null when anonymous. */
  | {
      op: 'mmap';
      addr: number;
      lengthBytes: number;
      prot: number;
      flags: number;
      file: string | null;
      offsetBytes: number;
      /** What the mmap handler of an object asks for its area; the ABI adapter puts it in, no program does. */
      area?: ObjectAreaWish;
    }
  | { op: 'munmap'; addr: number; lengthBytes: number }
  | { op: 'mprotect'; addr: number; lengthBytes: number; prot: number }
  /** `pkey` -1 is no key. */
  | { op: 'pkey_mprotect'; addr: number; lengthBytes: number; prot: number; pkey: number }
  /** `newAddr` is the place with MREMAP_FIXED, and a hint (0 for none) with MREMAP_MAYMOVE alone. */
  | {
      op: 'mremap';
      addr: number;
      oldLengthBytes: number;
      newLengthBytes: number;
      flags: number;
      newAddr: number;
    }
  /** `addr` is the break the caller asked for and got; brk(0) is kept too, so that the first one tells where the heap begins. */
  | { op: 'brk'; addr: number }
  /** `pgoff` counts pages of the caller. */
  | { op: 'remap_file_pages'; addr: number; lengthBytes: number; prot: number; pgoff: number; flags: number }
  | { op: 'mseal'; addr: number; lengthBytes: number; flags: number };

/** Advice, locking, synchronization, residency and memory policy of the caller's own memory. */
export type AdviceCall =
  | { op: 'madvise'; addr: number; lengthBytes: number; advice: number }
  | { op: 'msync'; addr: number; lengthBytes: number; flags: number }
  /** `vec` is where the answer goes, one byte a page of the caller; left out: nowhere. */
  | { op: 'mincore'; addr: number; lengthBytes: number; vec?: number }
  | { op: 'mlock'; addr: number; lengthBytes: number }
  | { op: 'mlock2'; addr: number; lengthBytes: number; flags: number }
  | { op: 'munlock'; addr: number; lengthBytes: number }
  | { op: 'mlockall'; flags: number }
  | { op: 'munlockall' }
  /** `nodes` are the nodes in the mask, `maxNode` its length in bits as the caller gave it. */
  | {
      op: 'mbind';
      addr: number;
      lengthBytes: number;
      mode: number;
      maxNode: number;
      flags: number;
      nodes?: number[];
    }
  | { op: 'set_mempolicy_home_node'; addr: number; lengthBytes: number; homeNode: number; flags: number }
  /** prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME); null takes the name away. */
  | { op: 'set_vma_anon_name'; addr: number; lengthBytes: number; name: string | null };

/** Calls on files that have a page cache. */
export type FileCall =
  /** `lengthBytes` is what was really read into `buffer`. `direct`: the file is open with O_DIRECT. */
  | { op: 'read'; file: string; offsetBytes: number; buffer: number; lengthBytes: number; direct?: true }
  | { op: 'write'; file: string; offsetBytes: number; buffer: number; lengthBytes: number; direct?: true }
  /** `sizeBytes` is the new size. */
  | { op: 'truncate'; file: string; sizeBytes: number }
  | { op: 'ftruncate'; file: string; sizeBytes: number }
  | { op: 'fallocate'; file: string; mode: number; offsetBytes: number; lengthBytes: number }
  /** From here on, `file` in the calls of this process and its children is this new file. */
  | { op: 'memfd_create'; file: string; flags: number };

/** Pipes by name, as a topology gives them: their descriptors are not followed. */
export type PipeCall =
  /** Pages of the file's cache go into the pipe; nothing is copied. */
  | { op: 'splice'; file: string; offsetBytes: number; lengthBytes: number; pipe: string }
  /** What is in the pipe is read and goes. */
  | { op: 'drain'; pipe: string; lengthBytes: number };

/** System V shared memory. `shmid` is the identifier that the recorded caller got. */
export type SharedMemoryCall =
  | { op: 'shmget'; key: number; lengthBytes: number; flags: number; shmid: number }
  /** `addr` 0 lets the kernel choose; `placedAddr` is then where it went, a hint, 0 for none. */
  | { op: 'shmat'; shmid: number; addr: number; flags: number; placedAddr: number }
  | { op: 'shmdt'; addr: number }
  /** `command` IPC_RMID is 0; others do nothing. */
  | { op: 'shmctl'; shmid: number; command: number };

/** Calls on the memory of a process named by `targetPid`; 0 is the caller. Addresses are the target's, units the caller's. */
export type OtherProcessCall =
  /** `nodes` null asks where the pages are. */
  | { op: 'move_pages'; targetPid: number; addresses: number[]; nodes: number[] | null; flags: number }
  | { op: 'process_madvise'; targetPid: number; ranges: UserRange[]; advice: number }
  | { op: 'process_vm_readv'; targetPid: number; local: UserRange[]; remote: UserRange[] }
  | { op: 'process_vm_writev'; targetPid: number; local: UserRange[]; remote: UserRange[] };

/** Files of /proc and /sys, whose text the kernel makes when they are read. */
export type ProcCall =
  /** pread(2); `/proc/self` is the caller. The bytes go to `buffer`, or nowhere where it is left out. */
  | { op: 'read_proc'; path: string; offsetBytes: number; lengthBytes: number; buffer?: number }
  /** write(2) of a short text, as clear_refs takes it. */
  | { op: 'write_proc'; path: string; text: string };

/** What a program asks about the page size: the C library's sysconf and getauxval, by the constants' names. */
export type QueryCall = { op: 'sysconf'; name: string } | { op: 'auxval'; name: string };

/** Files of sysfs and /proc/sys that hold one setting each; the data of a read's answer is its text in bytes. */
export type ControlCall = { op: 'read_control'; path: string } | { op: 'write_control'; path: string; text: string };

/**
 * Calls that make an object of the kernel which can be mapped. From here on, `file` in the calls of this process and
 * its children is that object.
 */
export type ObjectCall =
  | { op: 'perf_event_open'; file: string }
  | { op: 'io_uring_setup'; file: string; entries: number; cqEntries: number; flags: number }
  /** bpf(BPF_MAP_CREATE) of a map that can be mapped; an array is made with BPF_F_MMAPABLE. */
  | {
      op: 'bpf_map_create';
      file: string;
      mapType: 'ringbuf' | 'user_ringbuf' | 'array' | 'arena';
      maxEntries: number;
      valueBytes: number;
      mapExtra: number;
    }
  /** socket(AF_PACKET) and setsockopt(PACKET_RX_RING), version 2. */
  | { op: 'packet_ring'; file: string; blockBytes: number; blocks: number; frameBytes: number; frames: number }
  /** The kernel maps the ring itself; the result is its address, which is the context's name. */
  | { op: 'io_setup'; file: string; requests: number };

/**
 * ioctl of a device. The model knows what the command carries: addresses, lengths, counts of pages
 * (`src/mm/objects/ioctls.ts`).
 */
export type DeviceCall = { op: 'ioctl'; file: string; command: string; values: number[] };

/** What says in which page size the next program runs (`src/mm/selection`). */
export type SelectionCall =
  /** The whole argument of personality(2); 0xffffffff asks. */
  | { op: 'personality'; persona: number }
  /** A prctl: for the next execve alone, or inherited; `pageBytes` 0 takes it back. */
  | { op: 'prefer_page'; which: 'once' | 'inherited'; pageBytes: number };

/** The life of the task, and everything else. */
export type TaskCall =
  /** `pageBytes` is the page size given to clone3, if any. */
  | { op: 'fork'; childPid: number; pageBytes?: number }
  /** Of a topology with programs the memory is that of `file` from here on; a recorded trace ends here. */
  | { op: 'exec'; file: string; longestArgumentBytes?: number }
  | { op: 'exit'; status: number }
  /** The caller sleeps for some time. */
  | { op: 'nanosleep'; cycles: number }
  /** A write to /proc/PID/clear_refs; `targetPid` 0 is the caller. */
  | { op: 'clear_refs'; targetPid: number; value: number }
  /** No call of Linux: the program says what the stores before it have filled a range with, for ksmd to compare. */
  | { op: 'pattern'; addr: number; lengthBytes: number; value: number }
  /** A call that does not touch the memory that is modelled; `name` is Linux's. */
  | { op: 'other'; name: string };

/** A mapping that is there when the trace begins: what execve and the loader laid out. */
export interface ImageSegment {
  kind: 'program' | 'interpreter' | 'stack' | 'heap' | 'other';
  addr: number;
  lengthBytes: number;
  /** PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4. */
  prot: number;
  /** The file behind it, null for anonymous memory. */
  file: string | null;
  offsetBytes: number;
}

/** A file that the trace names, with the size it had, or the least size that the trace proves. */
export interface TraceFile {
  path: string;
  sizeBytes: number;
}

/** A block of runs, in order: arrays of equal length, one element a run. */
export interface RunBlock {
  /** Index of the block's first run in the trace. */
  firstRun: number;
  /** Runs in the block. */
  count: number;
  /** RUN_FETCH, RUN_READ, RUN_WRITE or RUN_CALL. */
  kind: Uint8Array;
  /** Index into `RunSource.pages`; for RUN_CALL, index into `calls`. */
  page: Int32Array;
  /** Accesses made to this 4K page in this run; an access across a border counts in both pages; a modify counts twice. */
  accesses: Uint32Array;
  /** Trace lines that begin in this run: the second half of a crossing access, and the store of a modify, begin none. */
  references: Uint32Array;
  /** 1 where the run's first access is the second part of one that began on the page of the same stream's run before. */
  continued: Uint8Array;
  calls: TraceCall[];
}

/** A trace of runs, opened for reading; `block` is synchronous and gives the same answer for ever. */
export interface RunSource {
  /** SHA-256 of the trace's content, in hex: it names the trace in a log. */
  readonly hash: string;
  readonly name: string;
  /** The command that was recorded. */
  readonly command: string;
  readonly runs: number;
  readonly references: number;
  /** Runs in every block but the last. */
  readonly blockRuns: number;
  /** 4K page number (address / 4096) of each page index. Two indexes may hold one page number. */
  readonly pages: Float64Array;
  readonly image: ImageSegment[];
  readonly files: TraceFile[];
  /** The block with the given index: `floor(run / blockRuns)`. */
  block(index: number): RunBlock;
}
