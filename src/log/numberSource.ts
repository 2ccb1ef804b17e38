import { GranuleError } from '../errors.ts';
import type { ByteReader } from './bytes.ts';
import { checkCount, MODE, readSignedRows } from './columns.ts';

/** Numbers of the first piece of room, and of the largest that is taken for more than what is asked for. */
const LEAST_NUMBERS = 64;
const MOST_NUMBERS = 8192;

/**
 * Memory for the columns that are read together: one array for many columns, because most are short and an array each
 * would cost more than what is in it.
 *
 * @example
 * ```ts
 * new ColumnRoom().take(3).length >= 3; // true
 * ```
 */
export class ColumnRoom {
  #values = new Float64Array(0);
  #taken = 0;

  /** An array with room for `count` numbers from the place `taken` gives on. */
  take(count: number): Float64Array {
    if (this.#taken + count > this.#values.length) {
      const more = Math.min(MOST_NUMBERS, Math.max(LEAST_NUMBERS, this.#values.length * 2));
      this.#values = new Float64Array(Math.max(more, count));
      this.#taken = 0;
    }
    this.#taken += count;
    return this.#values;
  }

  /** Makes the room free again: for when all columns in it were read to their ends. */
  clear(): void {
    this.#taken = 0;
  }

  /** Numbers given away in the array that `take` gave last. */
  get taken(): number {
    return this.#taken;
  }
}

/**
 * The numbers of a column one after the other, without end when they are all the same.
 *
 * @example
 * ```ts
 * const source = readSmall(new ByteReader(new Uint8Array([1, 3])), 2, new ColumnRoom());
 * source.next() + source.next(); // 6
 * ```
 */
export class NumberSource {
  readonly count: number;
  readonly #values: Float64Array;
  #place: number;
  /** 0 when one number stands for all. */
  readonly #stride: number;

  constructor(count: number, values: Float64Array, place: number, stride: number) {
    this.count = count;
    this.#values = values;
    this.#place = place;
    this.#stride = stride;
  }

  /** Whether one number stands for all. */
  get isConstant(): boolean {
    return this.#stride === 0;
  }

  /** The next number. */
  next(): number {
    const value = this.#values[this.#place];
    this.#place += this.#stride;
    return value;
  }

  /** Passes over so many numbers. */
  skip(numbers: number): void {
    this.#place += numbers * this.#stride;
  }

  /** The next numbers, as an array. */
  list(numbers: number): number[] {
    const list: number[] = [];
    for (let i = 0; i < numbers; i++) list.push(this.#values[this.#place + i * this.#stride]);
    this.skip(numbers);
    return list;
  }

  /** A number that `next` gives so many numbers later. */
  ahead(numbers: number): number {
    return this.#values[this.#place + numbers * this.#stride];
  }
}

const NOTHING = new NumberSource(0, new Float64Array(1), 0, 0);

/**
 * Reads a column of small non-negative integers (tags, string numbers).
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * readSmall(new ByteReader(new Uint8Array([1, 3])), 2, new ColumnRoom()).next(); // 3
 * ```
 */
export function readSmall(reader: ByteReader, count: number, room: ColumnRoom): NumberSource {
  if (count === 0) return NOTHING;
  checkCount(count);
  const mode = reader.u8();
  if (mode === MODE.constant) return constant(count, reader.varint(), room);
  if (mode !== MODE.plain) throw new GranuleError('LOG_DAMAGED', `there is no small column of mode ${mode}`);
  checkRows(reader, count, 1);
  const values = room.take(count);
  const place = room.taken - count;
  reader.varints(values, place, count);
  return new NumberSource(count, values, place, 1);
}

/**
 * Reads a column of any safe integers.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * readIntegerSource(new ByteReader(new Uint8Array([1, 5])), 3, new ColumnRoom()).next(); // 5
 * ```
 */
export function readIntegerSource(reader: ByteReader, count: number, room: ColumnRoom): NumberSource {
  if (count === 0) return NOTHING;
  checkCount(count);
  const mode = reader.u8();
  if (mode === MODE.constant) return constant(count, reader.signed(), room);
  checkRows(reader, count, 1);
  const values = room.take(count);
  const place = room.taken - count;
  readSignedRows(reader, mode, values, place, count);
  return new NumberSource(count, values, place, 1);
}

/**
 * Reads a column of doubles.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * readFloats(new ByteReader(new Uint8Array(8)), 1, new ColumnRoom()).next(); // 0
 * ```
 */
export function readFloats(reader: ByteReader, count: number, room: ColumnRoom): NumberSource {
  if (count === 0) return NOTHING;
  checkRows(reader, count, 8);
  const values = room.take(count);
  const place = room.taken - count;
  for (let i = 0; i < count; i++) values[place + i] = reader.f64();
  return new NumberSource(count, values, place, 1);
}

function constant(count: number, value: number, room: ColumnRoom): NumberSource {
  const values = room.take(1);
  values[room.taken - 1] = value;
  return new NumberSource(count, values, room.taken - 1, 0);
}

/** Refuses more values than the bytes that are left can hold, before room is made for them. */
function checkRows(reader: ByteReader, count: number, leastBytes: number): void {
  if (count * leastBytes > reader.left) throw new GranuleError('LOG_DAMAGED', 'the data ends too early');
}
