import { ByteReader, ByteWriter } from './bytes.ts';
import { NumberColumn } from './numberColumn.ts';
import { ColumnRoom, readSmall } from './numberSource.ts';

/** How one row is laid out. */
export interface RowCodec<T> {
  encode(writer: ByteWriter, row: T): void;
  decode(reader: ByteReader): T;
}

/**
 * Rows by name, such as the segments that hold an actor's records. Those that come from a file are decoded one by one when
 * they are asked for: an index of a hundred thousand actors is opened for the sake of a few of them.
 *
 * @example
 * ```ts
 * const codec = { encode: (writer, row) => writer.varint(row), decode: (reader) => reader.varint() };
 * const rows = new NamedRows(codec);
 * rows.set('zone', 7);
 * rows.get('zone'); // 7
 * ```
 */
export class NamedRows<T> {
  readonly #codec: RowCodec<T>;
  readonly #rows = new Map<string, { row: T } | { bytes: Uint8Array }>();

  constructor(codec: RowCodec<T>) {
    this.#codec = codec;
  }

  /** The names that have a row, in the order in which they got it. */
  names(): IterableIterator<string> {
    return this.#rows.keys();
  }

  /**
   * The row of a name; undefined when it has none.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  get(name: string): T | undefined {
    const known = this.#rows.get(name);
    if (known === undefined) return undefined;
    if ('row' in known) return known.row;
    const reader = new ByteReader(known.bytes);
    const row = this.#codec.decode(reader);
    reader.end();
    this.#rows.set(name, { row });
    return row;
  }

  /** Gives a name a row; a new name comes last. */
  set(name: string, row: T): void {
    this.#rows.set(name, { row });
  }

  /** Takes a name's row away. */
  delete(name: string): void {
    this.#rows.delete(name);
  }

  /** Writes the rows of these names, in their order: the byte length of each, 0 for a name without a row, then the rows. */
  encode(writer: ByteWriter, names: readonly string[]): void {
    const parts = names.map((name) => this.#bytes(name));
    const lengths = new NumberColumn();
    for (const bytes of parts) lengths.push(bytes.length);
    lengths.encodeSmall(writer);
    for (const bytes of parts) writer.raw(bytes);
  }

  /**
   * Takes over what `encode` wrote for the same names.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  decode(reader: ByteReader, names: readonly string[]): void {
    const lengths = readSmall(reader, names.length, new ColumnRoom());
    for (const name of names) {
      const length = lengths.next();
      if (length > 0) this.#rows.set(name, { bytes: reader.raw(length) });
    }
  }

  #bytes(name: string): Uint8Array {
    const known = this.#rows.get(name);
    if (known !== undefined && 'bytes' in known) return known.bytes;
    const writer = new ByteWriter();
    if (known !== undefined) this.#codec.encode(writer, known.row);
    return writer.finish();
  }
}

/**
 * Writes names, which `readNames` reads.
 *
 * @example
 * ```ts
 * const writer = new ByteWriter();
 * writeNames(writer, ['zone']);
 * readNames(new ByteReader(writer.finish())); // ['zone']
 * ```
 */
export function writeNames(writer: ByteWriter, names: readonly string[]): void {
  writer.varint(names.length);
  for (const name of names) writer.string(name);
}

/**
 * Reads names.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * readNames(new ByteReader(new Uint8Array([0]))); // []
 * ```
 */
export function readNames(reader: ByteReader): string[] {
  const count = reader.varintUpTo(reader.left, 'the number of names');
  return Array.from({ length: count }, () => reader.string());
}

/** A name and how many records have it. */
export interface NameCount {
  id: string;
  count: number;
}

/**
 * How many records each name has, in the order of the names.
 *
 * @example
 * ```ts
 * countNames(new LogDirectory().actors); // []
 * ```
 */
export function countNames(rows: NamedRows<{ counts: readonly number[] }>): NameCount[] {
  return Array.from(rows.names(), (id) => {
    const counts = rows.get(id)?.counts ?? [];
    return { id, count: counts.reduce((sum, count) => sum + count, 0) };
  });
}
