import { fitsAddressSpace, splitAddress } from './addresses.ts';
import type { LineParser } from './lines.ts';
import { HEX_VALUES, malformed, textOf } from './lines.ts';
import type { RunBuilder } from './runBuilder.ts';

const NEWLINE = 10;
const SPACE = 32;
const COMMA = 44;
const ZERO = 48;
const EQUALS = 61;
const MINUS = 45;
const LETTER_I = 73;
const LETTER_L = 76;
const LETTER_M = 77;
const LETTER_S = 83;
/** The fast path reads at most this many bytes past a line's start; nearer to the end the slow path takes over. */
const FAST_PATH_BYTES = 32;
/** Three characters of kind and 15 digits. */
const LONGEST_FAST_ADDRESS = 18;
const ACCESS_LINE = /^(I {2}| [LSM] )([0-9a-fA-F]{1,16}),(\d{1,9})$/;

/**
 * What a lackey parser makes of the lines that are no accesses.
 *
 * @example
 * ```ts
 * const silent: LackeyText = { note: () => {}, syscall: () => true, end: () => {} };
 * silent.syscall('SYSCALL[1,1](39) sys_getpid ()[sync] --> Success(0x1)', 1); // true
 * ```
 */
export interface LackeyText {
  /** A line of Valgrind's own, as `==PID== Command: /bin/true`. */
  note(text: string): void;
  /** A line of system-call text, whole or a part; false when it is none. */
  syscall(text: string, line: number): boolean;
  end(): void;
}

/**
 * Parses the output of `valgrind --tool=lackey --trace-mem=yes --trace-syscalls=yes` (Valgrind's
 * lackey/lk_main.c: `I  ADDR,SIZE`, ` L ADDR,SIZE`, ` S ADDR,SIZE`, ` M ADDR,SIZE`; addresses as %08lx) straight from
 * bytes: no string is made for an access line.
 *
 * @throws GranuleError TRACE_MALFORMED with the line's number and text
 * @example
 * ```ts
 * const builder = new RunBuilder(new PageDictionary(), () => {});
 * const parser = new LackeyParser(builder, { note() {}, syscall: () => false, end() {} }, 'x');
 * parser.parse(Buffer.from('I  00401000,4\n'), 0, 14);
 * builder.runs; // 1
 * ```
 */
export class LackeyParser implements LineParser {
  lines = 0;
  private readonly builder: RunBuilder;
  private readonly text: LackeyText;
  private readonly file: string;

  constructor(builder: RunBuilder, text: LackeyText, file: string) {
    this.builder = builder;
    this.text = text;
    this.file = file;
  }

  parse(bytes: Uint8Array, start: number, end: number): void {
    const fastEnd = end - FAST_PATH_BYTES;
    let at = start;
    while (at < end) {
      const next = at < fastEnd ? this.fastLine(bytes, at) : -1;
      at = next < 0 ? this.slowLine(bytes, at) : next;
    }
  }

  end(): void {
    this.text.end();
  }

  /** Takes one access line in its usual form; returns where the next line begins, or -1 for the slow path. */
  private fastLine(bytes: Uint8Array, start: number): number {
    const first = bytes[start];
    const kind = first === LETTER_I ? LETTER_I : bytes[start + 1];
    if (bytes[start + 2] !== SPACE) return -1;
    if (first === LETTER_I ? bytes[start + 1] !== SPACE : first !== SPACE) return -1;
    const hex = HEX_VALUES;
    let at = start + 3;
    // Valgrind prints at least eight digits: five of the page, three of the offset in it.
    const head =
      (hex[bytes[at]] << 16) |
      (hex[bytes[at + 1]] << 12) |
      (hex[bytes[at + 2]] << 8) |
      (hex[bytes[at + 3]] << 4) |
      hex[bytes[at + 4]];
    let offset = (hex[bytes[at + 5]] << 8) | (hex[bytes[at + 6]] << 4) | hex[bytes[at + 7]];
    if ((head | offset) < 0) return -1;
    let page = head;
    at += 8;
    while (bytes[at] !== COMMA) {
      const digit = hex[bytes[at]];
      // At most 15 digits: the slow path watches over the end of the address space.
      if (digit < 0 || at - start >= LONGEST_FAST_ADDRESS) return -1;
      page = page * 16 + (offset >> 8);
      offset = ((offset & 0xff) << 4) | digit;
      at += 1;
    }
    const sizeBytes = bytes[at + 1] - ZERO;
    if (bytes[at + 2] !== NEWLINE || sizeBytes < 1 || sizeBytes > 9) return -1;
    if (kind === LETTER_I) this.builder.fetch(page, offset, sizeBytes);
    else if (kind === LETTER_L) this.builder.load(page, offset, sizeBytes);
    else if (kind === LETTER_S) this.builder.store(page, offset, sizeBytes);
    else if (kind === LETTER_M) this.builder.modify(page, offset, sizeBytes);
    else return -1;
    this.lines += 1;
    return at + 3;
  }

  private slowLine(bytes: Uint8Array, start: number): number {
    const end = bytes.indexOf(NEWLINE, start);
    const text = textOf(bytes, start, end);
    this.lines += 1;
    const first = bytes[start];
    const own = (first === EQUALS || first === MINUS) && bytes[start + 1] === first;
    if (own) this.text.note(text);
    else if (!this.accessLine(text) && !this.text.syscall(text, this.lines) && text !== '') {
      // Empty lines are Valgrind's: it prints one when a thread is switched inside a call.
      throw malformed(this.file, this.lines, text);
    }
    return end + 1;
  }

  /** Any form of an access line: large sizes, short or very long addresses. */
  private accessLine(text: string): boolean {
    const match = ACCESS_LINE.exec(text);
    if (match === null) return false;
    const { page, offset } = splitAddress(match[2]);
    const sizeBytes = Number(match[3]);
    if (!fitsAddressSpace(page, offset, sizeBytes)) return false;
    const letter = match[1].charCodeAt(match[1] === 'I  ' ? 0 : 1);
    if (letter === LETTER_I) this.builder.fetch(page, offset, sizeBytes);
    else if (letter === LETTER_L) this.builder.load(page, offset, sizeBytes);
    else if (letter === LETTER_S) this.builder.store(page, offset, sizeBytes);
    else this.builder.modify(page, offset, sizeBytes);
    return true;
  }
}
