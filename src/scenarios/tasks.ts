/** The work of scenarios, each thing once: many ask for the same run. */
import type { FormulaTask } from './formulas/all.node.ts';
import { citedFigures } from './judge.ts';
import type { Scenario, Step } from './schema.ts';
import type { AbiReportTask } from './steps/abiReportStep.node.ts';
import type { CompareTask } from './steps/compareStep.node.ts';
import type { ExploreTask } from './steps/exploreStep.node.ts';
import type { RunTask } from './steps/runStep.node.ts';
import type { ValidateTask } from './steps/validateStep.node.ts';

/** What a worker is sent. */
export type Task = RunTask | ValidateTask | FormulaTask | AbiReportTask | ExploreTask | CompareTask;

/** A task, and whose steps it is. */
export interface PlannedTask {
  readonly task: Task;
  /** Scenario and step of each that asks for it. */
  readonly steps: readonly { readonly id: string; readonly step: string }[];
}

/** What makes two steps the same work. */
function keyOf(step: Step, id: string): string {
  if ('run' in step) return JSON.stringify(['run', step.run, step.set, step.checked, step.seeds]);
  if ('formula' in step) return JSON.stringify([id, step]);
  return JSON.stringify(step);
}

function taskOf(step: Step, id: string, name: string, cited: readonly string[]): Task {
  if ('run' in step) {
    const { run, set, checked, seeds, count, value, series } = step;
    return { kind: 'run', run, set, checked, seeds, name, count, value, series, cited };
  }
  if ('validate' in step) return { ...step, kind: 'validate', name };
  if ('formula' in step) return { ...step, kind: 'formula', id };
  if ('explore' in step) return { ...step, kind: 'explore', name };
  if ('compare' in step) return { ...step, kind: 'compare' };
  return { ...step, kind: 'abiReport' };
}

/** Two steps that are one run: each has its own queries and values, which all are asked of it. */
function joined(first: Task, second: Task): Task {
  if (first.kind !== 'run' || second.kind !== 'run') return first;
  return {
    ...first,
    count: { ...first.count, ...second.count },
    value: { ...first.value, ...second.value },
    series: { ...first.series, ...second.series },
    cited: [...new Set([...first.cited, ...second.cited])].sort(),
  };
}

/** Queries of one name that mean two things cannot be asked of one run. */
function clashes(first: Task, second: Task): boolean {
  if (first.kind !== 'run' || second.kind !== 'run') return false;
  return (['count', 'value', 'series'] as const).some((what) =>
    Object.entries(second[what]).some(([name, text]) => first[what][name] !== undefined && first[what][name] !== text),
  );
}

/**
 * The tasks of some scenarios. A run is named by the first scenario and step of the whole catalogue that has it, so that its log has
 * one name whichever scenarios are chosen.
 *
 * @example
 * ```ts
 * const all = readScenarios();
 * planTasks(chosenScenarios(all, ['S-02', 'S-03']), all).length > 0; // true
 * ```
 */
export function planTasks(chosen: readonly Scenario[], all: readonly Scenario[]): PlannedTask[] {
  const wanted = new Set(chosen.map(({ id }) => id));
  const groups = new Map<string, { name: string; task: Task | null; steps: { id: string; step: string }[] }[]>();
  for (const scenario of all) {
    const { id } = scenario;
    const cited = citedFigures(scenario);
    for (const [step, made] of Object.entries(scenario.steps)) {
      const key = keyOf(made, id);
      const own = cited.filter((name) => name.startsWith(`${step}.`)).map((name) => name.slice(step.length + 1));
      const name = typeof ('run' in made ? made.run : null) === 'string' ? nameOfRun(made, id, step) : `${id}-${step}`;
      const task = taskOf(made, id, name, own);
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      let place = group.find((each) => each.task === null || !clashes(each.task, task));
      if (place === undefined) {
        const again = group.length === 0 ? name : `${id}-${step}`;
        place = { name: again, task: null, steps: [] };
        group.push(place);
      }
      if (!wanted.has(id)) continue;
      const named = 'name' in task ? { ...task, name: place.name } : task;
      place.task = place.task === null ? named : joined(place.task, named);
      place.steps.push({ id, step });
    }
  }
  return [...groups.values()].flat().flatMap(({ task, steps }) => (task === null ? [] : [{ task, steps }]));
}

/** A topology of the package without parameters keeps its own name. */
function nameOfRun(step: Step, id: string, name: string): string {
  if (!('run' in step) || typeof step.run !== 'string') return `${id}-${name}`;
  return Object.keys(step.set).length === 0 && step.checked && step.seeds === 0 ? step.run : `${id}-${name}`;
}
