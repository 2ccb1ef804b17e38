/** Counting what happened: by key, in buckets, and at which value a share of all lies. */
import { map, type OperatorFunction } from 'rxjs';
import { GranuleError } from '../errors.ts';
import { stepwise, type Timed } from './stepwise.ts';
import { windowed, type WindowSize } from './windows.ts';

/**
 * How often each key came, once the stream has ended; keys in the order in which they came first.
 *
 * @example
 * ```ts
 * const seen: [string, number][] = [];
 * const types = from([{ type: 'FAULT' }, { type: 'ALLOC' }, { type: 'FAULT' }]);
 * types.pipe(countBy(({ type }) => type)).subscribe((counts) => seen.push(...counts));
 * seen; // [['FAULT', 2], ['ALLOC', 1]]
 * ```
 */
export function countBy<T>(keyOf: (value: T) => string): OperatorFunction<T, ReadonlyMap<string, number>> {
  return stepwise(() => {
    const counts = new Map<string, number>();
    return {
      next: (value) => {
        const key = keyOf(value);
        counts.set(key, (counts.get(key) ?? 0) + 1);
        return [];
      },
      end: () => [counts],
    };
  });
}

/** How many values are `from` or more and below `to`. */
export interface Bucket {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Buckets all as wide as `width`, or each twice as wide as the one below: 0 to 1, 1 to 2, 2 to 4, and so on. */
export type Buckets = { readonly width: number } | 'log2';

function lowerEnd(value: number, buckets: Buckets): number {
  if (!Number.isFinite(value)) throw new GranuleError('USAGE', `a histogram counts numbers, not ${value}`);
  if (buckets !== 'log2') return Math.floor(value / buckets.width) * buckets.width;
  if (value < 0) throw new GranuleError('USAGE', `buckets by log2 begin at 0, and a value is ${value}`);
  if (value < 1) return 0;
  const power = 2 ** Math.floor(Math.log2(value));
  // The logarithm of a large number may be rounded up to the next whole one.
  return power > value ? power / 2 : power;
}

function upperEnd(from: number, buckets: Buckets): number {
  if (buckets !== 'log2') return from + buckets.width;
  return from === 0 ? 1 : 2 * from;
}

/**
 * A histogram of values, once the stream has ended: the buckets that hold any, from the lowest up.
 *
 * @throws GranuleError USAGE for a width that is none; as an error of the stream for a value that no bucket takes
 * @example
 * ```ts
 * const seen: Bucket[] = [];
 * from([3, 5, 6, 900]).pipe(histogram((value) => value, 'log2')).subscribe((buckets) => seen.push(...buckets));
 * seen.map((bucket) => [bucket.from, bucket.count]); // [[2, 1], [4, 2], [512, 1]]
 * ```
 */
export function histogram<T>(valueOf: (value: T) => number, buckets: Buckets): OperatorFunction<T, readonly Bucket[]> {
  if (buckets !== 'log2' && !(buckets.width > 0))
    throw new GranuleError('USAGE', `the width of a bucket is above 0, and is not ${buckets.width}`);
  return stepwise(() => {
    const counts = new Map<number, number>();
    return {
      next: (value) => {
        const from = lowerEnd(valueOf(value), buckets);
        counts.set(from, (counts.get(from) ?? 0) + 1);
        return [];
      },
      end: () => [
        [...counts]
          .sort(([left], [right]) => left - right)
          .map(([from, count]) => ({ from, to: upperEnd(from, buckets), count })),
      ],
    };
  });
}

/** Quantiles of a window. */
export interface Quantiles {
  readonly fromCycles: number;
  readonly toCycles: number;
  readonly count: number;
  /** One for each share that was asked for; null where the window is empty. */
  readonly values: readonly (number | null)[];
}

/** The least value that a share of all does not exceed. */
function quantileOf(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/**
 * Exact quantiles of the values in each window: for a share of 0.99, the least value that 99 of 100 do not exceed.
 *
 * @throws GranuleError USAGE for a share that is none
 * @example
 * ```ts
 * const times = [4, 1, 3, 2].map((cycles, timeCycles) => ({ cycles, timeCycles }));
 * const seen: unknown[] = [];
 * const medians = quantiles<{ cycles: number; timeCycles: number }>(({ cycles }) => cycles, [0.5, 1], { events: 4 });
 * from(times).pipe(medians).subscribe(({ values }) => seen.push(values));
 * seen; // [[2, 4]]
 * ```
 */
export function quantiles<T extends Timed>(
  valueOf: (value: T) => number,
  shares: readonly number[],
  size: WindowSize,
): OperatorFunction<T, Quantiles> {
  for (const share of shares) {
    if (!(share >= 0 && share <= 1)) throw new GranuleError('USAGE', `a share is 0 to 1, and not ${share}`);
  }
  return (source) =>
    source.pipe(
      windowed<T>(size),
      map(({ fromCycles, toCycles, events }) => {
        const sorted = events.map((event) => valueOf(event)).sort((left, right) => left - right);
        const values = shares.map((share) => quantileOf(sorted, share));
        return { fromCycles, toCycles, count: sorted.length, values };
      }),
    );
}
