/** Mutants of what is told to a process of another page size, and of calls that have no step in the table of rules. */
import type { Edit, Mutant } from '../mutant.ts';

function mutant(name: string, removes: string, standsFor: string, ...edits: Edit[]): Mutant {
  return { name: `answers/${name}`, group: 'answers', removes, standsFor, edits };
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });
const BRK = 'src/mm/calls/brk.ts';
const PIPES = 'src/mm/abi/pipes.ts';
const ANSWERS = 'src/mm/abi/answers.ts';
const SYSTEM = 'src/mm/procfs/systemFiles.ts';
const PROCESS = 'src/mm/procfs/processFiles.ts';

/** All mutants of answers. */
export const answerMutants: readonly Mutant[] = [
  mutant(
    'brk-rounding',
    'the rounding of a new break to process pages',
    'mm/mmap.c:brk (PAGE_ALIGN)',
    edit(
      BRK,
      'const newEnd = Math.ceil(addr / pageBytes) * pageBytes;',
      'const newEnd = Math.ceil(addr / 4096) * 4096;',
    ),
  ),
  mutant(
    'brk-old-end',
    'the rounding of the old break to process pages',
    'mm/mmap.c:brk (PAGE_ALIGN)',
    edit(BRK, 'const oldEnd = Math.ceil(brk / pageBytes) * pageBytes;', 'const oldEnd = Math.ceil(brk / 4096) * 4096;'),
  ),
  mutant(
    'brk-kept-as-given',
    'the break is kept rounded, not as given',
    'mm/mmap.c:brk',
    edit(
      BRK,
      "const set: Effect = { do: 'brk', startBrk, brk: addr };",
      "const set: Effect = { do: 'brk', startBrk, brk: newEnd };",
    ),
  ),
  mutant(
    'auxv',
    'AT_PAGESZ says the page of the kernel',
    'fs/binfmt_elf.c:create_elf_tables',
    edit(ANSWERS, '  AT_PAGESZ: (pageBytes) => pageBytes,', '  AT_PAGESZ: (pageBytes) => Math.min(pageBytes, 4096),'),
  ),
  mutant(
    'sysconf',
    '_SC_PAGESIZE says the page of the kernel',
    'getpagesize(), AT_PAGESZ',
    edit(
      ANSWERS,
      '  _SC_PAGESIZE: (pageBytes) => pageBytes,',
      '  _SC_PAGESIZE: (pageBytes) => Math.min(pageBytes, 4096),',
    ),
  ),
  mutant(
    'phys-pages',
    '_SC_PHYS_PAGES counts pages of the kernel',
    'kernel/sys.c:do_sysinfo, glibc get_phys_pages',
    edit(
      ANSWERS,
      'Math.floor(memory.totalBytes / pageBytes)',
      'Math.floor(memory.totalBytes / Math.min(pageBytes, 4096))',
    ),
  ),
  mutant(
    'pipe-size',
    'a pipe has sixteen pages of the kernel',
    'fs/pipe.c:alloc_pipe_info',
    edit(PIPES, '  return DEFAULT_SLOTS * pageBytes;', '  return DEFAULT_SLOTS * Math.min(pageBytes, 4096);'),
  ),
  mutant(
    'pipe-least',
    'a pipe may be smaller than a process page',
    'fs/pipe.c:round_pipe_size',
    edit(PIPES, 'const size = asked < pageBytes ? pageBytes', 'const size = asked < 4096 ? 4096'),
  ),
  mutant(
    'mincore-vector',
    "mincore's vector has a byte for each page of the kernel",
    'mm/mincore.c:mincore',
    edit(
      'machines/mmResidency.ts',
      '  const { pageBytes, kernelPageBytes } = context;',
      '  const { kernelPageBytes } = context;\n  const pageBytes = kernelPageBytes;',
    ),
  ),
  mutant(
    'statm',
    'statm counts pages of the kernel',
    'fs/proc/task_mmu.c:task_statm',
    edit(
      PROCESS,
      '  return Math.ceil(bytes / readerPageBytes);',
      '  return Math.ceil(bytes / Math.min(readerPageBytes, 4096));',
    ),
  ),
  mutant(
    'vmstat',
    'vmstat counts pages of the kernel',
    'mm/vmstat.c:vmstat_text',
    edit(
      SYSTEM,
      '  const ratio = readerPageBytes / zone.kernelPageBytes;\n  const { anon, file, table } = zone.frames;',
      '  const ratio = Math.min(readerPageBytes / zone.kernelPageBytes, 1);\n  const { anon, file, table } = zone.frames;',
    ),
  ),
  mutant(
    'zoneinfo',
    'zoneinfo counts pages of the kernel',
    'mm/vmstat.c:zoneinfo_show_print',
    edit(
      SYSTEM,
      '  const ratio = readerPageBytes / zone.kernelPageBytes;\n  const { freePages, min',
      '  const ratio = Math.min(readerPageBytes / zone.kernelPageBytes, 1);\n  const { freePages, min',
    ),
  ),
  mutant(
    'buddyinfo',
    'buddyinfo has the orders of the kernel',
    'mm/vmstat.c:frag_show_print',
    edit(
      SYSTEM,
      'const shift = Math.log2(readerPageBytes / zone.kernelPageBytes);',
      'const shift = Math.min(Math.log2(readerPageBytes / zone.kernelPageBytes), 0);',
    ),
  ),
  mutant(
    'pagemap-index',
    'pagemap has an entry for each page of the kernel',
    'fs/proc/task_mmu.c:pagemap_read',
    edit(
      'src/mm/procfs/pagemap.ts',
      '  const each = readerPageBytes / kernelPageBytes;',
      '  const each = Math.min(readerPageBytes / kernelPageBytes, 1);',
    ),
  ),
  mutant(
    'pagemap-frames',
    'frame numbers of pagemap count pages of the kernel',
    'fs/proc/task_mmu.c:pte_to_pagemap_entry',
    edit(
      'src/mm/procfs/pagemap.ts',
      'const frame = first.present ? first.frame / each :',
      'const frame = first.present ? first.frame :',
    ),
  ),
  mutant(
    'smaps-shares',
    'smaps shares a page by pages of the kernel, not of the process',
    'fs/proc/task_mmu.c:smaps_account',
    edit(
      'src/mm/procfs/smaps.ts',
      '  const unitPages = pageBytes / kernelPageBytes;',
      '  const unitPages = Math.min(pageBytes / kernelPageBytes, 1);',
    ),
  ),
  mutant(
    'futex-keys',
    'nothing, but the key of a shared futex counts from the area and not from the file',
    'kernel/futex/core.c:get_futex_key',
    edit(
      'src/mm/uaccess/futexKey.ts',
      'const at = addr - vma.startVa + vma.offsetBytes;',
      'const at = addr - vma.startVa;',
    ),
  ),
  mutant(
    'shm-size',
    'the size of a shared segment is not asked in process pages for huge ones',
    'ipc/shm.c:newseg',
    edit(
      'src/mm/abi/sharedMemory.ts',
      '  if (isHugeSizeUnknown(call.flags, pageBytes)) return ERRNO.EINVAL;\n',
      '  if (isHugeSizeUnknown(call.flags, Math.min(pageBytes, 4096))) return ERRNO.EINVAL;\n',
    ),
  ),
  mutant(
    'file-end',
    'a file ends for a mapping with its last kernel page',
    'mm/filemap.c:filemap_fault',
    edit(
      'src/arch/design.ts',
      "export const defaultDesign: Design = {\n  fileTail: 'process-page',",
      "export const defaultDesign: Design = {\n  fileTail: 'kernel-page',",
    ),
  ),
  mutant(
    'zero-page',
    'a read of untouched memory allocates',
    'mm/memory.c:do_anonymous_page',
    edit(
      'src/arch/design.ts',
      "  zeroPage: 'process-page',\n  untranslatable",
      "  zeroPage: 'allocate',\n  untranslatable",
    ),
  ),
  mutant(
    'copy-on-write',
    'a write to a shared page copies one kernel page',
    'mm/memory.c:wp_page_copy',
    edit(
      'src/arch/design.ts',
      "  copyOnWrite: 'process-page',\n  zeroPage: 'process-page',",
      "  copyOnWrite: 'kernel-page',\n  zeroPage: 'process-page',",
    ),
  ),
  mutant(
    'minimum-order',
    'memory comes in pages of the kernel',
    'mm/memory.c:alloc_anon_folio',
    edit(
      'src/arch/design.ts',
      "  minimumOrder: 'process-page',\n  copyOnWrite",
      "  minimumOrder: 'none',\n  copyOnWrite",
    ),
  ),
  mutant(
    'stack-guard',
    'the guard gap of stacks is 256 kernel pages',
    'mm/mmap.c:stack_guard_gap',
    edit(
      'src/arch/design.ts',
      "  stackGuardGap: 'process-pages',\n  minimumOrder",
      "  stackGuardGap: 'kernel-pages',\n  minimumOrder",
    ),
  ),
];
