/** How wide text will be in a drawing, without a browser that could be asked. */

/** Widths of the printable characters of Helvetica, Arial and Liberation Sans, from the space on, in thousandths of the size. */
const WIDTHS = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];
const FIRST = 32;
/** Of any other character: that of the widest letters of most scripts. */
const OTHER = 1000;
/** Bold letters are wider by about this much. */
const BOLD = 1.08;

/**
 * The width of a text in the fonts that drawings ask for.
 *
 * @example
 * ```ts
 * textWidth('zone', 10); // 21.68
 * textWidth('zone', 10, true) > textWidth('zone', 10); // true
 * ```
 */
export function textWidth(text: string, size: number, bold = false): number {
  let thousandths = 0;
  for (const character of text) thousandths += WIDTHS[(character.codePointAt(0) ?? 0) - FIRST] ?? OTHER;
  const width = (thousandths * size) / 1000;
  return Math.round((bold ? width * BOLD : width) * 100) / 100;
}

/**
 * Words in lines of at most that width, where no single word is wider.
 *
 * @example
 * ```ts
 * wrapped(['ALLOC,', 'GET,', 'PUT'], 60, 10); // ['ALLOC,', 'GET, PUT']
 * ```
 */
export function wrapped(words: readonly string[], width: number, size: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const longer = last === undefined ? word : `${last} ${word}`;
    if (last === undefined || textWidth(longer, size) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/**
 * A text of at most so many characters, cut in its middle: the ends of paths tell more.
 *
 * @example
 * ```ts
 * shortened('file:/usr/lib/libc.so.6', 14); // 'file:/…bc.so.6'
 * ```
 */
export function shortened(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const head = Math.floor((characters - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (characters - 1 - head))}`;
}
