/**
 * The register operands of by-address TLB maintenance, as bit fields, and what the architecture lets hardware make of the
 * hints in them. Operands are 64 bits wide, so they are bigints here.
 *
 * @models S-12 D-11
 */
import { GranuleError, invariant } from '../errors.ts';
import { formatSize, type GranuleBytes, granuleOf } from './granule.ts';

/** TG of a TTL field or of a range operand: 01 is 4K, 10 is 16K, 11 is 64K; 00 gives no hint. */
const TG: Readonly<Record<GranuleBytes, bigint>> = { 4096: 1n, 16384: 2n, 65536: 3n };
const GRANULE_OF_TG: readonly (GranuleBytes | null)[] = [null, 4096, 16384, 65536];

function field(value: number, bits: number, low: number): bigint {
  invariant(Number.isSafeInteger(value) && value >= 0 && value < 2 ** bits, `a field of ${bits} bits holds ${value}`);
  return BigInt(value) << BigInt(low);
}

function bitsOf(operand: bigint, bits: number, low: number): number {
  return Number((operand >> BigInt(low)) & ((1n << BigInt(bits)) - 1n));
}

/**
 * What `TLBI VA*` takes: ASID in bits 63:48, TTL in 47:44, VA[55:12] in 43:0.
 *
 * @example
 * ```ts
 * const operand: VaOperand = { asid: 7, va: 0x10000, hint: { granuleBytes: 65536, level: 3 } };
 * operand.hint?.level; // 3
 * ```
 */
export interface VaOperand {
  asid: number;
  va: number;
  /** The TTL field; null is 0000, no hint. */
  hint: { granuleBytes: GranuleBytes; level: number } | null;
}

/**
 * `__TLBI_VADDR` with `__tlbi_level` [arch/arm64/include/asm/tlbflush.h]: TTL = TG << 2 | level.
 *
 * @throws GranuleError INVARIANT for a field that does not fit
 * @example
 * ```ts
 * encodeVaOperand({ asid: 1, va: 0x5000, hint: { granuleBytes: 4096, level: 3 } }).toString(16); // '1700000000005'
 * ```
 */
export function encodeVaOperand({ asid, va, hint }: VaOperand): bigint {
  const ttl = hint === null ? 0n : ((TG[hint.granuleBytes] << 2n) | field(hint.level, 2, 0)) << 44n;
  return field(asid, 16, 48) | ttl | field(Math.floor(va / 4096), 44, 0);
}

/**
 * The fields of a `TLBI VA*` operand. With a hint of 16K or 64K the low 2 or 4 bits of the address field are ignored
 * (Arm ARM D8.17 IHQTLK).
 *
 * @example
 * ```ts
 * decodeVaOperand(0x1700000000005n); // { asid: 1, va: 20480, hint: { granuleBytes: 4096, level: 3 } }
 * ```
 */
export function decodeVaOperand(operand: bigint): VaOperand {
  const ttl = bitsOf(operand, 4, 44);
  const granuleBytes = GRANULE_OF_TG[ttl >> 2];
  const va = bitsOf(operand, 44, 0) * 4096;
  const asid = bitsOf(operand, 16, 48);
  if (granuleBytes === null) return { asid, va, hint: null };
  return { asid, va: va - (va % granuleBytes), hint: { granuleBytes, level: ttl & 3 } };
}

/**
 * What `TLBI RVA*` takes: ASID 63:48, TG 47:46, SCALE 45:44, NUM 43:39, TTL 38:37, BaseADDR 36:0.
 *
 * @example
 * ```ts
 * const operand: RangeOperand = { asid: 1, granuleBytes: 4096, scale: 0, num: 7, level: 3, startVa: 0, lpa2: false };
 * coveredBytes(operand); // 65536
 * ```
 */
export interface RangeOperand {
  asid: number;
  granuleBytes: GranuleBytes;
  scale: number;
  num: number;
  /** The level hint, 1 to 3; null is 00. */
  level: number | null;
  startVa: number;
  /** BaseADDR counts 64K whatever the granule (TCR_ELx.DS). */
  lpa2: boolean;
}

/**
 * Bytes that a range operation covers: (NUM + 1) * 2^(5 * SCALE + 1) * granule (Arm ARM C5.5.36).
 *
 * @example
 * ```ts
 * coveredBytes({ granuleBytes: 4096, scale: 1, num: 7 }) / 4096; // 512
 * ```
 */
export function coveredBytes({ granuleBytes, scale, num }: Pick<RangeOperand, 'granuleBytes' | 'scale' | 'num'>) {
  return (num + 1) * 2 ** (5 * scale + 1) * granuleBytes;
}

/**
 * `__TLBI_VADDR_RANGE` [arch/arm64/include/asm/tlbflush.h].
 *
 * @throws GranuleError INVARIANT for a field that does not fit or a start that is not aligned to the unit of BaseADDR
 * @example
 * ```ts
 * const range = { asid: 1, granuleBytes: 65536 as const, scale: 0, num: 15, level: 3, startVa: 0x20000, lpa2: false };
 * encodeRangeOperand(range).toString(16); // '1c7e000000002'
 * ```
 */
export function encodeRangeOperand(operand: RangeOperand): bigint {
  const { asid, granuleBytes, scale, num, level, startVa, lpa2 } = operand;
  const unitBytes = lpa2 ? 65536 : granuleBytes;
  invariant(startVa % unitBytes === 0, `a range starts at a multiple of ${formatSize(unitBytes)}`);
  return (
    field(asid, 16, 48) |
    (TG[granuleBytes] << 46n) |
    field(scale, 2, 44) |
    field(num, 5, 39) |
    field(level ?? 0, 2, 37) |
    field(startVa / unitBytes, 37, 0)
  );
}

/**
 * The fields of a `TLBI RVA*` operand.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE where TG is 00, which is reserved in a range operand
 * @example
 * ```ts
 * decodeRangeOperand(0x1c7e000000002n, false).num; // 15
 * ```
 */
export function decodeRangeOperand(operand: bigint, lpa2: boolean): RangeOperand {
  const granuleBytes = GRANULE_OF_TG[bitsOf(operand, 2, 46)];
  if (granuleBytes === null) throw new GranuleError('TOPOLOGY_PAGE_SIZE', 'a range operand with TG 00 has no granule');
  const level = bitsOf(operand, 2, 37);
  return {
    asid: bitsOf(operand, 16, 48),
    granuleBytes,
    scale: bitsOf(operand, 2, 44),
    num: bitsOf(operand, 5, 39),
    level: level === 0 ? null : level,
    startVa: bitsOf(operand, 37, 0) * (lpa2 ? 65536 : granuleBytes),
    lpa2,
  };
}

/**
 * Whether hardware has to invalidate a leaf translation for an operation whose address covers it. A TTL hint that names
 * another level or granule than that of the entry, or a TG of a range operand that is not the granule, need not
 * invalidate anything (Arm ARM D8.17 RSQXYZ, C5.5.36).
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE for a granule that is none
 * @example
 * ```ts
 * const entry = { granuleBytes: 65536, level: 3 };
 * mustInvalidate({ range: true, granuleBytes: 4096, level: null }, entry); // false
 * mustInvalidate({ range: false, granuleBytes: 4096, level: null }, entry); // true
 * ```
 */
export function mustInvalidate(
  hints: { range: boolean; granuleBytes: number; level: number | null },
  entry: { granuleBytes: number; level: number },
): boolean {
  const sameGranule = granuleOf(hints.granuleBytes) === granuleOf(entry.granuleBytes);
  if (hints.range && !sameGranule) return false;
  return hints.level === null || (sameGranule && hints.level === entry.level);
}
