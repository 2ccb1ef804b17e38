/**
 * What the design asks of an architecture, as data: granules, tables, roots, and how TLBs are maintained. arm64 is modelled
 * in full; of the others, what decides which layers of the design they could have.
 *
 * @models S-06 S-45 T-03 T-12 X-02
 */
import { invariant } from '../errors.ts';

/** The architectures, by Linux's names in prose. */
export type ArchitectureName = 'arm64' | 'x86-64' | 'riscv64' | 'loongarch64';

/** A table layout that Linux can be built with, or boot with. */
export interface TableLayout {
  pageBytes: number;
  vaBits: number;
  levels: number;
}

/** An architecture. */
export interface Architecture {
  name: ArchitectureName;
  /** Table layouts of Linux, user addresses counted with the bits that the hardware walks. */
  layouts: readonly TableLayout[];
  /** Registers that hold roots: one for each half of the address space, or one for both. */
  roots: 'one-per-half' | 'one';
  /**
   * What fixes the granule of a walk: a field for each root, the architecture itself, or control words of the core that a
   * kernel sets at boot.
   */
  granuleFixedBy: 'root' | 'architecture' | 'core';
  /** Who fills the TLB. */
  walker: 'hardware' | 'software-refill';
  /** Bytes that a group of PTEs of a 4K table can become in one TLB entry by a bit in the PTEs; 0 for none. */
  contiguousBytes: number;
  maintenance: TlbMaintenance;
  /** Bits of the number that tells address spaces apart in TLBs, at most. */
  asidBits: number;
  /** Whether user space could have a table of a larger granule than the kernel's, and why (layer 3). */
  nativeTables: { possible: boolean; why: string };
  sources: readonly string[];
}

/** How Linux invalidates a user range. */
export interface TlbMaintenance {
  /** One instruction reaches all CPUs, or each is interrupted. */
  reach: 'broadcast' | 'interrupts';
  /** Bytes that one operation by address drops, in pages. */
  pagesPerOperation: number;
  /** More operations than this, and the whole address space is dropped; null: arm64's rules (`src/arch/tlbi.ts`). */
  operationsMost: number | null;
  /** An operation by address drops what walks have cached of upper levels too. */
  dropsWalks: boolean;
}

const FOUR_LEVELS_4K: TableLayout = { pageBytes: 4096, vaBits: 48, levels: 4 };

/**
 * The architectures.
 *
 * @example
 * ```ts
 * Object.values(architectures).filter((each) => each.nativeTables.possible).map(({ name }) => name); // ['arm64', 'loongarch64']
 * ```
 */
export const architectures: Readonly<Record<ArchitectureName, Architecture>> = {
  arm64: {
    name: 'arm64',
    layouts: [
      { pageBytes: 4096, vaBits: 39, levels: 3 },
      FOUR_LEVELS_4K,
      { pageBytes: 16384, vaBits: 36, levels: 2 },
      { pageBytes: 16384, vaBits: 47, levels: 3 },
      { pageBytes: 16384, vaBits: 48, levels: 4 },
      { pageBytes: 65536, vaBits: 42, levels: 2 },
      { pageBytes: 65536, vaBits: 48, levels: 3 },
    ],
    roots: 'one-per-half',
    granuleFixedBy: 'root',
    walker: 'hardware',
    contiguousBytes: 65536,
    maintenance: { reach: 'broadcast', pagesPerOperation: 1, operationsMost: null, dropsWalks: false },
    asidBits: 16,
    nativeTables: { possible: true, why: 'TTBR0 and TTBR1 each have a granule of their own (TCR_EL1.TG0, TG1)' },
    sources: ['Arm ARM D8.2, D24.2.181', 'arch/arm64/Kconfig:ARM64_VA_BITS', 'arch/arm64/include/asm/tlbflush.h'],
  },
  'x86-64': {
    name: 'x86-64',
    layouts: [FOUR_LEVELS_4K, { pageBytes: 4096, vaBits: 57, levels: 5 }],
    roots: 'one',
    granuleFixedBy: 'architecture',
    walker: 'hardware',
    contiguousBytes: 0,
    maintenance: { reach: 'interrupts', pagesPerOperation: 1, operationsMost: 33, dropsWalks: true },
    asidBits: 12,
    nativeTables: { possible: false, why: 'CR3 is the one root for both halves, and its tables are of 4K pages' },
    sources: ['Intel SDM 4.5, 4.10.4.1', 'arch/x86/mm/tlb.c:flush_tlb_mm_range, tlb_single_page_flush_ceiling'],
  },
  riscv64: {
    name: 'riscv64',
    layouts: [{ pageBytes: 4096, vaBits: 39, levels: 3 }, FOUR_LEVELS_4K, { pageBytes: 4096, vaBits: 57, levels: 5 }],
    roots: 'one',
    granuleFixedBy: 'architecture',
    walker: 'hardware',
    contiguousBytes: 65536,
    maintenance: { reach: 'interrupts', pagesPerOperation: 1, operationsMost: 64, dropsWalks: false },
    asidBits: 16,
    nativeTables: { possible: false, why: 'satp is the one root for both halves; Sv39 to Sv57 have 4K pages' },
    sources: [
      'RISC-V privileged architecture: Supervisor Address Translation, Svnapot',
      'arch/riscv/mm/tlbflush.c:tlb_flush_all_threshold',
      'arch/riscv/include/asm/pgtable-64.h:NAPOT_CONT64KB_ORDER',
    ],
  },
  loongarch64: {
    name: 'loongarch64',
    layouts: [
      { pageBytes: 4096, vaBits: 39, levels: 3 },
      FOUR_LEVELS_4K,
      { pageBytes: 16384, vaBits: 36, levels: 2 },
      { pageBytes: 16384, vaBits: 47, levels: 3 },
      { pageBytes: 65536, vaBits: 42, levels: 2 },
      { pageBytes: 65536, vaBits: 55, levels: 3 },
    ],
    roots: 'one-per-half',
    granuleFixedBy: 'core',
    walker: 'software-refill',
    contiguousBytes: 0,
    // An entry of the TLB holds a pair of pages. `tlbsize / 8`: 64 entries beside 256 sets of 8, as the 3A5000's LA464 has.
    maintenance: { reach: 'interrupts', pagesPerOperation: 2, operationsMost: 264, dropsWalks: false },
    asidBits: 10,
    nativeTables: {
      possible: true,
      why: 'a refill handler fills the TLB, but PWCL, PWCH and STLBPS are of the core: each switch would write them and flush',
    },
    sources: [
      'arch/loongarch/Kconfig: Page Table Layout',
      'arch/loongarch/mm/tlb.c:setup_ptwalker, tlb_init, local_flush_tlb_range',
    ],
  },
};

/**
 * Bits of an address that index each table of a layout, from the root on.
 *
 * @throws GranuleError INVARIANT for a layout whose addresses do not fit its levels
 * @example
 * ```ts
 * indexBits({ pageBytes: 4096, vaBits: 57, levels: 5 }); // [9, 9, 9, 9, 9]
 * indexBits({ pageBytes: 65536, vaBits: 48, levels: 3 }); // [6, 13, 13]
 * ```
 */
export function indexBits({ pageBytes, vaBits, levels }: TableLayout): number[] {
  const pageShift = Math.log2(pageBytes);
  const perLevel = pageShift - 3;
  const top = vaBits - pageShift - perLevel * (levels - 1);
  invariant(top > 0 && top <= perLevel, `${vaBits} bits fit ${levels} levels of ${pageBytes}-byte pages`);
  return [top, ...Array.from({ length: levels - 1 }, () => perLevel)];
}

/** How a user range is invalidated where it is not as on arm64. */
export interface RangePlan {
  /** By address, or everything of the address space. */
  by: 'address' | 'address-space';
  /** Instructions on each CPU. */
  instructions: number;
}

/**
 * What Linux does to drop a range from the TLBs of one CPU, on an architecture other than arm64.
 *
 * @throws GranuleError INVARIANT for arm64, whose plans are those of `tlbiPlan`, and for an empty range
 * @example
 * ```ts
 * rangePlan(architectures['x86-64'], 33 * 4096, 4096); // { by: 'address', instructions: 33 }
 * rangePlan(architectures['x86-64'], 34 * 4096, 4096); // { by: 'address-space', instructions: 1 }
 * ```
 */
export function rangePlan({ maintenance, name }: Architecture, lengthBytes: number, strideBytes: number): RangePlan {
  const { operationsMost, pagesPerOperation } = maintenance;
  invariant(operationsMost !== null, `${name} has a limit of operations`);
  invariant(lengthBytes > 0, 'a range to invalidate is not empty');
  const instructions = Math.ceil(lengthBytes / (strideBytes * pagesPerOperation));
  if (instructions > operationsMost) return { by: 'address-space', instructions: 1 };
  return { by: 'address', instructions };
}
