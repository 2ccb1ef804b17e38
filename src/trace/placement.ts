import { invariant } from '../errors.ts';
import type { ByteRange } from './layout.ts';

/**
 * Hands out address ranges: each at the lowest free place from a fixed base on, so that the same requests in the same order
 * always get the same places. Ranges given back are used again.
 *
 * @example
 * ```ts
 * const placement = new Placement(0x10000);
 * placement.take(0x20000); // 0x10000
 * placement.take(0x10000); // 0x30000
 * placement.giveBack({ start: 0x10000, end: 0x30000 });
 * placement.take(0x10000); // 0x10000
 * ```
 */
export class Placement {
  private readonly base: number;
  /** Taken ranges, sorted, never overlapping. */
  private readonly taken: ByteRange[] = [];

  constructor(base: number) {
    this.base = base;
  }

  /** The start of a free range of that length; it is taken from now on. */
  take(lengthBytes: number): number {
    invariant(lengthBytes > 0, 'a range is not empty');
    let start = this.base;
    let at = 0;
    for (; at < this.taken.length && this.taken[at].start - start < lengthBytes; at += 1) {
      start = Math.max(start, this.taken[at].end);
    }
    this.taken.splice(at, 0, { start, end: start + lengthBytes });
    return start;
  }

  /** Takes a given range, which must be free. */
  reserve(range: ByteRange): void {
    let at = this.taken.findIndex((taken) => taken.end > range.start);
    if (at < 0) at = this.taken.length;
    invariant(at === this.taken.length || this.taken[at].start >= range.end, 'a reserved range is free');
    this.taken.splice(at, 0, { ...range });
  }

  /** Gives a whole range back. */
  giveBack(range: ByteRange): void {
    const at = this.taken.findIndex((taken) => taken.start === range.start && taken.end === range.end);
    invariant(at >= 0, 'what is given back was taken');
    this.taken.splice(at, 1);
  }
}
