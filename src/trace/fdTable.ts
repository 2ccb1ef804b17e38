import { invariant } from '../errors.ts';

/**
 * An open file description (Linux's struct file): what duplicated descriptors share.
 *
 * @example
 * ```ts
 * const open: OpenFile = { path: '/etc/passwd', position: 0, append: false };
 * open.position; // 0
 * ```
 */
export interface OpenFile {
  /** Null for a pipe, a socket and the like. */
  path: string | null;
  /** Offset in bytes of the next read or write. */
  position: number;
  append: boolean;
}

/**
 * The descriptor table of the traced process, as far as its calls tell: what was open before the trace is unknown.
 *
 * @example
 * ```ts
 * const table = new FdTable();
 * table.open(3, '/etc/passwd', false);
 * table.duplicate(3, 7);
 * table.close(3);
 * table.get(7)?.path; // '/etc/passwd'
 * ```
 */
export class FdTable {
  private readonly files: Map<number, OpenFile> = new Map();

  get(fd: number): OpenFile | undefined {
    return this.files.get(fd);
  }

  /** A new description; `path` null when it is no file. */
  open(fd: number, path: string | null, append: boolean): void {
    invariant(fd >= 0, 'a descriptor is not negative');
    this.files.set(fd, { path, position: 0, append });
  }

  close(fd: number): void {
    this.files.delete(fd);
  }

  /** The table of a child: the same descriptions under descriptors of its own. */
  copy(): FdTable {
    const copy = new FdTable();
    for (const [fd, file] of this.files) copy.files.set(fd, file);
    return copy;
  }

  closeRange(first: number, last: number): void {
    for (const fd of this.files.keys()) if (fd >= first && fd <= last) this.files.delete(fd);
  }

  /** `to` becomes another name of what `from` is. */
  duplicate(from: number, to: number): void {
    if (from === to) return;
    const file = this.files.get(from);
    if (file === undefined) this.files.delete(to);
    else this.files.set(to, file);
  }
}
