import { GranuleError } from '../errors.ts';
import type { ByteReader } from './bytes.ts';
import { isPlainObject, MAX_COLUMN_VALUES, MAX_DEPTH, TAG, TYPE_KEY, TYPED_ARRAYS } from './columns.ts';
import { ColumnRoom, type NumberSource, readFloats, readIntegerSource, readSmall } from './numberSource.ts';
import type { DeliveredMessage } from './record.ts';
import { stringAt } from './stringTable.ts';

type TypedArray = InstanceType<(typeof TYPED_ARRAYS)[number]>;

/** How one object shape is rebuilt. */
interface Shape {
  keys: string[];
  children: ColumnReader[];
  /** Whether one of the keys is __proto__: a plain store to it would set the prototype instead of a field. */
  hasPrototypeKey: boolean;
  /** Whether one of the keys is that which records keep apart from the payload. */
  hasTypeKey: boolean;
}

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
  readonly #tags: NumberSource;
  readonly #integers: NumberSource;
  readonly #floats: NumberSource;
  readonly #stringIndexes: NumberSource;
  readonly #lengths: NumberSource;
  readonly #arrayKinds: NumberSource;
  readonly #elements: ColumnReader | null;
  readonly #shapes: Shape[];
  readonly #fixed: { readonly value: unknown } | null;

  /** @param room memory that may be shared with columns read beside this one */
  constructor(
    reader: ByteReader,
    count: number,
    strings: readonly string[],
    room: ColumnRoom = new ColumnRoom(),
    depth = 0,
  ) {
    if (depth > MAX_DEPTH) damaged(`columns are nested more than ${MAX_DEPTH} deep`);
    this.#strings = strings;
    this.#tags = readSmall(reader, count, room);
    const counts = countTags(this.#tags);
    this.#integers = readIntegerSource(reader, counts[TAG.integer], room);
    this.#floats = readFloats(reader, counts[TAG.float], room);
    this.#stringIndexes = readSmall(reader, counts[TAG.string], room);
    this.#lengths = readSmall(reader, counts[TAG.array] + counts[TAG.typedArray], room);
    this.#arrayKinds = readSmall(reader, counts[TAG.typedArray], room);
    const elements = sumAhead(this.#lengths, this.#lengths.count);
    this.#elements = elements === 0 ? null : new ColumnReader(reader, elements, strings, room, depth + 1);
    const childAt = (values: number): ColumnReader => new ColumnReader(reader, values, strings, room, depth + 1);
    this.#shapes = counts.length > TAG.object ? readShapes(reader, counts, strings, childAt) : [];
    this.#fixed = this.#fixedValue();
  }

  /** Whether all values are integers: lists of numbers are then read in one go. */
  get #isIntegers(): boolean {
    return this.#tags.isConstant && this.#tags.ahead(0) === TAG.integer;
  }

  /** The one value of a column that holds no other; null where it may. */
  #fixedValue(): { readonly value: unknown } | null {
    if (this.#tags.count === 0 || !this.#tags.isConstant) return null;
    switch (this.#tags.ahead(0)) {
      case TAG.integer:
        return this.#integers.isConstant ? { value: this.#integers.ahead(0) } : null;
      case TAG.string:
        return this.#stringIndexes.isConstant ? { value: stringAt(this.#strings, this.#stringIndexes.ahead(0)) } : null;
      case TAG.null:
        return { value: null };
      case TAG.false:
        return { value: false };
      case TAG.true:
        return { value: true };
      default:
        return null;
    }
  }

  /** The next value. */
  next(): unknown {
    // Most fields of most messages are the same all through a section, and what is the same is not counted.
    if (this.#fixed !== null) return this.#fixed.value;
    const tag = this.#tags.next();
    switch (tag) {
      case TAG.integer:
        return this.#integers.next();
      case TAG.string:
        return stringAt(this.#strings, this.#stringIndexes.next());
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.undefined:
        return undefined;
      case TAG.float:
        return this.#floats.next();
      case TAG.array:
        return this.#array();
      case TAG.typedArray:
        return this.#typedArray();
      default:
        return this.#object(tag - TAG.object);
    }
  }

  /** Passes over so many values, of which nothing is made. */
  skip(values: number): void {
    const counts: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    countAhead(counts, this.#tags, values);
    this.#tags.skip(values);
    this.#integers.skip(counts[TAG.integer]);
    this.#floats.skip(counts[TAG.float]);
    this.#stringIndexes.skip(counts[TAG.string]);
    const arrays = counts[TAG.array] + counts[TAG.typedArray];
    const elements = sumAhead(this.#lengths, arrays);
    this.#lengths.skip(arrays);
    this.#arrayKinds.skip(counts[TAG.typedArray]);
    if (elements > 0) this.#elements?.skip(elements);
    for (const [index, { children }] of this.#shapes.entries()) {
      const objects = counts[TAG.object + index] ?? 0;
      if (objects > 0) for (const child of children) child.skip(objects);
    }
  }

  /**
   * The next value, an object, as a message: with its type before all other fields. Null, and nothing passed over, where it
   * is no object, or one that has a type.
   */
  nextMessage(type: string): DeliveredMessage | null {
    const shape = this.#shapeAhead();
    if (shape === undefined || shape.hasTypeKey) return null;
    const message = { type };
    this.#fill(shape, message);
    this.#tags.next();
    return message;
  }

  /**
   * Whether a writer would write a value as the next one is written; passes over that one without making it. After false the
   * column is at no value's beginning, and is not read on.
   *
   * @param leftOut when the value is an object: a key of it that counts as not there
   */
  matches(value: unknown, leftOut: string | null = null): boolean {
    const tag = this.#tags.next();
    switch (tag) {
      case TAG.integer:
        return Object.is(this.#integers.next(), value);
      case TAG.string:
        return stringAt(this.#strings, this.#stringIndexes.next()) === value;
      case TAG.null:
        return value === null;
      case TAG.false:
        return value === false;
      case TAG.true:
        return value === true;
      case TAG.undefined:
        return value === undefined;
      case TAG.float:
        return Object.is(this.#floats.next(), value);
      case TAG.array:
        return this.#matchesArray(value);
      case TAG.typedArray:
        return this.#matchesTypedArray(value);
      default:
        return this.#matchesObject(tag - TAG.object, value, leftOut);
    }
  }

  /** The keys of the object that is a field of the next value; null where that is no object or has no such field. */
  keysAhead(field: string): readonly string[] | null {
    const shape = this.#shapeAhead();
    const child = shape?.children[shape.keys.indexOf(field)];
    return child === undefined ? null : (child.#shapeAhead()?.keys ?? null);
  }

  #shapeAhead(): Shape | undefined {
    return this.#shapes[this.#tags.ahead(0) - TAG.object];
  }

  #matchesObject(index: number, value: unknown, leftOut: string | null): boolean {
    const shape = this.#shapes[index];
    if (shape === undefined) damaged(`there is no shape ${index}`);
    if (!isPlainObject(value)) return false;
    const { keys, children } = shape;
    let at = 0;
    // As the writer takes the keys, and as quick.
    for (const key in value) {
      if (key === leftOut) continue;
      if (key !== keys[at] || !children[at].matches(value[key])) return false;
      at++;
    }
    return at === keys.length;
  }

  #matchesArray(value: unknown): boolean {
    const length = this.#lengths.next();
    if (!Array.isArray(value) || value.length !== length) return false;
    for (let i = 0; i < length; i++) if (this.#elements?.matches(value[i]) !== true) return false;
    return true;
  }

  #matchesTypedArray(value: unknown): boolean {
    const stored = this.#typedArray();
    if (!ArrayBuffer.isView(value) || value.constructor !== stored.constructor) return false;
    const elements = value as typeof stored;
    return elements.length === stored.length && stored.every((element, i) => Object.is(element, elements[i]));
  }

  #object(index: number): Record<string, unknown> {
    const shape = this.#shapes[index];
    if (shape === undefined) damaged(`there is no shape ${index}`);
    const value: Record<string, unknown> = {};
    this.#fill(shape, value);
    return value;
  }

  /** Field by field in the order of the shape: so all objects of a shape have one layout in the engine. */
  #fill({ keys, children, hasPrototypeKey }: Shape, value: Record<string, unknown>): void {
    if (!hasPrototypeKey) {
      for (let i = 0; i < keys.length; i++) value[keys[i]] = children[i].next();
      return;
    }
    for (const [i, key] of keys.entries()) define(value, key, children[i].next());
  }

  #array(): unknown[] {
    const length = this.#lengths.next();
    const elements = this.#elements;
    if (elements !== null && elements.#isIntegers) return elements.#integers.list(length);
    const value: unknown[] = [];
    for (let i = 0; i < length; i++) value.push(elements?.next());
    return value;
  }

  #typedArray(): TypedArray {
    const length = this.#lengths.next();
    const constructor = TYPED_ARRAYS[this.#arrayKinds.next()];
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

/** How many values have each tag; the array ends with the highest tag met, or with that of typed arrays. */
function countTags(tags: NumberSource): number[] {
  const counts: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  if (tags.count > 0 && tags.isConstant) {
    countTag(counts, tags.ahead(0), tags.count);
  } else {
    for (let i = 0; i < tags.count; i++) countTag(counts, tags.ahead(i), 1);
  }
  return counts;
}

/** How many of the next values have each tag, which were all counted before. */
function countAhead(counts: number[], tags: NumberSource, values: number): void {
  if (values > 0 && tags.isConstant) {
    counts[tags.ahead(0)] = values;
    return;
  }
  for (let i = 0; i < values; i++) {
    const tag = tags.ahead(i);
    counts[tag] = (counts[tag] ?? 0) + 1;
  }
}

function countTag(counts: number[], tag: number, times: number): void {
  if (tag >= counts.length) {
    if (tag > MAX_COLUMN_VALUES) damaged(`there is no tag ${tag}`);
    // Shapes are numbered as they are met, so a tag can be at most one past those met before.
    if (tag > counts.length) damaged(`tag ${tag} comes before the ones below it`);
    counts.push(0);
  }
  counts[tag] += times;
}

function sumAhead(lengths: NumberSource, values: number): number {
  if (lengths.isConstant) return values * lengths.ahead(0);
  let sum = 0;
  for (let i = 0; i < values; i++) sum += lengths.ahead(i);
  return sum;
}

function readShapes(
  reader: ByteReader,
  counts: readonly number[],
  strings: readonly string[],
  childAt: (values: number) => ColumnReader,
): Shape[] {
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
      childCounts[child] += counts[TAG.object + shape];
    }
    shapes.push(children);
  }
  const readers = childCounts.map(childAt);
  return shapes.map((children) => ({
    keys: children.map((child) => keys[child]),
    children: children.map((child) => readers[child]),
    hasPrototypeKey: children.some((child) => keys[child] === '__proto__'),
    hasTypeKey: children.some((child) => keys[child] === TYPE_KEY),
  }));
}

function damaged(what: string): never {
  throw new GranuleError('LOG_DAMAGED', what);
}
