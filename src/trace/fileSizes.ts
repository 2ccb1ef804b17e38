import type { TraceFile } from '../mm/runs.ts';

/** What the trace has proved of a file so far. */
interface Evidence {
  /** Least size at the start of the trace. */
  initialBytes: number;
  /** Least size now: what the program itself wrote proves nothing of the start. */
  currentBytes: number;
  /** Whether the program wrote to it, cut it, or made it. */
  changed: boolean;
}

/**
 * The least sizes that a trace proves its files to have had when it began. Proof are: the end of a read, the end of a
 * mapping, and a page touched through one, wherever they lie past what the program itself has written until then.
 * A mapping of a whole ELF file that MAP_FIXED segments of the same file later overlay is a reservation: it proves
 * nothing but the pages touched through it.
 *
 * @example
 * ```ts
 * const sizes = new FileSizes();
 * sizes.read('a', 100);
 * sizes.written('b', 50);
 * sizes.read('b', 40);
 * sizes.list(); // [{ path: 'a', sizeBytes: 100 }, { path: 'b', sizeBytes: 0 }]
 * ```
 */
export class FileSizes {
  private readonly files: Map<string, Evidence> = new Map();
  /** Ends that mappings claim, by instance, until one turns out to be a reservation. */
  private readonly claims: Map<number, { path: string; endBytes: number }> = new Map();

  /** The file is named by the trace. */
  named(path: string): void {
    this.of(path);
  }

  /** Bytes up to `endBytes` were read, or touched through a mapping. */
  read(path: string, endBytes: number): void {
    const evidence = this.of(path);
    if (endBytes <= evidence.currentBytes) return;
    evidence.initialBytes = Math.max(evidence.initialBytes, endBytes);
    evidence.currentBytes = endBytes;
  }

  /** Bytes up to `endBytes` were written. */
  written(path: string, endBytes: number): void {
    const evidence = this.of(path);
    evidence.changed = true;
    evidence.currentBytes = Math.max(evidence.currentBytes, endBytes);
  }

  /** The size became `sizeBytes`; 0 as well when the name was given to a new file. */
  truncated(path: string, sizeBytes: number): void {
    const evidence = this.of(path);
    evidence.changed = true;
    evidence.currentBytes = sizeBytes;
  }

  /** A mapping of the file was made that ends at `endBytes` of it. */
  mapped(instance: number, path: string, endBytes: number): void {
    if (endBytes > this.of(path).currentBytes) this.claims.set(instance, { path, endBytes });
  }

  /** A mapping was a reservation. */
  reserved(instance: number): void {
    this.claims.delete(instance);
  }

  /** The least size now: where a write to the end of the file goes. */
  current(path: string): number {
    return this.of(path).currentBytes;
  }

  /** Every file of the trace, in the order of their first mention; `sizeOf` may know the real size of an unchanged one. */
  list(sizeOf: (path: string) => number | null = () => null): TraceFile[] {
    const sizes = new Map([...this.files].map(([path, evidence]) => [path, evidence.initialBytes]));
    for (const { path, endBytes } of this.claims.values()) sizes.set(path, Math.max(sizes.get(path) ?? 0, endBytes));
    return [...sizes].map(([path, proved]) => {
      const real = this.of(path).changed ? null : sizeOf(path);
      return { path, sizeBytes: Math.max(proved, real ?? 0) };
    });
  }

  private of(path: string): Evidence {
    let evidence = this.files.get(path);
    if (evidence === undefined) {
      evidence = { initialBytes: 0, currentBytes: 0, changed: false };
      this.files.set(path, evidence);
    }
    return evidence;
  }
}
