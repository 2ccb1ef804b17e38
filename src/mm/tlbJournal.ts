/**
 * What the arrays of one TLB overwrite, in the order of writing: how its older versions are made again. Most writes are hits,
 * which change a stamp and nothing else, so such a note holds only that.
 */

/** Numbers in the note of a whole entry: key, frame, rights, stamp, place. */
export const ENTRY_NUMBERS = 5;
/** Numbers in the note of a stamp: stamp, and the complement of the place, which is below zero. */
const STAMP_NUMBERS = 2;
/** Numbers that there is room for at first; it doubles. */
const ROOM_AT_FIRST = 1024;
/** Each epoch has two marks: an entry whose stamp is noted, and one that is noted whole. */
const MARKS_OF_EPOCH = 2;

/** Who takes back what was noted. */
export interface NoteReader {
  entry(place: number, key: number, frame: number, rights: number, stamp: number): void;
  stamp(place: number, stamp: number): void;
}

/**
 * The journal of one TLB.
 *
 * @example
 * ```ts
 * const journal = new TlbJournal();
 * journal.noteStamp(3, 17);
 * const read: number[] = [];
 * journal.undo(0, { entry: () => {}, stamp: (place, stamp) => void read.push(place, stamp) });
 * read; // [3, 17]
 * ```
 */
export class TlbJournal {
  /** The mark of an entry whose stamp has been noted in this epoch; the next number is that of one that was noted whole. */
  mark = MARKS_OF_EPOCH;
  /** How many numbers it holds. */
  noted = 0;
  private numbers: Float64Array = new Float64Array(ROOM_AT_FIRST);

  /** From now on every entry is noted again before its first write. */
  nextEpoch(): void {
    this.mark += MARKS_OF_EPOCH;
  }

  /** Holds nothing, for arrays that were only just filled: there is no version before. */
  forget(): void {
    this.noted = 0;
  }

  /** Notes the stamp of the entry at a place. */
  noteStamp(place: number, stamp: number): void {
    const at = this.noted;
    const numbers = at + STAMP_NUMBERS <= this.numbers.length ? this.numbers : this.grown();
    numbers[at] = stamp;
    numbers[at + 1] = ~place;
    this.noted = at + STAMP_NUMBERS;
  }

  /** Notes all that the entry at a place holds. */
  noteEntry(place: number, key: number, frame: number, rights: number, stamp: number): void {
    const at = this.noted;
    const numbers = at + ENTRY_NUMBERS <= this.numbers.length ? this.numbers : this.grown();
    numbers[at] = key;
    numbers[at + 1] = frame;
    numbers[at + 2] = rights;
    numbers[at + 3] = stamp;
    numbers[at + 4] = place;
    this.noted = at + ENTRY_NUMBERS;
  }

  /** Hands out the notes from the last one back to where the journal was `noted` long. */
  undo(noted: number, reader: NoteReader): void {
    const { numbers } = this;
    for (let at = this.noted; at > noted; ) {
      const place = numbers[at - 1];
      at -= place < 0 ? STAMP_NUMBERS : ENTRY_NUMBERS;
      if (place < 0) reader.stamp(~place, numbers[at]);
      else reader.entry(place, numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]);
    }
  }

  private grown(): Float64Array {
    const before = this.numbers;
    this.numbers = new Float64Array(2 * before.length);
    this.numbers.set(before);
    return this.numbers;
  }
}
