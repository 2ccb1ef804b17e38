/**
 * What processes, CPUs, address spaces, files and memory say to each other: the part of the vocabulary that is always there
 * (`machines/messages.ts` has the whole).
 *
 * Addresses and lengths are bytes; `pfn` and `nr` count kernel pages; `orderPages` is log2 of kernel pages; times are
 * cycles. `request` numbers are the sender's own and come back in the answer. All fields are plain data.
 */
import type { TableRoot } from './liveFallback/messages.ts';
import type { TlbiRequest } from './tlbiRequest.ts';
import type { ProtectedRange } from '../src/mm/calls/plan.ts';
import type { TraceCall } from '../src/mm/runs.ts';
import type { StretchCounts } from '../src/mm/stretch.ts';
import type { Vma } from '../src/mm/vma.ts';
import type { ExecCall, MmCall } from './mmCall.ts';

/** What an access wants of a page. */
export type Access = 'fetch' | 'read' | 'write';

/** `nr` kernel pages from `pfn` on. */
export interface FrameRun {
  pfn: number;
  nr: number;
}

/** `nr` consecutive PTEs from `va` on, mapping consecutive frames with the PTE flags of `src/mm/pte.ts`. */
export interface PteRun extends FrameRun {
  va: number;
  flags: number;
}

/** `nr` pages of a file from page `index` on, in consecutive frames. */
export interface FileRun extends FrameRun {
  index: number;
  /** Order of the folios that hold them; absent: not known, and no contpte block is made of them. */
  orderPages?: number;
  /** Flags that the entries get beside their protection: PTE.SPECIAL of frames that nobody counts, PTE.DEVICE. */
  pteFlags?: number;
}

/** What a TLB counted while it worked for one process: references, accesses and misses of each level, and walks. */
export interface TlbCounts extends StretchCounts {
  /** Table walks, those for a permission or a dirty bit included. */
  walks: number;
  /** Descriptors that the walks read. */
  walkReads: number;
}

/** Every message of the core, by type. */
export type CoreMessage =
  // The life of a process
  | { type: 'START' }
  | { type: 'STOP' }
  | { type: 'CONTINUE' }
  | { type: 'READY'; pid: number }
  | { type: 'YIELD'; pid: number; cpu: number }
  | { type: 'BLOCKED'; pid: number; cpu: number }
  | { type: 'EXITED'; pid: number; cpu: number }
  | { type: 'DISPATCH'; cpu: number }
  | { type: 'ACTIVATE'; pid: number; cpu: number; asid: number; flush: boolean }
  | {
      type: 'SET_TTBR';
      pid: number;
      asid: number;
      pageBytes: number;
      mmu: string;
      flush: boolean;
      /** Where changes of table are modelled: the root, and that the reserved table stands in for it. */
      root?: TableRoot;
      reserved?: true;
    }
  | { type: 'SWITCHED'; pid: number; cpu: number }
  // Running on a CPU
  | { type: 'RUN'; pid: number; trace: string; from: number; to: number; resumed: boolean; quantumCycles: number }
  | {
      type: 'RAN';
      to: number;
      reason: 'quantum' | 'call' | 'end' | 'asleep' | 'signal';
      cycles: number;
      counts: TlbCounts;
      signal: number;
      code: number;
      va: number;
    }
  | { type: 'UACCESS'; pid: number; va: number; lengthBytes: number; access: Access }
  | {
      type: 'UACCESS_DONE';
      pid: number;
      doneBytes: number;
      reason: 'done' | 'asleep' | 'fault';
      signal: number;
      counts: TlbCounts;
    }
  | { type: 'SLEEP'; pid: number }
  | { type: 'WAKE' }
  | { type: 'AWAKE'; pid: number; cpu: number }
  // Translation
  | {
      type: 'WALK';
      walk: number;
      pid: number;
      cpu: number;
      va: number;
      access: Access;
      skipLevels: number;
      /** Where changes of table are modelled: what TTBR0 and TG0 of this CPU hold. */
      root?: TableRoot;
      granuleBytes?: number;
    }
  | {
      type: 'TRANSLATION';
      walk: number;
      pid: number;
      va: number;
      pfn: number;
      pageBytes: number;
      read: boolean;
      write: boolean;
      exec: boolean;
      levels: number;
      /** Pages of the contiguous group that the entry belongs to; 1 without the contiguous bit. */
      contiguousPages: number;
    }
  | { type: 'EXCEPTION'; walk: number; pid: number; va: number; levels: number }
  | {
      type: 'FAULT';
      walk: number;
      pid: number;
      cpu: number;
      va: number;
      access: Access;
      ptePfn: number;
      pteFlags: number;
    }
  | { type: 'FAULT_DONE'; walk: number; pid: number; cpu: number }
  | { type: 'FAULT_SIGNAL'; walk: number; pid: number; cpu: number; va: number; signal: number; code: number }
  | { type: 'ABORT'; walk: number; pid: number; va: number; signal: number; code: number }
  | { type: 'WALK_AGAIN'; walk: number; pid: number }
  /** `issuerPageBytes`: the granule that the issuing CPU uses for user addresses at the moment. */
  | { type: 'TLBI'; mmu: string; operations: TlbiRequest[]; issuerPageBytes: number }
  | { type: 'TLBI_DONE'; cpu: number; dropped: number }
  | { type: 'REGRANULE'; mmu: string; pageBytes: number; root?: TableRoot }
  // Page tables
  | { type: 'CONFIGURE'; request: number; pageBytes: number; native: boolean }
  /** `lazily`: without `update_mmu_cache`, as fork enters what it copies. */
  | { type: 'SET_PTES'; request: number; runs: PteRun[]; expects: number; lazily?: true }
  | { type: 'FILL_NATIVE'; request: number; ranges: { startVa: number; endVa: number }[] }
  | { type: 'DROP_NATIVE'; request: number }
  | {
      type: 'CLEAR_PTES';
      request: number;
      ranges: { startVa: number; endVa: number }[];
      /** Free the empty tables between these addresses, as munmap and exit do; null keeps the tables. */
      freeWithin: { startVa: number; endVa: number } | null;
      /** Leave anonymous pages (private copies) in place. */
      fileOnly: boolean;
      /** The whole address space goes, at exit and execve: one flush of the ASID. */
      fullMm: boolean;
      /** For another than the process itself (truncation, invalidation, reclaim): it cannot be refused. */
      rmap?: { issuerPageBytes: number };
    }
  | { type: 'PROTECT_PTES'; request: number; ranges: ProtectedRange[] }
  | {
      type: 'AGE_PTES';
      request: number;
      startVa: number;
      endVa: number;
      young: boolean;
      dirty: boolean;
      /** Write-back wants to hear of the next write: the entries lose their write permission with the dirty bit. */
      writeProtect?: boolean;
      /** Folios of transparent huge pages that the range covers in part have been split. */
      split?: boolean;
    }
  | { type: 'MOVE_PTES'; request: number; fromVa: number; toVa: number; lengthBytes: number }
  | { type: 'COPY_PTES'; request: number; ranges: { startVa: number; endVa: number; always: boolean }[] }
  | { type: 'READ_PTES'; request: number; ranges: { startVa: number; endVa: number }[] }
  | { type: 'RELEASE_TABLES'; request: number }
  | {
      type: 'TABLE_DONE';
      request: number;
      set: PteRun[];
      cleared: PteRun[];
      rejected: PteRun[];
      /** Why the native table had to be given up, or `no-memory`. */
      fallback: string;
      /** Why the operation was refused (`design.untranslatable`): then nothing has changed. */
      failed: string;
    }
  // Memory
  | {
      type: 'ALLOC';
      sender: string;
      request: number;
      orderPages: number;
      /** Smaller orders to try where there is no block of `orderPages`, falling. */
      fallbackOrders?: number[];
      /** The order below which the folio must not be split: that of the process page. `orderPages` unless given. */
      leastOrder?: number;
      count: number;
      purpose: 'anon' | 'file' | 'table' | 'kernel';
      zero: boolean;
    }
  | { type: 'FRAMES'; request: number; orderPages: number; pfns: number[] }
  | {
      type: 'NO_MEMORY';
      request: number;
      /** What becomes of the fault: SIGBUS, or the access is done again. Absent: SIGKILL, as where nothing is left to kill. */
      failure?: 'sigbus' | 'retry';
    }
  | { type: 'COPY_ON_WRITE'; sender: string; request: number; pfn: number; nr: number; orderPages: number }
  | { type: 'REUSE'; request: number }
  | { type: 'GET'; sender: string; request: number; runs: FrameRun[] }
  | { type: 'GOT'; request: number }
  | { type: 'PUT'; runs: FrameRun[] }
  | { type: 'SHRINK'; sender: string; request: number; how: 'lazy-free' | 'page-out'; runs: PteRun[] }
  | { type: 'SHRUNK'; request: number; runs: PteRun[] }
  // Files
  | { type: 'MAP_FILE'; file: string; request: number; mm: string; orderPages: number; createBytes: number }
  | {
      type: 'MAPPED';
      request: number;
      file: string;
      /** The file system wants to hear of the first write to each page (`vma_wants_writenotify`). */
      writeNotify: boolean;
      droppedPages: number;
      /** 0, or EBUSY where the page cache cannot take the folio order that the mapping needs. */
      errno: number;
    }
  | { type: 'UNMAP_FILE'; file: string; mm: string }
  | {
      type: 'GET_PAGES';
      file: string;
      mm: string;
      request: number;
      index: number;
      firstIndex: number;
      endIndex: number;
      orderPages: number;
      write: boolean;
      /** `do_fault_around`: map what is there of the window, without asking for the page at `index` where that is enough. */
      around: boolean;
      /** Flags of the VMA (`src/mm/vma.ts`): advice on readahead is among them. */
      vmFlags: number;
      /** mmap itself asks, for an object whose entries it makes (`vm_insert_page`): no fault handler is involved. */
      insert?: true;
      /** It comes again, sent by the file itself: so many times by now. */
      rounds?: number;
    }
  | { type: 'IO_WAIT'; request: number }
  | {
      type: 'PAGES';
      request: number;
      /** What the fault maps. With `eof` too: `map_pages` ran before the page itself was refused. */
      runs: FileRun[];
      major: boolean;
      eof: boolean;
      failed: boolean;
      rereadPages: number;
      /** The file system wants to hear of the first write (`page_mkwrite`): a read fault maps read-only. */
      writeNotify: boolean;
    }
  | {
      type: 'UNMAP_RANGE';
      file: string;
      request: number;
      firstIndex: number;
      endIndex: number;
      /** Private copies go too, as truncation wants it; invalidation leaves them. */
      evenCows: boolean;
      /** Granule of the CPU that asks; absent: the kernel's, as of a kernel thread. */
      issuerPageBytes?: number;
    }
  | { type: 'RANGE_UNMAPPED'; file: string; mm: string; request: number; dirtyIndexes: number[] }
  | { type: 'DIRTIED'; file: string; runs: { index: number; nr: number }[] }
  | { type: 'READ_FILE'; file: string; request: number; offsetBytes: number; lengthBytes: number; orderPages?: number }
  | { type: 'WRITE_FILE'; file: string; request: number; offsetBytes: number; lengthBytes: number }
  /** O_DIRECT: the device and the user's pages, around the page cache. */
  | { type: 'DIRECT_IO'; file: string; request: number; write: boolean; offsetBytes: number; lengthBytes: number }
  | { type: 'TRUNCATE_FILE'; file: string; request: number; sizeBytes: number }
  | {
      type: 'ALLOCATE_FILE';
      file: string;
      sender: string;
      request: number;
      mode: number;
      offsetBytes: number;
      lengthBytes: number;
    }
  | { type: 'READ_AHEAD'; file: string; mm: string; firstIndex: number; endIndex: number }
  | {
      type: 'RESIDENT';
      file: string;
      mm: string;
      request: number;
      firstIndex: number;
      endIndex: number;
      /** Whoever asks wants to know where the file ends, in pages of this order. */
      orderPages?: number;
    }
  /** `fileEndIndex`: one past the last page of the file, where that was asked. */
  | { type: 'RESIDENT_PAGES'; request: number; runs: { index: number; nr: number }[]; fileEndIndex?: number }
  | { type: 'SYNC_FILE'; file: string; sender: string; request: number }
  | {
      type: 'FILE_DONE';
      request: number;
      rereadPages: number;
      failed: boolean;
      /** 0, or why it failed. */
      errno: number;
      /** Of a read or write: bytes up to the end of the file. */
      doneBytes: number;
    }
  /** A handle that `memfd_create` or `shmget` holds on a new inode of the kernel's internal tmpfs mount. */
  | { type: 'CREATE_FILE'; file: string; sender: string; request: number; sizeBytes: number }
  | { type: 'CLOSE_FILE'; file: string }
  /** With a request the holder is an actor and hears of what it got. */
  | { type: 'PIN_PAGES'; file: string; holder: string; firstIndex: number; endIndex: number; request?: number }
  | { type: 'PINNED'; request: number; runs: FileRun[] }
  /** With a range: one reference to each of its pages, and no more. */
  | { type: 'UNPIN_PAGES'; file: string; holder: string; firstIndex?: number; endIndex?: number }
  | { type: 'READ_BLOCKS'; file: string; request: number; lengthBytes: number }
  | { type: 'WRITE_BLOCKS'; file: string; request: number; lengthBytes: number }
  | { type: 'IO_DONE'; request: number }
  // System calls
  | { type: 'SYSINFO'; request: number }
  | { type: 'SYSINFO_DONE'; request: number; totalBytes: number; freeBytes: number }
  | { type: 'SYSCALL'; pid: number; cpu: number; call: TraceCall | ExecCall }
  | { type: 'SYSRET'; result: number; errno: number; signal: number; counts: TlbCounts; data: number[] }
  | { type: 'MM_CALL'; request: number; call: MmCall }
  | { type: 'MM_DONE'; request: number; result: number; errno: number; data: number[] }
  | {
      type: 'DUP_MM';
      parent: string;
      request: number;
      pageBytes: number;
      vmas: Vma[];
      startBrk: number;
      brk: number;
      /** The huge zero page, where the parent has mapped it. */
      hugeZero?: { pfn: number; nr: number };
    }
  /** `errno`: there is nothing to take over, and the child gives up what it has. */
  | { type: 'FORKED'; request: number; runs: PteRun[]; errno?: number }
  | { type: 'FORK_READY'; request: number; errno: number };
