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

/** The key of a message that its record keeps apart from the payload. */
export const TYPE_KEY = 'type';

/** How a column of numbers is laid out: its first byte. */
export const MODE = { delta: 0, constant: 1, plain: 2 } as const;

/** Bytes of a safe integer written as a signed. */
function signedLength(value: number): number {
  const magnitude = value < 0 ? -value : value;
  if (magnitude < 64) return 1;
  if (magnitude < 8192) return 2;
  if (magnitude < 0x100000) return 3;
  if (magnitude < 0x8000000) return 4;
  if (magnitude < 2 ** 34) return 5;
  if (magnitude < 2 ** 41) return 6;
  return magnitude < 2 ** 48 ? 7 : 8;
}

/** Delta or plain, whichever is shorter; plain when equal, because repeats then deflate better. */
function chooseMode(values: ArrayLike<number>, count: number): number {
  const first = values[0];
  let plainLength = 0;
  let deltaLength = 0;
  let previous = 0;
  let constant = true;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    plainLength += signedLength(value);
    deltaLength += signedLength(value - previous);
    previous = value;
    if (value !== first) constant = false;
  }
  if (constant) return MODE.constant;
  return deltaLength < plainLength ? MODE.delta : MODE.plain;
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
export function writeIntegers(writer: ByteWriter, values: ArrayLike<number>, count = values.length): void {
  if (count === 0) return;
  const mode = chooseMode(values, count);
  writer.u8(mode);
  if (mode === MODE.constant) writer.signed(values[0]);
  else if (mode === MODE.delta) writer.deltas(values, count);
  else writer.signeds(values, count);
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
  if (mode === MODE.constant) return values.fill(reader.signed());
  readSignedRows(reader, mode, values, 0, count);
  return values;
}

/**
 * Reads the rest of an integer column of a mode that is not constant into `values`, from a place on.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const values = new Float64Array(2);
 * readSignedRows(new ByteReader(new Uint8Array([5, 1])), MODE.delta, values, 0, 2);
 * values; // Float64Array [ 5, 6 ]
 * ```
 */
export function readSignedRows(
  reader: ByteReader,
  mode: number,
  values: Float64Array,
  place: number,
  count: number,
): void {
  if (mode !== MODE.delta && mode !== MODE.plain) {
    throw new GranuleError('LOG_DAMAGED', `there is no integer column of mode ${mode}`);
  }
  reader.signeds(values, place, count, mode === MODE.delta);
}

/**
 * Refuses a number of values that no column has.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * checkCount(4096);
 * ```
 */
export function checkCount(count: number): void {
  if (!(count <= MAX_COLUMN_VALUES)) {
    throw new GranuleError('LOG_DAMAGED', `a column of ${count} values is more than ${MAX_COLUMN_VALUES}`);
  }
}

/**
 * Whether an object is written field by field: it was made by a literal, or without a prototype.
 *
 * @example
 * ```ts
 * isPlainObject({ page: 7 }); // true
 * isPlainObject([7]); // false
 * ```
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
