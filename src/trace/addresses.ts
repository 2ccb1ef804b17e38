import { RUN_PAGE_SHIFT } from '../mm/runs.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
const PAGE_HEX_DIGITS = RUN_PAGE_SHIFT / 4;

/**
 * The 4K page and the offset in it of a hex address of up to 16 digits, exactly: the address as a whole may be more
 * than a double holds.
 *
 * @example
 * ```ts
 * splitAddress('ffffffffff600010'); // { page: 0xffffffffff600, offset: 16 }
 * ```
 */
export function splitAddress(hex: string): { page: number; offset: number } {
  const digits = hex.padStart(PAGE_HEX_DIGITS + 1, '0');
  return {
    page: Number.parseInt(digits.slice(0, -PAGE_HEX_DIGITS), 16),
    offset: Number.parseInt(digits.slice(-PAGE_HEX_DIGITS), 16),
  };
}

/**
 * Whether an access of `sizeBytes` (1 or more) ends inside the 64-bit address space.
 *
 * @example
 * ```ts
 * fitsAddressSpace(0xfffffffffffff, 4095, 2); // false
 * ```
 */
export function fitsAddressSpace(page: number, offset: number, sizeBytes: number): boolean {
  const last = page + Math.floor((offset + sizeBytes - 1) / PAGE_BYTES);
  return sizeBytes > 0 && last < 2 ** (64 - RUN_PAGE_SHIFT);
}
