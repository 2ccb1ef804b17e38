/**
 * What translation and faults cost, in cycles between bounds: a model that says how little is known, in place of one number.
 *
 * @models S-02 S-04
 */
import { corePresets, findCore } from '../../arch/cores.ts';
import { defaultCosts } from '../../arch/costs.ts';
import type { DesignFigures } from './runDesign.ts';

/** A cost with the least and the most that is plausible, and where the figures come from. */
export interface CostBounds {
  low: number;
  mid: number;
  high: number;
  source: string;
}

/** The costs that an estimate rests on, in cycles. */
export interface EstimateCosts {
  /** Added by an L1 miss that the L2 TLB has. */
  l2TlbHit: CostBounds;
  /** A descriptor whose cache line is near. */
  nearRead: CostBounds;
  /** Added where the line is not near. */
  lineMiss: CostBounds;
  /** A fault from the exception to the return, without clearing, copying and reading. */
  fault: CostBounds;
  zeroPerKb: CostBounds;
  copyPerKb: CostBounds;
}

/** Cycles between bounds. */
export interface Bounded {
  low: number;
  mid: number;
  high: number;
}

/** Which of the bounds. */
export type Bound = keyof Bounded;

/** The bounds in order. */
export const BOUNDS: readonly Bound[] = ['low', 'mid', 'high'];

/** What the L2 TLB adds on any core of the list (`src/arch/cores.ts`): Cortex-A76 3, Apple's small core 7. */
const L2_HIT_LEAST = 3;
const L2_HIT_MOST = 7;

/**
 * The costs for a core. A core whose L2 TLB was documented or measured has that figure in the middle.
 *
 * @example
 * ```ts
 * costsFor('cortex-a76').l2TlbHit.mid; // 3
 * costsFor('neoverse-v2').nearRead.mid; // 10
 * ```
 */
export function costsFor(core: string): EstimateCosts {
  const preset = findCore(core) ?? corePresets['neoverse-v2'];
  const known = preset.l2HitCycles;
  const { exceptionEntryExit, faultHandlerBase, zeroPerKb, copyPerKb } = defaultCosts;
  const faultMid = exceptionEntryExit + faultHandlerBase;
  return {
    l2TlbHit: {
      low: L2_HIT_LEAST,
      mid: known ?? defaultCosts.l2TlbHit,
      high: L2_HIT_MOST,
      source: `${known === null ? 'Neoverse V2 TRM' : preset.source}; bounds: the least and most of all cores of docs/cores.md`,
    },
    nearRead: {
      low: 4,
      mid: defaultCosts.walkStep,
      high: 13,
      source: 'L2 cache latency of Neoverse V2 (TRM: 10); bounds, a hit in L1 and a slower L2, are assumptions',
    },
    lineMiss: {
      low: 20,
      mid: 60,
      high: 300,
      source: 'assumption: a system-level cache near or far, or memory at 100 ns and 3 GHz',
    },
    fault: {
      low: faultMid / 2,
      mid: faultMid,
      high: faultMid * 3,
      source: 'assumption: half and three times of src/arch/costs.ts',
    },
    zeroPerKb: {
      low: zeroPerKb / 2,
      mid: zeroPerKb,
      high: zeroPerKb * 2,
      source: 'assumption: 32 bytes a cycle, doubled and halved',
    },
    copyPerKb: {
      low: copyPerKb / 2,
      mid: copyPerKb,
      high: copyPerKb * 2,
      source: 'assumption: 16 bytes a cycle, doubled and halved',
    },
  };
}

/** What one design costs. */
export interface Estimate {
  /** L2 TLB hits and walks. No overlap with other work is assumed: cores that run ahead of a miss hide some of it. */
  translation: Bounded;
  /** Faults, with clearing and copying; without waiting for the disk. */
  faults: Bounded;
  total: Bounded;
}

/**
 * A sum over the bounds.
 *
 * @example
 * ```ts
 * boundedBy((bound) => ({ low: 1, mid: 2, high: 3 })[bound] * 10); // { low: 10, mid: 20, high: 30 }
 * ```
 */
export function boundedBy(of: (bound: Bound) => number): Bounded {
  return { low: of('low'), mid: of('mid'), high: of('high') };
}

/**
 * Cycles of faults at one bound.
 *
 * @example
 * ```ts
 * const figures = { minorFaults: 2, majorFaults: 0, zeroedBytes: 8192, copiedBytes: 0 };
 * faultCycles(figures, costsFor('neoverse-v2'), 'mid'); // 2056
 * ```
 */
export function faultCycles(
  figures: Pick<DesignFigures, 'minorFaults' | 'majorFaults' | 'zeroedBytes' | 'copiedBytes'>,
  costs: EstimateCosts,
  bound: Bound,
): number {
  const { minorFaults, majorFaults, zeroedBytes, copiedBytes } = figures;
  const cleared = (zeroedBytes / 1024) * costs.zeroPerKb[bound];
  const copied = (copiedBytes / 1024) * costs.copyPerKb[bound];
  return (minorFaults + majorFaults) * costs.fault[bound] + cleared + copied;
}

/**
 * The estimate of a design's run.
 *
 * @example
 * ```ts
 * const none = { minorFaults: 0, majorFaults: 0, zeroedBytes: 0, copiedBytes: 0 };
 * const figures = { ...none, l2Hits: 10, walkReads: 4, walkLineMisses: 1 };
 * estimate(figures, costsFor('neoverse-v2')).translation; // { low: 66, mid: 160, high: 422 }
 * ```
 */
export function estimate(
  figures: Parameters<typeof faultCycles>[0] & Pick<DesignFigures, 'l2Hits' | 'walkReads' | 'walkLineMisses'>,
  costs: EstimateCosts,
): Estimate {
  const { l2Hits, walkReads, walkLineMisses } = figures;
  const { l2TlbHit, nearRead, lineMiss } = costs;
  const translation = boundedBy(
    (bound) => l2Hits * l2TlbHit[bound] + walkReads * nearRead[bound] + walkLineMisses * lineMiss[bound],
  );
  const faults = boundedBy((bound) => faultCycles(figures, costs, bound));
  return { translation, faults, total: boundedBy((bound) => translation[bound] + faults[bound]) };
}
