/** How procfs writes numbers: right-aligned decimals, and sizes in kB. */

/**
 * A number right-aligned in a field (`fs/seq_file.c:seq_put_decimal_ull_width`).
 *
 * @example
 * ```ts
 * decimal(20, 8); // '      20'
 * ```
 */
export function decimal(value: number, width: number): string {
  return String(value).padStart(width);
}

/**
 * One line of a size in kB behind its label; what is no whole kB is cut off, as the shift in `SEQ_PUT_DEC` does.
 *
 * @example
 * ```ts
 * kbLine('Rss:            ', 20480); // 'Rss:                  20 kB\n'
 * ```
 */
export function kbLine(label: string, bytes: number, width = 8): string {
  return `${label}${decimal(Math.floor(bytes / 1024), width)} kB\n`;
}

/**
 * A line of `/proc/meminfo` (`fs/proc/meminfo.c:show_val_kb`): labels are padded to sixteen characters.
 *
 * @example
 * ```ts
 * meminfoLine('MemTotal', 2048 * 1024); // 'MemTotal:           2048 kB\n'
 * ```
 */
export function meminfoLine(label: string, bytes: number): string {
  return kbLine(`${label}:`.padEnd(16), bytes);
}

/**
 * Bytes of a text of ASCII characters, as a read brings them.
 *
 * @example
 * ```ts
 * textBytes('4\n'); // [52, 10]
 * ```
 */
export function textBytes(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * The text of bytes that a read brought.
 *
 * @example
 * ```ts
 * bytesText([52, 10]); // '4\n'
 * ```
 */
export function bytesText(bytes: readonly number[]): string {
  return bytes.map((byte) => String.fromCharCode(byte)).join('');
}
