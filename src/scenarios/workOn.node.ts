/** What a worker does with a task of the scenarios. */
import type { PointError } from '../sweep/runPoint.ts';
import type { TraceShelf } from '../topology/load.node.ts';
import { formulaTask } from './formulas/all.node.ts';
import { abiReportTask } from './steps/abiReportStep.node.ts';
import { compareTask } from './steps/compareStep.node.ts';
import { exploreTask } from './steps/exploreStep.node.ts';
import { loadRun } from './steps/loadRun.node.ts';
import { runTask } from './steps/runStep.node.ts';
import type { StepResult } from './steps/step.ts';
import { validateTask } from './steps/validateStep.node.ts';
import type { Task } from './tasks.ts';

/** What every worker is given at its start. */
export interface TaskSetting {
  /** The folder of the scenarios: logs go to `logs` in it. */
  readonly folder: string;
}

/** What a worker sends back. */
export type TaskAnswer = { readonly result: StepResult } | { readonly error: PointError };

/**
 * Does a task.
 *
 * @throws GranuleError what its step throws
 * @example
 * ```ts
 * const task = { kind: 'formula' as const, id: 'S-15', formula: 'geometry', with: { page: '64K' } };
 * (await workOnTask(task, { folder: '/tmp/out', shelf: new TraceShelf() })).figures.levels?.value; // 3
 * ```
 */
export async function workOnTask(
  task: Task,
  { folder, shelf }: TaskSetting & { readonly shelf: TraceShelf },
): Promise<StepResult> {
  if (task.kind === 'run') return runTask(task, await loadRun(task), { folder, shelf });
  if (task.kind === 'validate') return validateTask(task, folder);
  if (task.kind === 'formula') return formulaTask(task);
  if (task.kind === 'explore') return exploreTask(task, folder);
  if (task.kind === 'compare') return compareTask(task, shelf);
  return abiReportTask(task);
}
