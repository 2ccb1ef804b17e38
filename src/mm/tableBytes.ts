/**
 * What page tables weigh in `VmPTE` of /proc/PID/status: `mm_pgtables_bytes`, which counts the tables of PTE, PMD and PUD
 * level at the size of a table of the kernel that counts [include/linux/mm.h:mm_inc_nr_ptes, fs/proc/task_mmu.c:task_mem].
 * The root (PGD) is not counted.
 *
 * @models T-14 X-14 D-09
 */
import type { PageTableReader } from './pageTableReader.ts';

/**
 * Bytes that a kernel built for the granule of this table reports for it.
 *
 * @example
 * ```ts
 * const edit = PageTable.empty(4096).edit();
 * edit.setRange(0, 1, 16384, PTE.VALID);
 * pgtablesBytes(edit) / 1024; // 136
 * ```
 */
export function pgtablesBytes(table: PageTableReader): number {
  return table.tableBytes - (table.geometry.levels[0]?.tableBytes ?? 0);
}

/**
 * `VmPTE` of a process in bytes. `on: 'kernel'` is all the memory its tables take, the Linux table and the native one
 * beside it. `on: 'process'` is what a kernel built for the page size of the process reports: the tables of the native
 * geometry alone, without the Linux table that they shadow. They are the same where hardware walks the Linux table.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.setRange(0, 16, 16, PTE.VALID);
 * const native = PageTable.empty(65536).edit();
 * native.set(0, packPte(1, PTE.VALID));
 * const tables = { linux, native };
 * [vmPteBytes(tables, 'kernel') / 1024, vmPteBytes(tables, 'process') / 1024]; // [140, 128]
 * ```
 */
export function vmPteBytes(
  tables: { linux: PageTableReader; native: PageTableReader | null },
  on: 'kernel' | 'process',
): number {
  const { linux, native } = tables;
  if (native === null) return pgtablesBytes(linux);
  return pgtablesBytes(native) + (on === 'kernel' ? pgtablesBytes(linux) : 0);
}
