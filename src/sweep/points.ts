/** The product of the values of a sweep: a topology for each combination, in one order. */
import { GranuleError } from '../errors.ts';
import { parseTopology, type Topology } from '../topology/schema.ts';
import { withValue } from '../topology/places.ts';
import { type ParameterForm, POINTS_MAX, type VariedKey, type VariedValue } from './varied.ts';

/** One combination of values. */
export interface SweepPoint {
  /** Its place in the product, from 0: the first key changes slowest. */
  index: number;
  /** In the order of the keys. */
  values: readonly VariedValue[];
  /** As it was given: `kernelPageSize=4K seed=2`. */
  name: string;
  topology: Topology;
}

/** The values of the combination at a place in the product. */
function combination(keys: readonly VariedKey[], index: number): { key: VariedKey; value: VariedValue }[] {
  let rest = index;
  return keys
    .toReversed()
    .flatMap((key) => {
      const value = key.values[rest % key.values.length];
      rest = Math.floor(rest / key.values.length);
      return value === undefined ? [] : [{ key, value }];
    })
    .toReversed();
}

/**
 * All points of a sweep, in the order of the product.
 *
 * @throws GranuleError USAGE where there are too many
 * @example
 * ```ts
 * const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }];
 * const base = parseTopology({ name: 'one', processes }, 'example');
 * const points = pointsOf(base, variedKeys(base, ['cpus=1,2', 'seed=8,9']));
 * points.map(({ name }) => name); // ['cpus=1 seed=8', 'cpus=1 seed=9', 'cpus=2 seed=8', 'cpus=2 seed=9']
 * ```
 */
export function pointsOf(base: Topology, keys: readonly VariedKey[], form?: ParameterForm): SweepPoint[] {
  const count = keys.reduce((product, { values }) => product * values.length, 1);
  if (count > POINTS_MAX) {
    const next = 'Give fewer values, or several sweeps.';
    throw new GranuleError('USAGE', `${count} points, and a sweep has ${POINTS_MAX} at most`, '--vary', next);
  }
  const known = new Map<string, Topology>();
  const started = (of: ParameterForm, parameters: readonly (readonly [string, string])[]): Topology => {
    const name = JSON.stringify(parameters);
    const topology = known.get(name) ?? of.resolve(new Map([...of.set, ...parameters])).topology;
    known.set(name, topology);
    return topology;
  };
  return Array.from({ length: count }, (_, index) => {
    const chosen = combination(keys, index);
    const name = chosen.map(({ key, value }) => `${key.key}=${value.text}`).join(' ');
    const parameters = chosen.flatMap(({ key, value }) =>
      key.places.length === 0 ? [[key.key, value.text] as const] : [],
    );
    const start = form === undefined || parameters.length === 0 ? base : started(form, parameters);
    const data = chosen.reduce<unknown>(
      (topology, { key, value }) => key.places.reduce((inner, place) => withValue(inner, place, value.value), topology),
      start,
    );
    return { index, values: chosen.map(({ value }) => value), name, topology: parseTopology(data, name) };
  });
}
