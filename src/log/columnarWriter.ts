import { GranuleError, invariant } from '../errors.ts';
import type { ByteWriter } from './bytes.ts';
import { isPlainObject, MAX_COLUMN_VALUES, MAX_DEPTH, TAG, TYPED_ARRAYS } from './columns.ts';
import { isInteger, NumberColumn } from './numberColumn.ts';
import { ObjectColumns } from './objectColumns.ts';
import type { StringTable } from './stringTable.ts';

/** No value: nothing equals it. */
const NOTHING = Symbol('no value');

/**
 * Takes values one by one and keeps them by columns: tags, integers, floats, strings, array lengths; one child per
 * object key, and one for array elements. Like values sit side by side, so deltas are small and deflate finds repeats.
 *
 * Values are JSON's, and beyond JSON undefined, -0 and the typed arrays of TYPED_ARRAYS. The order of keys is kept.
 * NaN, infinities, functions, symbols, big integers and class instances are refused: they are no plain data.
 *
 * Columns are kept from one use to the next: `clear` begins anew in the same memory.
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
  readonly #tags = new NumberColumn();
  readonly #integers = new NumberColumn();
  readonly #stringIndexes = new NumberColumn();
  readonly #floats: number[] = [];
  /** The last value, where it is no object, and how often it came again since: most columns say the same again and again. */
  #last: unknown = NOTHING;
  #again = 0;
  /** The last string and its index. */
  #lastString: string | null = null;
  #lastStringIndex = 0;
  #arrays: ArrayColumns | null = null;
  #objects: ObjectColumns | null = null;

  constructor(strings: StringTable, depth = 0) {
    this.#strings = strings;
    this.#depth = depth;
    if (depth > MAX_DEPTH) refuse(`nested more than ${MAX_DEPTH} deep, or a cycle`);
  }

  /** Values taken so far. */
  get count(): number {
    return this.#tags.count + this.#again;
  }

  /**
   * Takes the next value. When it is refused, part of it may have been taken: `truncate` sets that right.
   *
   * @param leftOut when the value is an object: a key of it that counts as not there
   * @throws GranuleError INVARIANT when the value is no plain data
   */
  push(value: unknown, leftOut: string | null = null): void {
    // -0 is the one value that equals another.
    if (value === this.#last && !Object.is(value, -0)) this.#again += 1;
    else this.#pushOther(value, leftOut);
  }

  /** Takes a value that is not the last one again: mostly an integer, so this comes first and calls nothing that is long. */
  #pushOther(value: unknown, leftOut: string | null): void {
    if (this.#again > 0) this.#settle();
    if (isInteger(value)) {
      this.#last = value;
      this.#tags.push(TAG.integer);
      this.#integers.push(value);
    } else if (typeof value === 'object' && value !== null) {
      this.#last = NOTHING;
      this.#pushStructure(value, leftOut);
    } else {
      this.#pushScalar(value, 1);
      this.#last = Object.is(value, -0) ? NOTHING : value;
    }
  }

  /** Puts into the columns what came again. */
  #settle(): void {
    const times = this.#again;
    if (times === 0) return;
    this.#again = 0;
    this.#pushScalar(this.#last, times);
  }

  #pushScalar(value: unknown, times: number): void {
    this.#tags.pushTimes(this.#tagOf(value), times);
    if (typeof value === 'string') this.#stringIndexes.pushTimes(this.#indexOf(value), times);
    else if (isInteger(value)) this.#integers.pushTimes(value, times);
    else if (typeof value === 'number') for (let time = 0; time < times; time++) this.#floats.push(value);
  }

  #indexOf(value: string): number {
    if (value !== this.#lastString) {
      this.#lastStringIndex = this.#strings.indexOf(value);
      this.#lastString = value;
    }
    return this.#lastStringIndex;
  }

  #tagOf(value: unknown): number {
    switch (typeof value) {
      case 'number':
        if (!Number.isFinite(value)) refuse(`the number ${value}`);
        return isInteger(value) ? TAG.integer : TAG.float;
      case 'string':
        return TAG.string;
      case 'boolean':
        return value ? TAG.true : TAG.false;
      case 'undefined':
        return TAG.undefined;
      default:
        return value === null ? TAG.null : refuse(`a ${typeof value}`);
    }
  }

  #pushStructure(value: object, leftOut: string | null): void {
    if (Array.isArray(value)) this.#pushElements(value, TAG.array);
    else if (isPlainObject(value)) this.#pushObject(value, leftOut);
    else this.#pushTypedArray(value);
  }

  #pushObject(value: Readonly<Record<string, unknown>>, leftOut: string | null): void {
    this.#objects ??= this.#newObjects();
    this.#tags.push(this.#objects.push(value, leftOut));
  }

  /** Apart, since a function that may make a closure takes room for what it would capture each time it is called. */
  #newObjects(): ObjectColumns {
    return new ObjectColumns(() => this.#newColumn());
  }

  #newColumn(): ColumnWriter {
    return new ColumnWriter(this.#strings, this.#depth + 1);
  }

  #pushTypedArray(value: object): void {
    const kind = TYPED_ARRAYS.findIndex((constructor) => value.constructor === constructor);
    if (kind < 0 || !isArrayLike(value)) refuse(`an instance of ${value.constructor.name}`);
    this.#pushElements(value, TAG.typedArray).kinds.push(kind);
  }

  #pushElements(value: ArrayLike<unknown>, tag: number): ArrayColumns {
    const arrays = (this.#arrays ??= { lengths: new NumberColumn(), kinds: new NumberColumn(), elements: null });
    this.#tags.push(tag);
    arrays.lengths.push(value.length);
    if (value.length === 0) return arrays;
    const elements = (arrays.elements ??= this.#newColumn());
    const most = MAX_COLUMN_VALUES - elements.count;
    invariant(value.length <= most, `a column holds at most ${MAX_COLUMN_VALUES} values`);
    elements.#pushAll(value);
    return arrays;
  }

  /** Takes values of which most are integers: those at the beginning in one go. */
  #pushAll(values: ArrayLike<unknown>): void {
    this.#settle();
    this.#last = NOTHING;
    const integers = this.#integers.pushIntegers(values);
    this.#tags.pushTimes(TAG.integer, integers);
    for (let place = integers; place < values.length; place++) this.push(values[place]);
  }

  /** Takes back all values but the first `count`, and parts of a value that was refused. */
  truncate(count: number): void {
    this.#settle();
    this.#last = NOTHING;
    this.#tags.truncate(count);
    const counts = new Map<number, number>();
    for (let place = 0; place < count; place++) {
      const tag = this.#tags.at(place);
      counts.set(tag, (counts.get(tag) ?? 0) + 1);
    }
    const having = (tag: number): number => counts.get(tag) ?? 0;
    this.#integers.truncate(having(TAG.integer));
    this.#floats.length = having(TAG.float);
    this.#stringIndexes.truncate(having(TAG.string));
    this.#lastString = null;
    if (this.#arrays !== null) truncateArrays(this.#arrays, having(TAG.array), having(TAG.typedArray));
    this.#objects?.truncate(having);
  }

  /** Takes back all values. */
  clear(): void {
    this.#tags.clear();
    this.#integers.clear();
    this.#stringIndexes.clear();
    this.#floats.length = 0;
    this.#again = 0;
    this.#last = NOTHING;
    this.#lastString = null;
    this.#arrays?.lengths.clear();
    this.#arrays?.kinds.clear();
    this.#arrays?.elements?.clear();
    if (this.#objects?.isWorthKeeping === false) this.#objects = null;
    this.#objects?.clear();
  }

  /** Writes the columns of this node and of all below it. The number of values is the caller's to keep. */
  encode(writer: ByteWriter): void {
    this.#settle();
    this.#tags.encodeSmall(writer);
    this.#integers.encodeIntegers(writer);
    for (const value of this.#floats) writer.f64(value);
    this.#stringIndexes.encodeSmall(writer);
    this.#arrays?.lengths.encodeSmall(writer);
    this.#arrays?.kinds.encodeSmall(writer);
    this.#arrays?.elements?.encode(writer);
    this.#objects?.encode(writer, this.#strings);
  }
}

/** The arrays among the values of a ColumnWriter. */
interface ArrayColumns {
  /** Of arrays and typed arrays alike, in order. */
  readonly lengths: NumberColumn;
  /** Of the typed arrays, by TYPED_ARRAYS. */
  readonly kinds: NumberColumn;
  elements: ColumnWriter | null;
}

function truncateArrays({ lengths, kinds, elements }: ArrayColumns, arrays: number, typedArrays: number): void {
  lengths.truncate(arrays + typedArrays);
  kinds.truncate(typedArrays);
  let kept = 0;
  for (let place = 0; place < lengths.count; place++) kept += lengths.at(place);
  elements?.truncate(kept);
}

function isArrayLike(value: object): value is ArrayLike<unknown> {
  return 'length' in value;
}

function refuse(what: string): never {
  throw new GranuleError('INVARIANT', `a logged value is plain data, not ${what}`);
}
