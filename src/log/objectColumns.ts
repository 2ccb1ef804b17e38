import type { ByteWriter } from './bytes.ts';
import type { ColumnWriter } from './columnarWriter.ts';
import { TAG } from './columns.ts';
import type { StringTable } from './stringTable.ts';

/** More keys than the messages of one type have; what meets more, say objects used as maps, is not worth keeping. */
const KEPT_KEYS = 256;

/** The column of all values of one key. */
interface Field {
  readonly key: string;
  readonly column: ColumnWriter;
  /** Whether it holds values. */
  isUsed: boolean;
  /** Its place among the fields in use, given when they are encoded. */
  place: number;
}

/** Where the way through an object's keys may branch or end. */
interface Junction {
  /** What came next most recently. */
  next: Step | null;
  /** All that ever came next, by key; null while there was one at most. */
  nexts: Map<string, Step> | null;
  /** The tag of objects that end here; 0 while there is none. */
  tag: number;
}

/** One key further on the way. Objects that end with the same step have the same keys in the same order: one shape. */
interface Step extends Junction {
  readonly field: Field;
  readonly before: Junction;
}

/**
 * The objects of a ColumnWriter: one column of values for each key, and the shapes. Keys and values of an object are
 * taken together, in one go along the way that the object before took.
 *
 * @example
 * ```ts
 * const strings = new StringTable();
 * const objects = new ObjectColumns(() => new ColumnWriter(strings));
 * objects.push({ page: 7 }, null); // 9
 * ```
 */
export class ObjectColumns {
  readonly #newColumn: () => ColumnWriter;
  readonly #start: Junction = { next: null, nexts: null, tag: 0 };
  /** Every key ever met. */
  readonly #fields = new Map<string, Field>();
  #steps = 0;
  /** The fields that hold values, in the order in which they were met. */
  readonly #used: Field[] = [];
  /** Where the objects of each shape end, in the order of their tags. */
  readonly #shapes: Junction[] = [];

  /** @param newColumn makes the column of a key */
  constructor(newColumn: () => ColumnWriter) {
    this.#newColumn = newColumn;
  }

  /** Whether this is worth clearing and using again: not when it has met more keys than a kind of message has. */
  get isWorthKeeping(): boolean {
    return this.#steps <= KEPT_KEYS;
  }

  /**
   * Takes the fields of the next object and gives the tag of its shape.
   *
   * @param value a plain object: its prototype has no keys to enumerate
   * @param leftOut a key that is passed over
   * @throws GranuleError INVARIANT when a field is no plain data
   */
  push(value: Readonly<Record<string, unknown>>, leftOut: string | null): number {
    let at = this.#start;
    // Not Object.keys: this makes no array, and engines read fields by place in such a loop, whatever the object's shape.
    for (const key in value) {
      if (key === leftOut) continue;
      let { next } = at;
      if (next === null || next.field.key !== key) next = this.#turn(at, key);
      const { field } = next;
      if (!field.isUsed) this.#use(field);
      field.column.push(value[key]);
      at = next;
    }
    if (at.tag === 0) at.tag = TAG.object - 1 + this.#shapes.push(at);
    return at.tag;
  }

  #use(field: Field): void {
    field.isUsed = true;
    this.#used.push(field);
  }

  /** The step to a key that did not come next here the last time. */
  #turn(before: Junction, key: string): Step {
    let step = before.nexts?.get(key);
    if (step === undefined) {
      step = { next: null, nexts: null, tag: 0, field: this.#field(key), before };
      this.#steps += 1;
      if (before.next !== null) {
        before.nexts ??= new Map([[before.next.field.key, before.next]]);
        before.nexts.set(key, step);
      }
    }
    before.next = step;
    return step;
  }

  #field(key: string): Field {
    let field = this.#fields.get(key);
    if (field === undefined) {
      field = { key, column: this.#newColumn(), isUsed: false, place: 0 };
      this.#fields.set(key, field);
    }
    return field;
  }

  /**
   * Takes back the last objects, and the fields of one that was not taken whole.
   *
   * @param having how many objects of a tag stay
   */
  truncate(having: (tag: number) => number): void {
    const kept = new Map<Field, number>();
    let shapes = 0;
    for (const end of this.#shapes) {
      const objects = having(end.tag);
      if (objects > 0) shapes += 1;
      else end.tag = 0;
      for (const field of fieldsOf(end)) kept.set(field, (kept.get(field) ?? 0) + objects);
    }
    for (const field of this.#used) {
      field.column.truncate(kept.get(field) ?? 0);
      field.isUsed = field.column.count > 0;
    }
    // What only objects taken back had was met after all that the others have.
    this.#shapes.length = shapes;
    this.#used.length = this.#used.filter(({ isUsed }) => isUsed).length;
  }

  /** Takes back all objects. */
  clear(): void {
    for (const end of this.#shapes) end.tag = 0;
    for (const field of this.#used) {
      field.column.clear();
      field.isUsed = false;
    }
    this.#shapes.length = 0;
    this.#used.length = 0;
  }

  /** Writes keys, shapes and the columns of all keys; nothing when there was no object. */
  encode(writer: ByteWriter, strings: StringTable): void {
    if (this.#shapes.length === 0) return;
    writer.varint(this.#used.length);
    for (const [place, field] of this.#used.entries()) {
      field.place = place;
      writer.varint(strings.indexOf(field.key));
    }
    writer.varint(this.#shapes.length);
    for (const end of this.#shapes) {
      const fields = fieldsOf(end);
      writer.varint(fields.length);
      for (const { place } of fields) writer.varint(place);
    }
    for (const { column } of this.#used) column.encode(writer);
  }
}

/** The fields of the objects that end at a junction, in order. */
function fieldsOf(end: Junction): Field[] {
  const fields: Field[] = [];
  for (let at = end; isStep(at); at = at.before) fields.push(at.field);
  return fields.reverse();
}

function isStep(junction: Junction): junction is Step {
  return 'field' in junction;
}
