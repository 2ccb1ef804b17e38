import { GranuleError, invariant } from '../errors.ts';
import type { ByteWriter } from './bytes.ts';
import { MAX_COLUMN_VALUES, MAX_DEPTH, TAG, TYPED_ARRAYS, writeIntegers, writeSmall } from './columns.ts';
import type { StringTable } from './stringTable.ts';

/** The keys of an object in order, and the column of each key's values. */
interface Shape {
  index: number;
  keys: string[];
  children: ColumnWriter[];
}

/**
 * Takes values one by one and keeps them by columns: tags, integers, floats, strings, array lengths; one child per
 * object key, and one for array elements. Like values sit side by side, so deltas are small and deflate finds repeats.
 *
 * Values are JSON's, and beyond JSON undefined, -0 and the typed arrays of TYPED_ARRAYS. The order of keys is kept.
 * NaN, infinities, functions, symbols, big integers and class instances are refused: they are no plain data.
 *
 * @example
 * ```ts
 * const strings = new StringTable();
 * const column = new ColumnWriter(strings);
 * column.push({ page: 7 });
 * column.count; // 1
 * ```
 */
export class ColumnWriter {
  readonly #strings: StringTable;
  readonly #depth: number;
  readonly #tags: number[] = [];
  readonly #integers: number[] = [];
  readonly #floats: number[] = [];
  readonly #stringIndexes: number[] = [];
  readonly #lengths: number[] = [];
  readonly #arrayKinds: number[] = [];
  #elements: ColumnWriter | null = null;
  readonly #children = new Map<string, ColumnWriter>();
  readonly #shapes = new Map<string, Shape>();
  #lastShape: Shape | null = null;

  constructor(strings: StringTable, depth = 0) {
    this.#strings = strings;
    this.#depth = depth;
    if (depth > MAX_DEPTH) refuse(`nested more than ${MAX_DEPTH} deep, or a cycle`);
  }

  /** Values taken so far. */
  get count(): number {
    return this.#tags.length;
  }

  /**
   * Takes the next value.
   *
   * @throws GranuleError INVARIANT when the value is no plain data
   */
  push(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.#pushNumber(value);
        return;
      case 'string':
        this.#tags.push(TAG.string);
        this.#stringIndexes.push(this.#strings.indexOf(value));
        return;
      case 'boolean':
        this.#tags.push(value ? TAG.true : TAG.false);
        return;
      case 'undefined':
        this.#tags.push(TAG.undefined);
        return;
      case 'object':
        if (value === null) this.#tags.push(TAG.null);
        else if (Array.isArray(value)) this.#pushArray(value);
        else this.#pushObject(value);
        return;
      default:
        refuse(`a ${typeof value}`);
    }
  }

  #pushNumber(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.#tags.push(TAG.integer);
      this.#integers.push(value);
      return;
    }
    if (!Number.isFinite(value)) refuse(`the number ${value}`);
    this.#tags.push(TAG.float);
    this.#floats.push(value);
  }

  #pushArray(value: readonly unknown[]): void {
    this.#tags.push(TAG.array);
    this.#pushElements(value);
  }

  #pushElements(value: ArrayLike<unknown>): void {
    this.#lengths.push(value.length);
    if (value.length === 0) return;
    const elements = (this.#elements ??= new ColumnWriter(this.#strings, this.#depth + 1));
    for (let i = 0; i < value.length; i++) elements.push(value[i]);
    invariant(elements.count <= MAX_COLUMN_VALUES, `a column holds at most ${MAX_COLUMN_VALUES} values`);
  }

  #pushObject(value: object): void {
    if (!isPlainObject(value)) {
      this.#pushTypedArray(value);
      return;
    }
    const shape = this.#shapeOf(Object.keys(value));
    this.#tags.push(TAG.object + shape.index);
    const { keys, children } = shape;
    for (let i = 0; i < keys.length; i++) children[i].push(value[keys[i]]);
  }

  #pushTypedArray(value: object): void {
    const kind = TYPED_ARRAYS.findIndex((constructor) => value.constructor === constructor);
    if (kind < 0 || !isArrayLike(value)) refuse(`an instance of ${value.constructor.name}`);
    this.#tags.push(TAG.typedArray);
    this.#arrayKinds.push(kind);
    this.#pushElements(value);
  }

  #shapeOf(keys: string[]): Shape {
    const last = this.#lastShape;
    if (last !== null && sameKeys(last.keys, keys)) return last;
    const id = JSON.stringify(keys);
    let shape = this.#shapes.get(id);
    if (shape === undefined) {
      shape = { index: this.#shapes.size, keys, children: keys.map((key) => this.#child(key)) };
      this.#shapes.set(id, shape);
    }
    this.#lastShape = shape;
    return shape;
  }

  #child(key: string): ColumnWriter {
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new ColumnWriter(this.#strings, this.#depth + 1);
      this.#children.set(key, child);
    }
    return child;
  }

  /** Writes the columns of this node and of all below it. The number of values is the caller's to keep. */
  encode(writer: ByteWriter): void {
    writeSmall(writer, this.#tags);
    writeIntegers(writer, this.#integers);
    for (const value of this.#floats) writer.f64(value);
    writeSmall(writer, this.#stringIndexes);
    writeSmall(writer, this.#lengths);
    writeSmall(writer, this.#arrayKinds);
    this.#elements?.encode(writer);
    if (this.#shapes.size === 0) return;
    const childIndexes = new Map<string, number>();
    writer.varint(this.#children.size);
    for (const key of this.#children.keys()) {
      childIndexes.set(key, childIndexes.size);
      writer.varint(this.#strings.indexOf(key));
    }
    writer.varint(this.#shapes.size);
    for (const { keys } of this.#shapes.values()) {
      writer.varint(keys.length);
      for (const key of keys) writer.varint(childIndexes.get(key) ?? 0);
    }
    for (const child of this.#children.values()) child.encode(writer);
  }
}

function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isArrayLike(value: object): value is ArrayLike<unknown> {
  return 'length' in value;
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

function refuse(what: string): never {
  throw new GranuleError('INVARIANT', `a logged value is plain data, not ${what}`);
}
