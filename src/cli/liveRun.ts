/** `granule run --inspect`: the run in the inspector while it goes on, and its log there until Ctrl-C. */
import { basename } from 'node:path';
import { Engine } from '../inspector/engine/engine.ts';
import { LiveRun } from '../inspector/liveRun.node.ts';
import { type InspectorServer, serveInspector } from '../inspector/server.node.ts';
import { openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import type { LogStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import type { Catalogue } from '../topology/definitions/catalogue.ts';
import type { Cli } from './cli.ts';
import { openBrowser } from './inspect.ts';

/** What is looked at, and how. */
export interface LiveRequest {
  readonly name: string;
  /** Its log, whose header is written. */
  readonly storage: LogStorage;
  /** Where the log lies once it is closed; null: it stays in the storage. */
  readonly out: string | null;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly catalogue: Catalogue;
  readonly isPaused: boolean;
  readonly opensBrowser: boolean;
}

/** A run in the inspector. */
export interface Inspected {
  readonly live: LiveRun;
  /** The run is over: the page has the whole log. */
  end(): void;
  /** Waits for Ctrl-C. */
  untilSignal(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves the inspector for a run that is about to begin, and prints its address.
 *
 * @throws GranuleError FILE_NOT_FOUND where the page was not built
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const writer = new LogWriter(storage, zlibCompression, logMeta(topology, new Map()));
 * const request = { name: 'one', storage, out: null, traces: new Map(), catalogue: builtIns, isPaused: true, opensBrowser: false };
 * const inspected = await inspectRun(new Cli(textIo('/')), request);
 * inspected.live.status().state; // 'paused'
 * await inspected.close();
 * ```
 */
export async function inspectRun(cli: Cli, request: LiveRequest): Promise<Inspected> {
  const { name, storage, out, traces, catalogue, isPaused, opensBrowser } = request;
  const engine = new Engine();
  const { registry } = catalogue;
  const setting = { engine, name: basename(name), storage, compression: zlibCompression, registry, traces, isPaused };
  const live = new LiveRun(setting);
  const server: InspectorServer = await serveInspector({ engine, extra: live.extra });
  cli.out.write(`${server.url}\n`);
  await cli.out.flush();
  if (opensBrowser) openBrowser(server.url);
  return {
    live,
    end: () => live.end(() => LogReader.open(out === null ? storage : openLogFile(out), zlibCompression, registry)),
    untilSignal: async () =>
      new Promise<void>((resolve) => {
        process.once('SIGINT', resolve);
        process.once('SIGTERM', resolve);
      }),
    close: async () => server.close(),
  };
}
