/**
 * What a thread that folds some of the actors says of one segment: each record that they received and everything that they
 * sent, as numbers. Payloads are hashes, names are indexes into a table that grows with the reports.
 */

import type { ErrorCode } from '../errors.ts';

/** Words of a record: seq, time, cause, to, from, type, hash of the payload, number of sends. */
export const RECORD_WORDS = 8;
/**
 * Words of a send: to (-1 for a cancel), type, delay, hash of the payload, name to cancel it by (-1 for none), 1 for a timer.
 * Behind them comes one for each rule of the fault plan that looks into messages (`ruleWords.ts`).
 */
export const SEND_WORDS = 6;
/** Words made room for at first: a record and a send for each place of a segment. */
const FIRST_WORDS = 4096 * (RECORD_WORDS + SEND_WORDS);
/** Reports that one writer's threads may hold: the room of each is used again so many reports later. 64 take some 30 MB. */
export const REPORTS_HELD = 64;

/** Memory that all threads see: fresh memory for each report would cost its page faults, and collections where it is read. */
type Words = Float64Array<SharedArrayBuffer>;

/** Something that does not fit, and the record after which it was found. */
export interface Misfit {
  readonly seq: number;
  readonly what: string;
}

/** What the handling of a record ended with. */
export interface Thrown {
  readonly seq: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: string;
}

/** One segment of one share. Behind a record that could not be handled there is nothing. */
export interface ShareReport {
  readonly words: Words;
  /** Names that no report before held. */
  readonly names: readonly string[];
  readonly misfit: Misfit | null;
  readonly thrown: Thrown | null;
}

/**
 * Writes reports. The words of one are good until `REPORTS_HELD` further ones have been begun.
 *
 * @example
 * ```ts
 * const writer = new ReportWriter();
 * writer.push(3);
 * writer.push(writer.nameOf('zone'));
 * const { words, names } = writer.take({ misfit: null, thrown: null });
 * [...words]; // [3, 0]
 * names; // ['zone']
 * ```
 */
export class ReportWriter {
  /** The rooms of the reports, in turn; the last that was begun is the one that is written. */
  readonly #rooms: Words[] = [];
  #room = 0;
  #words = roomFor(FIRST_WORDS);
  #length = 0;
  readonly #indexes = new Map<string, number>();
  #fresh: string[] = [];

  get length(): number {
    return this.#length;
  }

  push(word: number): void {
    if (this.#length === this.#words.length) {
      const grown = roomFor(2 * this.#length);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#length++] = word;
  }

  /** Writes over a word that is there: a count that was not known before. */
  set(at: number, word: number): void {
    this.#words[at] = word;
  }

  nameOf(name: string): number {
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = this.#indexes.size;
      this.#indexes.set(name, index);
      this.#fresh.push(name);
    }
    return index;
  }

  /** Ends a report and begins the next. */
  take(ending: Pick<ShareReport, 'misfit' | 'thrown'>): ShareReport {
    const report = { words: this.#words.subarray(0, this.#length), names: this.#fresh, ...ending };
    this.#rooms[this.#room] = this.#words;
    this.#room = (this.#room + 1) % REPORTS_HELD;
    this.#words = this.#rooms[this.#room] ?? roomFor(FIRST_WORDS);
    this.#length = 0;
    this.#fresh = [];
    return report;
  }
}

function roomFor(words: number): Words {
  return new Float64Array(new SharedArrayBuffer(words * Float64Array.BYTES_PER_ELEMENT));
}
