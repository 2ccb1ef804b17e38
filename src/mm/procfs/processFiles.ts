/**
 * The files of one process that count pages: statm, stat, status and numa_maps [fs/proc/task_mmu.c, fs/proc/array.c].
 *
 * @models S-32
 */
import { isDirty, PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { kbLine } from './lines.ts';
import { isCounted, type MappedRun } from './mapped.ts';

/** Sizes of an address space in bytes (`mm->total_vm`, `data_vm`, `stack_vm`, `exec_vm`). */
export interface VmSizes {
  totalBytes: number;
  dataBytes: number;
  stackBytes: number;
  execBytes: number;
  lockedBytes: number;
  /** The program's own code: the lowest area that may be executed. */
  textBytes: number;
}

/** What is resident, in bytes. */
export interface ResidentSizes {
  anonBytes: number;
  fileBytes: number;
  shmemBytes: number;
  peakBytes: number;
  swapBytes: number;
}

/**
 * Sums over areas, by what Linux counts an area as (`include/linux/mm.h:is_data_mapping`, `is_stack_mapping`, `is_exec_mapping`).
 *
 * @example
 * ```ts
 * const vma = { startVa: 4096, endVa: 12288, prot: 3, flags: VM.LOCKED, file: null, offsetBytes: 0 };
 * vmSizes([vma]); // { totalBytes: 8192, dataBytes: 8192, stackBytes: 0, execBytes: 0, lockedBytes: 8192, textBytes: 0 }
 * ```
 */
export function vmSizes(vmas: readonly Vma[]): VmSizes {
  const sizes = { totalBytes: 0, dataBytes: 0, stackBytes: 0, execBytes: 0, lockedBytes: 0, textBytes: 0 };
  for (const { startVa, endVa, prot, flags } of vmas) {
    const bytes = endVa - startVa;
    const [writes, executes] = [(prot & PROT.WRITE) !== 0, (prot & PROT.EXEC) !== 0];
    const isStack = (flags & VM.GROWSDOWN) !== 0;
    sizes.totalBytes += bytes;
    if ((flags & VM.LOCKED) !== 0) sizes.lockedBytes += bytes;
    if (isStack) sizes.stackBytes += bytes;
    else if (executes && !writes) {
      if (sizes.execBytes === 0) sizes.textBytes = bytes;
      sizes.execBytes += bytes;
    } else if (writes && (flags & VM.SHARED) === 0) sizes.dataBytes += bytes;
  }
  return sizes;
}

/**
 * Pages of a reader that a number of bytes is: rounded up, so that nothing that is there shows as nothing.
 *
 * @example
 * ```ts
 * readerPages(4096, 65536); // 1
 * readerPages(65536, 4096); // 16
 * ```
 */
export function readerPages(bytes: number, readerPageBytes: number): number {
  return Math.ceil(bytes / readerPageBytes);
}

/**
 * The text of statm in pages of the reader (`proc_pid_statm`, `task_statm`). Each count is rounded by itself, so that for a reader
 * of larger pages resident may be less than the sum of what it is made of.
 *
 * @example
 * ```ts
 * const vm = { totalBytes: 12288, dataBytes: 8192, stackBytes: 0, execBytes: 4096, lockedBytes: 0, textBytes: 4096 };
 * const resident = { anonBytes: 4096, fileBytes: 4096, shmemBytes: 0, peakBytes: 8192, swapBytes: 0 };
 * statmText(vm, resident, 4096); // '3 2 1 1 0 2 0\n'
 * statmText(vm, resident, 65536); // '1 1 1 1 0 1 0\n'
 * ```
 */
export function statmText(vm: VmSizes, resident: ResidentSizes, readerPageBytes: number): string {
  const shared = resident.fileBytes + resident.shmemBytes;
  const counts = [
    vm.totalBytes,
    shared + resident.anonBytes,
    shared,
    vm.textBytes,
    0,
    vm.dataBytes + vm.stackBytes,
    0,
  ].map((bytes) => readerPages(bytes, readerPageBytes));
  return `${counts.join(' ')}\n`;
}

/** What stat has beside sizes. */
export interface StatFacts {
  pid: number;
  minorFaults: number;
  majorFaults: number;
  startBrk: number;
}

/** Fields of stat that come after those that the model has, up to the 52nd. */
const STAT_FIELDS = 52;

/**
 * The text of stat, with what the model knows: pid, faults, vsize in bytes, rss in pages of the reader; the rest is 0
 * (`fs/proc/array.c:do_task_stat`). vsize is field 23, rss field 24, start_brk field 47.
 *
 * @example
 * ```ts
 * const vm = { totalBytes: 12288, dataBytes: 8192, stackBytes: 0, execBytes: 4096, lockedBytes: 0, textBytes: 4096 };
 * const resident = { anonBytes: 4096, fileBytes: 4096, shmemBytes: 0, peakBytes: 8192, swapBytes: 0 };
 * const text = statText({ pid: 7, minorFaults: 3, majorFaults: 0, startBrk: 0 }, vm, resident, 4096);
 * text.split(' ').slice(22, 24); // ['12288', '2']
 * ```
 */
export function statText(facts: StatFacts, vm: VmSizes, resident: ResidentSizes, readerPageBytes: number): string {
  const fields: (string | number)[] = Array.from({ length: STAT_FIELDS }, () => 0);
  const rss = resident.anonBytes + resident.fileBytes + resident.shmemBytes;
  fields[0] = facts.pid;
  fields[1] = '(process)';
  fields[2] = 'S';
  fields[9] = facts.minorFaults;
  fields[11] = facts.majorFaults;
  fields[22] = vm.totalBytes;
  fields[23] = readerPages(rss, readerPageBytes);
  fields[46] = facts.startBrk;
  return `${fields.join(' ')}\n`;
}

/**
 * The lines of status that are about memory (`task_mem`). The highest size so far is not kept: VmPeak is VmSize.
 *
 * @example
 * ```ts
 * const vm = { totalBytes: 12288, dataBytes: 8192, stackBytes: 0, execBytes: 4096, lockedBytes: 0, textBytes: 4096 };
 * const resident = { anonBytes: 4096, fileBytes: 4096, shmemBytes: 0, peakBytes: 8192, swapBytes: 0 };
 * statusText(vm, resident, 8192).split('\n')[1]; // 'VmSize:	      12 kB'
 * ```
 */
export function statusText(vm: VmSizes, resident: ResidentSizes, tableBytes: number): string {
  const rss = resident.anonBytes + resident.fileBytes + resident.shmemBytes;
  const textBytes = Math.min(vm.textBytes, vm.execBytes);
  return [
    kbLine('VmPeak:\t', vm.totalBytes),
    kbLine('VmSize:\t', vm.totalBytes),
    kbLine('VmLck:\t', vm.lockedBytes),
    kbLine('VmPin:\t', 0),
    kbLine('VmHWM:\t', Math.max(resident.peakBytes, rss)),
    kbLine('VmRSS:\t', rss),
    kbLine('RssAnon:\t', resident.anonBytes),
    kbLine('RssFile:\t', resident.fileBytes),
    kbLine('RssShmem:\t', resident.shmemBytes),
    kbLine('VmData:\t', vm.dataBytes),
    kbLine('VmStk:\t', vm.stackBytes),
    kbLine('VmExe:\t', textBytes),
    kbLine('VmLib:\t', vm.execBytes - textBytes),
    kbLine('VmPTE:\t', tableBytes),
    kbLine('VmSwap:\t', resident.swapBytes),
    kbLine('HugetlbPages:\t', 0),
  ].join('');
}

/**
 * The line of an area in numa_maps (`show_numa_map`), on a machine of one node; counts are in pages of the target, which
 * `kernelpagesize_kB` names.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0x10000 };
 * const folio = { head: 16, order: 4, kind: 'anon' as const, mapcount: 1, dirty: false, lazyFree: false, ksm: false };
 * const runs = [{ va: 0x10000, nr: 16, pfn: 16, flags: PTE.VALID | PTE.DIRTY, folio }];
 * numaMapsLine(vma, runs, 4096, 65536); // '00010000 default anon=1 dirty=1 active=0 N0=1 kernelpagesize_kB=64\n'
 * ```
 */
export function numaMapsLine(
  vma: Vma,
  runs: readonly MappedRun[],
  kernelPageBytes: number,
  targetPageBytes: number,
): string {
  const name = vma.name === '[heap]' ? ' heap' : vma.name === '[stack]' ? ' stack' : '';
  const head = `${vma.startVa.toString(16).padStart(8, '0')} ${vma.policy ?? 'default'}`;
  const what = vma.file === null ? name : ` file=${vma.file}`;
  const counted = runs.filter(isCounted);
  const pages = (fits: (run: MappedRun) => boolean): number => {
    const small = counted.filter(fits).reduce((sum, run) => sum + run.nr, 0);
    return Math.ceil((small * kernelPageBytes) / targetPageBytes);
  };
  const all = pages(() => true);
  if (all === 0) return `${head}${what}\n`;
  const anon = pages(({ folio }) => folio?.kind === 'anon');
  const dirty = pages(({ flags, folio }) => isDirty(flags) || folio?.dirty === true);
  const most = Math.max(...counted.map(({ folio }) => folio.mapcount));
  const parts = [
    anon > 0 ? ` anon=${anon}` : '',
    dirty > 0 ? ` dirty=${dirty}` : '',
    all !== anon && all !== dirty ? ` mapped=${all}` : '',
    most > 1 ? ` mapmax=${most}` : '',
    // No page is on an active list here.
    ' active=0',
    ` N0=${all}`,
  ];
  return `${head}${what}${parts.join('')} kernelpagesize_kB=${targetPageBytes / 1024}\n`;
}
