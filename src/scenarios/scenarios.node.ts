/** Runs scenarios over a pool of threads, and judges them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { Pool } from '../sweep/pool.node.ts';
import { startThread } from '../timeline/sourceThread.node.ts';
import { judge, type Verdict } from './judge.ts';
import type { Scenario } from './schema.ts';
import type { StepResult } from './steps/step.ts';
import { type PlannedTask, planTasks, type Task } from './tasks.ts';
import type { TaskAnswer, TaskSetting } from './workOn.node.ts';

/** What to run. */
export interface ScenariosRequest {
  readonly chosen: readonly Scenario[];
  /** The whole catalogue: names of logs come from it. */
  readonly all: readonly Scenario[];
  readonly folder: string;
  readonly workers: number;
  readonly onDone?: (done: number, total: number, what: string) => void;
}

/** What came of it. */
export interface ScenariosRun {
  readonly verdicts: readonly Verdict[];
  /** Of each scenario, all figures of its steps. */
  readonly results: ReadonlyMap<string, ReadonlyMap<string, StepResult>>;
  readonly tasks: number;
  readonly seconds: number;
}

/** Long things first, so that no thread is left with one at the end. */
function weight({ kind }: Task): number {
  return kind === 'validate' ? 0 : kind === 'run' ? 1 : 2;
}

function labelOf({ steps }: PlannedTask): string {
  return steps.map(({ id, step }) => `${id} ${step}`).join(', ');
}

function makeFolders(folder: string): void {
  try {
    mkdirSync(join(folder, 'logs'), { recursive: true });
  } catch (error) {
    throw new GranuleError('OUTPUT_UNWRITABLE', (error as Error).message, folder);
  }
}

/**
 * Runs all tasks of the chosen scenarios and judges each.
 *
 * @throws GranuleError what a step throws, naming its scenario; OUTPUT_UNWRITABLE, WORKER_DIED
 * @example
 * ```ts
 * const all = readScenarios();
 * const run = await runScenarios({ chosen: chosenScenarios(all, ['S-15']), all, folder: '/tmp/out', workers: 1 });
 * run.verdicts[0]?.verdict; // 'holds'
 * ```
 */
export async function runScenarios(request: ScenariosRequest): Promise<ScenariosRun> {
  const { chosen, all, folder, workers, onDone } = request;
  const started = performance.now();
  makeFolders(folder);
  const planned = planTasks(chosen, all).sort((a, b) => weight(a.task) - weight(b.task));
  const byTask = new Map(planned.map((plan) => [plan.task, plan]));
  const results = new Map(chosen.map(({ id }) => [id, new Map<string, StepResult>()]));
  let done = 0;
  const workerData: TaskSetting = { folder };
  const pool = new Pool<Task, never, TaskAnswer>({
    workers: Math.max(1, Math.min(workers, planned.length)),
    start: () => startThread(import.meta.url, 'worker.node', { workerData }),
    onNews: () => undefined,
    onAnswer(task, answer) {
      const plan = byTask.get(task);
      if (plan === undefined) return;
      if ('error' in answer) {
        const { code, what, where } = answer.error;
        throw new GranuleError(code, `${labelOf(plan)}: ${what}`, where);
      }
      for (const { id, step } of plan.steps) results.get(id)?.set(step, answer.result);
      done += 1;
      onDone?.(done, planned.length, labelOf(plan));
    },
    onDeath(task, why) {
      const plan = byTask.get(task);
      throw new GranuleError('WORKER_DIED', why, plan === undefined ? '' : labelOf(plan));
    },
  });
  await pool.run(planned.map(({ task }) => task));
  const verdicts = chosen.map((scenario) => {
    const found = results.get(scenario.id) ?? new Map<string, StepResult>();
    // Steps are told in the order of the scenario, whichever was done first.
    const ordered = Object.keys(scenario.steps).flatMap((name): [string, StepResult][] => {
      const result = found.get(name);
      return result === undefined ? [] : [[name, result]];
    });
    return judge(scenario, new Map(ordered));
  });
  return { verdicts, results, tasks: planned.length, seconds: (performance.now() - started) / 1000 };
}
