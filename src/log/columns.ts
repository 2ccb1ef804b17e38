import { GranuleError } from '../errors.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

/** Tags of the columnar encoding: one a value, saying which column holds the rest of it. */
export const TAG = {
  null: 0,
  false: 1,
  true: 2,
  integer: 3,
  float: 4,
  string: 5,
  array: 6,
  undefined: 7,
  typedArray: 8,
  /** An object has tag `object + number of its shape`. */
  object: 9,
} as const;

/** Nesting that neither payloads nor actor states come near; it keeps damaged or cyclic data from overflowing the stack. */
export const MAX_DEPTH = 200;
/** More values than any column can rightly hold; it keeps damaged data from asking for endless memory. */
export const MAX_COLUMN_VALUES = 1 << 24;

/** Typed arrays that values may hold, by the number that stands for them in the file. */
export const TYPED_ARRAYS = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float64Array,
] as const;

const MODE_DELTA = 0;
const MODE_CONSTANT = 1;
const MODE_PLAIN = 2;

function signedLength(value: number): number {
  let rest = value < 0 ? -value : value;
  let length = 1;
  for (rest = Math.floor(rest / 64); rest > 0; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Delta or plain, whichever is shorter; plain when equal, because repeats then deflate better. */
function chooseMode(values: readonly number[]): number {
  let plainLength = 0;
  let deltaLength = 0;
  let previous = 0;
  let constant = true;
  for (const value of values) {
    plainLength += signedLength(value);
    deltaLength += signedLength(value - previous);
    previous = value;
    constant &&= value === values[0];
  }
  if (constant) return MODE_CONSTANT;
  return deltaLength < plainLength ? MODE_DELTA : MODE_PLAIN;
}

/**
 * Writes a column of safe integers: one constant, deltas against the value before, or the values themselves, whichever
 * is shortest. Nothing is written for an empty column.
 *
 * @example
 * ```ts
 * const writer = new ByteWriter();
 * writeIntegers(writer, [5, 5, 5]);
 * writer.finish(); // Uint8Array [ 1, 5 ]
 * ```
 */
export function writeIntegers(writer: ByteWriter, values: readonly number[]): void {
  if (values.length === 0) return;
  const mode = chooseMode(values);
  writer.u8(mode);
  if (mode === MODE_CONSTANT) {
    writer.signed(values[0] ?? 0);
    return;
  }
  let previous = 0;
  for (const value of values) {
    const delta = mode === MODE_DELTA ? value - previous : value;
    previous = value;
    if (Number.isSafeInteger(delta)) {
      writer.signed(delta);
    } else {
      writer.signedEscape();
      writer.signed(value);
    }
  }
}

/**
 * Reads a column of `count` integers.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * readIntegers(new ByteReader(new Uint8Array([1, 5])), 3); // Float64Array [ 5, 5, 5 ]
 * ```
 */
export function readIntegers(reader: ByteReader, count: number): Float64Array {
  checkCount(count);
  const values = new Float64Array(count);
  if (count === 0) return values;
  const mode = reader.u8();
  if (mode === MODE_CONSTANT) return values.fill(reader.signed());
  if (mode !== MODE_DELTA && mode !== MODE_PLAIN) {
    throw new GranuleError('LOG_DAMAGED', `there is no integer column of mode ${mode}`);
  }
  let previous = 0;
  for (let i = 0; i < count; i++) {
    previous = reader.delta(mode === MODE_DELTA ? previous : 0);
    values[i] = previous;
  }
  return values;
}

/**
 * Writes a column of small non-negative integers (tags, string numbers): plain varints, or one when all are the same.
 *
 * @example
 * ```ts
 * const writer = new ByteWriter();
 * writeSmall(writer, [3, 3]);
 * writer.finish(); // Uint8Array [ 1, 3 ]
 * ```
 */
export function writeSmall(writer: ByteWriter, values: readonly number[]): void {
  if (values.length === 0) return;
  const first = values[0] ?? 0;
  if (values.every((value) => value === first)) {
    writer.u8(MODE_CONSTANT);
    writer.varint(first);
    return;
  }
  writer.u8(MODE_PLAIN);
  for (const value of values) writer.varint(value);
}

/**
 * Reads a column that `writeSmall` wrote.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * readSmall(new ByteReader(new Uint8Array([1, 3])), 2); // Float64Array [ 3, 3 ]
 * ```
 */
export function readSmall(reader: ByteReader, count: number): Float64Array {
  checkCount(count);
  const values = new Float64Array(count);
  if (count === 0) return values;
  const mode = reader.u8();
  if (mode === MODE_CONSTANT) return values.fill(reader.varint());
  if (mode !== MODE_PLAIN) throw new GranuleError('LOG_DAMAGED', `there is no small column of mode ${mode}`);
  for (let i = 0; i < count; i++) values[i] = reader.varint();
  return values;
}

function checkCount(count: number): void {
  if (!(count <= MAX_COLUMN_VALUES)) {
    throw new GranuleError('LOG_DAMAGED', `a column of ${count} values is more than ${MAX_COLUMN_VALUES}`);
  }
}
