import type { ByteWriter } from './bytes.ts';
import { ColumnWriter } from './columnarWriter.ts';
import { NumberColumn } from './numberColumn.ts';
import type { StringTable } from './stringTable.ts';

/**
 * The columns of one receiving actor's records in a segment.
 *
 * @example
 * ```ts
 * const section = new SectionBuilder();
 * section.begin(4096);
 * section.push(4098, 50, 0, 0, 1);
 * section.records; // 1
 * ```
 */
export class SectionBuilder {
  readonly #types = new NumberColumn();
  readonly #seqGaps = new NumberColumn();
  readonly #times = new NumberColumn();
  readonly #senders = new NumberColumn();
  readonly #distances = new NumberColumn();
  /** One tree of columns for each type, by the type's number, so that like payloads sit side by side. */
  readonly payloads: (ColumnWriter | undefined)[] = [];
  #lastSeq = 0;

  /** Records taken so far. */
  get records(): number {
    return this.#types.count;
  }

  /** Takes back all records, for a segment that begins at a seq. */
  begin(firstSeq: number): void {
    this.#types.clear();
    this.#seqGaps.clear();
    this.#times.clear();
    this.#senders.clear();
    this.#distances.clear();
    this.payloads.length = 0;
    this.#lastSeq = firstSeq - 1;
  }

  /**
   * Takes a record's fields; its payload goes to the type's columns.
   *
   * @param sender the sender's number in the string table
   * @param distance seq minus cause; 0 when the cause is outside
   */
  push(seq: number, timeCycles: number, type: number, sender: number, distance: number): void {
    this.#types.push(type);
    this.#seqGaps.push(seq - this.#lastSeq - 1);
    this.#lastSeq = seq;
    this.#times.push(timeCycles);
    this.#senders.push(sender);
    this.#distances.push(distance);
  }

  /** Writes the section. */
  encode(writer: ByteWriter): void {
    this.#types.encodeSmall(writer);
    this.#seqGaps.encodeSmall(writer);
    this.#times.encodeIntegers(writer);
    this.#senders.encodeSmall(writer);
    this.#distances.encodeSmall(writer);
    for (const payload of this.payloads) payload?.encode(writer);
  }
}

/**
 * Builders that one segment is done with, for the next one: payload columns by message type, since one type's payloads
 * have much the same shapes and lengths. It holds what the last segment used and no more, so its memory is bounded by
 * that of a segment, however many actors a run has.
 *
 * @example
 * ```ts
 * const pool = new BuilderPool(new StringTable());
 * pool.payload('ALLOC').count; // 0
 * ```
 */
export class BuilderPool {
  readonly #strings: StringTable;
  #sections: SectionBuilder[] = [];
  #payloads = new Map<string, ColumnWriter[]>();

  /** @param strings numbers the strings of all payloads */
  constructor(strings: StringTable) {
    this.#strings = strings;
  }

  /** A section without records. */
  section(firstSeq: number): SectionBuilder {
    const section = this.#sections.pop() ?? new SectionBuilder();
    section.begin(firstSeq);
    return section;
  }

  /** Columns without values, of a type's payloads if there are some. */
  payload(type: string): ColumnWriter {
    return this.#payloads.get(type)?.pop() ?? new ColumnWriter(this.#strings);
  }

  /**
   * Takes the builders of a segment that is sealed, in place of those it had.
   *
   * @param types the names of the types by their numbers
   */
  refill(sections: Iterable<SectionBuilder>, types: readonly string[]): void {
    this.#sections = [...sections];
    this.#payloads = new Map(types.map((type) => [type, []]));
    for (const { payloads } of this.#sections) {
      for (const [type, payload] of payloads.entries()) {
        if (payload === undefined) continue;
        payload.clear();
        this.#payloads.get(types[type])?.push(payload);
      }
    }
  }
}
