import { GranuleError } from '../errors.ts';
import type { ByteReader } from './bytes.ts';
import { MAX_COLUMN_VALUES, MAX_DEPTH, readIntegers, readSmall, TAG, TYPED_ARRAYS } from './columns.ts';
import { stringAt } from './stringTable.ts';

/** How one object shape is rebuilt. */
interface Shape {
  keys: string[];
  children: ColumnReader[];
}

const EMPTY = new Float64Array(0);

/**
 * Reads back, one by one, the values that a ColumnWriter took.
 *
 * @throws GranuleError LOG_DAMAGED from the constructor and from `next`, when the bytes are not what a writer wrote
 * @example
 * ```ts
 * const strings = new StringTable();
 * const column = new ColumnWriter(strings);
 * column.push([1, 'two']);
 * const writer = new ByteWriter();
 * column.encode(writer);
 * new ColumnReader(new ByteReader(writer.finish()), 1, ['two']).next(); // [ 1, 'two' ]
 * ```
 */
export class ColumnReader {
  readonly #strings: readonly string[];
  readonly #tags: Float64Array;
  readonly #integers: Float64Array;
  readonly #floats: Float64Array;
  readonly #stringIndexes: Float64Array;
  readonly #lengths: Float64Array;
  readonly #arrayKinds: Float64Array;
  readonly #elements: ColumnReader | null;
  readonly #shapes: Shape[];
  #tagAt = 0;
  #integerAt = 0;
  #floatAt = 0;
  #stringAt = 0;
  #lengthAt = 0;
  #arrayKindAt = 0;

  constructor(reader: ByteReader, count: number, strings: readonly string[], depth = 0) {
    if (depth > MAX_DEPTH) damaged(`columns are nested more than ${MAX_DEPTH} deep`);
    this.#strings = strings;
    this.#tags = readSmall(reader, count);
    const counts = countTags(this.#tags);
    this.#integers = readIntegers(reader, counts[TAG.integer] ?? 0);
    this.#floats = readFloats(reader, counts[TAG.float] ?? 0);
    this.#stringIndexes = readSmall(reader, counts[TAG.string] ?? 0);
    const typedArrays = counts[TAG.typedArray] ?? 0;
    this.#lengths = readSmall(reader, (counts[TAG.array] ?? 0) + typedArrays);
    this.#arrayKinds = readSmall(reader, typedArrays);
    let elements = 0;
    for (const length of this.#lengths) elements += length;
    this.#elements = elements === 0 ? null : new ColumnReader(reader, elements, strings, depth + 1);
    this.#shapes = counts.length > TAG.object ? readShapes(reader, counts, strings, depth) : [];
  }

  /** The next value. */
  next(): unknown {
    const tag = this.#tags[this.#tagAt++];
    switch (tag) {
      case TAG.integer:
        return this.#integers[this.#integerAt++];
      case TAG.string:
        return stringAt(this.#strings, this.#stringIndexes[this.#stringAt++]);
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.undefined:
        return undefined;
      case TAG.float:
        return this.#floats[this.#floatAt++];
      case TAG.array:
        return this.#array();
      case TAG.typedArray:
        return this.#typedArray();
      default:
        return this.#object(tag - TAG.object);
    }
  }

  #object(index: number): Record<string, unknown> {
    const shape = this.#shapes[index];
    if (shape === undefined) damaged(`there is no shape ${index}`);
    const { keys, children } = shape;
    const value: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const field = children[i].next();
      // A plain store to __proto__ would set the prototype instead of a field.
      if (key === '__proto__') define(value, key, field);
      else value[key] = field;
    }
    return value;
  }

  #array(): unknown[] {
    const length = this.#lengths[this.#lengthAt++];
    const value: unknown[] = [];
    for (let i = 0; i < length; i++) value.push(this.#elements?.next());
    return value;
  }

  #typedArray(): unknown {
    const length = this.#lengths[this.#lengthAt++];
    const constructor = TYPED_ARRAYS[this.#arrayKinds[this.#arrayKindAt++]];
    if (constructor === undefined) damaged('a typed array is of no known kind');
    const value = new constructor(length);
    for (let i = 0; i < length; i++) {
      const element = this.#elements?.next();
      if (typeof element !== 'number') damaged('an element of a typed array is no number');
      value[i] = element;
    }
    return value;
  }
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** How many values have each tag; the array ends with the highest tag met. */
function countTags(tags: Float64Array): number[] {
  const counts: number[] = Array.from({ length: TAG.object }, () => 0);
  for (const tag of tags) {
    if (tag > MAX_COLUMN_VALUES) damaged(`there is no tag ${tag}`);
    while (counts.length <= tag) {
      // Shapes are numbered as they are met, so a tag can be at most one past those met before.
      if (counts.length < tag) damaged(`tag ${tag} comes before the ones below it`);
      counts.push(0);
    }
    counts[tag] = (counts[tag] ?? 0) + 1;
  }
  return counts;
}

function readFloats(reader: ByteReader, count: number): Float64Array {
  if (count === 0) return EMPTY;
  if (count * 8 > reader.left) damaged('the data ends too early');
  return Float64Array.from({ length: count }, () => reader.f64());
}

function readShapes(reader: ByteReader, counts: readonly number[], strings: readonly string[], depth: number): Shape[] {
  const keyCount = reader.varintUpTo(reader.left, 'the number of keys');
  const keys: string[] = [];
  for (let i = 0; i < keyCount; i++) keys.push(stringAt(strings, reader.varint()));
  const shapeCount = reader.varint();
  if (shapeCount !== counts.length - TAG.object) damaged('the number of shapes is not the number of shapes used');
  const childCounts = keys.map(() => 0);
  const shapes: number[][] = [];
  for (let shape = 0; shape < shapeCount; shape++) {
    const length = reader.varintUpTo(keyCount, 'the number of keys of a shape');
    const children: number[] = [];
    for (let i = 0; i < length; i++) {
      const child = reader.varintUpTo(keyCount - 1, 'the number of a key');
      children.push(child);
      childCounts[child] = (childCounts[child] ?? 0) + (counts[TAG.object + shape] ?? 0);
    }
    shapes.push(children);
  }
  const readers = childCounts.map((count) => new ColumnReader(reader, count, strings, depth + 1));
  return shapes.map((children) => ({
    keys: children.map((child) => keys[child]),
    children: children.map((child) => readers[child]),
  }));
}

function damaged(what: string): never {
  throw new GranuleError('LOG_DAMAGED', what);
}
