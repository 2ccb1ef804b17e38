/** What a machine keeps, as plain data. */

/** What structures are asked for: their plain form, for diffs and display, or one that is quick to write and to read. */
type Form = 'toPlain' | 'toPacked';

/**
 * A value as plain data: immutable structures by their `toPlain`, resources left out.
 *
 * @example
 * ```ts
 * plainOf({ calls: IntRecord.empty().with(7, 'a'), n: 1, resources: null }); // { calls: { 7: 'a' }, n: 1 }
 * ```
 */
export function plainOf(value: unknown): unknown {
  return formOf(value, 'toPlain');
}

/**
 * The same for a checkpoint: large structures by their `toPacked`.
 *
 * @example
 * ```ts
 * packedOf({ table: PageTable.empty(4096), n: 1 }); // { table: PageTable.empty(4096).toPacked(), n: 1 }
 * ```
 */
export function packedOf(value: unknown): unknown {
  return formOf(value, 'toPacked');
}

function formOf(value: unknown, form: Form): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((element) => formOf(element, form));
  const structure = value as Partial<Record<Form, () => unknown>>;
  if (typeof structure[form] === 'function') return structure[form]();
  if (typeof structure.toPlain === 'function') return structure.toPlain();
  return Object.fromEntries(
    Object.entries(value)
      // A field that is gone may be there as undefined, where XState runs the machine.
      .filter(([key, entry]) => key !== 'resources' && entry !== undefined)
      .map(([key, entry]) => [key, formOf(entry, form)]),
  );
}
