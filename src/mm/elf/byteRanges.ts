/** A map from byte ranges to values: what was put last at an address counts. */

/** One range with its value, from `start` up to but without `end`. */
export interface ValuedRange<T> {
  start: number;
  end: number;
  value: T;
}

/**
 * Ranges in ascending order that never overlap.
 *
 * @example
 * ```ts
 * const ranges = new ByteRanges<string>();
 * ranges.put(0, 10, 'a');
 * ranges.put(4, 6, 'b');
 * ranges.within(0, 10).map(({ start, end, value }) => `${start}-${end}${value}`); // ['0-4a', '4-6b', '6-10a']
 * ```
 */
export class ByteRanges<T> {
  private readonly list: ValuedRange<T>[] = [];

  /** Puts a value in place of whatever is there. An empty range does nothing. */
  put(start: number, end: number, value: T): void {
    if (start >= end) return;
    this.remove(start, end);
    this.list.splice(this.firstEndingAfter(start), 0, { start, end, value });
  }

  /** Takes away what is there. */
  remove(start: number, end: number): void {
    if (start >= end) return;
    const first = this.firstEndingAfter(start);
    const kept: ValuedRange<T>[] = [];
    let count = 0;
    for (; first + count < this.list.length && this.list[first + count].start < end; count += 1) {
      const range = this.list[first + count];
      if (range.start < start) kept.push({ ...range, end: start });
      if (range.end > end) kept.push({ ...range, start: end });
    }
    this.list.splice(first, count, ...kept);
  }

  /** What is there between two addresses, cut at them. */
  within(start: number, end: number): ValuedRange<T>[] {
    const found: ValuedRange<T>[] = [];
    if (start >= end) return found;
    for (let at = this.firstEndingAfter(start); at < this.list.length && this.list[at].start < end; at += 1) {
      const range = this.list[at];
      found.push({ ...range, start: Math.max(range.start, start), end: Math.min(range.end, end) });
    }
    return found;
  }

  /** Bytes that have a value. */
  get bytes(): number {
    return this.list.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  /** Changes the values between two addresses. */
  change(start: number, end: number, change: (value: T) => T): void {
    for (const range of this.within(start, end)) this.put(range.start, range.end, change(range.value));
  }

  /** Index of the first range that ends after an address. */
  private firstEndingAfter(addr: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].end > addr) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
