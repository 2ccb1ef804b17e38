/** Numbers as people read them: one way for every table and message. */

const KIB = 1024;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
/** Below this a size keeps one digit behind the point; above, it would only be noise. */
const ONE_DIGIT_BELOW = 100;

/**
 * A count with thousands separators.
 *
 * @example
 * ```ts
 * formatCount(1234567); // '1,234,567'
 * ```
 */
export function formatCount(count: number): string {
  const [whole = '', fraction] = String(count).split('.');
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/**
 * A size in bytes, in the largest binary unit that leaves at least 1 before the point.
 *
 * @example
 * ```ts
 * formatBytes(65536); // '64 KiB'
 * formatBytes(1572864); // '1.5 MiB'
 * formatBytes(0); // '0 B'
 * ```
 */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= KIB && unit < BYTE_UNITS.length - 1) {
    value /= KIB;
    unit += 1;
  }
  const digits = Number.isInteger(value) || value >= ONE_DIGIT_BELOW ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? ''}`;
}

/**
 * A page size as options write it.
 *
 * @example
 * ```ts
 * formatPageSize(65536); // '64K'
 * ```
 */
export function formatPageSize(bytes: number): string {
  return bytes === 0 ? '-' : `${bytes / KIB}K`;
}

/**
 * An address in hex.
 *
 * @example
 * ```ts
 * formatHex(0x400000); // '0x400000'
 * ```
 */
export function formatHex(address: number): string {
  return `0x${address.toString(16)}`;
}

/**
 * A time, in the unit that fits.
 *
 * @example
 * ```ts
 * formatSeconds(0.00125); // '1.25 ms'
 * formatSeconds(83); // '1 min 23 s'
 * ```
 */
export function formatSeconds(seconds: number): string {
  if (seconds >= 60) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  if (seconds >= 1e-3) return `${trimmed(seconds * 1e3)} ms`;
  return `${trimmed(seconds * 1e6)} us`;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(2)));
}

/**
 * A rate in thousands or millions a second.
 *
 * @example
 * ```ts
 * formatRate(41_300_000, 'refs'); // '41.3 M refs/s'
 * ```
 */
export function formatRate(perSecond: number, what: string): string {
  if (!Number.isFinite(perSecond)) return `- ${what}/s`;
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)} M ${what}/s`;
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toFixed(1)} k ${what}/s`;
  return `${perSecond.toFixed(0)} ${what}/s`;
}

/**
 * The letters of a protection, as in /proc/PID/maps.
 *
 * @example
 * ```ts
 * formatProtection(5); // 'r-x'
 * ```
 */
export function formatProtection(prot: number): string {
  return `${(prot & 1) === 0 ? '-' : 'r'}${(prot & 2) === 0 ? '-' : 'w'}${(prot & 4) === 0 ? '-' : 'x'}`;
}
