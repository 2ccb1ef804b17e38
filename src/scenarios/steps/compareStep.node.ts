/**
 * Holds designs side by side on a recorded program, for a scenario: what `granule compare-designs` does.
 *
 * @models S-02 S-03 S-04 S-05 T-11 T-17 T-20 X-02 X-13
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { pointsOneWay } from '../../report/designs/attribution.ts';
import type { BreakEven } from '../../report/designs/breakEven.ts';
import { compareDesigns, type DesignComparison } from '../../report/designs/comparison.ts';
import { designsOf, type DesignSetting } from '../../report/designs/designList.ts';
import { BOUNDS } from '../../report/designs/estimate.ts';
import { runDesign } from '../../report/designs/runDesign.ts';
import { formatCount } from '../../report/format.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import type { TraceShelf } from '../../topology/load.node.ts';
import { parseSize } from '../../topology/schema.ts';
import type { FigureValue } from '../expression.ts';
import type { CompareStep } from '../schema.ts';
import type { Evidence, MeasuredFigure, StepResult } from './step.ts';

/** A comparison, as a worker is sent it. */
export type CompareTask = CompareStep & { readonly kind: 'compare' };

/** Programs are laid out for this page size in every design. */
const LAYOUT_BYTES = 65536;

/** Names of designs as figures have them: `plain4K`, `mthp100`, `proposal64K`, `layers64K`. */
function figureName(name: string): string {
  return name.replace('layers-1-2', 'layers').replace('-', '');
}

/** The coverage from which on large folios cost no more; above 100 where none does. */
function coverageOf(meeting: BreakEven): number {
  if (meeting.kind === 'at') return meeting.coveragePercent;
  return meeting.kind === 'none-design-wins' ? NO_COVERAGE : 0;
}

/** No coverage is enough. */
const NO_COVERAGE = 101;

function valuesOf({ columns, gains, breakEvens }: DesignComparison): Record<string, FigureValue> {
  const values: Record<string, FigureValue> = {};
  for (const { design, figures, estimate, fragmentationBytes } of columns) {
    const name = figureName(design.name);
    for (const [field, value] of Object.entries<FigureValue>({ ...figures })) values[`${name}.${field}`] = value;
    values[`${name}.faults`] = figures.minorFaults + figures.majorFaults;
    values[`${name}.fragmentationBytes`] = fragmentationBytes ?? 0;
    for (const bound of BOUNDS) {
      values[`${name}.cycles.${bound}`] = estimate.total[bound];
      values[`${name}.translationCycles.${bound}`] = estimate.translation[bound];
    }
  }
  for (const { from, to, terms } of gains) {
    const gain = `${from === 'plain-4K' ? 'gain' : 'gainOverFolios'}.${figureName(to)}`;
    for (const [term, cycles] of Object.entries(terms)) {
      values[`${gain}.${term}`] = cycles.mid;
      values[`${gain}.${term}.sure`] = pointsOneWay(cycles) ? 1 : 0;
    }
  }
  for (const { against, total, translation } of breakEvens) {
    const name = `breakEven.${figureName(against)}`;
    values[`${name}.total`] = coverageOf(total.mid);
    values[`${name}.translation`] = coverageOf(translation.mid);
  }
  return values;
}

/**
 * The comparison as figures: of each design `proposal64K.walkReads` and the others of docs/compare-designs.md, `cycles.low`, `.mid` and
 * `.high` with faults, `translationCycles` without; `gain.DESIGN.TERM` over a plain 4K kernel,
 * `gainOverFolios` over the greatest coverage; `breakEven.proposal64K.translation`.
 *
 * @throws GranuleError SCENARIO_INVALID for a program that is not there; what runs throw
 * @example
 * ```ts
 * const task = { kind: 'compare', compare: 'true-kernel', core: 'cortex-a76', memory: '2G', coverages: [100] } as const;
 * compareTask({ ...task, coverages: [100] }, new TraceShelf()).figures['proposal64K.end']?.value; // 'exited'
 * ```
 */
export function compareTask({ compare: program, core, memory, coverages }: CompareTask, shelf: TraceShelf): StepResult {
  const started = performance.now();
  const path = join(fixturesFolder('traces'), `${program}.gtr`);
  const memoryBytes = parseSize(memory);
  if (!existsSync(path)) throw new GranuleError('SCENARIO_INVALID', `fixtures/traces has no "${program}"`, program);
  if (memoryBytes === null) throw new GranuleError('SCENARIO_INVALID', `"${memory}" is no size`, program);
  const setting: DesignSetting = { core, memoryBytes, kernelPageEvery: null, cache: 'cold' };
  const trace = shelf.open(path, LAYOUT_BYTES);
  const runs = designsOf(coverages).map((design) => ({ design, figures: runDesign(trace, design, setting) }));
  const comparison = compareDesigns(trace, setting, runs);
  const command = `granule compare-designs ${program} --core ${core} --memory ${memory} --coverage ${coverages.join(',')}`;
  const evidence: Evidence = { log: null, seq: null, command };
  const figures: Record<string, MeasuredFigure> = Object.fromEntries(
    Object.entries(valuesOf(comparison)).map(([name, value]) => [name, { value, evidence }]),
  );
  const events = runs.reduce((sum, { figures: { events: own } }) => sum + own, 0);
  const account = `${command}: ${formatCount(runs.length)} designs, ${formatCount(events)} events`;
  return { figures, series: {}, logs: [], account, seconds: (performance.now() - started) / 1000 };
}
