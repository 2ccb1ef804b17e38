/** How page table entries look: one rule for their colours, which the legend shows too. */

/** Flag bits of an entry, as `src/mm/pte.ts` has them. */
const VALID = 1;
const PROT_NONE = 2;
const WRITE = 4;
const EXEC = 16;
const YOUNG = 32;
const DIRTY = 64;
const SPECIAL = 128;
const ANON = 256;
const CONT = 512;
const SWAP = 2048;

const NAMES: readonly (readonly [number, string])[] = [
  [VALID, 'valid'],
  [PROT_NONE, 'PROT_NONE'],
  [WRITE, 'write'],
  [EXEC, 'exec'],
  [YOUNG, 'young'],
  [DIRTY, 'dirty'],
  [SPECIAL, 'special'],
  [ANON, 'anonymous'],
  [CONT, 'contiguous'],
];

/** How an entry is drawn. */
export type EntryLook = 'none' | 'swap' | 'invalid' | 'file' | 'file-dirty' | 'anon' | 'anon-dirty' | 'special';

/** Every look, with what the legend says of it. */
export const LOOKS: readonly (readonly [EntryLook, string])[] = [
  ['none', 'no entry'],
  ['file', 'file'],
  ['file-dirty', 'file, dirty'],
  ['anon', 'anonymous'],
  ['anon-dirty', 'anonymous, dirty'],
  ['special', 'special'],
  ['invalid', 'PROT_NONE'],
  ['swap', 'not present'],
];

/**
 * How an entry with some flags is drawn; -1: none.
 *
 * @example
 * ```ts
 * lookOf(-1); // 'none'
 * lookOf(1 | 64 | 256); // 'anon-dirty'
 * ```
 */
export function lookOf(flags: number): EntryLook {
  if (flags < 0) return 'none';
  if ((flags & VALID) === 0) return (flags & PROT_NONE) === 0 ? 'swap' : 'invalid';
  if ((flags & SPECIAL) !== 0) return 'special';
  const isDirty = (flags & DIRTY) !== 0;
  if ((flags & ANON) !== 0) return isDirty ? 'anon-dirty' : 'anon';
  return isDirty ? 'file-dirty' : 'file';
}

/**
 * The flags of an entry in words.
 *
 * @example
 * ```ts
 * flagNames(1 | 32); // 'valid young'
 * flagNames(-1); // 'no entry'
 * ```
 */
export function flagNames(flags: number): string {
  if (flags < 0) return 'no entry';
  const names = NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  // The bit of swap entries has another meaning in valid ones.
  if ((flags & VALID) === 0 && (flags & SWAP) !== 0) names.push('swap');
  return names.join(' ');
}

/**
 * A size of pages or areas in the largest unit that divides it.
 *
 * @example
 * ```ts
 * sizeText(65536); // '64K'
 * sizeText(3 * 1024 * 1024); // '3M'
 * ```
 */
export function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['G', 2 ** 30],
    ['M', 2 ** 20],
    ['K', 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}`;
}

/**
 * An address or frame number.
 *
 * @example
 * ```ts
 * hexText(4096); // '0x1000'
 * ```
 */
export function hexText(value: number): string {
  return `0x${value.toString(16)}`;
}
