/** Writes protobuf's wire format: varints, 64-bit numbers and length-delimited fields, and nothing of schemas. */

/** Kinds of value on the wire, in the low three bits of a field's tag. */
const WIRE = { varint: 0, fixed64: 1, delimited: 2 } as const;
const FIRST_BYTES = 256;
/** Bits of a number that JavaScript shifts exactly. */
const EXACT_SHIFT = 2 ** 31;
const BYTE = 0x80;

/**
 * A message that is being written. It is used again after `clear`, so that an event costs no memory of its own.
 *
 * @example
 * ```ts
 * const message = new ProtoMessage();
 * message.varint(1, 300).string(2, 'a');
 * message.bytes(); // Uint8Array [ 8, 172, 2, 18, 1, 97 ]
 * ```
 */
export class ProtoMessage {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #encoder = new TextEncoder();

  /** What was written, as a copy. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  /** A whole number of 0 or more: uint32, uint64, an enum, a bool. */
  varint(field: number, value: number): this {
    this.#tag(field, WIRE.varint);
    this.#varint(value);
    return this;
  }

  /** A uint64 in eight bytes. */
  fixed64(field: number, value: number): this {
    this.#tag(field, WIRE.fixed64);
    this.#room(8);
    this.#view.setUint32(this.#length, value % 2 ** 32, true);
    this.#view.setUint32(this.#length + 4, Math.floor(value / 2 ** 32), true);
    this.#length += 8;
    return this;
  }

  /** A double. */
  double(field: number, value: number): this {
    this.#tag(field, WIRE.fixed64);
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  /** A string in UTF-8. */
  string(field: number, text: string): this {
    return this.raw(field, this.#encoder.encode(text));
  }

  /** A message inside. */
  message(field: number, inner: ProtoMessage): this {
    return this.raw(field, inner.#bytes.subarray(0, inner.#length));
  }

  /** Bytes as they are. */
  raw(field: number, bytes: Uint8Array): this {
    this.#tag(field, WIRE.delimited);
    this.#varint(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  #tag(field: number, wire: number): void {
    this.#varint(field * 8 + wire);
  }

  #varint(value: number): void {
    this.#room(10);
    let rest = value;
    // Above 31 bits a shift would lose some.
    while (rest >= EXACT_SHIFT) {
      this.#bytes[this.#length++] = (rest % BYTE) | BYTE;
      rest = Math.floor(rest / BYTE);
    }
    while (rest >= BYTE) {
      this.#bytes[this.#length++] = (rest & 0x7f) | BYTE;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #room(bytes: number): void {
    const wanted = this.#length + bytes;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
