import { GranuleError } from '../errors.ts';

/** Numbers up to here are coded exactly: what a double holds. */
const VARINT_BYTES = 8;

/**
 * A growing byte buffer with unsigned LEB128 numbers (seven bits a byte, lowest first), for the columns of a trace.
 *
 * @example
 * ```ts
 * const bytes = new ByteWriter();
 * bytes.varint(300);
 * [...bytes.view()]; // [172, 2]
 * ```
 */
export class ByteWriter {
  length = 0;
  private buffer: Uint8Array;

  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(capacity);
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length] = value;
    this.length += 1;
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  bytes(values: Uint8Array): void {
    if (this.length + values.length > this.buffer.length) this.grow(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
  }

  /** What has been written, without a copy: valid until the next write. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + needed));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}

/**
 * Reads what `ByteWriter` wrote; `what` names the bytes in errors.
 *
 * @throws GranuleError TRACE_DAMAGED when the bytes end too early
 * @example
 * ```ts
 * new ByteReader(Uint8Array.of(172, 2), 'a block').varint(); // 300
 * ```
 */
export class ByteReader {
  at = 0;
  private readonly buffer: Uint8Array;
  private readonly what: string;

  constructor(buffer: Uint8Array, what: string) {
    this.buffer = buffer;
    this.what = what;
  }

  byte(): number {
    if (this.at >= this.buffer.length) throw damaged(this.what, 'it ends too early');
    this.at += 1;
    return this.buffer[this.at - 1];
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES; count += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw damaged(this.what, 'a number in it is too long');
  }

  bytes(count: number): Uint8Array {
    if (this.at + count > this.buffer.length) throw damaged(this.what, 'it ends too early');
    this.at += count;
    return this.buffer.subarray(this.at - count, this.at);
  }

  /** Throws when bytes are left over. */
  end(): void {
    if (this.at !== this.buffer.length) throw damaged(this.what, 'it holds more than it should');
  }
}

/**
 * The error for a .gtr that is not what its writer wrote; `where` is the file and the part of it.
 *
 * @example
 * ```ts
 * damaged('a.gtr, block 3', 'its checksum does not match').format();
 * ```
 */
export function damaged(where: string, what: string): GranuleError {
  return new GranuleError('TRACE_DAMAGED', `the trace is damaged: ${what}`, where);
}
