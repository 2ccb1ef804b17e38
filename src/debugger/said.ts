/** What commands say, and how a whole answer is made of it. */

/** What is asked of whoever reads the lines: a command of granule that goes on, as the fork or the export, or `quit`. */
export interface HandOver {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * What a command says: text of whole lines; null where a long one may be stopped, or let others through; a command of granule to
 * be run.
 */
export type Said = string | null | HandOver;

/** Words of a command, one after the other, as they come. */
export type Saying = Generator<Said, void, undefined>;

/**
 * All text that a command says, run to its end.
 *
 * @example
 * ```ts
 * function* two() { yield 'one\n'; yield null; yield 'two\n'; }
 * textOf(two()); // 'one\ntwo\n'
 * ```
 */
export function textOf(saying: Iterable<Said>): string {
  let text = '';
  for (const said of saying) if (typeof said === 'string') text += said;
  return text;
}

/**
 * Whether what was said is that one leaves.
 *
 * @example
 * ```ts
 * isQuit({ command: 'quit', args: [] }); // true
 * ```
 */
export function isQuit(said: Said): boolean {
  return typeof said === 'object' && said?.command === 'quit';
}
