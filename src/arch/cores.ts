/**
 * TLBs of real cores, as their manuals or published measurements give them. What could not be checked is named in
 * `unverified`; treat it as a guess.
 *
 * @models S-04
 */

/**
 * One TLB array.
 *
 * @example
 * ```ts
 * const l2: TlbShape = { entries: 1280, ways: 5, indexFromBit: 'page' };
 * l2.entries / l2.ways; // 256
 * ```
 */
export interface TlbShape {
  entries: number;
  /** Equal to `entries`: fully associative. */
  ways: number;
  /**
   * Which set an address falls in: set = floor(va / 2^bit) mod sets. 'page' means the page number, that is the bit of the
   * entry's own page size. A fixed bit is how a core indexes whatever the page size is.
   */
  indexFromBit: number | 'page';
}

/**
 * A core's translation hardware.
 *
 * @example
 * ```ts
 * const core: CorePreset = corePresets['cortex-a76'];
 * core.walkCache; // 'in-l2'
 * ```
 */
export interface CorePreset {
  name: string;
  l1i: TlbShape;
  l1d: TlbShape;
  /** Unified, behind both. */
  l2: TlbShape;
  /** An array of its own; 'in-l2': intermediate entries compete with leaf entries there; 'none': full walks. */
  walkCache: TlbShape | 'in-l2' | 'none';
  /** Cycles that an L1 miss and L2 hit adds, where it is known. */
  l2HitCycles: number | null;
  /** FEAT_TLBIRANGE: range TLBI operations. */
  tlbRange: boolean;
  /** FEAT_HAFDBS: hardware updates of access flag and dirty state. */
  hardwareDirty: boolean;
  /** Stage 1 granules in bytes. */
  granules: readonly number[];
  source: string;
  /** Names of the fields above whose values no source at hand confirms. */
  unverified: readonly string[];
}

const ALL_GRANULES: readonly number[] = [4096, 16384, 65536];

function fullyAssociative(entries: number): TlbShape {
  return { entries, ways: entries, indexFromBit: 'page' };
}

function setAssociative(entries: number, ways: number): TlbShape {
  return { entries, ways, indexFromBit: 'page' };
}

/** The walk cache that Cortex-A53 and A55 have beside the L2 TLB. */
const LITTLE_WALK_CACHE = setAssociative(64, 4);

/**
 * Every preset by name. `tlb-reference` is no core: it is the plain configuration against which TLB simulations are
 * compared, with true LRU, no walk cache, and set = page number mod 256 in the L2 TLB.
 *
 * @example
 * ```ts
 * corePresets['neoverse-v2'].l2.entries; // 2048
 * ```
 */
export const corePresets = {
  'tlb-reference': {
    name: 'tlb-reference',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(48),
    l2: setAssociative(1280, 5),
    walkCache: 'none',
    l2HitCycles: null,
    tlbRange: false,
    hardwareDirty: false,
    granules: ALL_GRANULES,
    source: 'a reference configuration, not a core',
    unverified: [],
  },
  'tlb-small': {
    name: 'tlb-small',
    l1i: fullyAssociative(2),
    l1d: fullyAssociative(4),
    l2: fullyAssociative(8),
    walkCache: 'none',
    l2HitCycles: null,
    tlbRange: false,
    hardwareDirty: false,
    granules: ALL_GRANULES,
    source: 'a configuration for explorations of orders, whose states should be few; not a core',
    unverified: [],
  },
  'cortex-a53': {
    name: 'cortex-a53',
    l1i: fullyAssociative(10),
    l1d: fullyAssociative(10),
    l2: setAssociative(512, 4),
    walkCache: LITTLE_WALK_CACHE,
    l2HitCycles: null,
    tlbRange: false,
    hardwareDirty: false,
    granules: ALL_GRANULES,
    source: 'Cortex-A53 TRM, DDI 0500, 5.2',
    unverified: [],
  },
  'cortex-a55': {
    name: 'cortex-a55',
    l1i: fullyAssociative(15),
    l1d: fullyAssociative(16),
    l2: setAssociative(1024, 4),
    walkCache: LITTLE_WALK_CACHE,
    l2HitCycles: null,
    tlbRange: false,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Cortex-A55 TRM',
    unverified: ['tlbRange', 'hardwareDirty'],
  },
  'cortex-a72': {
    name: 'cortex-a72',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(32),
    l2: setAssociative(1024, 4),
    walkCache: 'none',
    l2HitCycles: null,
    tlbRange: false,
    hardwareDirty: false,
    granules: ALL_GRANULES,
    source: 'Cortex-A72 TRM',
    unverified: ['walkCache'],
  },
  'cortex-a76': {
    name: 'cortex-a76',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(48),
    l2: setAssociative(1280, 5),
    walkCache: 'in-l2',
    l2HitCycles: 3,
    tlbRange: false,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Cortex-A76 TRM 100798_0300, A5.1 to A5.4 and Table A6-31',
    unverified: ['tlbRange', 'hardwareDirty'],
  },
  'neoverse-n1': {
    name: 'neoverse-n1',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(48),
    l2: setAssociative(1280, 5),
    walkCache: 'in-l2',
    l2HitCycles: null,
    tlbRange: false,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Arm, Neoverse N1 platform paper; the design of Cortex-A76',
    unverified: ['walkCache', 'tlbRange', 'hardwareDirty'],
  },
  'neoverse-v1': {
    name: 'neoverse-v1',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(40),
    // The slide says "1.2K"; five ways of 256 are the design of its sisters.
    l2: setAssociative(1280, 5),
    walkCache: 'in-l2',
    l2HitCycles: null,
    tlbRange: true,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Arm, Hot Chips slide on Neoverse V2: L1D "40 -> 48", L2 "1.2K -> 2K"',
    unverified: ['l1i', 'l2', 'walkCache', 'tlbRange', 'hardwareDirty'],
  },
  'neoverse-n2': {
    name: 'neoverse-n2',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(44),
    l2: setAssociative(1280, 5),
    walkCache: 'in-l2',
    l2HitCycles: null,
    tlbRange: true,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'none',
    unverified: ['l1i', 'l1d', 'l2', 'walkCache', 'tlbRange', 'hardwareDirty'],
  },
  'neoverse-v2': {
    name: 'neoverse-v2',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(48),
    l2: setAssociative(2048, 8),
    walkCache: 'in-l2',
    l2HitCycles: 6,
    tlbRange: true,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Neoverse V2 TRM; measured about 5 cycles by jiegec',
    unverified: ['walkCache', 'tlbRange', 'hardwareDirty'],
  },
  'neoverse-v3': {
    name: 'neoverse-v3',
    l1i: fullyAssociative(48),
    l1d: fullyAssociative(96),
    l2: setAssociative(2048, 8),
    walkCache: 'in-l2',
    l2HitCycles: 6,
    tlbRange: true,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Neoverse V3 TRM as quoted by jiegec',
    unverified: ['l1i.ways', 'walkCache', 'tlbRange', 'hardwareDirty'],
  },
  'cortex-x925': {
    name: 'cortex-x925',
    l1i: fullyAssociative(128),
    l1d: fullyAssociative(96),
    l2: setAssociative(2048, 8),
    walkCache: 'in-l2',
    l2HitCycles: null,
    tlbRange: true,
    hardwareDirty: true,
    granules: ALL_GRANULES,
    source: 'Cortex-X925 TRM as quoted by jiegec',
    unverified: ['l1i.ways', 'l1d.ways', 'tlbRange', 'hardwareDirty'],
  },
  'apple-m1-firestorm': {
    name: 'apple-m1-firestorm',
    l1i: fullyAssociative(192),
    l1d: { entries: 160, ways: 5, indexFromBit: 14 },
    l2: { entries: 3072, ways: 12, indexFromBit: 14 },
    walkCache: 'none',
    l2HitCycles: 6,
    tlbRange: true,
    hardwareDirty: true,
    // 64K is taken as absent until TGran64 has been read on the machine.
    granules: [4096, 16384],
    source: 'measured by jiegec with 16K pages: L1D index VA[18:14], L2 index VA[21:14]; load 3 and 9 cycles',
    unverified: ['l1i.ways', 'walkCache', 'tlbRange', 'hardwareDirty', 'granules'],
  },
  'apple-m1-icestorm': {
    name: 'apple-m1-icestorm',
    l1i: fullyAssociative(128),
    l1d: { entries: 128, ways: 4, indexFromBit: 14 },
    l2: { entries: 1024, ways: 4, indexFromBit: 14 },
    walkCache: 'none',
    l2HitCycles: 7,
    tlbRange: true,
    hardwareDirty: true,
    granules: [4096, 16384],
    source: 'measured by jiegec with 16K pages: load 3 and 10 cycles',
    unverified: [
      'l1i.ways',
      'l1d.indexFromBit',
      'l2.ways',
      'l2.indexFromBit',
      'walkCache',
      'tlbRange',
      'hardwareDirty',
      'granules',
    ],
  },
} as const satisfies Record<string, CorePreset>;

/**
 * The name of a preset.
 *
 * @example
 * ```ts
 * const name: CoreName = 'cortex-a76';
 * ```
 */
export type CoreName = keyof typeof corePresets;

/**
 * The preset of that name, or null.
 *
 * @example
 * ```ts
 * findCore('cortex-a76')?.l1d.entries; // 48
 * findCore('cortex-a77'); // null
 * ```
 */
export function findCore(name: string): CorePreset | null {
  return Object.values<CorePreset>(corePresets).find((preset) => preset.name === name) ?? null;
}

/**
 * Whether a core can be run with pages of a size: it has the granule, and its TLB index does not take address bits that
 * pages of this size translate otherwise (a fixed index bit, as on the M1, is modelled for its own page size only).
 *
 * @example
 * ```ts
 * supportsPage(corePresets['apple-m1-firestorm'], 4096); // false
 * supportsPage(corePresets['cortex-a76'], 65536); // true
 * ```
 */
export function supportsPage(core: CorePreset, pageBytes: number): boolean {
  const shapes = [core.l1i, core.l1d, core.l2];
  const indexed = shapes.every(({ indexFromBit: bit }) => bit === 'page' || 2 ** bit === pageBytes);
  return indexed && core.granules.includes(pageBytes);
}
