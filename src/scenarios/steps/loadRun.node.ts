/** Loads the topology of a step: one of the package, or one that the scenario has written out. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import { openData, openForm, type OpenForm } from '../../topology/form/form.node.ts';
import { catalogueNamed } from '../../topology/loadSystem.node.ts';
import type { ReadyRun, RunTask } from './runStep.node.ts';

/** Topologies of scenarios alone lie beside them; others are those of the package. */
function formOf({ run, name }: Pick<RunTask, 'run' | 'name'>): OpenForm {
  const folder = join(fixturesFolder('scenarios'), 'topologies');
  if (typeof run === 'string') return openForm(existsSync(join(folder, `${run}.json`)) ? `${run}.json` : run, folder);
  return openData(join(folder, `${name}.json`), { name, ...run });
}

/**
 * The topology of a run with its parameters put in and its definitions.
 *
 * @throws GranuleError SCENARIO_INVALID naming the step, with all that is wrong with its topology
 * @example
 * ```ts
 * (await loadRun({ run: { extends: 'plain-4k', cpus: 4 }, name: 'S-00-four', set: {} })).topology.cpus; // 4
 * ```
 */
export async function loadRun(task: Pick<RunTask, 'run' | 'name' | 'set'>): Promise<ReadyRun> {
  try {
    const form = formOf(task);
    const { topology } = form.resolve(new Map(Object.entries(task.set)));
    const folders = [...form.folders, fixturesFolder('traces')];
    const catalogue = await catalogueNamed(topology.uses ?? [], [dirname(form.file)], { cwd: dirname(form.file) });
    return { topology, catalogue, folders };
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    const where = error.where === '' ? task.name : `${task.name}: ${error.where}`;
    throw new GranuleError('SCENARIO_INVALID', `${error.code}: ${error.message}`, where);
  }
}
