/**
 * What pages hold, as far as KSM compares it. The model has no bytes: a program says what it has filled its memory with, and that
 * is kept for each 4K page of the process until the page goes. What nobody has said is like nothing else.
 *
 * @models S-48
 */

/** The declared content of pages, by page number of one process. 0 is a page of zeroes. */
export type Contents = Readonly<Record<number, number>>;

/**
 * The contents after a range was filled with a value.
 *
 * @example
 * ```ts
 * filled({}, 16, 18, 7); // { 16: 7, 17: 7 }
 * ```
 */
export function filled(contents: Contents, firstPage: number, endPage: number, value: number): Contents {
  const next: Record<number, number> = { ...contents };
  for (let page = firstPage; page < endPage; page++) next[page] = value;
  return next;
}

/**
 * The contents after pages went: what comes in their place has not been declared.
 *
 * @example
 * ```ts
 * emptied({ 16: 7, 17: 7 }, [{ first: 16, nr: 1 }]); // { 17: 7 }
 * ```
 */
export function emptied(contents: Contents, gone: readonly { first: number; nr: number }[]): Contents {
  const covered = (page: number): boolean => gone.some(({ first, nr }) => page >= first && page < first + nr);
  const kept = Object.entries(contents).filter(([page]) => !covered(Number(page)));
  return Object.fromEntries(kept);
}

/**
 * What `nr` pages of a process hold, one value each; null for what was not declared.
 *
 * @example
 * ```ts
 * valuesOf({ 16: 7 }, 16, 2); // [7, null]
 * ```
 */
export function valuesOf(contents: Contents, firstPage: number, nr: number): (number | null)[] {
  return Array.from({ length: nr }, (_, at) => contents[firstPage + at] ?? null);
}

/**
 * The checksum of a unit (`calc_checksum`): equal for equal declared contents, and unlike every other where any is unknown.
 *
 * @example
 * ```ts
 * keyOf([7, 7], 'a') === keyOf([7, 7], 'b'); // true
 * keyOf([7, null], 'a') === keyOf([7, null], 'b'); // false
 * ```
 */
export function keyOf(values: readonly (number | null)[], own: string): string {
  const [first] = values;
  if (values.includes(null)) return `?${own}`;
  return values.every((value) => value === first) ? `${values.length}*${first}` : values.join(',');
}
