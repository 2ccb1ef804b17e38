/** What an exploration found, as logs that other commands open. */
import type { Discovery } from '../explore/model.ts';
import type { OpenedTopology } from '../explore/world/openModel.node.ts';
import { runPath } from '../explore/world/runPath.ts';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { logMeta } from '../topology/meta.ts';

/** A topology, its traces and definitions. */
export type FoundIn = Pick<OpenedTopology, 'topology' | 'traces' | 'catalogue'>;

/** The log of a way that was found. */
export interface FoundLog {
  readonly path: string;
  /** Its last event; -1 for a log that has none. */
  readonly lastSeq: number;
}

/**
 * Writes the log of a way: the real loop runs it.
 *
 * @throws GranuleError EXPLORE_PATH_LOST; DISK_FULL, OUTPUT_UNWRITABLE
 * @example
 * ```ts
 * const opened = await openModel({ what: 'plain-4k', cwd: '/' });
 * const path = { initial: 0, keys: ['outside>process:100#0'] };
 * const found = { property: 'made-up', kind: 'always' as const, path, fault: 'nothing' };
 * opened.kind === 'topology' ? writeFound(opened, found, '/tmp/found.glog').lastSeq : -1; // 0
 * ```
 */
export function writeFound({ topology, traces, catalogue }: FoundIn, { path }: Discovery, file: string): FoundLog {
  const storage = createLogFile(file);
  const writer = new LogWriter(storage, zlibCompression, logMeta(topology, traces, null, catalogue));
  runPath({ topology, traces, catalogue, path, writer });
  return { path: file, lastSeq: path.keys.length - 1 };
}
