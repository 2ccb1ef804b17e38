/** Who sends each message of the core to whom, and what it says. */
import type { CoreMessage } from './coreMessages.ts';
import type { Kind, VocabularyRow } from './messages.ts';
import { row } from './vocabularyRow.ts';

/** Whoever stands behind a mapped file: a page cache, or an owner of memory that has none. */
const BACKING: readonly Kind[] = ['file', 'shmem', 'object', 'driver'];
/** All that has pages to be mapped: hugetlb answers faults in words of its own. */
const MAPPABLE: readonly Kind[] = [...BACKING, 'hugetlb'];

/**
 * The rows of the core.
 *
 * @example
 * ```ts
 * coreVocabulary.WALK.to; // ['mmu']
 * ```
 */
export const coreVocabulary: Readonly<Record<CoreMessage['type'], VocabularyRow>> = {
  START: row('outside', 'process', 'Begin: execve the program with the page size of the topology.'),
  STOP: row('outside', 'process', 'SIGSTOP: leave the CPU at the end of the present stretch.'),
  CONTINUE: row('outside', 'process', 'SIGCONT.'),
  READY: row('process', 'sched', 'Can run; wants a CPU.'),
  YIELD: row('process', 'sched', 'Its quantum is used up; wants the next one.'),
  BLOCKED: row('process', 'sched', 'Sleeps for I/O; the CPU is free.'),
  EXITED: row('process', 'sched', 'Gone; the CPU is free.'),
  DISPATCH: row('sched', 'process', 'Has this CPU now.'),
  ACTIVATE: row('sched', 'mmu', 'switch_mm: install this mm on a CPU under an ASID.'),
  SET_TTBR: row('mmu', 'tlb', 'TTBR0, ASID and TG0 of the mm to run; first flush everything after an ASID rollover.'),
  SWITCHED: row('tlb', 'sched', 'The switch is done.'),
  RUN: row('process', 'tlb', 'Run this stretch of the trace: from run `from` up to run `to`, at most a quantum.'),
  RAN: row('tlb', 'process', 'How far it came, why it stopped, and what was counted.'),
  UACCESS: row('abi', 'tlb', 'copy_to_user or copy_from_user: the kernel touches user memory through TTBR0.'),
  UACCESS_DONE: row('tlb', 'abi', 'Bytes that were touched, and why it ended.'),
  SLEEP: row(['mm', 'abi'], ['tlb', 'process'], 'What it waits for needs I/O: give up the CPU. The mm tells the TLB.'),
  WAKE: row(['mm', 'abi', 'uffd'], 'process', 'What it slept for is there.'),
  AWAKE: row('process', 'abi', 'Has a CPU again, in the middle of a call.'),
  WALK: row('tlb', 'mmu', 'No translation, or none that allows this access: walk the table that TTBR0 points to.'),
  TRANSLATION: row('mmu', 'tlb', 'The leaf entry found, and the descriptors read on the way.'),
  EXCEPTION: row('mmu', 'tlb', 'The walk ended in a data or instruction abort; the kernel has the CPU.'),
  FAULT: row('mmu', 'mm', 'The walk found no entry, or one that forbids the access.'),
  FAULT_DONE: row('mm', 'mmu', 'The fault is handled: try the walk again.'),
  FAULT_SIGNAL: row('mm', 'mmu', 'The access is an error: SIGSEGV, SIGBUS or SIGKILL.'),
  ABORT: row('mmu', 'tlb', 'End the stretch with a signal.'),
  WALK_AGAIN: row('mmu', 'tlb', 'The entry is there now: retry the access.'),
  TLBI: row('mmu', 'tlb', 'Maintenance, broadcast to the Inner Shareable domain.'),
  TLBI_DONE: row('tlb', 'mmu', 'Complete, as a DSB would see it.'),
  REGRANULE: row('mmu', 'tlb', 'Live fallback: this mm runs on the Linux table from now on.'),
  CONFIGURE: row('mm', 'mmu', 'A new mm: page size of its ABI, with or without a native table.'),
  SET_PTES: row('mm', 'mmu', 'set_ptes: map runs of frames.'),
  FILL_NATIVE: row('mm', 'mmu', 'update_mmu_cache of a lazy native table: a fault found the Linux entry there.'),
  DROP_NATIVE: row(['outside', 'kswapd'], 'mmu', 'A shrinker takes a lazy native table away; faults bring it back.'),
  CLEAR_PTES: row('mm', 'mmu', 'zap_pte_range: unmap a range, flush, and free tables on munmap.'),
  PROTECT_PTES: row('mm', 'mmu', 'change_pte_range: new protection for what is mapped.'),
  AGE_PTES: row('mm', 'mmu', 'clear_young_dirty_ptes: MADV_COLD, MADV_FREE; page_mkclean: msync.'),
  MOVE_PTES: row('mm', 'mmu', 'move_page_tables: mremap.'),
  COPY_PTES: row('mm', 'mmu', 'copy_page_range: write-protect for fork and give the entries to the child.'),
  READ_PTES: row('mm', 'mmu', 'follow_page: what the table holds in a range; TABLE_DONE carries it.'),
  RELEASE_TABLES: row('mm', 'mmu', 'exit_mmap: free every table, the roots too.'),
  TABLE_DONE: row('mmu', 'mm', 'The table operation is complete, its TLB maintenance included.'),
  ALLOC: row(
    ['mm', 'mmu', 'swap', ...BACKING, 'khugepaged', 'hugetlb', 'ksmd', 'hwpoison'],
    'zone',
    'Allocate folios of an order.',
  ),
  FRAMES: row(
    'zone',
    ['mm', 'mmu', 'swap', ...BACKING, 'khugepaged', 'hugetlb', 'ksmd', 'hwpoison'],
    'The first frame of each folio.',
  ),
  NO_MEMORY: row(
    ['zone', 'page-alloc'],
    ['mm', 'mmu', 'swap', ...BACKING, 'khugepaged', 'hugetlb', 'ksmd', 'hwpoison'],
    'No block of that order is free.',
  ),
  COPY_ON_WRITE: row('mm', 'zone', 'A write to a shared page: reuse it if nobody else has it, else allocate a copy.'),
  REUSE: row('zone', 'mm', 'It was the last reference.'),
  GET: row(
    ['mm', 'kswapd', 'swap', ...BACKING, 'khugepaged', 'hugetlb', 'ksmd', 'hwpoison'],
    'zone',
    'One more reference to each page of the runs.',
  ),
  GOT: row('zone', ['mm', 'swap', ...BACKING, 'hugetlb', 'ksmd'], 'The references are taken.'),
  PUT: row(
    ['mm', 'mmu', 'kswapd', 'swap', ...BACKING, 'khugepaged', 'hugetlb', 'ksmd', 'hwpoison'],
    'zone',
    'One reference less to each page; the last one frees the folio.',
  ),
  SHRINK: row('mm', 'zone', 'MADV_FREE, MADV_PAGEOUT: which of these pages may be marked, or taken away?'),
  SHRUNK: row('zone', 'mm', 'Those; large folios that were only partly meant have been split.'),
  MAP_FILE: row('mm', MAPPABLE, 'A first mapping of the file by this mm, and the least folio order it needs.'),
  MAPPED: row(MAPPABLE, 'mm', 'The page cache is ready for it; pages that had to be dropped.'),
  UNMAP_FILE: row('mm', MAPPABLE, 'The last mapping of the file by this mm is gone.'),
  GET_PAGES: row(
    ['mm', 'file'],
    BACKING,
    'filemap_fault: the page at `index`, and those around it that are there already.',
  ),
  IO_WAIT: row(['file', 'shmem', 'mm', 'swap', 'uffd'], ['mm', 'abi'], 'The answer needs the disk.'),
  PAGES: row(BACKING, 'mm', 'The pages, each with a reference taken for the mapping.'),
  UNMAP_RANGE: row(MAPPABLE, 'mm', 'unmap_mapping_pages: zap these pages of the file from every mapping of this mm.'),
  RANGE_UNMAPPED: row('mm', MAPPABLE, 'Done; those that were dirty.'),
  DIRTIED: row('mm', MAPPABLE, 'Pages found dirty when they were unmapped.'),
  READ_FILE: row('abi', ['file', 'shmem', 'hugetlb'], 'read: bring the pages in.'),
  WRITE_FILE: row('abi', ['file', 'shmem', 'hugetlb'], 'write: bring the pages in and make them dirty.'),
  TRUNCATE_FILE: row('abi', ['file', 'shmem', 'hugetlb'], 'ftruncate.'),
  ALLOCATE_FILE: row(['abi', 'mm'], MAPPABLE, 'fallocate, and MADV_REMOVE: preallocate, or punch a hole.'),
  READ_AHEAD: row('mm', MAPPABLE, 'MADV_WILLNEED: bring these pages in; nobody waits for them.'),
  RESIDENT: row('mm', MAPPABLE, 'mincore: which of these pages are in the page cache?'),
  RESIDENT_PAGES: row(MAPPABLE, 'mm', 'Those that are, and up to date.'),
  SYNC_FILE: row(['abi', 'mm'], ['file', 'shmem', 'hugetlb'], 'fsync or msync(MS_SYNC): write back what is dirty.'),
  FILE_DONE: row(MAPPABLE, ['abi', 'mm'], 'The file operation is complete.'),
  CREATE_FILE: row('abi', ['shmem', 'hugetlb'], 'memfd_create, shmget: a new inode, and a handle that keeps it.'),
  CLOSE_FILE: row(
    'abi',
    ['shmem', 'object', 'hugetlb'],
    'The handle is gone; what it was on goes with its last mapping.',
  ),
  DIRECT_IO: row('abi', ['file', 'shmem'], 'read and write with O_DIRECT: write back, drop, and go to the device.'),
  PINNED: row(['file', 'shmem'], ['pipe'], 'The pages that the holder has a reference to.'),
  PIN_PAGES: row(['outside', 'pipe'], ['file', 'shmem'], 'pin_user_pages: the holder keeps the pages that are there.'),
  UNPIN_PAGES: row(['outside', 'pipe'], ['file', 'shmem'], 'unpin_user_pages.'),
  READ_BLOCKS: row(['file', 'swap'], 'disk', 'Read from the device.'),
  WRITE_BLOCKS: row(['file', 'swap'], 'disk', 'Write to the device.'),
  IO_DONE: row('disk', ['file', 'disk', 'swap'], 'The transfer is complete; to itself, the interrupt that ends it.'),
  SYSINFO: row('abi', 'zone', 'sysinfo: how much memory is there, and how much of it is free?'),
  SYSINFO_DONE: row('zone', 'abi', 'Both, in bytes.'),
  SYSCALL: row('process', 'abi', 'A system call, as the process made it.'),
  SYSRET: row('abi', 'process', 'Its result, in the units of the caller.'),
  MM_CALL: row(['abi', 'gup'], 'mm', 'A call on the address space, checked and in whole process pages.'),
  MM_DONE: row('mm', ['abi', 'gup'], 'Its result.'),
  DUP_MM: row('mm', 'mm', 'dup_mmap: the child gets page size and VMAs, and is a mapper of their files from here on.'),
  FORKED: row('mm', 'mm', 'copy_page_range: the entries, each with a reference taken.'),
  FORK_READY: row('mm', 'mm', 'The child has done its step, or why it could not (0, or ENOMEM).'),
};
