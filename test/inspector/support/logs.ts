/** Logs of fixtures, made once for each file of tests, with what an engine opens them by. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '../../../src/inspector/engine/engine.ts';
import type { OpenRun } from '../../../src/inspector/engine/openRun.ts';
import { openLogFile } from '../../../src/log/fileStorage.node.ts';
import { LogReader } from '../../../src/log/logReader.ts';
import { LogWriter } from '../../../src/log/logWriter.ts';
import { memoryStorage } from '../../../src/log/storage.ts';
import { zlibCompression } from '../../../src/log/zlib.node.ts';
import type { RunSource } from '../../../src/mm/runs.ts';
import { type ForkRequest, forkRun } from '../../../src/timeline/forkRun.ts';
import { loadTopology, loadTraces } from '../../../src/topology/load.node.ts';
import { logMeta, messageRegistry } from '../../../src/topology/meta.ts';
import { runTopology } from '../../../src/topology/run.ts';

/** A log as it would lie in a file, opened. */
export interface MadeLog {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reader: LogReader;
  readonly traces: ReadonlyMap<number, RunSource>;
}

/** Runs a topology that comes with granule. */
export function madeLog(name: string): MadeLog {
  const topology = loadTopology(name);
  const traces = loadTraces(topology, { folders: [] });
  const storage = memoryStorage();
  runTopology({ topology, traces, writer: new LogWriter(storage, zlibCompression, logMeta(topology, traces)) });
  const reader = LogReader.open(storage, zlibCompression, messageRegistry);
  return { name: `${name}.glog`, bytes: storage.read(0, storage.size()), reader, traces };
}

/** A log as a file in a folder, opened from there. */
export function filed(log: MadeLog, folder: string): MadeLog & { readonly path: string } {
  const path = join(folder, log.name);
  writeFileSync(path, log.bytes);
  return { ...log, path, reader: LogReader.open(openLogFile(path), zlibCompression, messageRegistry) };
}

/** The log of a fork, which holds what happened behind it alone. */
export function forkedLog({ reader, traces }: MadeLog, name: string, request: ForkRequest): MadeLog {
  const storage = memoryStorage();
  const { log, traces: own } = forkRun(reader, traces, {
    ...request,
    storage: () => storage,
    compression: zlibCompression,
  });
  return { name: `${name}.glog`, bytes: storage.read(0, storage.size()), reader: log, traces: own };
}

/** Opens logs under the letters of the alphabet, as `granule inspect` does. */
export function engineOver(...logs: readonly MadeLog[]): { engine: Engine; runs: OpenRun[] } {
  const engine = new Engine();
  const runs = logs.map(({ name, reader, traces }, at) =>
    engine.open({ run: String.fromCharCode(65 + at), name, reader, traces }),
  );
  return { engine, runs };
}
