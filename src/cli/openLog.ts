/** Opening a log, and the traces it was made of. */
import { dirname } from 'node:path';
import { GranuleError } from '../errors.ts';
import { openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { formatBytes } from '../report/format.ts';
import { loadTracesOfLog } from '../topology/load.node.ts';
import { builtIns, type Catalogue, type ModuleReference } from '../topology/definitions/catalogue.ts';
import { catalogueNamed } from '../topology/loadSystem.node.ts';
import { withParents } from '../timeline/parents.ts';
import { parentFinder } from '../timeline/parents.node.ts';
import { openMeta } from '../topology/meta.ts';
import type { Cli } from './cli.ts';

/** What `--uses` says in the help of every command that has it. */
export const USES_HELP = 'module with definitions of actors, or folder to look for one in; may be given again';

/**
 * Opens a log with the definitions of the modules that it names, and of a fork that holds its own records alone, with its parents;
 * says on standard error when it was cut. `uses` tells where else modules are; null: this is about the records alone, and a module
 * or a parent that is not found is not missed. `parents` names logs and folders to look for parents in first.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE, LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION, LOG_DAMAGED; MODULE_NOT_FOUND,
 * MODULE_FAILED; PARENT_MISSING
 * @example
 * ```ts
 * const cli = new Cli(textIo('/'));
 * await openLog(cli, 'no-such.glog', []); // throws FILE_NOT_FOUND
 * ```
 */
export async function openLog(
  cli: Cli,
  path: string,
  uses: readonly string[] | null,
  parents: readonly string[] = [],
): Promise<LogReader> {
  const storage = openLogFile(cli.path(path));
  const plain = LogReader.open(storage, zlibCompression, builtIns.registry);
  const catalogue = await catalogueOfLog(cli, plain, uses);
  const reader = catalogue === builtIns ? plain : LogReader.open(storage, zlibCompression, catalogue.registry);
  const { recovery } = reader;
  if (recovery !== null) {
    const last =
      reader.records === 0 ? 'it holds no events' : `it holds events ${reader.firstSeq} to ${reader.lastSeq}`;
    cli.note(
      `${path} is not whole: ${recovery.reason}; ${last}, ${formatBytes(recovery.lostBytes)} behind them are lost`,
    );
  }
  return joined(cli, reader, { parents, mayBeMissing: uses === null });
}

function joined(
  cli: Cli,
  reader: LogReader,
  { parents, mayBeMissing }: { readonly parents: readonly string[]; readonly mayBeMissing: boolean },
): LogReader {
  const given = parents.map((path) => cli.path(path));
  const { find, looked } = parentFinder({ given, folders: [dirname(reader.storage.name), cli.io.cwd] });
  try {
    return withParents(reader, find, looked);
  } catch (error) {
    if (!mayBeMissing || !(error instanceof GranuleError) || error.code !== 'PARENT_MISSING') throw error;
    cli.note(error.format());
    return reader;
  }
}

async function catalogueOfLog(cli: Cli, reader: LogReader, uses: readonly string[] | null): Promise<Catalogue> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by logMeta, and read as a list of names alone
  const modules = (reader.meta['modules'] ?? []) as readonly ModuleReference[];
  const folder = dirname(reader.storage.name);
  try {
    const names = modules.map(({ name }) => name);
    const catalogue = await catalogueNamed(names, [folder], { cwd: cli.io.cwd, uses: uses ?? [] });
    for (const { name, hash } of modules) {
      const now = catalogue.modules.find((module) => module.name === name);
      if (now !== undefined && now.hash !== hash) cli.note(`${name} has changed since the log was made: ${now.path}`);
    }
    return catalogue;
  } catch (error) {
    if (uses === null && error instanceof GranuleError && error.code === 'MODULE_NOT_FOUND') return builtIns;
    throw error;
  }
}

/**
 * The traces that a log names, by pid: looked for in `folder`, beside the log, in the present folder, and among those that
 * come with granule.
 *
 * @throws GranuleError TRACE_MISSING, TRACE_CHANGED
 * @example
 * ```ts
 * const cli = new Cli(textIo('/'));
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const log = runInMemory(topology, loadTraces(topology, { folders: [] }));
 * tracesOf(cli, log, undefined).get(1)?.references; // 167440
 * ```
 */
export function tracesOf(cli: Cli, reader: LogReader, folder: string | undefined): Map<number, RunSource> {
  const folders = folder === undefined ? [] : [cli.path(folder)];
  const { traces, topology } = openMeta(reader.meta);
  const programs = new Map(topology.processes.map((process) => [process.pid, process]));
  return loadTracesOfLog(traces, { folders: [...folders, dirname(reader.storage.name), cli.io.cwd], programs });
}

/** What `--parent` says in the help of every command that has it. */
export const PARENT_HELP = 'log that a fork goes on from, or folder to look for it in; may be given again';

/** What `--traces` says in the help of every command that has it. */
export const TRACES_HELP = 'folder to look for traces in, before those beside the log and those that come with granule';
