/**
 * Which TLB invalidation operations Linux 6.12 issues on arm64 [arch/arm64/include/asm/tlbflush.h, tlb.h].
 *
 * @models S-12 D-11
 */
import { invariant } from '../errors.ts';
import { geometryOf } from './granule.ts';

/**
 * The operations of EL1&0 that Linux uses. `L` in the name: the last level only, walk caches stay. `R`: a range
 * (FEAT_TLBIRANGE). `A`: any ASID. `IS`: broadcast to the Inner Shareable domain.
 *
 * @example
 * ```ts
 * const op: TlbiOp = 'VALE1IS';
 * ```
 */
export type TlbiOp =
  | 'VAE1IS'
  | 'VALE1IS'
  | 'VAAE1IS'
  | 'VAALE1IS'
  | 'RVAE1IS'
  | 'RVALE1IS'
  | 'ASIDE1IS'
  | 'VMALLE1'
  | 'VMALLE1IS'
  /** What other architectures do on each CPU that is interrupted for it (`src/arch/architectures.ts`). */
  | 'FLUSH_PAGES'
  | 'FLUSH_PAGES_AND_WALKS'
  | 'FLUSH_ADDRESS_SPACE';

/**
 * One TLBI instruction.
 *
 * @example
 * ```ts
 * const plan: TlbiInstruction[] = flushTlbPage(0x1000, 4096);
 * plan[0]; // { op: 'VALE1IS', startVa: 4096, endVa: 8192, scale: null, num: null, level: 3 }
 * ```
 */
export interface TlbiInstruction {
  op: TlbiOp;
  /** Addresses meant, [startVa, endVa); 0 and 0 for operations without an address. */
  startVa: number;
  endVa: number;
  /** Range operations: bytes covered = (num + 1) * 2^(5 * scale + 1) * granule [Arm ARM C5.5.36]. Else null. */
  scale: number | null;
  num: number | null;
  /** The TTL hint: the level of the leaf, null for none. A wrong hint means nothing need be invalidated. */
  level: number | null;
}

/**
 * A flush of one user range, as `__flush_tlb_range` takes it.
 *
 * @example
 * ```ts
 * const flush: RangeFlush = {
 *   startVa: 0, endVa: 65536, strideBytes: 4096, granuleBytes: 4096, tlbRange: false, lastLevelOnly: true,
 * };
 * tlbiPlan(flush).length; // 16
 * ```
 */
export interface RangeFlush {
  startVa: number;
  endVa: number;
  /** Distance of the entries to drop: the granule, or the size of a block mapping. */
  strideBytes: number;
  /** The page size that the kernel assumes for the operands. */
  granuleBytes: number;
  /** The CPUs have FEAT_TLBIRANGE. */
  tlbRange: boolean;
  /** Leaf entries only: walk caches are kept. */
  lastLevelOnly: boolean;
  /** TTL hint; null or absent: TLBI_TTL_UNKNOWN. */
  level?: number | null;
  /** LPA2: range operands count 64K, so single operations lead up to a 64K border. */
  lpa2?: boolean;
}

/** `MAX_TLBI_RANGE_PAGES` = __TLBI_RANGE_PAGES(31, 3), the most that one range operation covers. */
const MAX_TLBI_RANGE_PAGES = 32 * 2 ** 16;

/** The largest SCALE and NUM of a range operand: two and five bits. */
const MAX_SCALE = 3;
const MAX_NUM = 31;

/** Start of a range operand with LPA2: address bits 52:16. */
const LPA2_RANGE_ALIGN_BYTES = 65536;

function unaddressed(op: TlbiOp): TlbiInstruction {
  return { op, startVa: 0, endVa: 0, scale: null, num: null, level: null };
}

/**
 * `MAX_DVM_OPS`, PTRS_PER_PTE: without range operations, a range of this many strides or more flushes the whole ASID.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * maxDvmOps(65536); // 8192
 * ```
 */
export function maxDvmOps(granuleBytes: number): number {
  return 2 ** geometryOf(granuleBytes).bitsPerLevel;
}

/**
 * `flush_tlb_mm`: everything of one ASID.
 *
 * @example
 * ```ts
 * flushTlbMm().map((each) => each.op); // ['ASIDE1IS']
 * ```
 */
export function flushTlbMm(): TlbiInstruction[] {
  return [unaddressed('ASIDE1IS')];
}

/**
 * `flush_tlb_all`, or `local_flush_tlb_all` of one CPU.
 *
 * @example
 * ```ts
 * flushTlbAll(true).map((each) => each.op); // ['VMALLE1']
 * ```
 */
export function flushTlbAll(local = false): TlbiInstruction[] {
  return [unaddressed(local ? 'VMALLE1' : 'VMALLE1IS')];
}

/**
 * `flush_tlb_page`: one leaf entry, level 3 hint.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * flushTlbPage(0x12345, 65536)[0]?.startVa; // 65536
 * ```
 */
export function flushTlbPage(va: number, granuleBytes: number): TlbiInstruction[] {
  const { granuleBytes: bytes } = geometryOf(granuleBytes);
  const startVa = Math.floor(va / bytes) * bytes;
  return [{ op: 'VALE1IS', startVa, endVa: startVa + bytes, scale: null, num: null, level: 3 }];
}

/**
 * The TLBI instructions of one user range flush, in order (`__flush_tlb_range_nosync`, `__flush_tlb_range_op`). The
 * range is widened to whole strides. The barriers around them (DSB ISHST, DSB ISH) are not listed.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE; INVARIANT for an empty range or a stride that is no multiple of the granule
 * @example
 * ```ts
 * const flush = { startVa: 0, endVa: 272 * 4096, strideBytes: 4096, granuleBytes: 4096, lastLevelOnly: false };
 * tlbiPlan({ ...flush, tlbRange: true }).map(({ scale, num }) => [scale, num]); // [[1, 3], [0, 7]]
 * ```
 */
export function tlbiPlan(flush: RangeFlush): TlbiInstruction[] {
  const { strideBytes, granuleBytes, tlbRange, lastLevelOnly, level = null, lpa2 = false } = flush;
  invariant(strideBytes > 0 && strideBytes % granuleBytes === 0, 'a stride is whole pages');
  let startVa = Math.floor(flush.startVa / strideBytes) * strideBytes;
  const endVa = Math.ceil(flush.endVa / strideBytes) * strideBytes;
  invariant(startVa < endVa, 'a range to flush is not empty');
  let pages = (endVa - startVa) / granuleBytes;
  const isTooManyOperations = !tlbRange && endVa - startVa >= maxDvmOps(granuleBytes) * strideBytes;
  if (isTooManyOperations || pages > MAX_TLBI_RANGE_PAGES) return flushTlbMm();

  const plan: TlbiInstruction[] = [];
  const stridePages = strideBytes / granuleBytes;
  for (let scale = MAX_SCALE; pages > 0; ) {
    const isUnaligned = lpa2 && startVa % LPA2_RANGE_ALIGN_BYTES !== 0;
    if (!tlbRange || pages === 1 || isUnaligned) {
      const op = lastLevelOnly ? 'VALE1IS' : 'VAE1IS';
      plan.push({ op, startVa, endVa: startVa + strideBytes, scale: null, num: null, level });
      startVa += strideBytes;
      pages -= stridePages;
      continue;
    }
    const unit = 2 ** (5 * scale + 1);
    const num = Math.min(Math.floor(pages / unit), MAX_NUM + 1) - 1;
    if (num >= 0) {
      const op = lastLevelOnly ? 'RVALE1IS' : 'RVAE1IS';
      const covered = (num + 1) * unit;
      plan.push({ op, startVa, endVa: startVa + covered * granuleBytes, scale, num, level });
      startVa += covered * granuleBytes;
      pages -= covered;
    }
    scale--;
  }
  return plan;
}

/**
 * What an mmu_gather has collected when it is flushed.
 *
 * @example
 * ```ts
 * const gather: Gather = {
 *   startVa: 0, endVa: 65536, strideBytes: 4096, granuleBytes: 4096, tlbRange: true,
 *   fullMm: true, freedTables: false, clearedLevel: null,
 * };
 * gatherPlan(gather); // []
 * ```
 */
export interface Gather {
  startVa: number;
  endVa: number;
  /** `tlb_get_unmap_size`: the size of the smallest entries cleared. */
  strideBytes: number;
  granuleBytes: number;
  tlbRange: boolean;
  /** The whole address space goes, at exit or exec. */
  fullMm: boolean;
  freedTables: boolean;
  /** The level of the entries cleared when it was one only, else null. */
  clearedLevel: number | null;
}

/**
 * `tlb_flush` [arch/arm64/include/asm/tlb.h]: a dying address space is flushed only if tables were freed; otherwise the
 * range, leaf entries only and with a level hint unless tables were freed.
 *
 * @throws GranuleError as `tlbiPlan`
 * @example
 * ```ts
 * gatherPlan({
 *   startVa: 0, endVa: 4096, strideBytes: 4096, granuleBytes: 4096, tlbRange: false,
 *   fullMm: false, freedTables: true, clearedLevel: 3,
 * }).map(({ op, level }) => [op, level]); // [['VAE1IS', null]]
 * ```
 */
export function gatherPlan(gather: Gather): TlbiInstruction[] {
  const { fullMm, freedTables, clearedLevel, ...range } = gather;
  if (fullMm) return freedTables ? flushTlbMm() : [];
  return tlbiPlan({ ...range, lastLevelOnly: !freedTables, level: freedTables ? null : clearedLevel });
}

/**
 * How many TLBI instructions a user range flush of the page stride issues; null when it flushes the whole ASID.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * countTlbi(2 ** 20, 4096, false); // 256
 * countTlbi(2 ** 21, 4096, false); // null
 * ```
 */
export function countTlbi(lengthBytes: number, granuleBytes: number, tlbRange: boolean): number | null {
  const range = { startVa: 0, endVa: lengthBytes, strideBytes: granuleBytes, granuleBytes };
  const plan = tlbiPlan({ ...range, tlbRange, lastLevelOnly: false });
  return plan[0].op === 'ASIDE1IS' ? null : plan.length;
}
