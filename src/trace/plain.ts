import { fitsAddressSpace, splitAddress } from './addresses.ts';
import type { LineParser } from './lines.ts';
import { eachLine, malformed } from './lines.ts';
import type { RunBuilder } from './runBuilder.ts';

const ACCESS = /^\s*(?:0x)?([0-9a-f]{1,16})(?:,(\d{1,9}))?[ \t]+([rwx])(?:,(\d{1,9}))?\s*(?:#.*)?$/i;
const NOTHING = /^\s*(?:#.*)?$/;

/**
 * Whether a text is a plain list of accesses, by its first line that says anything.
 *
 * @example
 * ```ts
 * isPlain('# mine\n0x7f0000 R\n'); // true
 * ```
 */
export function isPlain(head: string): boolean {
  const lines = head.split('\n');
  const first = lines.slice(0, lines.length > 1 ? -1 : 1).find((line) => !NOTHING.test(line));
  return first !== undefined && ACCESS.test(first);
}

/**
 * Parses plain text, one access a line: a hex address (`0x` optional), then `R`, `W` or `X` for a load, a store or a
 * fetch, and the size in bytes after a comma behind either of them (1 when left out). `#` begins a comment.
 *
 * @throws GranuleError TRACE_MALFORMED with the line's number and text
 * @example
 * ```ts
 * const builder = new RunBuilder(new PageDictionary(), () => {});
 * new PlainParser(builder, 'x').parse(Buffer.from('0x7ffe,8 W\n'), 0, 11);
 * builder.runs; // 2
 * ```
 */
export class PlainParser implements LineParser {
  lines = 0;
  private readonly builder: RunBuilder;
  private readonly file: string;

  constructor(builder: RunBuilder, file: string) {
    this.builder = builder;
    this.file = file;
  }

  parse(bytes: Uint8Array, start: number, end: number): void {
    eachLine(bytes, start, end, (text) => this.line(text));
  }

  end(): void {
    // Every line is complete in itself.
  }

  private line(text: string): void {
    this.lines += 1;
    const match = ACCESS.exec(text);
    if (match === null) {
      if (NOTHING.test(text)) return;
      throw malformed(this.file, this.lines, text);
    }
    const { page, offset } = splitAddress(match[1]);
    const sizeBytes = Number(match[2] ?? match[4] ?? 1);
    if (!fitsAddressSpace(page, offset, sizeBytes)) {
      throw malformed(this.file, this.lines, text, 'an access of no byte, or past the end of memory');
    }
    const kind = match[3].toUpperCase();
    if (kind === 'X') this.builder.fetch(page, offset, sizeBytes);
    else if (kind === 'W') this.builder.store(page, offset, sizeBytes);
    else this.builder.load(page, offset, sizeBytes);
  }
}
