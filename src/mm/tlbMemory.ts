/** The numbers of all entries of one TLB, kept together: a few large arrays are made in a third of
 * the time of many small ones, and a TLB is copied whenever its journal is as long as a copy. */

/** The key of an entry that holds nothing: it equals no key. */
export const NO_KEY = Number.NaN;

/**
 * Room for the entries of the arrays of one TLB, array after array.
 *
 * @example
 * ```ts
 * new TlbMemory(4).part(2, 4).keys.length; // 2
 * ```
 */
export class TlbMemory {
  readonly keys: Float64Array;
  readonly frames: Float64Array;
  readonly stamps: Float64Array;
  readonly allowed: Uint8Array;
  /** The mark of the journal under which each entry was noted last. */
  readonly saved: Uint32Array;

  constructor(entries: number) {
    this.keys = new Float64Array(entries).fill(NO_KEY);
    this.frames = new Float64Array(entries);
    this.stamps = new Float64Array(entries);
    this.allowed = new Uint8Array(entries);
    this.saved = new Uint32Array(entries);
  }

  /** What lies in [from, to): the same memory. */
  part(from: number, to: number): Readonly<Pick<TlbMemory, 'keys' | 'frames' | 'stamps' | 'allowed' | 'saved'>> {
    const { keys, frames, stamps, allowed, saved } = this;
    return {
      keys: keys.subarray(from, to),
      frames: frames.subarray(from, to),
      stamps: stamps.subarray(from, to),
      allowed: allowed.subarray(from, to),
      saved: saved.subarray(from, to),
    };
  }
}
