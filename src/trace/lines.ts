import { GranuleError } from '../errors.ts';

/** Hex digit values by byte; -1 where the byte is no hex digit, so that an OR of several shows a bad one by its sign. */
export const HEX_VALUES: Int8Array = hexValues();
/** How much of an offending line an error shows. */
const SHOWN_CHARS = 80;
/** No line of any format is this long: it is a binary file, and must not be gathered up in memory. */
export const MAX_LINE_BYTES = 1 << 20;
const NEWLINE = 10;

function hexValues(): Int8Array {
  const values = new Int8Array(256).fill(-1);
  for (let digit = 0; digit < 16; digit += 1) {
    const text = digit.toString(16);
    values[text.charCodeAt(0)] = digit;
    values[text.toUpperCase().charCodeAt(0)] = digit;
  }
  return values;
}

/**
 * Parses whole lines: `bytes[start..end)` begins at a line's start and ends after a newline.
 *
 * @example
 * ```ts
 * const counter: LineParser = { lines: 0, parse: (bytes) => void (counter.lines += bytes.length), end: () => {} };
 * counter.lines; // 0
 * ```
 */
export interface LineParser {
  /** Lines parsed so far. */
  lines: number;
  parse(bytes: Uint8Array, start: number, end: number): void;
  /** No more lines come. */
  end(): void;
}

/**
 * Calls `visit` with the text of every line in [start, end), which holds whole lines. For formats of one line a sample.
 *
 * @example
 * ```ts
 * const texts: string[] = [];
 * eachLine(Buffer.from('ab\ncd\n'), 0, 6, (text) => texts.push(text));
 * texts; // ['ab', 'cd']
 * ```
 */
export function eachLine(bytes: Uint8Array, start: number, end: number, visit: (text: string) => void): void {
  for (let at = start; at < end; ) {
    const newline = bytes.indexOf(NEWLINE, at);
    visit(textOf(bytes, at, newline));
    at = newline + 1;
  }
}

/**
 * Cuts a stream of chunks at line ends and feeds a parser whole lines, in place: only a line that straddles two chunks
 * is copied. `file` names the input in errors.
 *
 * @throws GranuleError TRACE_MALFORMED when a line is longer than 1 MiB
 * @example
 * ```ts
 * const texts: string[] = [];
 * const parser = { lines: 0, parse: (b, s, e) => void texts.push(Buffer.from(b.subarray(s, e)).toString()), end() {} };
 * const feeder = new LineFeeder(parser, 'x');
 * feeder.feed(Buffer.from('ab\ncd'));
 * feeder.end(false);
 * texts; // ['ab\n', 'cd\n']
 * ```
 */
export class LineFeeder {
  private readonly parser: LineParser;
  private readonly file: string;
  private tail: Uint8Array = new Uint8Array(0);

  constructor(parser: LineParser, file: string) {
    this.parser = parser;
    this.file = file;
  }

  feed(chunk: Uint8Array): void {
    let start = 0;
    if (this.tail.length > 0) {
      const newline = chunk.indexOf(NEWLINE);
      const piece = newline < 0 ? chunk : chunk.subarray(0, newline + 1);
      this.tail = joined(this.tail, piece);
      if (newline < 0) {
        this.checkLength();
        return;
      }
      this.parser.parse(this.tail, 0, this.tail.length);
      this.tail = new Uint8Array(0);
      start = newline + 1;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > start) this.parser.parse(chunk, start, end);
    this.tail = chunk.slice(Math.max(start, end));
    this.checkLength();
  }

  /** The input is over. `cut` drops a last line without a newline: a recording that was stopped may end in the middle. */
  end(cut: boolean): void {
    if (this.tail.length > 0 && !cut) {
      const last = joined(this.tail, Uint8Array.of(NEWLINE));
      this.parser.parse(last, 0, last.length);
    }
    this.tail = new Uint8Array(0);
    this.parser.end();
  }

  private checkLength(): void {
    if (this.tail.length > MAX_LINE_BYTES)
      throw malformed(this.file, this.parser.lines + 1, textOf(this.tail, 0, SHOWN_CHARS));
  }
}

/**
 * The error for a line that no rule of the format takes: number counted from 1, text cut to 80 characters.
 *
 * @example
 * ```ts
 * malformed('a.lackey', 7, 'I zz').code; // 'TRACE_MALFORMED'
 * ```
 */
export function malformed(file: string, line: number, text: string, why = 'not a line of this format'): GranuleError {
  return new GranuleError('TRACE_MALFORMED', `${why}: ${JSON.stringify(shown(text))}`, `${file}, line ${line}`);
}

/**
 * The text of a line as Latin-1: every byte stays one character, so nothing in a path is lost or refused.
 *
 * @example
 * ```ts
 * textOf(Uint8Array.of(65, 66, 10), 0, 2); // 'AB'
 * ```
 */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end, bytes.length) - start).toString('latin1');
}

function shown(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
