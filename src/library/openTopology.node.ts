/** Opening a topology by path or name, with its definitions and traces, for `run`. */
import { dirname } from 'node:path';
import { loadTraces } from '../topology/load.node.ts';
import { loadSystem, type SystemPlaces } from '../topology/loadSystem.node.ts';
import type { ReadyTopology } from './run.ts';

/**
 * Opens a topology: a file, a module, or a name of the package's; its traces are looked for beside it and in the present folder.
 *
 * @throws GranuleError TOPOLOGY_UNKNOWN, TOPOLOGY_INVALID, MODULE_NOT_FOUND, FILE_NOT_FOUND for a trace
 * @example
 * ```ts
 * run(await openTopology('failed-exec')).log.records > 100; // true
 * ```
 */
export async function openTopology(
  nameOrPath: string,
  places: SystemPlaces = { cwd: process.cwd() },
): Promise<ReadyTopology> {
  const { topology, catalogue } = await loadSystem(nameOrPath, places);
  const traces = loadTraces(topology, { folders: [places.cwd, dirname(nameOrPath)] });
  return { topology, catalogue, traces };
}
