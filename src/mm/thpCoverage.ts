/**
 * Which stretches of memory get a large folio where not all do: the coverage that a machine reaches, made a setting.
 *
 * @models S-05
 */
import type { ThpSettings } from '../arch/design.ts';

/** Windows of 64K: what contpte of a 4K kernel folds, and a page of the largest size. */
const WINDOW_SHIFT = 16;
/** Fibonacci hashing constant, 2^32 divided by the golden ratio. */
const HASH_MULTIPLIER = 0x9e3779b1;
const PERCENT = 100;

/** Murmur3's last mixing step over the 32 bits of a window's number that differ. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Whether a window gets a large folio at the coverage that the settings have: chosen by the window's place alone, so that a run is
 * repeatable, and every window that is covered at one coverage is covered at every greater one. `of` tells files apart.
 *
 * Real machines fall short for many reasons: no free block of the order, memory that came before the setting, areas that are
 * too small. This
 * stands for all of them.
 *
 * @example
 * ```ts
 * isCovered({ enabled: 'madvise', sizes: {}, coveragePercent: 100 }, 0x7f0000000000); // true
 * isCovered({ enabled: 'madvise', sizes: {}, coveragePercent: 0 }, 0x7f0000000000); // false
 * isCovered({ enabled: 'madvise', sizes: {} }, 0x7f0000000000); // true
 * ```
 */
export function isCovered({ coveragePercent }: ThpSettings, at: number, of = ''): boolean {
  if (coveragePercent === undefined) return true;
  const window = Math.floor(at / 2 ** WINDOW_SHIFT);
  let salt = 0;
  for (let index = 0; index < of.length; index++) salt = Math.imul(salt ^ of.charCodeAt(index), HASH_MULTIPLIER);
  const low = window % 2 ** 32;
  const high = Math.floor(window / 2 ** 32);
  return mixed((low ^ Math.imul(high + 1, HASH_MULTIPLIER) ^ salt) >>> 0) % PERCENT < coveragePercent;
}
