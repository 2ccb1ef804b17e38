/** The named formulas. */
import { GranuleError } from '../../errors.ts';
import { didYouMean } from '../../topology/faultPlans/near.ts';
import type { FormulaStep } from '../schema.ts';
import type { Evidence, MeasuredFigure, StepResult } from '../steps/step.ts';
import { type Formula, operandsOf } from './formula.ts';
import { geometry, kernelSide, publishedMarks, publishedTree, reserves, tables } from './memory.ts';
import { mutants } from './mutants.node.ts';
import { pageCache } from './pageCache.node.ts';
import {
  abiCalls,
  architecturesCount,
  bounce,
  driverShapesCount,
  maintenance,
  nativeForm,
  procfs,
  sections,
  walkers,
} from './tables.ts';

/** Every formula that a scenario may name. */
export const formulas: readonly Formula[] = [
  abiCalls,
  architecturesCount,
  bounce,
  driverShapesCount,
  geometry,
  kernelSide,
  maintenance,
  mutants,
  nativeForm,
  pageCache,
  procfs,
  publishedMarks,
  publishedTree,
  reserves,
  sections,
  tables,
  walkers,
];

/** A formula, as a worker is sent it: with the scenario that asks, for the command. */
export type FormulaTask = FormulaStep & { readonly kind: 'formula'; readonly id: string };

/**
 * Works a formula out.
 *
 * @throws GranuleError SCENARIO_INVALID for a formula or an operand that is none
 * @example
 * ```ts
 * formulaTask({ kind: 'formula', id: 'S-15', formula: 'geometry', with: { page: '64K' } }).figures.levels?.value; // 3
 * ```
 */
export function formulaTask({ formula: name, with: given, id }: FormulaTask): StepResult {
  const started = performance.now();
  const formula = formulas.find((each) => each.name === name);
  if (formula === undefined) {
    const near = didYouMean(
      name,
      formulas.map((each) => each.name),
    );
    throw new GranuleError('SCENARIO_INVALID', `there is no formula "${name}"${near}`, id);
  }
  const evidence: Evidence = { log: null, seq: null, command: `granule scenarios ${id} --figures` };
  const worked = formula.work(operandsOf(formula, given));
  const figures: Record<string, MeasuredFigure> = Object.fromEntries(
    Object.entries(worked).map(([figure, value]) => [figure, { value, evidence }]),
  );
  const account = `${name}: ${formula.source}`;
  return { figures, series: {}, logs: [], account, seconds: (performance.now() - started) / 1000 };
}
