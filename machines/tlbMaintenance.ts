/**
 * TLB maintenance as one CPU carries it out.
 *
 * @models S-12 D-11
 */
import { geometryOf, pageSizeLimits } from '../src/arch/granule.ts';
import { mustInvalidate } from '../src/arch/tlbiOperand.ts';
import type { Tlb, WalkGeometry } from '../src/mm/tlb.ts';
import type { TlbiRequest } from './messages.ts';
import type { ResourceHolder } from './support.ts';

const geometries = new Map<number, WalkGeometry>();

/**
 * The spans of the levels that a walk of tables of this page size goes through.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * walkGeometry(65536).levelSpans; // [2 ** 42, 2 ** 29, 2 ** 16]
 * ```
 */
export function walkGeometry(pageBytes: number): WalkGeometry {
  let geometry = geometries.get(pageBytes);
  if (geometry === undefined) {
    const { levels } = geometryOf(pageBytes);
    const levelSpans = levels.map((level) => 2 ** level.shift);
    geometry = { levelSpans, firstLevel: levels[0]?.level ?? 0 };
    geometries.set(pageBytes, geometry);
  }
  return geometry;
}

/**
 * Pages that one entry may stand for: a contiguous group where the design lets TLBs keep it as one, else 1.
 *
 * @throws GranuleError TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * groupPagesOf(resources, 4096); // 1
 * ```
 */
export function groupPagesOf({ design }: ResourceHolder, pageBytes: number): number {
  const grouped = design.contiguousTlb === 'per-group' && pageBytes > 0;
  return grouped ? pageSizeLimits(pageBytes).contPtes : 1;
}

/**
 * Does one operation on the TLBs of a CPU; answers how many entries went.
 *
 * @example
 * ```ts
 * const shape = { entries: 4, ways: 4 };
 * const tlb = Tlb.empty({ l1i: shape, l1d: shape, l2: shape, walkCache: 'none' });
 * tlb.fill(false, 1, 5, 700, MAY_READ);
 * const page = { asid: 1, startVa: 5 * 65536, endVa: 6 * 65536, pageBytes: 65536, instructions: 1 };
 * invalidate(tlb, { op: 'RVALE1IS', ...page, operandPageBytes: 4096, level: null }); // 0
 * invalidate(tlb, { op: 'VALE1IS', ...page, operandPageBytes: 65536, level: 3 }); // 2
 * ```
 */
export function invalidate(tlb: Tlb, request: TlbiRequest): number {
  const { op, asid, startVa, endVa, pageBytes, operandPageBytes, level } = request;
  if (op === 'VMALLE1' || op === 'VMALLE1IS') return tlb.invalidateAll();
  if (op === 'ASIDE1IS' || op === 'FLUSH_ADDRESS_SPACE') return tlb.invalidateAsid(asid);
  const range = op.startsWith('RVA');
  // Leaf entries are at level 3. A hint that names another granule than theirs, and nothing has to go.
  const hints = { range, granuleBytes: operandPageBytes, level };
  if (!mustInvalidate(hints, { granuleBytes: pageBytes, level: 3 })) return 0;
  const pages = tlb.invalidatePages(asid, Math.floor(startVa / pageBytes), Math.ceil(endVa / pageBytes));
  const lastLevelOnly = op === 'FLUSH_PAGES' || op === 'VALE1IS' || op === 'RVALE1IS' || op === 'VAALE1IS';
  return lastLevelOnly ? pages : pages + tlb.invalidateWalks(asid, startVa, endVa, walkGeometry(pageBytes));
}

/**
 * The operations that a CPU obeys. Maintenance by VA from a CPU that uses another granule need not have any effect (Arm ARM
 * D8.17.7 RXMZFH): with `crossGranuleTlbi` `ignored` it has none. What carries no VA is always obeyed. `usedPageBytes` is the
 * granule in use here, null for none.
 *
 * @example
 * ```ts
 * const holder = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * obeyedOf(holder, [], 4096, 65536); // []
 * ```
 */
export function obeyedOf(
  { design }: ResourceHolder,
  operations: readonly TlbiRequest[],
  usedPageBytes: number | null,
  issuerPageBytes: number,
): readonly TlbiRequest[] {
  const differs = usedPageBytes !== null && usedPageBytes !== issuerPageBytes;
  if (design.crossGranuleTlbi === 'honoured' || !differs) return operations;
  return operations.filter(({ op }) => op === 'ASIDE1IS' || op === 'VMALLE1' || op === 'VMALLE1IS');
}
