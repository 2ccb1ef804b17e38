/** A map from byte ranges to values: what was put last at an address counts. Small and plain: files have few segments. */

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
  private list: ValuedRange<T>[] = [];

  /** Puts a value in place of whatever is there. An empty range does nothing. */
  put(start: number, end: number, value: T): void {
    if (start >= end) return;
    this.remove(start, end);
    this.list.push({ start, end, value });
    this.list.sort((a, b) => a.start - b.start);
  }

  /** Takes away what is there. */
  remove(start: number, end: number): void {
    this.list = this.list.flatMap((range) => {
      if (range.end <= start || range.start >= end) return [range];
      const left = range.start < start ? [{ ...range, end: start }] : [];
      const right = range.end > end ? [{ ...range, start: end }] : [];
      return [...left, ...right];
    });
  }

  /** What is there between two addresses, cut at them. */
  within(start: number, end: number): ValuedRange<T>[] {
    return this.list
      .filter((range) => range.start < end && range.end > start)
      .map((range) => ({ ...range, start: Math.max(range.start, start), end: Math.min(range.end, end) }));
  }

  /** Bytes that have a value. */
  get bytes(): number {
    return this.list.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  /** Changes the values between two addresses. */
  change(start: number, end: number, change: (value: T) => T): void {
    for (const range of this.within(start, end)) this.put(range.start, range.end, change(range.value));
  }
}
