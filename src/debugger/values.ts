/** Values as text: short ones on a line, whole ones over several. */
import { formatHex } from '../report/format.ts';
import { ADDRESS_FIELD } from '../report/recordText.ts';

/** Characters of a value on one line. */
const LINE_CHARACTERS = 100;
/** Lines of a whole value. */
const LINES_MOST = 200;

/**
 * A value on one line.
 *
 * @example
 * ```ts
 * shortValue(undefined); // 'nothing'
 * shortValue([1, 2]); // '[1,2]'
 * ```
 */
export function shortValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= LINE_CHARACTERS ? text : `${text.slice(0, LINE_CHARACTERS)}...`;
}

/**
 * A value, over several lines where it is long.
 *
 * @param path where it was found: addresses are in hex
 * @example
 * ```ts
 * wholeValue(65536, 'context.brk'); // '0x10000\n'
 * wholeValue({ pid: 1 }, ''); // '{"pid":1}\n'
 * ```
 */
export function wholeValue(value: unknown, path: string): string {
  const field = /(\w+)$/.exec(path)?.[1] ?? '';
  if (typeof value === 'number' && ADDRESS_FIELD.test(field)) return `${formatHex(value)}\n`;
  if (value === undefined) return 'nothing\n';
  const short = JSON.stringify(value);
  if (short.length <= LINE_CHARACTERS) return `${short}\n`;
  const lines = JSON.stringify(value, null, 2).split('\n');
  const shown = lines.slice(0, LINES_MOST);
  const left = lines.length - shown.length;
  return `${shown.join('\n')}\n${left === 0 ? '' : `and ${left} lines more: name a part of it\n`}`;
}

/**
 * A table of a report, which names an option of the command line where it leaves rows out; here that is a setting.
 *
 * @example
 * ```ts
 * withSetting('  and 7 more (--rows N shows more)\n'); // '  and 7 more ("set rows N" shows more)\n'
 * ```
 */
export function withSetting(text: string): string {
  return text.replaceAll('(--rows N shows more)', '("set rows N" shows more)');
}
