/** Opening a log, and the traces it was made of. */
import { dirname } from 'node:path';
import { openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { formatBytes } from '../report/format.ts';
import { loadTracesOfLog } from '../topology/load.node.ts';
import { messageRegistry, openMeta } from '../topology/meta.ts';
import type { Cli } from './cli.ts';

/**
 * Opens a log; says on standard error when it was cut.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE, LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION, LOG_DAMAGED
 * @example
 * ```ts
 * const cli = new Cli(textIo('/'));
 * openLog(cli, 'no-such.glog'); // throws FILE_NOT_FOUND
 * ```
 */
export function openLog(cli: Cli, path: string): LogReader {
  const reader = LogReader.open(openLogFile(cli.path(path)), zlibCompression, messageRegistry);
  const { recovery } = reader;
  if (recovery !== null) {
    const last =
      reader.records === 0 ? 'it holds no events' : `it holds events ${reader.firstSeq} to ${reader.lastSeq}`;
    cli.note(
      `${path} is not whole: ${recovery.reason}; ${last}, ${formatBytes(recovery.lostBytes)} behind them are lost`,
    );
  }
  return reader;
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

/** What `--traces` says in the help of every command that has it. */
export const TRACES_HELP = 'folder to look for traces in, before those beside the log and those that come with granule';
