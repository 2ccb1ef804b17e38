/** /proc/PID/maps, with the device and the inode of files [fs/proc/task_mmu.c:show_map_vma]. */
import { mapsFields, type Vma } from '../vma.ts';

/** Column at which the path stands: 25 + 6 * sizeof(void *). */
const PATH_COLUMN = 73;

/** Device and inode number of a file. */
export interface InodeName {
  major: number;
  minor: number;
  ino: number;
}

function hexPair(value: number): string {
  return value.toString(16).padStart(2, '0');
}

/** `show_vma_header_prefix`, and the name behind it. */
function line(fields: { address: string; perms: string; offset: string; path: string }, inode: InodeName): string {
  const { address, perms, offset, path } = fields;
  const head = `${address} ${perms} ${offset} ${hexPair(inode.major)}:${hexPair(inode.minor)} ${inode.ino} `;
  return path === '' ? `${head}\n` : `${head.padEnd(PATH_COLUMN)}${path}\n`;
}

const NO_INODE: InodeName = { major: 0, minor: 0, ino: 0 };

/**
 * The line of an area, its end of line included.
 *
 * @example
 * ```ts
 * const vma = { startVa: 65536, endVa: 131072, prot: 1, flags: 0, file: '/a', offsetBytes: 0 };
 * mapsLine(vma, { major: 0, minor: 18, ino: 2 }); // '00010000-00020000 r--p 00000000 00:12 2                                  /a\n'
 * ```
 */
export function mapsLine(vma: Vma, inode: InodeName | null): string {
  return line(mapsFields(vma), vma.file === null ? NO_INODE : (inode ?? NO_INODE));
}

/**
 * The first line of smaps_rollup.
 *
 * @example
 * ```ts
 * rollupLine(65536, 131072).slice(0, 40); // '00010000-00020000 ---p 00000000 00:00 0 '
 * ```
 */
export function rollupLine(startVa: number, endVa: number): string {
  const hex = (va: number): string => va.toString(16).padStart(8, '0');
  return line(
    { address: `${hex(startVa)}-${hex(endVa)}`, perms: '---p', offset: '00000000', path: '[rollup]' },
    NO_INODE,
  );
}
