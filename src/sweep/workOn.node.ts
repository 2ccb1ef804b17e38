/** What a worker of a sweep does with a point: open its traces, run it, keep its log if that is wanted. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { discardStorage } from '../log/discardStorage.ts';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { doneReferences, liveStates } from '../report/actorStates.ts';
import type { Catalogue, LoadedModule } from '../topology/definitions/catalogue.ts';
import { loadTraces, TraceShelf } from '../topology/load.node.ts';
import { logMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { isLasting, pointError, type PointResult, runPoint } from './runPoint.ts';
import { writingTo } from './wholeFile.node.ts';

/** What every worker of a sweep is given at its start. */
export interface WorkerSetting {
  /** Folders to look for traces in. */
  folders: string[];
  /** Folder that keeps the logs; null where none is kept. */
  logs: string | null;
  /** Modules with the definitions that the topologies name. */
  modules: readonly Pick<LoadedModule, 'name' | 'path'>[];
}

/** A point to run. */
export interface PointTask {
  topology: Topology;
  /** Name of its log in the folder of logs. */
  log: string;
}

/** How far a point has come. */
export interface PointNews {
  events: number;
  references: number;
}

/** Between two messages about progress: the states of all actors are looked at for each. */
const NEWS_MS = 200;

/**
 * Runs one point as a worker does. The log is compressed even where none is kept, so that its size is that of a log that is. A
 * log that is kept has another name until it is whole. That of a model that failed is kept too, up to there.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const task = { topology, log: 'one.glog' };
 * const setting = { folders: [], logs: null, modules: [] };
 * workOn(task, setting, { shelf: new TraceShelf(), catalogue: builtIns, tell: () => undefined }).error; // null
 * ```
 */
export function workOn(
  { topology, log }: PointTask,
  { folders, logs }: WorkerSetting,
  { shelf, catalogue, tell }: { shelf: TraceShelf; catalogue: Catalogue; tell: (news: PointNews) => void },
): PointResult {
  try {
    const traces = loadTraces(topology, { folders }, shelf);
    const path = logs === null ? null : join(logs, log);
    const part = `${path}.part`;
    // What an earlier sweep was killed over.
    if (path !== null) writingTo(part, () => rmSync(part, { force: true }));
    const storage = path === null ? discardStorage() : createLogFile(part);
    const writer = new LogWriter(storage, zlibCompression, logMeta(topology, traces, null, catalogue));
    let toldMs = performance.now();
    const result = runPoint({
      topology,
      traces,
      catalogue,
      writer,
      onStep({ nextSeq, system }) {
        if (performance.now() - toldMs < NEWS_MS) return;
        toldMs = performance.now();
        tell({ events: nextSeq, references: doneReferences(liveStates(system)) });
      },
    });
    if (path !== null)
      writingTo(path, () => (isLasting(result) ? renameSync(part, path) : rmSync(part, { force: true })));
    return result;
  } catch (error) {
    return { wallSeconds: 0, figures: null, error: pointError(error) };
  }
}
