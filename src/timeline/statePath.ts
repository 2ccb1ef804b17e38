/**
 * Paths into plain states, as `diff` writes them and people type them: `context.brk`, `context.cpus[0].pid`,
 * `context.vmas.vmas[startVa=0x400000].prot`, `context.linux[va=0x400000]`, `context.gone[key=5]`, `free[0][12..]`.
 */
import { GranuleError } from '../errors.ts';
import { entryAt, isPageTable } from './pageTableDiff.ts';

/** One step of a path: a field, an index, the rest of a list from an index on, or the element that a field names. */
export type PathStep =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'rest'; readonly from: number }
  | { readonly kind: 'named'; readonly field: string; readonly value: string };

const STEP = /(?:^|\.)([A-Za-z_$][\w$-]*)|\[(\d+)\]|\[(\d+)\.\.\]|\[([A-Za-z]\w*)=([^\]"]+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** Fields that name the elements of a list, the first that fits: areas, cached folios, folios. */
export const NAMING_FIELDS = ['startVa', 'index', 'pfn'] as const;

/** A map of integers as `IntMap.toPlain` gives it. */
export interface PlainIntMap {
  readonly keys: readonly number[];
  readonly values: readonly unknown[];
}

/**
 * Whether a plain value is a map of integers.
 *
 * @example
 * ```ts
 * isIntMap(IntMap.empty().toPlain()); // true
 * ```
 */
export function isIntMap(value: unknown): value is PlainIntMap {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false;
  if (!('keys' in value && 'values' in value && Array.isArray(value.keys) && Array.isArray(value.values))) return false;
  return value.keys.length === value.values.length && isAscending(value.keys);
}

/**
 * Whether a list holds whole numbers from 0, each larger than the one before: names that a path can write.
 *
 * @example
 * ```ts
 * isAscending([1, 2, 2]); // false
 * ```
 */
export function isAscending(names: readonly unknown[]): names is number[] {
  let last = -1;
  for (const name of names) {
    if (typeof name !== 'number' || !Number.isSafeInteger(name) || name <= last) return false;
    last = name;
  }
  return true;
}

/**
 * Whether a list holds pairs of a number and a list, the numbers ascending, as the sets of a TLB are written.
 *
 * @example
 * ```ts
 * isSetList([[3, [7, 9, 1]]]); // true
 * ```
 */
export function isSetList(value: readonly unknown[]): value is [number, unknown[]][] {
  const isPairs = value.every((item) => Array.isArray(item) && item.length === 2 && Array.isArray(item[1]));
  return isPairs && isAscending(value.map((item) => (Array.isArray(item) ? (item[0] as unknown) : null)));
}

/**
 * The steps of a path.
 *
 * @throws GranuleError USAGE, with the place in the text, where it is no path
 * @example
 * ```ts
 * parsePath('cpus[0].pid').length; // 3
 * ```
 */
export function parsePath(path: string): PathStep[] {
  const steps: PathStep[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(path);
    if (match === null) {
      throw new GranuleError(
        'USAGE',
        `"${path}" is no path: "${path.slice(at)}" is neither .field nor [index]`,
        'path',
      );
    }
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf(match: RegExpExecArray): PathStep {
  const [, name, index, from, field, value = '', quoted] = match;
  if (name !== undefined) return { kind: 'field', name };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  if (from !== undefined) return { kind: 'rest', from: Number(from) };
  if (field !== undefined) return { kind: 'named', field, value };
  return { kind: 'field', name: String(JSON.parse(quoted ?? '""')) };
}

function isNamed(value: unknown, name: string): boolean {
  return String(value) === name || (typeof value === 'number' && Number(name) === value);
}

function namedIn(value: unknown, field: string, name: string): unknown {
  if (field === 'va' && isPageTable(value)) return entryAt(value, Number(name));
  if (field === 'key' && isIntMap(value)) return value.values[value.keys.indexOf(Number(name))];
  if (!Array.isArray(value)) return undefined;
  if (field === 'set' && isSetList(value)) return value.find(([set]) => isNamed(set, name))?.[1];
  return value.find(
    (item) => typeof item === 'object' && item !== null && isNamed(fieldOf(item, field), name),
  ) as unknown;
}

function fieldOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/**
 * The value at a path; undefined where there is none.
 *
 * @throws GranuleError USAGE where it is no path
 * @example
 * ```ts
 * valueAt({ vmas: [{ startVa: 0x1000, prot: 5 }] }, 'vmas[startVa=0x1000].prot'); // 5
 * ```
 */
export function valueAt(state: unknown, path: string | readonly PathStep[]): unknown {
  let value = state;
  for (const step of typeof path === 'string' ? parsePath(path) : path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (step.kind === 'field') value = fieldOf(value, step.name);
    else if (step.kind === 'index') value = fieldOf(value, String(step.index));
    else if (step.kind === 'rest') value = Array.isArray(value) ? (value.slice(step.from) as unknown) : undefined;
    else value = namedIn(value, step.field, step.value);
  }
  return value;
}
