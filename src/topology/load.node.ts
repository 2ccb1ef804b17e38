/** Finds topologies and traces on disk: by path, or by name among the fixtures that come with the package. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { GranuleError } from '../errors.ts';
import type { RunSource } from '../mm/runs.ts';
import { openTrace } from '../trace/gtrReader.ts';
import { programTrace } from '../trace/programSteps.ts';
import { laidOutFor } from '../trace/relayout.ts';
import { workloadTrace } from '../trace/workloads/workload.ts';
import { checkTopology, layoutOf } from './build.ts';
import { builtInFaultPlans, type FaultPlans } from './faultPlans/index.ts';
import { fixturesFolder } from './fixtures.node.ts';
import { loadForm } from './form/form.node.ts';
import { remedyFor } from './form/suggest.ts';
import type { TraceReference } from './meta.ts';
import type { Topology, TopologyProcess } from './schema.ts';
import { together } from './together.ts';

export { fixturesFolder, topologyNames } from './fixtures.node.ts';
export { topologyPath } from './form/form.node.ts';

/** Where to look for traces. */
export interface TracePlaces {
  /** Folders, first to last; the fixtures of the package come after them. */
  folders: string[];
  /** A trace file for a pid, over what the topology says. */
  byPid?: ReadonlyMap<number, string>;
  /** Processes whose program or workload is written out in the topology. */
  programs?: ReadonlyMap<number, Pick<TopologyProcess, 'trace' | 'program' | 'workload'>>;
}

/**
 * Reads a topology: a path to a JSON or YAML file, or the name of one of the package's. What it extends is merged, and its
 * parameters are put in (`loadForm` tells of them). `plans`: the fault plans that it may name.
 *
 * @throws GranuleError TOPOLOGY_UNKNOWN, FILE_UNREADABLE; TopologyError with the places in the file
 * @example
 * ```ts
 * loadTopology('plain-4k').kernelPageSize; // 4096
 * ```
 */
export function loadTopology(nameOrPath: string, cwd = process.cwd(), plans: FaultPlans = builtInFaultPlans): Topology {
  return loadForm(nameOrPath, { cwd, plans }).topology;
}

/** The path of a trace by name or path; null where there is none. */
function findTrace(name: string, folders: readonly string[]): string | null {
  const places = [...folders, fixturesFolder('traces')].flatMap((folder) => [
    join(folder, name),
    join(folder, `${name}.gtr`),
  ]);
  return [resolve(name), ...places].find((path) => existsSync(path)) ?? null;
}

/**
 * Opens traces once each, laid out again where they must be.
 *
 * @example
 * ```ts
 * const shelf = new TraceShelf();
 * const path = join(fixturesFolder('traces'), 'true-kernel.gtr');
 * shelf.open(path, 4096) === shelf.open(path, 4096); // true
 * ```
 */
export class TraceShelf {
  private readonly sources = new Map<string, RunSource>();

  /** The trace of what a process has written out in its topology; null where it runs a recorded one. */
  written(
    { trace, program, workload }: Pick<TopologyProcess, 'trace' | 'program' | 'workload'>,
    layoutBytes: number,
  ): RunSource | null {
    if (program !== undefined) return programTrace(trace, program);
    if (workload === undefined) return null;
    const key = `${JSON.stringify(workload)}@${layoutBytes}`;
    const source = this.sources.get(key) ?? workloadTrace(workload, layoutBytes);
    this.sources.set(key, source);
    return source;
  }

  /** @throws GranuleError whatever opening a trace throws, and TRACE_LAYOUT */
  open(path: string, layoutBytes: number): RunSource {
    const key = `${path}@${layoutBytes}`;
    const known = this.sources.get(key);
    if (known !== undefined) return known;
    const source = laidOutFor(openTrace(path), layoutBytes);
    this.sources.set(key, source);
    return source;
  }
}

/**
 * Opens the traces of a topology, and makes the checks that need none of them: of both, all that is wrong is told.
 *
 * @returns traces by pid
 * @throws GranuleError what `loadTraces` and `checkTopology` throw
 * @example
 * ```ts
 * checkedTraces(loadTopology('plain-4k'), { folders: [] }).size; // 2
 * ```
 */
export function checkedTraces(topology: Topology, places: TracePlaces): Map<number, RunSource> {
  let traces = new Map<number, RunSource>();
  together([
    () => {
      traces = loadTraces(topology, places);
    },
    () => checkTopology(topology),
  ]);
  return traces;
}

/**
 * Opens the trace of every process of a topology, laid out for its page size. Whoever runs many topologies gives a shelf.
 *
 * @returns traces by pid
 * @throws GranuleError FILE_NOT_FOUND naming the process, and whatever opening a trace throws
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * loadTraces(topology, { folders: [] }).size === topology.processes.length; // true
 * ```
 */
export function loadTraces(
  topology: Topology,
  places: TracePlaces,
  shelf: TraceShelf = new TraceShelf(),
): Map<number, RunSource> {
  const traces = new Map<number, RunSource>();
  const load = (process: TopologyProcess, index: number): void => {
    const layoutBytes = layoutOf(process, topology.kernelPageSize);
    const written = shelf.written(process, layoutBytes);
    if (written !== null) {
      traces.set(process.pid, written);
      return;
    }
    const name = places.byPid?.get(process.pid) ?? process.trace;
    const path = findTrace(name, places.folders);
    if (path === null) {
      const where = `${topology.name}: processes.${index}.trace`;
      const known = traceFiles(places.folders).map((file) => basename(file, '.gtr'));
      const next = `Give its folder with --traces DIR, or another name. ${remedyFor(name, new Set(known))}`;
      throw new GranuleError('FILE_NOT_FOUND', `there is no trace "${name}" for process ${process.pid}`, where, next);
    }
    traces.set(process.pid, shelf.open(path, layoutBytes));
  };
  together(topology.processes.map((process, index) => () => load(process, index)));
  return traces;
}

/** Every .gtr file in the folders, the package's fixtures last. */
function traceFiles(folders: readonly string[]): string[] {
  return [...folders, fixturesFolder('traces')].flatMap((folder) => {
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder).filter((name) => name.endsWith('.gtr'));
    return names.sort().map((name) => join(folder, name));
  });
}

/**
 * Finds the traces that a log was made of, by name first and then by content among all the folders' traces.
 *
 * @throws GranuleError TRACE_MISSING naming the hash, or TRACE_CHANGED naming both hashes where the file of that name has
 * another content
 * @example
 * ```ts
 * loadTracesOfLog([], { folders: [] }).size; // 0
 * ```
 */
export function loadTracesOfLog(references: readonly TraceReference[], places: TracePlaces): Map<number, RunSource> {
  const shelf = new TraceShelf();
  const traces = new Map<number, RunSource>();
  for (const { pid, name, hash, layoutBytes } of references) {
    const process = places.programs?.get(pid);
    const written = process === undefined ? null : shelf.written(process, layoutBytes);
    if (written !== null) {
      traces.set(pid, written);
      continue;
    }
    const path = findTrace(places.byPid?.get(pid) ?? name, places.folders);
    const named = path === null ? null : shelf.open(path, layoutBytes);
    const found = named?.hash === hash ? named : byContent(shelf, places.folders, hash, layoutBytes);
    if (found !== null) {
      traces.set(pid, found);
      continue;
    }
    if (named === null)
      throw new GranuleError('TRACE_MISSING', `no trace with hash ${hash} (${name})`, `process ${pid}`);
    const what = `${path} has hash ${named.hash}, the log was made with ${hash}`;
    throw new GranuleError('TRACE_CHANGED', what, `process ${pid}`);
  }
  return traces;
}

function byContent(shelf: TraceShelf, folders: readonly string[], hash: string, layoutBytes: number): RunSource | null {
  for (const path of traceFiles(folders)) {
    const source = shelf.open(path, layoutBytes);
    if (source.hash === hash) return source;
  }
  return null;
}
