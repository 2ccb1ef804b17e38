/** Paragraphs broken into lines. */

/** Columns of plain text: what a mail quotes twice without breaking lines. */
export const MAIL_COLUMNS = 72;

/**
 * A paragraph in lines of at most `width` columns, broken at spaces; a word that is longer has a line of its own. The first line begins
 * with `indent`, the others with `hanging`.
 *
 * @example
 * ```ts
 * wrapText('one two', { indent: '  ', width: 6 }); // ['  one', '  two']
 * wrapText('one two', { hanging: '- ', width: 6 }); // ['one', '- two']
 * ```
 */
export function wrapText(
  text: string,
  how: { readonly indent?: string; readonly hanging?: string; readonly width?: number } = {},
): string[] {
  const { indent = '', width = MAIL_COLUMNS } = how;
  const { hanging = indent } = how;
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of text.split(/\s+/)) {
    if (word === '') continue;
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = hanging;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return isEmpty ? lines : [...lines, line];
}
