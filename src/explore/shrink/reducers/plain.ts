/** Topologies in their plain form, and smaller ones made of them. */
import { isFields } from '../../../topology/form/fields.ts';
import { parseNumber } from '../../../trace/programCalls.ts';
import { type Place, valueAt, withValue } from '../../../topology/places.ts';

/** A topology as it is written. */
export type PlainTopology = Readonly<Record<string, unknown>>;

/** A topology from which something was taken away. */
export interface Reduction {
  /** What was taken, in words: `process 2`, `memory 64M to 32M`. */
  readonly says: string;
  readonly topology: PlainTopology;
}

/** One way to make topologies smaller. */
export interface Reducer {
  readonly name: string;
  /** Smaller ones, those that take most first; the same topology gives the same ones. */
  readonly reductions: (topology: PlainTopology) => Iterable<Reduction>;
}

/**
 * The list at a place; empty where there is none.
 *
 * @example
 * ```ts
 * listAt({ files: [1] }, ['files']); // [1]
 * listAt({}, ['files']); // []
 * ```
 */
export function listAt(topology: PlainTopology, place: Place): readonly unknown[] {
  const found = valueAt(topology, place);
  return Array.isArray(found) ? found : [];
}

/**
 * Objects with the field at a place taken out.
 *
 * @example
 * ```ts
 * withoutField({ design: { kpti: true, contpte: false } }, ['design', 'kpti']); // { design: { contpte: false } }
 * ```
 */
export function withoutField(topology: PlainTopology, place: Place): PlainTopology {
  const holder = valueAt(topology, place.slice(0, -1));
  if (!isFields(holder)) return topology;
  const { [String(place[place.length - 1])]: _, ...rest } = holder;
  return withValue(topology, place.slice(0, -1), rest) as PlainTopology;
}

/**
 * A list without one part after the other: halves, quarters and so on down to single items, from the end.
 *
 * @param least items that have to be left
 * @example
 * ```ts
 * [...withoutParts([1, 2], 0)].map(({ rest }) => rest); // [[], [1], [2]]
 * ```
 */
export function* withoutParts<T>(
  list: readonly T[],
  least: number,
): Generator<{ gone: readonly T[]; rest: readonly T[] }> {
  for (let count = list.length; count >= 1; count = count === 1 ? 0 : (count + 1) >> 1) {
    for (let end = list.length; end > 0; end -= count) {
      const from = Math.max(0, end - count);
      const rest = [...list.slice(0, from), ...list.slice(end)];
      if (rest.length >= least) yield { gone: list.slice(from, end), rest };
    }
  }
}

const UNITS = [
  ['G', 2 ** 30],
  ['M', 2 ** 20],
  ['K', 2 ** 10],
] as const;

/**
 * A size as people write it.
 *
 * @example
 * ```ts
 * sizeText(65536); // '64K'
 * sizeText(1000); // '1000'
 * ```
 */
export function sizeText(bytes: number): string {
  const [unit, unitBytes] = UNITS.find(([, each]) => bytes >= each && bytes % each === 0) ?? ['', 1];
  return `${bytes / unitBytes}${unit}`;
}

/**
 * A smaller size, first the least and then the half; in the form in which it is written. None where it is no size, or small already.
 *
 * @example
 * ```ts
 * smallerSizes('64K', 4096); // ['4K', '32K']
 * smallerSizes(8192, 4096); // [4096]
 * ```
 */
export function smallerSizes(written: unknown, leastBytes: number): (number | string)[] {
  if (typeof written !== 'number' && typeof written !== 'string') return [];
  const bytes = parseNumber(written);
  if (bytes === null || bytes <= leastBytes) return [];
  const half = Math.max(leastBytes, Math.floor(bytes / 2));
  return [...new Set([leastBytes, half])].map((each) => (typeof written === 'number' ? each : sizeText(each)));
}
