/**
 * Designs side by side on one trace: plain data, of which tables, CSV and charts are made.
 *
 * @models S-02 S-03 S-04 S-05 S-14 T-11 T-14 X-04 X-13
 */
import type { RunSource } from '../../mm/runs.ts';
import { type Attribution, attribute } from './attribution.ts';
import { type BreakEven, breakEven } from './breakEven.ts';
import type { ComparedDesign, DesignSetting } from './designList.ts';
import { BOUNDS, type Bound, costsFor, type Estimate, estimate, type EstimateCosts } from './estimate.ts';
import type { DesignFigures } from './runDesign.ts';

/** One design with what it came to. */
export interface DesignColumn {
  design: ComparedDesign;
  figures: DesignFigures;
  estimate: Estimate;
  /** Anonymous memory beyond what 4K pages take for the same program: internal fragmentation. Null without a plain 4K kernel. */
  fragmentationBytes: number | null;
}

/** The gain of one design over another. */
export interface DesignGain {
  from: string;
  to: string;
  terms: Attribution;
}

/** Break-even of large folios against a design, at each bound of the costs, and by translation alone. */
export interface DesignBreakEven {
  against: string;
  total: Record<Bound, BreakEven>;
  translation: Record<Bound, BreakEven>;
}

/** A whole comparison. */
export interface DesignComparison {
  trace: { name: string; hash: string; command: string; references: number };
  setting: DesignSetting;
  costs: EstimateCosts;
  columns: DesignColumn[];
  gains: DesignGain[];
  breakEvens: DesignBreakEven[];
}

const BASE = 'plain-4K';
const PROPOSALS = ['proposal-16K', 'proposal-64K'];

/**
 * Puts runs together.
 *
 * @example
 * ```ts
 * const setting = { core: 'cortex-a76', memoryBytes: 2 ** 28, kernelPageEvery: null, cache: 'cold' as const };
 * const trace = relayout(traceFromSteps([{ access: 'X', addr: 0x10000 }, { access: 'W', addr: 0x90000 }]), 65536);
 * const runs = designsOf([0, 100]).map((design) => ({ design, figures: runDesign(trace, design, setting) }));
 * const compared = compareDesigns(trace, setting, runs);
 * compared.columns.length; // 9
 * compared.gains.map(({ to }) => to).includes('proposal-64K'); // true
 * ```
 */
export function compareDesigns(
  trace: Pick<RunSource, 'name' | 'hash' | 'command' | 'references'>,
  setting: DesignSetting,
  runs: readonly { design: ComparedDesign; figures: DesignFigures }[],
): DesignComparison {
  const costs = costsFor(setting.core);
  const base = runs.find(({ design }) => design.name === BASE)?.figures ?? null;
  const columns = runs.map(
    ({ design, figures }): DesignColumn => ({
      design,
      figures,
      estimate: estimate(figures, costs),
      fragmentationBytes: base === null ? null : figures.anonPeakBytes - base.anonPeakBytes,
    }),
  );
  const { name, hash, command, references } = trace;
  return {
    trace: { name, hash, command, references },
    setting,
    costs,
    columns,
    gains: base === null ? [] : gainsOf(columns, base, costs),
    breakEvens: PROPOSALS.flatMap((against) => breakEvenOf(columns, against)),
  };
}

/** Of everything but the baseline over it, and of the proposal over large folios at their greatest coverage. */
function gainsOf(columns: readonly DesignColumn[], base: DesignFigures, costs: EstimateCosts): DesignGain[] {
  const overBase = columns
    .filter(({ design }) => design.name !== BASE)
    .map(({ design, figures }) => ({ from: BASE, to: design.name, terms: attribute(base, figures, costs) }));
  const most = columns.findLast(({ design }) => design.kind === 'mthp');
  if (most === undefined) return overBase;
  const overMost = columns
    .filter(({ design }) => design.kind === 'proposal')
    .map(({ design, figures }) => ({
      from: most.design.name,
      to: design.name,
      terms: attribute(most.figures, figures, costs),
    }));
  return [...overBase, ...overMost];
}

function breakEvenOf(columns: readonly DesignColumn[], against: string): DesignBreakEven[] {
  const column = columns.find(({ design }) => design.name === against);
  const folios = columns.filter(({ design }) => design.kind === 'mthp');
  if (column === undefined || folios.length === 0) return [];
  const meeting = (part: keyof Estimate): Record<Bound, BreakEven> => {
    const at = (bound: Bound): BreakEven => {
      const points = folios.map(({ design, estimate: estimated }) => ({
        coveragePercent: design.coveragePercent ?? 0,
        cycles: estimated[part][bound],
      }));
      return breakEven(points, column.estimate[part][bound]);
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one for each bound
    return Object.fromEntries(BOUNDS.map((bound) => [bound, at(bound)])) as Record<Bound, BreakEven>;
  };
  return [{ against, total: meeting('total'), translation: meeting('translation') }];
}
