/** A sweep: all points checked before anything runs, those that are left run by a pool, each in the journal when it is done. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { type ErrorCode, GranuleError } from '../errors.ts';
import { startThread } from '../timeline/sourceThread.node.ts';
import { buildTopology } from '../topology/build.ts';
import { builtIns, type Catalogue } from '../topology/definitions/catalogue.ts';
import { loadTraces, TraceShelf } from '../topology/load.node.ts';
import { logMeta } from '../topology/meta.ts';
import type { Journal } from './journal.node.ts';
import type { SweepPoint } from './points.ts';
import { Pool } from './pool.node.ts';
import { isLasting, type PointResult } from './runPoint.ts';
import type { PointNews, PointTask, WorkerSetting } from './workOn.node.ts';

/** What a combination of good values may be refused for; anything else is the fault of a file, and no combination helps. */
const COMBINATION_CODES: ReadonlySet<ErrorCode> = new Set([
  'TOPOLOGY_INVALID',
  'TOPOLOGY_ACTOR_UNKNOWN',
  'TOPOLOGY_PAGE_SIZE',
  'TOPOLOGY_NO_TAKER',
  'TOPOLOGY_PORT',
  'TOPOLOGY_OPEN',
  'TRACE_LAYOUT',
]);

/** Digits of a point's key that name its log: enough that no two of any sweep meet. */
const NAME_DIGITS = 16;

/** A point that can run. */
export interface ReadyPoint {
  point: SweepPoint;
  /** Hash of all that its run rests on: topology, content of the traces, version of the code. */
  key: string;
  /** Name of its log. */
  log: string;
  /** References of its traces: what a run costs, roughly. */
  references: number;
}

/** All points, after the checks. */
export interface CheckedPoints {
  ready: ReadyPoint[];
  invalid: { point: SweepPoint; error: GranuleError }[];
  /** Names the sweep: a hash of the keys of its points. */
  sweep: string;
}

function hashText(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

/**
 * Builds every point for the checks alone.
 *
 * @param folders where to look for traces
 * @throws GranuleError what opening a trace throws
 * @example
 * ```ts
 * const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '16K' }];
 * const base = parseTopology({ name: 'one', processes }, 'example');
 * const points = pointsOf(base, variedKeys(base, ['kernelPageSize=4K,64K']));
 * const { ready, invalid } = checkPoints(points, []);
 * [ready.length, invalid[0]?.error.code]; // [1, 'TOPOLOGY_PAGE_SIZE']
 * ```
 */
export function checkPoints(
  points: readonly SweepPoint[],
  folders: string[],
  catalogue: Catalogue = builtIns,
): CheckedPoints {
  const shelf = new TraceShelf();
  const ready: ReadyPoint[] = [];
  const invalid: CheckedPoints['invalid'] = [];
  for (const point of points) {
    const { topology } = point;
    try {
      const traces = loadTraces(topology, { folders }, shelf);
      buildTopology(topology, traces, catalogue);
      const key = hashText(JSON.stringify(logMeta(topology, traces, null, catalogue)));
      const log = `${key.slice(0, NAME_DIGITS)}.glog`;
      const references = topology.processes.reduce((sum, { pid }) => sum + (traces.get(pid)?.references ?? 0), 0);
      ready.push({ point, key, log, references });
    } catch (error) {
      if (!(error instanceof GranuleError) || !COMBINATION_CODES.has(error.code)) throw error;
      invalid.push({ point, error });
    }
  }
  return { ready, invalid, sweep: hashText(ready.map(({ key }) => key).join('\n')) };
}

/** What to run. */
export interface SweepRequest {
  ready: readonly ReadyPoint[];
  folders: string[];
  /** The definitions that the topology names, of modules that the workers load. */
  catalogue?: Catalogue;
  workers: number;
  /** Folder that keeps the logs; null where none is kept. */
  logs: string | null;
  /** Null where nothing is kept for a later start. */
  journal: Journal | null;
  /** How a worker is started, for whoever wants to limit it. */
  start?: () => Worker;
}

/** A point as a worker is sent it, and as its answer is known by. */
type SweepTask = PointTask & Pick<ReadyPoint, 'key' | 'references'>;

/**
 * A sweep under way.
 *
 * @example
 * ```ts
 * const base = parseTopology({ name: 'one', processes: [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const { ready } = checkPoints(pointsOf(base, variedKeys(base, ['seed=1,2'])), []);
 * const sweep = new Sweep({ ready, folders: [], workers: 1, logs: null, journal: null });
 * await sweep.run();
 * sweep.results.size; // 2
 * ```
 */
export class Sweep {
  /** By the key of the point: those of the journal, and those that have come since. */
  readonly results: Map<string, PointResult>;
  /** Points that are not run, because the journal has them. */
  readonly resumed: number;
  /** Events of the points that were run, the part of those under way included. */
  events = 0;
  /** Likewise references. */
  references = 0;
  readonly #request: SweepRequest;
  readonly #left: readonly ReadyPoint[];
  readonly #news = new Map<SweepTask, PointNews>();
  readonly #pool: Pool<SweepTask, PointNews, PointResult>;

  constructor(request: SweepRequest) {
    const { ready, journal, logs, folders } = request;
    const known = ready.flatMap(({ key, log }): [string, PointResult][] => {
      const result = journal?.results.get(key);
      // Whoever wants logs now, and did not before, wants them of every point.
      const logged = logs === null || existsSync(join(logs, log));
      return result === undefined || !logged ? [] : [[key, result]];
    });
    const modules = (request.catalogue ?? builtIns).modules.map(({ name, path }) => ({ name, path }));
    const workerData: WorkerSetting = { folders, logs, modules };
    this.#request = request;
    this.results = new Map(known);
    this.resumed = known.length;
    this.#left = ready.filter(({ key }) => !this.results.has(key));
    this.#pool = new Pool({
      workers: Math.min(request.workers, this.#left.length),
      start: request.start ?? (() => startThread(import.meta.url, 'worker.node', { workerData })),
      onNews: (task, news) => this.#count(task, news),
      onAnswer: (task, result) => this.#finish(task, result),
      onDeath: (task, why) =>
        this.#finish(task, { wallSeconds: 0, figures: null, error: { code: 'WORKER_DIED', what: why, where: '' } }),
    });
  }

  /** Points that have a result. */
  get done(): number {
    return this.results.size;
  }

  /** References of the points that are or were to be run. */
  get totalReferences(): number {
    return this.#left.reduce((sum, { references }) => sum + references, 0);
  }

  /**
   * Resolves when every point has its result, or after `stop`.
   *
   * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL from the journal
   */
  run(): Promise<void> {
    return this.#pool.run(
      this.#left.map(({ point: { topology }, key, log, references }) => ({ topology, key, log, references })),
    );
  }

  /** Ends it: points under way get no result. */
  stop(): Promise<void> {
    return this.#pool.stop();
  }

  #count(task: SweepTask, { events, references }: PointNews): void {
    const before = this.#news.get(task) ?? { events: 0, references: 0 };
    this.events += events - before.events;
    this.references += references - before.references;
    this.#news.set(task, { events, references });
  }

  #finish(task: SweepTask, result: PointResult): void {
    const events = result.figures?.events ?? this.#news.get(task)?.events ?? 0;
    this.#count(task, { events, references: task.references });
    this.#news.delete(task);
    this.results.set(task.key, result);
    if (isLasting(result)) this.#request.journal?.append(task.key, result);
  }
}
