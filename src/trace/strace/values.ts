/** The numbers that strace prints by name. */
import { ADVICE, MAP, MFD, MLOCK, MPOL, MREMAP, MSYNC, PROT_EXTRA, SHM } from '../../mm/abi/numbers.ts';

function prefixed(prefix: string, values: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]);
}

const NAMES: ReadonlyMap<string, number> = new Map([
  ...prefixed('MAP_', MAP),
  ...prefixed('PROT_', PROT_EXTRA),
  ...prefixed('MREMAP_', MREMAP),
  ...prefixed('MS_', MSYNC),
  ...prefixed('MADV_', ADVICE),
  ...prefixed('MLOCK_', { ONFAULT: MLOCK.ONFAULT }),
  ...prefixed('', { MCL_CURRENT: 1, MCL_FUTURE: 2, MCL_ONFAULT: 4 }),
  ...prefixed('MPOL_', MPOL),
  ...prefixed('SHM_', SHM),
  ...prefixed('', { IPC_CREAT: SHM.IPC_CREAT, IPC_EXCL: SHM.IPC_EXCL, IPC_PRIVATE: 0, IPC_RMID: 0 }),
  ...prefixed('MFD_', MFD),
  ...prefixed('PROT_', { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 }),
  ...prefixed('MAP_', { FILE: 0, ANON: MAP.ANONYMOUS, HUGE_SHIFT: 26, '32BIT': 0x40 }),
  ...prefixed('', { NULL: 0, CLONE_VM: 0x100, CLONE_VFORK: 0x4000, CLONE_THREAD: 0x10000 }),
]);

/**
 * A number as strace prints it: decimal, hex, octal, a product, or flags by name. Null where a part of it is unknown.
 *
 * @example
 * ```ts
 * numberOf('MAP_PRIVATE|MAP_FIXED|0x800'); // 0x812
 * numberOf('21<<MAP_HUGE_SHIFT'); // 1409286144
 * numberOf('8192*1024'); // 8388608
 * numberOf('{st_mode=0}'); // null
 * ```
 */
export function numberOf(text: string): number | null {
  const plain = text
    .replaceAll(/\/\*.*?\*\//g, '')
    .replace(/<.*>$/, '')
    .trim();
  if (plain.includes('|')) return combined(plain.split('|'), (a, b) => a + (b - (a & b)));
  if (plain.includes('<<')) return combined(plain.split('<<'), (a, b) => a * 2 ** b);
  if (plain.includes('*')) return combined(plain.split('*'), (a, b) => a * b);
  const named = NAMES.get(plain);
  if (named !== undefined) return named;
  if (/^-?(?:0x[0-9a-f]+|0|[1-9]\d*)$/i.test(plain)) {
    return plain.startsWith('-0x') ? -Number(plain.slice(1)) : Number(plain);
  }
  return /^0[0-7]+$/.test(plain) ? Number.parseInt(plain, 8) : null;
}

function combined(parts: readonly string[], join: (a: number, b: number) => number): number | null {
  const values = parts.map((part) => numberOf(part));
  if (values.length < 2) return null;
  return values.reduce((all, value) => (all === null || value === null ? null : join(all, value)));
}

/**
 * A string as strace prints it, without its quotes; null where it is none. Bytes beyond ASCII stay escaped.
 *
 * @example
 * ```ts
 * stringOf('"/etc/a\\"b"'); // '/etc/a"b'
 * stringOf('0x7ffd'); // null
 * ```
 */
export function stringOf(text: string): string | null {
  const inner = /^"(.*)"(?:\.\.\.)?$/.exec(text)?.[1];
  return inner === undefined ? null : inner.replaceAll(/\\(["\\])/g, '$1');
}

/**
 * The descriptor in an argument, and its path where strace printed it (`-y`).
 *
 * @example
 * ```ts
 * descriptorOf('3</etc/passwd>'); // { fd: 3, path: '/etc/passwd' }
 * ```
 */
export function descriptorOf(text: string): { fd: number; path: string | null } {
  const match = /^(-?\d+|AT_FDCWD)(?:<(.*)>)?$/.exec(text);
  return { fd: match?.[1] === undefined || match[1] === 'AT_FDCWD' ? -1 : Number(match[1]), path: match?.[2] ?? null };
}
