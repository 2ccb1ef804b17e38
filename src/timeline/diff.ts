/**
 * Differences of two plain states, written for people: areas and folios are named by their address or frame instead of their
 * place in a list, page tables differ by stretches of pages, TLBs by sets, long lists only from where they differ.
 */
import { isPageTable, pageTableChanges } from './pageTableDiff.ts';
import { isAscending, isIntMap, isSetList, NAMING_FIELDS } from './statePath.ts';
import { describePath, sameValue } from './values.ts';

/** One difference. `before` is absent in what was added, `after` in what was removed. */
export interface Change {
  /** As `statePath.ts` reads it. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
}

type Fields = Record<string, unknown>;

/** Collects the differences below one path. */
type Report = (change: Change) => void;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function fieldPath(path: string, key: string): string {
  const step = describePath([key]);
  return path === '' || step.startsWith('[') ? `${path}${step}` : `${path}.${step}`;
}

/** Addresses are read in hex. */
function namedPath(path: string, field: string, name: unknown): string {
  const isAddress = typeof name === 'number' && /va$/i.test(field);
  return `${path}[${field}=${isAddress ? `0x${name.toString(16)}` : String(name)}]`;
}

function compare(path: string, before: unknown, after: unknown, report: Report): void {
  if (sameValue(before, after)) return;
  if (isPageTable(before) && isPageTable(after) && before.granuleBytes === after.granuleBytes) {
    const { runs: _before, ...restBefore } = before;
    const { runs: _after, ...restAfter } = after;
    for (const { va, ...change } of pageTableChanges(before, after)) {
      reportPair(namedPath(path, 'va', va), change.before ?? undefined, change.after ?? undefined, report);
    }
    compareFields(path, restBefore, restAfter, report);
  } else if (isIntMap(before) && isIntMap(after)) {
    compareNamed(path, 'key', mapOf(before.keys, before.values), mapOf(after.keys, after.values), report);
  } else if (Array.isArray(before) && Array.isArray(after)) compareLists(path, before, after, report);
  else if (isFields(before) && isFields(after)) compareFields(path, before, after, report);
  else report({ path, kind: 'changed', before, after });
}

/** Undefined stands for "not there". */
function reportPair(path: string, before: unknown, after: unknown, report: Report): void {
  if (before === undefined) report({ path, kind: 'added', after });
  else if (after === undefined) report({ path, kind: 'removed', before });
  else report({ path, kind: 'changed', before, after });
}

function compareFields(path: string, before: Fields, after: Fields, report: Report): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const at = fieldPath(path, key);
    if (!Object.hasOwn(before, key)) report({ path: at, kind: 'added', after: after[key] });
    else if (!Object.hasOwn(after, key)) report({ path: at, kind: 'removed', before: before[key] });
    else compare(at, before[key], after[key], report);
  }
}

function mapOf(keys: readonly unknown[], values: readonly unknown[]): Map<unknown, unknown> {
  return new Map(keys.map((key, index) => [key, values[index]]));
}

function compareNamed(
  path: string,
  field: string,
  before: ReadonlyMap<unknown, unknown>,
  after: ReadonlyMap<unknown, unknown>,
  report: Report,
): void {
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const at = namedPath(path, field, name);
    if (!before.has(name)) report({ path: at, kind: 'added', after: after.get(name) });
    else if (!after.has(name)) report({ path: at, kind: 'removed', before: before.get(name) });
    else compare(at, before.get(name), after.get(name), report);
  }
}

/**
 * The elements of a list by a field that names each of them; null where some have none, or the list is not in its order:
 * names alone would not tell the order.
 */
function byName(list: readonly unknown[], field: string): Map<unknown, unknown> | null {
  const names = list.map((item) => (isFields(item) && Object.hasOwn(item, field) ? item[field] : null));
  return isAscending(names) ? mapOf(names, list) : null;
}

function compareLists(path: string, before: readonly unknown[], after: readonly unknown[], report: Report): void {
  if (before.length + after.length > 0 && isSetList(before) && isSetList(after)) {
    return compareNamed(path, 'set', new Map(before), new Map(after), report);
  }
  for (const field of NAMING_FIELDS) {
    const left = byName(before, field);
    const right = byName(after, field);
    if (left !== null && right !== null) return compareNamed(path, field, left, right, report);
  }
  if ([...before, ...after].every((item) => typeof item !== 'object' || item === null)) {
    return compareScalars(path, before, after, report);
  }
  for (let index = 0; index < Math.max(before.length, after.length); index++) {
    const at = `${path}[${index}]`;
    if (index >= before.length) report({ path: at, kind: 'added', after: after[index] });
    else if (index >= after.length) report({ path: at, kind: 'removed', before: before[index] });
    else compare(at, before[index], after[index], report);
  }
}

/** Numbers and strings: one change, without the elements that both begin and end with. */
function compareScalars(path: string, before: readonly unknown[], after: readonly unknown[], report: Report): void {
  let from = 0;
  while (from < before.length && from < after.length && Object.is(before[from], after[from])) from++;
  let same = 0;
  const most = Math.min(before.length, after.length) - from;
  while (same < most && Object.is(before[before.length - 1 - same], after[after.length - 1 - same])) same++;
  const left = before.slice(from, before.length - same);
  const right = after.slice(from, after.length - same);
  const isWhole = from === 0 && same === 0;
  report({ path: isWhole ? path : `${path}[${from}..]`, kind: 'changed', before: left, after: right });
}

/**
 * What is different in `after`, in the order of the fields. Empty exactly when the two are equal.
 *
 * @example
 * ```ts
 * diff({ brk: 1, vmas: [{ startVa: 4096, prot: 1 }] }, { brk: 1, vmas: [{ startVa: 4096, prot: 3 }] });
 * // [{ path: 'vmas[startVa=0x1000].prot', kind: 'changed', before: 1, after: 3 }]
 * ```
 */
export function diff(before: unknown, after: unknown): Change[] {
  const changes: Change[] = [];
  compare('', before, after, (change) => changes.push(change));
  return changes;
}
