import { GranuleError } from '../errors.ts';

/** First size of a ByteWriter: most small frames fit, so that few writers grow. */
const INITIAL_BYTES = 256;
/** The longest varint: eight groups of 7 bits hold every safe integer. The longest signed is one byte more. */
const VARINT_MAX_BYTES = 8;
/** The signed varint that stands for "no delta: the value itself follows" (minus zero, which no integer needs). */
const SIGNED_ESCAPE = 0x40;
/** An escape and the longest signed behind it. */
const ESCAPED_MAX_BYTES = VARINT_MAX_BYTES + 2;
/** Code units that are handed to one call; few ids and keys are longer. */
const SPREAD_UNITS = 256;
/** Columns are written in pieces of so many values, each with one look at the room that is left. */
const PIECE_VALUES = 1024;

/**
 * A growing byte buffer for the log's encodings: little-endian numbers, varints, strings, raw bytes.
 *
 * @example
 * ```ts
 * const writer = new ByteWriter();
 * writer.varint(300);
 * writer.finish(); // Uint8Array [ 0xac, 0x02 ]
 * ```
 */
export class ByteWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** One byte. */
  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Four bytes, little-endian. */
  u32(value: number): void {
    this.#reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = (value >>> shift) & 0xff;
  }

  /** A non-negative safe integer, 7 bits a byte, low groups first. */
  varint(value: number): void {
    this.#reserve(VARINT_MAX_BYTES);
    this.#length = putVarint(this.#bytes, this.#length, value);
  }

  /** The first `count` of some non-negative safe integers. */
  varints(values: ArrayLike<number>, count: number): void {
    for (let from = 0; from < count; from += PIECE_VALUES) {
      const to = Math.min(count, from + PIECE_VALUES);
      this.#reserve((to - from) * VARINT_MAX_BYTES);
      const bytes = this.#bytes;
      let at = this.#length;
      for (let i = from; i < to; i++) at = putVarint(bytes, at, values[i]);
      this.#length = at;
    }
  }

  /** A safe integer: the sign is bit 6 of the first byte, so that no value has to be doubled. */
  signed(value: number): void {
    this.#reserve(ESCAPED_MAX_BYTES);
    this.#length = putSigned(this.#bytes, this.#length, value);
  }

  /** The first `count` of some safe integers. */
  signeds(values: ArrayLike<number>, count: number): void {
    for (let from = 0; from < count; from += PIECE_VALUES) {
      const to = Math.min(count, from + PIECE_VALUES);
      this.#reserve((to - from) * ESCAPED_MAX_BYTES);
      const bytes = this.#bytes;
      let at = this.#length;
      for (let i = from; i < to; i++) at = putSigned(bytes, at, values[i]);
      this.#length = at;
    }
  }

  /**
   * The first `count` of some safe integers, each as its difference from the one before, the first from 0; whole behind
   * an escape where the difference is no safe integer.
   */
  deltas(values: ArrayLike<number>, count: number): void {
    let previous = 0;
    for (let from = 0; from < count; from += PIECE_VALUES) {
      const to = Math.min(count, from + PIECE_VALUES);
      this.#reserve((to - from) * ESCAPED_MAX_BYTES);
      const bytes = this.#bytes;
      let at = this.#length;
      for (let i = from; i < to; i++) {
        const value = values[i];
        const delta = value - previous;
        previous = value;
        if (Number.isSafeInteger(delta)) {
          at = putSigned(bytes, at, delta);
        } else {
          bytes[at++] = SIGNED_ESCAPE;
          at = putSigned(bytes, at, value);
        }
      }
      this.#length = at;
    }
  }

  /** An IEEE double, little-endian. */
  f64(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A string: its length and its UTF-16 code units as varints, so that every JavaScript string survives. */
  string(value: string): void {
    this.#reserve((value.length + 1) * VARINT_MAX_BYTES);
    const bytes = this.#bytes;
    let at = putVarint(bytes, this.#length, value.length);
    for (let i = 0; i < value.length; i++) at = putVarint(bytes, at, value.charCodeAt(i));
    this.#length = at;
  }

  /** Raw bytes, as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What was written, as an array of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** A view of what was written from an offset on, good until the next byte is written. */
  since(offset: number): Uint8Array {
    return this.#bytes.subarray(offset, this.#length);
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.#length = 0;
  }
}

/** Writes a varint where there is room for it; gives the offset behind it. */
function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  // Above 31 bits the bit operators would wrap; division is exact for every safe integer.
  while (rest >= 0x80000000) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function putSigned(bytes: Uint8Array, offset: number, value: number): number {
  const sign = value < 0 ? 0x40 : 0;
  const magnitude = value < 0 ? -value : value;
  if (magnitude < 64) {
    bytes[offset] = sign | magnitude;
    return offset + 1;
  }
  if (magnitude < 0x80000000) {
    bytes[offset] = 0x80 | sign | (magnitude & 0x3f);
    return putVarint(bytes, offset + 1, magnitude >>> 6);
  }
  bytes[offset] = 0x80 | sign | (magnitude % 64);
  return putVarint(bytes, offset + 1, Math.floor(magnitude / 64));
}

/**
 * Reads what ByteWriter wrote. Running past the end is damage, never garbage.
 *
 * @throws GranuleError LOG_DAMAGED from every method, when the bytes cannot be what a writer wrote
 * @example
 * ```ts
 * new ByteReader(new Uint8Array([0xac, 0x02])).varint(); // 300
 * ```
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Bytes consumed so far. */
  get position(): number {
    return this.#at;
  }

  /** Bytes left. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  #fail(what: string): never {
    throw new GranuleError('LOG_DAMAGED', what, `byte ${this.#at} of ${this.bytes.length}`);
  }

  /** Refuses a position past the end and numbers no writer writes. */
  #checked(value: number): number {
    if (this.#at > this.bytes.length) this.#fail('the data ends too early');
    if (value > Number.MAX_SAFE_INTEGER) this.#fail('a number is out of range');
    return value;
  }

  /** One byte. */
  u8(): number {
    if (this.#at >= this.bytes.length) this.#fail('the data ends too early');
    return this.bytes[this.#at++] ?? 0;
  }

  /** Four bytes, little-endian, as an unsigned number. */
  u32(): number {
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }

  /** A non-negative safe integer. */
  varint(): number {
    const { bytes } = this;
    let at = this.#at;
    // Reading past the end gives undefined, which counts as 0 and ends the loops; #checked then refuses it.
    let byte = bytes[at++];
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
    }
    for (let scale = 2 ** 28; byte >= 0x80; scale *= 128) {
      byte = bytes[at++];
      value += (byte & 0x7f) * scale;
    }
    this.#at = at;
    return this.#checked(value);
  }

  /** So many non-negative safe integers, written to an array from a place on. */
  varints(values: Float64Array, place: number, count: number): void {
    const { bytes } = this;
    for (let i = place; i < place + count; i++) {
      const byte = bytes[this.#at];
      if (byte < 0x80) {
        values[i] = byte;
        this.#at += 1;
      } else values[i] = this.varint();
    }
  }

  /** A varint that must not exceed `limit`: counts and indexes, so that damage never makes a huge array. */
  varintUpTo(limit: number, what: string): number {
    const value = this.varint();
    if (!(value <= limit)) this.#fail(`${what} is ${value}, more than ${limit}`);
    return value;
  }

  /** A safe integer as `signed` wrote it. */
  signed(): number {
    const first = this.u8();
    const low = first & 0x3f;
    const magnitude = first < 0x80 ? low : this.#checked(low + this.varint() * 64);
    return (first & 0x40) === 0 || magnitude === 0 ? magnitude : -magnitude;
  }

  /**
   * So many safe integers as `signeds` wrote them, or as `deltas` did, written to an array from a place on. Most have one or two
   * bytes and are read right here.
   */
  signeds(values: Float64Array, place: number, count: number, areDeltas: boolean): void {
    const { bytes } = this;
    let previous = 0;
    for (let i = place; i < place + count; i++) {
      const first = bytes[this.#at];
      const second = bytes[this.#at + 1];
      let value = first & 0x3f;
      if (first < 0x80 && first !== SIGNED_ESCAPE) {
        this.#at += 1;
        if (first > SIGNED_ESCAPE) value = -value;
        value += previous;
      } else if (first >= 0x80 && second < 0x80) {
        this.#at += 2;
        value |= second << 6;
        value = previous + ((first & 0x40) === 0 ? value : -value);
      } else value = this.delta(previous);
      values[i] = value;
      if (areDeltas) previous = value;
    }
  }

  /** A value written as a delta against `previous`, or whole behind the escape mark. */
  delta(previous: number): number {
    if (this.bytes[this.#at] !== SIGNED_ESCAPE) return previous + this.signed();
    this.#at += 1;
    return this.signed();
  }

  /** An IEEE double, little-endian. */
  f64(): number {
    if (this.left < 8) this.#fail('the data ends too early');
    const value = new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** A string as `string` wrote it. */
  string(): string {
    const length = this.varintUpTo(this.left, 'the length of a string');
    const units: number[] = [];
    for (let i = 0; i < length; i++) units.push(this.varintUpTo(0xffff, 'a code unit'));
    if (length > SPREAD_UNITS) return units.map((unit) => String.fromCharCode(unit)).join('');
    // As a key it is the one copy that engines keep of every key: comparing it and storing under it are quick from here on.
    return Object.keys({ [String.fromCharCode(...units)]: true })[0];
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Uint8Array {
    if (length > this.left) this.#fail('the data ends too early');
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  /** Refuses bytes that are left over. */
  end(): void {
    if (this.left !== 0) this.#fail(`${this.left} bytes are left over`);
  }
}
