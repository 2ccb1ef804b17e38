/** A run with its log, in memory: what the library hands around. */
import { noCompression } from '../log/discardStorage.ts';
import { LogReader } from '../log/logReader.ts';
import { type Compression, type LogStorage, memoryStorage } from '../log/storage.ts';
import type { RunSource } from '../mm/runs.ts';
import type { System } from '../runtime/system.ts';
import { layoutOf } from '../topology/build.ts';
import { type Catalogue, catalogueOf } from '../topology/definitions/catalogue.ts';
import type { Definition } from '../topology/definitions/definition.ts';
import { openMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { programTrace } from '../trace/programSteps.ts';
import { workloadTrace } from '../trace/workloads/workload.ts';

/** A log, and what is needed to fold it. */
export interface Recording {
  readonly log: LogReader;
  readonly topology: Topology;
  /** The trace of each process, by pid. */
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly catalogue: Catalogue;
  readonly headHash: string;
}

/** A recording that has just been made, with the system as it was at the end. */
export interface FinishedRun extends Recording {
  readonly system: System;
  readonly timeCycles: number;
  /** Of a checked run: laws that were not looked at, since stand-ins do not show what they read; with the reasons. */
  readonly lawsLeftOut: readonly string[];
}

/** What a log is opened with beside its bytes. */
export interface OpenOptions {
  /** Traces that processes ran, by pid; programs and workloads that the topology writes out need none. */
  readonly traces?: ReadonlyMap<number, RunSource>;
  /** The definitions that its topology names. */
  readonly definitions?: readonly Definition[];
  /** For a log that was written compressed: `zlibCompression` of `granule/node`, or the like. */
  readonly compression?: Compression;
}

/**
 * The traces of a topology's processes: those given, and those that the topology writes out itself.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * tracesWith(parseTopology({ name: 'one', processes: [process] }, 'example'), new Map()).get(1)?.references; // 2
 * ```
 */
export function tracesWith(topology: Topology, given: ReadonlyMap<number, RunSource>): ReadonlyMap<number, RunSource> {
  const traces = new Map(given);
  for (const process of topology.processes) {
    const { pid, trace, program, workload } = process;
    if (traces.has(pid)) continue;
    if (program !== undefined) traces.set(pid, programTrace(trace, program));
    else if (workload !== undefined)
      traces.set(pid, workloadTrace(workload, layoutOf(process, topology.kernelPageSize)));
  }
  return traces;
}

/**
 * Opens a log that is in memory, or in a storage of your own.
 *
 * @throws GranuleError LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION, LOG_DAMAGED, TOPOLOGY_INVALID
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * openRecording(logBytes(made)).headHash === made.headHash; // true
 * ```
 */
export function openRecording(log: Uint8Array | LogStorage, options: OpenOptions = {}): Recording {
  const { traces = new Map(), definitions = [], compression = noCompression } = options;
  const catalogue = catalogueOf(definitions);
  const storage = log instanceof Uint8Array ? memoryStorage(log) : log;
  const reader = LogReader.open(storage, compression, catalogue.registry);
  const { topology } = openMeta(reader.meta);
  return { log: reader, topology, traces: tracesWith(topology, traces), catalogue, headHash: reader.headHash };
}

/**
 * The bytes of a recording's log: to keep, to send, to open again.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * logBytes(run(defineTopology({ name: 'one', processes: [process] }))).length > 1000; // true
 * ```
 */
export function logBytes({ log }: Pick<Recording, 'log'>): Uint8Array {
  return log.storage.read(0, log.storage.size());
}
