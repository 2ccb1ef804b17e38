import type { TraceFile } from '../mm/runs.ts';
import type { PlacedArea } from './placedArea.ts';

/**
 * The files that a larger page size makes a linker lay out anew. Each gets a name with the page size, `libc.so.6~64K`, and
 * `~64K-2` and so on for further layouts of the same file; everything in the trace that named it names the new file then.
 *
 * @example
 * ```ts
 * const files = new RelinkedFiles([{ path: 'data', sizeBytes: 9 }], 65536);
 * files.locate('data', 4).path; // 'data'
 * ```
 */
export class RelinkedFiles {
  private readonly files: TraceFile[];
  private readonly suffix: string;
  /** Paths that some area maps with their own offsets. */
  private readonly kept: Set<string> = new Set();
  /** Layouts by path, in the order in which they came. */
  private readonly layouts: Map<string, { signature: string; name: string; placed: PlacedArea; sizeBytes: number }[]> =
    new Map();

  constructor(files: TraceFile[], pageBytes: number) {
    this.files = files;
    this.suffix = `~${pageBytes / 1024}K`;
  }

  /** Notes the files of an area. */
  add(placed: PlacedArea): void {
    if (!placed.relinked) {
      for (const { file } of placed.area.files) this.kept.add(file);
      return;
    }
    const signature = placed.signature();
    for (const path of new Set(placed.area.files.map((file) => file.file))) {
      const known = this.layouts.get(path) ?? [];
      this.layouts.set(path, known);
      if (known.some((layout) => layout.signature === signature)) continue;
      const name = `${path}${this.suffix}${known.length === 0 ? '' : `-${known.length + 1}`}`;
      known.push({ signature, name, placed, sizeBytes: this.sizeOf(path, placed) });
    }
  }

  /** The name of a file as an area maps it. */
  nameIn(path: string, placed: PlacedArea): string {
    const layouts = placed.relinked ? this.layouts.get(path) : undefined;
    return layouts?.find((layout) => layout.signature === placed.signature())?.name ?? path;
  }

  /** Name and offset under which a byte of a file is read or written now. */
  locate(path: string, offsetBytes: number): { path: string; offsetBytes: number } {
    const [layout] = this.layouts.get(path) ?? [];
    if (layout === undefined || this.kept.has(path)) return { path, offsetBytes };
    const { placed, name, sizeBytes } = layout;
    const mapping = placed.area.files.findLast(
      (file) =>
        file.file === path && offsetBytes >= file.offsetBytes && offsetBytes < file.offsetBytes + file.end - file.start,
    );
    // What was never mapped (symbols, section headers) follows what was, as it did.
    if (mapping === undefined) {
      return { path: name, offsetBytes: offsetBytes + Math.max(0, sizeBytes - this.oldSize(path)) };
    }
    return { path: name, offsetBytes: placed.offsetOf(mapping.start + offsetBytes - mapping.offsetBytes) };
  }

  /** The files of the trace as it is now. */
  list(): TraceFile[] {
    return this.files.flatMap((file) => {
      const layouts = this.layouts.get(file.path);
      const again = layouts?.map(({ name, sizeBytes }) => ({ path: name, sizeBytes })) ?? [];
      return layouts === undefined || this.kept.has(file.path) ? [file, ...again] : again;
    });
  }

  private oldSize(path: string): number {
    return this.files.find((file) => file.path === path)?.sizeBytes ?? 0;
  }

  /**
   * The end of the page of the farthest byte that held something of the old file. A linked file goes on behind what is
   * mapped (symbols, section headers), so a process of a smaller page size may touch that whole page too.
   */
  private sizeOf(path: string, placed: PlacedArea): number {
    const oldSize = this.oldSize(path);
    let sizeBytes = 0;
    for (const file of placed.area.files) {
      const held = Math.min(file.end - file.start, oldSize - file.offsetBytes);
      if (file.file === path && held > 0) sizeBytes = Math.max(sizeBytes, placed.offsetOfEnd(file.start + held));
    }
    return sizeBytes;
  }
}
