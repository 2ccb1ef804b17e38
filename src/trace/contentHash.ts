import { invariant } from '../errors.ts';
import type { ImageSegment, RunBlock, TraceFile } from '../mm/runs.ts';

/**
 * What a trace holds beside its runs, as the content hash sees it.
 *
 * @example
 * ```ts
 * const content: TraceContent = { command: '/bin/true', pages: Float64Array.of(1), image: [], files: [] };
 * content.pages.length; // 1
 * ```
 */
export interface TraceContent {
  command: string;
  pages: Float64Array;
  image: ImageSegment[];
  files: TraceFile[];
}

/**
 * Feeds a SHA-256 with the content of a trace in one fixed form, so that the hash depends on neither the name of the
 * file, nor the coding of the runs, nor the build of zlib. Block by block: kinds, pages, accesses, references,
 * continued flags (little-endian) and the calls as JSON; at the end command, image and files as JSON, then the page numbers.
 * JSON has its keys sorted, and no spaces.
 *
 * @example
 * ```ts
 * const bytes: Uint8Array[] = [];
 * const feed = new ContentFeed((part) => void bytes.push(part));
 * feed.end({ command: '', pages: new Float64Array(0), image: [], files: [] });
 * bytes.length; // 2
 * ```
 */
export class ContentFeed {
  private readonly update: (bytes: Uint8Array) => void;
  private readonly encoder = new TextEncoder();

  constructor(update: (bytes: Uint8Array) => void) {
    invariant(new Uint8Array(Uint16Array.of(1).buffer)[0] === 1, 'this machine is little-endian');
    this.update = update;
  }

  block(block: RunBlock): void {
    for (const column of [block.kind, block.page, block.accesses, block.references, block.continued]) {
      this.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    }
    this.update(this.encoder.encode(canonicalJson(block.calls)));
  }

  end(content: TraceContent): void {
    const { command, pages, image, files } = content;
    this.update(this.encoder.encode(canonicalJson({ command, image, files })));
    this.update(new Uint8Array(pages.buffer, pages.byteOffset, pages.byteLength));
  }
}

/** JSON that does not depend on the order in which an object got its fields. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    field !== null && typeof field === 'object' && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
