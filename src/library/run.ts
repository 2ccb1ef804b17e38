/** Running a topology from code. */
import { GranuleError } from '../errors.ts';
import { noCompression } from '../log/discardStorage.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { type Compression, type LogStorage, memoryStorage } from '../log/storage.ts';
import type { RunSource } from '../mm/runs.ts';
import type { System } from '../runtime/system.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { type Catalogue, catalogueOf } from '../topology/definitions/catalogue.ts';
import { isDefinition } from '../topology/definitions/definition.ts';
import type { TopologyDefinition, TopologyForm } from '../topology/definitions/defineTopology.ts';
import { resolveForm } from '../topology/form/resolve.ts';
import { logMeta } from '../topology/meta.ts';
import { type RunProgress, runTopology } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';
import { type FinishedRun, tracesWith } from './recording.ts';

/** A topology that was loaded with its catalogue, as `openTopology` of `granule/node` gives it. */
export interface ReadyTopology {
  readonly topology: Topology;
  readonly catalogue: Catalogue;
  readonly traces: ReadonlyMap<number, RunSource>;
}

/** What can be run: what `defineTopology` gives, the plain form, or what was loaded. */
export type Runnable = TopologyDefinition | TopologyForm | ReadyTopology;

/** What a run may be told. */
export interface RunOptions {
  /** Recorded traces, by pid. */
  readonly traces?: ReadonlyMap<number, RunSource>;
  /** Parameters of the topology, as text. */
  readonly set?: Readonly<Record<string, string>>;
  /** Looks at the laws of memory and translation, and at those of definitions, after every event; slower. */
  readonly checked?: boolean;
  /** Called with the system before it runs: subscribe to `messages$` and the other streams here. */
  readonly onSystem?: (system: System) => void;
  /** Called every few events. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** Who runs the statecharts; the run is the same. */
  readonly interpreter?: Interpreter;
  /** Where the log goes; by default into memory. */
  readonly storage?: LogStorage;
  /** Of the log; none by default. */
  readonly compression?: Compression;
}

/**
 * A topology with its catalogue and traces, of whatever can be run.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_OWNER
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * readyTopology({ name: 'one', processes: [process] }).topology.cpus; // 1
 * ```
 */
export function readyTopology(
  runnable: Runnable,
  given: ReadonlyMap<number, RunSource> = new Map(),
  set: Readonly<Record<string, string>> = {},
): ReadyTopology {
  if ('catalogue' in runnable) return runnable;
  const { data, definitions } = isDefinition(runnable, 'topology') ? runnable : { data: runnable, definitions: [] };
  const catalogue = catalogueOf(definitions);
  if ('extends' in data) {
    const next = 'Open it with openTopology of granule/node, or spread the data of the other.';
    throw new GranuleError('EXTENDS_UNKNOWN', 'only files extend others by name', 'topology: extends', next);
  }
  const layer = { file: 'topology', data, placeOf: null, stem: null };
  const { topology } = resolveForm([layer], new Map(Object.entries(set)), catalogue.faultPlans);
  return { topology, catalogue, traces: tracesWith(topology, given) };
}

/**
 * Runs a topology to its end and keeps its log. The same topology, traces and seed give the same head hash on any machine.
 *
 * @throws GranuleError TOPOLOGY_INVALID and the other codes of a topology that does not fit, before anything runs; ACTOR_THREW,
 * RUN_LIMIT, LAW_BROKEN, MESSAGE_UNDECLARED, MESSAGE_INVALID
 * @example
 * ```ts
 * const program = [{ op: 'store', addr: '0x500000' }];
 * const topology = defineTopology({ name: 'one page', processes: [{ pid: 1, pageSize: '64K', program }] });
 * const made = run(topology);
 * made.log.records > 10; // true
 * replay(made).divergence; // null
 * ```
 */
export function run(runnable: Runnable, options: RunOptions = {}): FinishedRun {
  const ready = readyTopology(runnable, options.traces, options.set);
  const { topology, traces, catalogue } = ready;
  const { storage = memoryStorage(), compression = noCompression, onSystem, checked = false } = options;
  const writer = new LogWriter(storage, compression, logMeta(topology, traces, null, catalogue));
  const { onProgress, interpreter } = options;
  const { system, timeCycles, lawsLeftOut } = runTopology({
    ...ready,
    writer,
    checked,
    ...(onSystem === undefined ? {} : { onSystem }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(interpreter === undefined ? {} : { interpreter }),
  });
  const log = LogReader.open(storage, compression, catalogue.registry);
  return { log, topology, traces, catalogue, headHash: log.headHash, system, timeCycles, lawsLeftOut };
}
