/** One point of a sweep, run to its end: figures, or the error it ended with. */
import { type ErrorCode, GranuleError } from '../errors.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { RunSource } from '../mm/runs.ts';
import { liveStates } from '../report/actorStates.ts';
import { type RunSummary, summarize } from '../report/runSummary.ts';
import type { Catalogue } from '../topology/definitions/catalogue.ts';
import { type RunProgress, runSteps } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';

/** What a run came to. */
export interface PointFigures {
  headHash: string;
  events: number;
  timeCycles: number;
  /** Of the log as `granule run` writes it, whether it was kept or not. */
  logBytes: number;
  summary: RunSummary;
}

/** Why a point has no figures. */
export interface PointError {
  code: ErrorCode;
  what: string;
  where: string;
}

/** A finished point: either figures or an error. Plain data, so that it goes through a journal unchanged. */
export interface PointResult {
  wallSeconds: number;
  figures: PointFigures | null;
  error: PointError | null;
}

/** What to run, and whom to tell. */
export interface PointRequest {
  topology: Topology;
  traces: ReadonlyMap<number, RunSource>;
  catalogue?: Catalogue;
  writer: LogWriter;
  onStep?: (progress: RunProgress) => void;
}

/**
 * An error as a row of the table holds it; what nobody foresaw is a fault of granule itself.
 *
 * @example
 * ```ts
 * pointError(new Error('no such state')).code; // 'INVARIANT'
 * ```
 */
export function pointError(error: unknown): PointError {
  if (error instanceof GranuleError) return { code: error.code, what: error.message, where: error.where };
  return { code: 'INVARIANT', what: error instanceof Error ? error.message : String(error), where: '' };
}

/**
 * Whether another run would end the same: memory and disks may have room by then, a model that failed fails again.
 *
 * @example
 * ```ts
 * const error = { code: 'DISK_FULL' as const, what: 'the system says ENOSPC', where: 'a.glog' };
 * isLasting({ wallSeconds: 1, figures: null, error }); // false
 * isLasting({ wallSeconds: 1, figures: null, error: { ...error, code: 'RUN_LIMIT' } }); // true
 * ```
 */
export function isLasting({ error }: PointResult): boolean {
  if (error === null) return true;
  return error.code !== 'WORKER_DIED' && new GranuleError(error.code, error.what).exitCode === 1;
}

/**
 * Runs one point. A run that fails is a result too.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const traces = loadTraces(topology, { folders: [] });
 * const writer = new LogWriter(discardStorage(), zlibCompression, logMeta(topology, traces));
 * runPoint({ topology, traces, writer }).figures?.summary.processes[0]?.counts.references; // 167440
 * ```
 */
export function runPoint({ onStep, ...request }: PointRequest): PointResult {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    const { topology } = request;
    const steps = runSteps(request);
    let step = steps.next();
    while (step.done !== true) {
      onStep?.(step.value);
      step = steps.next();
    }
    const { headHash, records: events, timeCycles, logBytes, system } = step.value;
    const programs = new Map(topology.processes.map(({ pid, trace }) => [pid, trace]));
    const summary = summarize(liveStates(system), { programs });
    return { wallSeconds: seconds(), figures: { headHash, events, timeCycles, logBytes, summary }, error: null };
  } catch (error) {
    return { wallSeconds: seconds(), figures: null, error: pointError(error) };
  }
}
