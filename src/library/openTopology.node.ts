/** Opening a topology by path or name, with its definitions and traces, for `run`. */
import { checkedTraces } from '../topology/load.node.ts';
import { loadSystem, type SystemPlaces } from '../topology/loadSystem.node.ts';
import type { ReadyTopology } from './run.ts';

/**
 * Opens a topology: a file, a module, or a name of the package's; its traces are looked for beside it and in the present folder.
 * `set` gives its parameters, as text.
 *
 * @throws GranuleError TOPOLOGY_UNKNOWN, TOPOLOGY_INVALID, PARAMETER_VALUE, MODULE_NOT_FOUND, FILE_NOT_FOUND for a trace; with the place
 * in the file
 * @example
 * ```ts
 * run(await openTopology('failed-exec')).log.records > 100; // true
 * ```
 */
export async function openTopology(
  nameOrPath: string,
  { set, ...places }: SystemPlaces & { readonly set?: Readonly<Record<string, string>> } = { cwd: process.cwd() },
): Promise<ReadyTopology> {
  const loaded = await loadSystem(nameOrPath, { ...places, set: new Map(Object.entries(set ?? {})) });
  const { topology, catalogue, folders } = loaded;
  try {
    return { topology, catalogue, traces: checkedTraces(topology, { folders: [places.cwd, ...folders] }) };
  } catch (error) {
    throw loaded.placed(error);
  }
}
