import { GranuleError } from '../errors.ts';
import type { SectionReader } from './sectionReader.ts';
import type { StreamedRecord } from './streamedRecord.ts';

/**
 * The records of one segment, or of some sections of it, in order of seq. Each is decoded when it is asked for, and none is
 * kept. A method and no iterator: a long log is gone through record by record, and an iterator makes two objects for each.
 *
 * @throws GranuleError LOG_DAMAGED from the constructor and from `next`, as `placed` has it
 * @example
 * ```ts
 * new RecordStream(0, 0, [], true, (error) => error).next(); // null
 * ```
 */
export class RecordStream {
  readonly #firstSeq: number;
  readonly #sections: readonly SectionReader[];
  /** The section of each record; -1 where none holds it. */
  readonly #holders: Int32Array;
  readonly #isWhole: boolean;
  readonly #placed: (error: unknown) => unknown;
  #at = 0;

  /**
   * @param isWhole whether these are all sections, so that one of them has to hold each record
   * @param placed says of an error where in the log it is
   */
  constructor(
    firstSeq: number,
    records: number,
    sections: readonly SectionReader[],
    isWhole: boolean,
    placed: (error: unknown) => unknown,
  ) {
    this.#firstSeq = firstSeq;
    this.#sections = sections;
    this.#holders = new Int32Array(records).fill(-1);
    this.#isWhole = isWhole;
    this.#placed = placed;
    for (const [holder, section] of sections.entries()) section.mark(this.#holders, holder);
  }

  /** The next record; null behind the last. */
  next(): StreamedRecord | null {
    const holders = this.#holders;
    try {
      while (this.#at < holders.length) {
        const holder = holders[this.#at++];
        if (holder >= 0) return this.#sections[holder].nextUnmade();
        if (this.#isWhole) {
          throw new GranuleError('LOG_DAMAGED', `no section holds seq ${this.#firstSeq + this.#at - 1}`);
        }
      }
      return null;
    } catch (error) {
      throw this.#placed(error);
    }
  }
}
