/** What `--vary KEY=VALUES` says: the key, and each value as the topology's schema takes it. */
import { GranuleError } from '../errors.ts';
import type { ResolvedForm } from '../topology/form/resolve.ts';
import { readTopology, type Topology } from '../topology/schema.ts';
import { type Place, placesOf, valueAt, withValue } from '../topology/places.ts';

/** Points that one sweep has at most: more is a slip of the keyboard, and would fill the memory before it began. */
export const POINTS_MAX = 100_000;

/** A value that a table can hold. */
export type Scalar = number | string | boolean;

/** One value of a key. */
export interface VariedValue {
  /** As it was given. */
  text: string;
  /** As the schema takes it: sizes in bytes. */
  value: Scalar;
}

/** One key with all its values. */
export interface VariedKey {
  key: string;
  /** Where it points; nowhere, where it is a parameter. */
  places: readonly Place[];
  values: readonly VariedValue[];
  /** Its values are sizes, so `value` is in bytes. */
  isSize: boolean;
}

/** A topology that has parameters, for those of its keys that are some. */
export interface ParameterForm {
  parameterNames: readonly string[];
  /** Puts parameters in, given as text. */
  resolve: (set: ReadonlyMap<string, string>) => Pick<ResolvedForm, 'topology' | 'parameters'>;
  /** Those that are not varied. */
  set: ReadonlyMap<string, string>;
}

/** `1..8` and, by steps of 3, `1..8..3`. */
const RANGE = /^(\d+)\.\.(\d+)(?:\.\.(\d+))?$/;

/** A value as text may mean a number, a truth value, or itself: the schema decides which, in this order. */
function meanings(text: string): Scalar[] {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return [Number(text), text];
  if (text === 'true' || text === 'false') return [text === 'true', text];
  return [text];
}

function rangeTexts(key: string, text: string, [from, to, step]: readonly [number, number, number]): string[] {
  const count = Math.floor((to - from) / step) + 1;
  if (step === 0 || count < 1 || count > POINTS_MAX || !Number.isSafeInteger(to)) {
    const next = `Write FROM..TO or FROM..TO..STEP, upwards, with at most ${POINTS_MAX} numbers.`;
    throw new GranuleError('SWEEP_VALUE_INVALID', `"${text}" is no range of whole numbers`, `--vary ${key}`, next);
  }
  return Array.from({ length: count }, (_, at) => String(from + at * step));
}

/**
 * Takes `KEY=a,b,1..3` apart. The key ends at the last `=`, because a key may hold one: `processes.pid=100.cpu`.
 *
 * @throws GranuleError USAGE, SWEEP_VALUE_INVALID
 * @example
 * ```ts
 * splitVary('processes.pid=100.cpu=0,2..4'); // { key: 'processes.pid=100.cpu', texts: ['0', '2', '3', '4'] }
 * splitVary('seed'); // throws USAGE
 * ```
 */
export function splitVary(text: string): { key: string; texts: string[] } {
  const at = text.lastIndexOf('=');
  const [key, list] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1) {
    throw new GranuleError('USAGE', `"${text}" is no KEY=VALUES`, '--vary', 'Write it as in --vary seed=1,2,3.');
  }
  const texts = list.split(',').flatMap((part) => {
    const [, from, to, step = '1'] = RANGE.exec(part) ?? [];
    return from === undefined || to === undefined
      ? [part]
      : rangeTexts(key, part, [Number(from), Number(to), Number(step)]);
  });
  if (texts.includes('')) throw new GranuleError('SWEEP_VALUE_INVALID', 'a value is empty', `--vary ${text}`);
  return { key, texts };
}

function set(base: Topology, places: readonly Place[], value: Scalar): unknown {
  return places.reduce<unknown>((data, place) => withValue(data, place, value), base);
}

/** What the schema makes of one value; the fault of its first meaning where it takes none. */
function readValue(base: Topology, { key, places }: { key: string; places: readonly Place[] }, text: string): Scalar {
  const [place = []] = places;
  const read = meanings(text).map((value) => readTopology(set(base, places, value)));
  const taken = read.find(({ fault }) => fault === null);
  if (taken !== undefined && taken.topology !== null) {
    const value = valueAt(taken.topology, place);
    if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  }
  const fault = read[0]?.fault ?? null;
  if (fault?.unknownField === true) {
    throw new GranuleError('SWEEP_KEY_UNKNOWN', `no topology has such a field: ${fault.what}`, `--vary ${key}`);
  }
  throw new GranuleError(
    'SWEEP_VALUE_INVALID',
    fault?.what ?? 'only single values are varied',
    `--vary ${key}=${text}`,
  );
}

/** Whether a field holds a size: then `64K` means 65536 there. */
function holdsSizes(base: Topology, places: readonly Place[]): boolean {
  const { topology } = readTopology(set(base, places, '64K'));
  return topology !== null && valueAt(topology, places[0] ?? []) === 65_536;
}

/** A key that is a parameter: each value has to be one that it can have, and that the topology can have in its place. */
function variedParameter(form: ParameterForm, key: string, texts: readonly string[]): VariedKey {
  if (form.set.has(key)) {
    throw new GranuleError('USAGE', `"${key}" is set and varied`, `--vary ${key}`, 'Leave its --set out.');
  }
  const values = texts.map((text): VariedValue => {
    try {
      const { parameters } = form.resolve(new Map([...form.set, [key, text]]));
      return { text, value: parameters.find(({ name }) => name === key)?.value ?? text };
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      throw new GranuleError('SWEEP_VALUE_INVALID', error.message, `--vary ${key}=${text}`, error.next);
    }
  });
  return { key, places: [], values, isSize: false };
}

/**
 * The values that a topology with parameters is read with before it is varied: the first of each that is.
 *
 * @example
 * ```ts
 * [...firstValues(['page'], ['page=16K,64K', 'cpus=1,2'])]; // [['page', '16K']]
 * ```
 */
export function firstValues(parameterNames: readonly string[], varies: readonly string[]): Map<string, string> {
  const keys = varies.map((vary) => splitVary(vary)).filter(({ key }) => parameterNames.includes(key));
  return new Map(keys.map(({ key, texts: [first = ''] }) => [key, first]));
}

function checkTwice(keys: readonly VariedKey[]): void {
  const seen = new Map<string, string>();
  for (const { key, places, values } of keys) {
    // A parameter points nowhere, and no field is named like it: its name is looked up first.
    for (const place of places.length === 0 ? [key] : places.map((steps) => steps.join('.'))) {
      const other = seen.get(place);
      if (other !== undefined) {
        const next = 'Vary it once, with all its values.';
        throw new GranuleError('USAGE', `${key} and ${other} both vary ${place}`, '--vary', next);
      }
      seen.set(place, key);
    }
    const texts = new Map<Scalar, string>();
    for (const { text, value } of values) {
      const other = texts.get(value);
      const where = `--vary ${key}=${text}`;
      if (other !== undefined) throw new GranuleError('SWEEP_VALUE_INVALID', `${other} says the same`, where);
      texts.set(value, text);
    }
  }
}

/**
 * Reads what is varied, and holds each key and value against a topology. A key is a parameter of the topology, where it has one
 * of that name, or the path of a field.
 *
 * @throws GranuleError USAGE, SWEEP_KEY_UNKNOWN, SWEEP_VALUE_INVALID
 * @example
 * ```ts
 * const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }];
 * const topology = parseTopology({ name: 'one', processes }, 'example');
 * const [key] = variedKeys(topology, ['processes.*.pageSize=16K,64K']);
 * key?.values.map(({ value }) => value); // [16384, 65536]
 * variedKeys(topology, ['kernelPageSize=8K']); // throws SWEEP_VALUE_INVALID
 * ```
 */
export function variedKeys(topology: Topology, varies: readonly string[], form?: ParameterForm): VariedKey[] {
  const given = form === undefined ? new Map<string, string>() : firstValues(form.parameterNames, varies);
  const keys = varies.map((vary): VariedKey => {
    const { key, texts } = splitVary(vary);
    if (form?.parameterNames.includes(key) === true) {
      const others = new Map([...form.set, ...given]);
      if (!form.set.has(key)) others.delete(key);
      return variedParameter({ ...form, set: others }, key, texts);
    }
    const places = placesOf(topology, key);
    const values = texts.map((text) => ({ text, value: readValue(topology, { key, places }, text) }));
    return { key, places, values, isSize: holdsSizes(topology, places) };
  });
  checkTwice(keys);
  return keys;
}
