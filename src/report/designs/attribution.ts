/**
 * Where a gain comes from: the difference of two estimates, cut into terms that add up to it exactly.
 *
 * @models S-04 X-13
 */
import { type Bounded, BOUNDS, boundedBy, type EstimateCosts, faultCycles } from './estimate.ts';
import type { DesignFigures } from './runDesign.ts';

/** The terms, in the order in which one design is turned into the other. */
export const GAIN_TERMS = ['tlbReach', 'levels', 'walkCacheReach', 'tableFootprint', 'faults'] as const;

/** One of them. */
export type GainTerm = (typeof GAIN_TERMS)[number];

/** Cycles that each term saves; negative where it costs. */
export type Attribution = Record<GainTerm | 'total', Bounded>;

/** What a walk of a design is made of. */
interface WalkShape {
  walks: number;
  /** Levels of a walk without walk caches. */
  depth: number;
  /** Share of these that are read. */
  readShare: number;
  /** Line misses of a read. */
  missShare: number;
}

function shapeOf({ walks, walkLevels, walkReads, walkLineMisses }: DesignFigures): WalkShape {
  return {
    walks,
    depth: walks === 0 ? 0 : walkLevels / walks,
    readShare: walkLevels === 0 ? 0 : walkReads / walkLevels,
    missShare: walkReads === 0 ? 0 : walkLineMisses / walkReads,
  };
}

/**
 * Turns the run `from` into the run `to` one property at a time, and says what each step saves:
 *
 * 1. `tlbReach`: as many L2 TLB hits and walks as in `to`, each walk as in `from`.
 * 2. `levels`: each walk as deep as in `to`.
 * 3. `walkCacheReach`: of these levels as large a share read as in `to`.
 * 4. `tableFootprint`: as large a share of the reads misses its cache line as in `to`.
 * 5. `faults`: faults, clearing and copying of `to`.
 *
 * The steps telescope, so the terms add up to the difference of the estimates. In another order single terms would be others:
 * each is what the
 * property saves once those before it are in place.
 *
 * @example
 * ```ts
 * const figures = { minorFaults: 0, majorFaults: 0, zeroedBytes: 0, copiedBytes: 0, l2Hits: 0 } as DesignFigures;
 * const from = { ...figures, walks: 100, walkLevels: 400, walkReads: 200, walkLineMisses: 50 };
 * const to = { ...figures, walks: 10, walkLevels: 30, walkReads: 15, walkLineMisses: 0 };
 * const gain = attribute(from, to, costsFor('neoverse-v2'));
 * [gain.tlbReach.mid, gain.levels.mid, gain.walkCacheReach.mid, gain.tableFootprint.mid, gain.total.mid]; // [4500, 125, 0, 225, 4850]
 * ```
 */
export function attribute(from: DesignFigures, to: DesignFigures, costs: EstimateCosts): Attribution {
  const [a, b] = [shapeOf(from), shapeOf(to)];
  const walking = ({ walks, depth, readShare, missShare }: WalkShape): Bounded =>
    boundedBy((bound) => {
      const read = costs.nearRead[bound] + missShare * costs.lineMiss[bound];
      return walks * depth * readShare * read;
    });
  const stages = [
    a,
    { ...a, walks: b.walks },
    { ...a, walks: b.walks, depth: b.depth },
    { ...b, missShare: a.missShare },
    b,
  ].map(walking);
  const step = (at: number): Bounded =>
    boundedBy((bound) => (stages[at]?.[bound] ?? 0) - (stages[at + 1]?.[bound] ?? 0));
  const reach = step(0);
  const saved = from.l2Hits - to.l2Hits;
  const terms = {
    tlbReach: boundedBy((bound) => reach[bound] + saved * costs.l2TlbHit[bound]),
    levels: step(1),
    walkCacheReach: step(2),
    tableFootprint: step(3),
    faults: boundedBy((bound) => faultCycles(from, costs, bound) - faultCycles(to, costs, bound)),
  };
  const total = boundedBy((bound) => GAIN_TERMS.reduce((sum, term) => sum + terms[term][bound], 0));
  return { ...terms, total };
}

/**
 * Whether a term points one way at all bounds: what is not so cannot be told by this model.
 *
 * @example
 * ```ts
 * pointsOneWay({ low: -1, mid: 2, high: 3 }); // false
 * ```
 */
export function pointsOneWay(bounded: Bounded): boolean {
  const signs = new Set(BOUNDS.map((bound) => Math.sign(bounded[bound])));
  return signs.size === 1;
}
