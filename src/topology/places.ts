/** Where in a topology a key points: `pageCache`, `design.kpti`, `processes.*.pageSize`, `processes.pid=100.cpu`. */
import { defaultCosts } from '../arch/costs.ts';
import { GranuleError } from '../errors.ts';
import { parseSize, type Topology } from '../topology/schema.ts';

/** The fields and positions that lead to a value, from the top. */
export type Place = readonly (string | number)[];

/** Parts of a topology that the schema leaves open: there only what is written can be varied. */
const OPEN_PARTS: ReadonlySet<unknown> = new Set(['messages', 'faultPlan']);

type Tree = Readonly<Record<string | number, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}

/**
 * The value at a place; undefined where there is none.
 *
 * @example
 * ```ts
 * valueAt({ processes: [{ pid: 7 }] }, ['processes', 0, 'pid']); // 7
 * valueAt({ processes: [] }, ['processes', 0, 'pid']); // undefined
 * ```
 */
export function valueAt(data: unknown, place: Place): unknown {
  return place.reduce<unknown>((inner, step) => (isTree(inner) ? inner[step] : undefined), data);
}

/**
 * A copy with another value at a place; what lies beside the way is shared.
 *
 * @example
 * ```ts
 * withValue({ a: [1, 2], b: 3 }, ['a', 1], 5); // { a: [1, 5], b: 3 }
 * ```
 */
export function withValue(data: unknown, place: Place, value: unknown): unknown {
  const [step, ...rest] = place;
  if (step === undefined) return value;
  const inner = withValue(isTree(data) ? data[step] : undefined, rest, value);
  if (Array.isArray(data)) return data.map((item: unknown, at) => (at === step ? inner : item));
  return { ...(isTree(data) ? data : {}), [step]: inner };
}

/** The positions in a list that a step means: one, all (`*`), or those where a field has a value (`pid=100`). */
function positions(list: readonly unknown[], step: string): number[] {
  if (step === '*') return [...list.keys()];
  if (/^\d+$/.test(step)) return Number(step) < list.length ? [Number(step)] : [];
  const [, field = '', text = ''] = /^(\w+)=(.+)$/.exec(step) ?? [];
  const size = parseSize(text);
  return [...list.keys()].filter((at) => {
    const value = valueAt(list, [at, field]);
    return value === text || (typeof value === 'number' && (String(value) === text || value === size));
  });
}

function unknownKey(key: string, what: string): never {
  throw new GranuleError('SWEEP_KEY_UNKNOWN', what, `--vary ${key}`);
}

function wayTo(place: Place): string {
  return place.length === 0 ? 'the topology' : place.join('.');
}

/** What a key's next step leads to from one place. */
function stepFrom(
  topology: Topology,
  place: Place,
  { key, step, isLast }: { key: string; step: string; isLast: boolean },
): Place[] {
  const here = valueAt(topology, place);
  if (Array.isArray(here)) {
    const found = positions(here, step);
    if (found.length > 0) return found.map((at) => [...place, at]);
    const how = `it has ${here.length}: give a number from 0, "*" for all, or FIELD=VALUE as in pid=100`;
    return unknownKey(key, `there is no "${step}" in ${wayTo(place)}; ${how}`);
  }
  if (!isTree(here)) return unknownKey(key, `${wayTo(place)} has no parts, so no "${step}"`);
  const field = wayTo(place) === 'design.thp.sizes' ? String(parseSize(step) ?? step) : step;
  const known = wayTo(place) === 'costs' ? Object.keys(defaultCosts) : Object.keys(here);
  // Of a field that may be left out the schema knows more than the topology does.
  const mayBeLeftOut = isLast && wayTo(place) !== 'costs' && !OPEN_PARTS.has(place[0]);
  if (known.includes(field) || mayBeLeftOut) return [[...place, field]];
  return unknownKey(key, `there is no "${step}" in ${wayTo(place)}; it has ${known.join(', ') || 'nothing'}`);
}

/**
 * The places that a key means in a topology. The last field may be one that the topology leaves out: whether there is
 * such a field is for the schema to say.
 *
 * @throws GranuleError SWEEP_KEY_UNKNOWN, saying what is there instead
 * @example
 * ```ts
 * const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }, { pid: 8, trace: 'true-kernel', pageSize: '64K' }];
 * const topology = parseTopology({ name: 'two', processes }, 'example');
 * placesOf(topology, 'processes.*.pageSize'); // [['processes', 0, 'pageSize'], ['processes', 1, 'pageSize']]
 * placesOf(topology, 'processes.pid=8.cpu'); // [['processes', 1, 'cpu']]
 * placesOf(topology, 'costs.walkStairs'); // throws SWEEP_KEY_UNKNOWN
 * ```
 */
export function placesOf(topology: Topology, key: string): Place[] {
  const steps = key.split('.');
  return steps.reduce<Place[]>(
    (places, step, at) =>
      places.flatMap((place) => stepFrom(topology, place, { key, step, isLast: at === steps.length - 1 })),
    [[]],
  );
}
