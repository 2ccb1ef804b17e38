/** What `extends` does: a topology laid over another, as plain data. */
import { isFields } from './fields.ts';

/** Lists of things that have an identity, by the field that names them. All other lists are replaced. */
const IDENTITIES: Readonly<Record<string, string>> = {
  processes: 'pid',
  files: 'path',
  actors: 'id',
  pipes: 'name',
  cgroups: 'name',
  drivers: 'name',
  'selection.images': 'path',
};

/** Lists of names that are put together: what a base uses, whoever extends it uses too. */
const SETS: ReadonlySet<string> = new Set(['uses']);

/** What an item of a list with identities says to be taken away. */
const REMOVE = '$remove';

type Fields = Readonly<Record<string, unknown>>;

/** Remembers what each merged object came from, nearest first, and which items took nothing away. */
export interface MergeRecord {
  from: WeakMap<object, readonly object[]>;
  misses: object[];
}

/**
 * A record of a merge that nobody has written in.
 *
 * @example
 * ```ts
 * newMergeRecord().misses; // []
 * ```
 */
export function newMergeRecord(): MergeRecord {
  return { from: new WeakMap(), misses: [] };
}

/**
 * The field that names the items of a list; null where they have no names.
 *
 * @example
 * ```ts
 * identityOf('processes'); // 'pid'
 * identityOf('messages'); // null
 * ```
 */
export function identityOf(path: string): string | null {
  return IDENTITIES[path] ?? null;
}

function remember(made: object, sources: readonly unknown[], record: MergeRecord): void {
  record.from.set(
    made,
    sources.filter((source) => typeof source === 'object' && source !== null),
  );
}

function mergeFields(base: unknown, patch: Fields, path: string, record: MergeRecord): Fields {
  const merged = new Map(Object.entries(isFields(base) ? base : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergeValue(merged.get(name), value, path === '' ? name : `${path}.${name}`, record));
  }
  const made = Object.fromEntries(merged);
  remember(made, [patch, base], record);
  return made;
}

function mergeItems(base: readonly unknown[], patch: readonly unknown[], path: string, record: MergeRecord): unknown[] {
  const name = IDENTITIES[path] ?? '';
  const merged = [...base];
  const laid = new Set<unknown>();
  for (const item of patch) {
    const id = isFields(item) ? item[name] : undefined;
    // Whoever names one thing twice gets it twice, so that the checks can say so.
    const isAgain = id === undefined || laid.has(id);
    laid.add(id);
    const at = isAgain ? -1 : merged.findIndex((each) => isFields(each) && each[name] === id);
    if (isFields(item) && item[REMOVE] === true) {
      if (at < 0) record.misses.push(item);
      else merged.splice(at, 1);
    } else if (!isFields(item)) merged.push(item);
    else if (at < 0) merged.push(mergeFields({}, item, `${path}.*`, record));
    else merged[at] = mergeFields(merged[at], item, `${path}.*`, record);
  }
  remember(merged, [patch, base], record);
  return merged;
}

function mergeValue(base: unknown, patch: unknown, path: string, record: MergeRecord): unknown {
  if (isFields(patch)) return mergeFields(base, patch, path, record);
  if (!Array.isArray(patch)) return patch;
  if (path in IDENTITIES) return mergeItems(Array.isArray(base) ? base : [], patch, path, record);
  return SETS.has(path) ? [...new Set([...(Array.isArray(base) ? base : []), ...patch])] : patch;
}

/**
 * A topology laid over another. Objects merge field by field; a null takes a field away; lists are replaced, but for those of
 * things with an identity, whose items merge with those of the same name, the others being added behind. Of such a list
 * `$remove: true` takes an item away.
 *
 * @example
 * ```ts
 * const base = { cpus: 2, seed: 7, processes: [{ pid: 1, cpu: 0 }, { pid: 2 }] };
 * mergeForms(base, { seed: null, processes: [{ pid: 1, cpu: 1 }, { pid: 3 }] });
 * // { cpus: 2, processes: [{ pid: 1, cpu: 1 }, { pid: 2 }, { pid: 3 }] }
 * mergeForms(base, {}); // { cpus: 2, seed: 7, processes: [{ pid: 1, cpu: 0 }, { pid: 2 }] }
 * ```
 */
export function mergeForms(base: unknown, patch: unknown, record: MergeRecord = newMergeRecord()): unknown {
  return mergeValue(base, patch, '', record);
}
