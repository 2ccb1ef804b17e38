/** Opening a run from the bytes of its log and traces, where there are no files: in a page. */
import { GranuleError } from '../../errors.ts';
import { crc32 } from '../../log/crc32.ts';
import { LogReader } from '../../log/logReader.ts';
import { memoryStorage } from '../../log/storage.ts';
import type { RunSource } from '../../mm/runs.ts';
import { withParents } from '../../timeline/parents.ts';
import { builtIns } from '../../topology/definitions/catalogue.ts';
import { openMeta } from '../../topology/meta.ts';
import { openTraceBytes } from '../../trace/gtrBytes.ts';
import { programTrace } from '../../trace/programSteps.ts';
import { laidOutFor } from '../../trace/relayout.ts';
import { workloadTrace } from '../../trace/workloads/workload.ts';
import { inflateSync } from 'fflate';
import { browserCompression } from './inflate.ts';
import type { RunToOpen } from '../engine/openRun.ts';
import type { NamedBytes, RunName } from '../engine/requests.ts';

function traceOf({ name, bytes }: NamedBytes): RunSource {
  return openTraceBytes({
    path: name,
    fileBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    inflate: (stored) => inflateSync(stored),
    crc32,
    close: () => undefined,
  });
}

/** The log with a head hash among those that are there; null where it is not. */
export type FindLog = (headHash: string) => LogReader | null;

/** A fork together with the logs that it goes on from; alone, and with the one to drop named, where one of them is not there. */
function joined(own: LogReader, find: FindLog): { reader: LogReader; notes: string[] } {
  let missing = '';
  const found = (headHash: string): LogReader | null => {
    missing = headHash;
    return find(headHash);
  };
  try {
    return { reader: withParents(own, found), notes: [] };
  } catch (error) {
    if (!(error instanceof GranuleError) || error.code !== 'PARENT_MISSING') throw error;
    return { reader: own, notes: [`drop the log that this fork goes on from too: the one with head hash ${missing}`] };
  }
}

/**
 * What a run is opened with, of the bytes of its log and of traces, and of the other logs that a fork goes on from. A trace or log that
 * is needed and not among them is said; the events can be looked at all the same.
 *
 * @throws GranuleError LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION, LOG_DAMAGED, TOPOLOGY_INVALID, TRACE_DAMAGED
 * @example
 * ```ts
 * openBytes('A', { name: 'none.glog', bytes: new Uint8Array(0) }, []); // throws LOG_EMPTY
 * ```
 */
export function openBytes(
  run: RunName,
  log: NamedBytes,
  traceFiles: readonly NamedBytes[],
  find: FindLog = () => null,
): RunToOpen {
  const storage = memoryStorage(log.bytes, log.name);
  const { reader, notes } = joined(LogReader.open(storage, browserCompression, builtIns.registry), find);
  const { topology, traces: references, modules } = openMeta(reader.meta);
  const given = traceFiles.map(traceOf);
  const traces = new Map<number, RunSource>();
  for (const { pid, name, hash, layoutBytes } of references) {
    const process = topology.processes.find((one) => one.pid === pid);
    if (process?.program !== undefined) {
      traces.set(pid, programTrace(process.trace, process.program));
      continue;
    }
    if (process?.workload !== undefined) {
      traces.set(pid, workloadTrace(process.workload, layoutBytes));
      continue;
    }
    const base = given.find((trace) => laidOutFor(trace, layoutBytes).hash === hash);
    if (base === undefined) notes.push(`drop the trace "${name}" of process ${pid} (hash ${hash.slice(0, 12)}) too`);
    else traces.set(pid, laidOutFor(base, layoutBytes));
  }
  if (modules.length > 0) {
    const names = modules.map(({ name }) => name).join(', ');
    notes.push(`it uses definitions of ${names}: open it with "granule inspect" to see their states`);
  }
  return { run, name: log.name, reader, traces, notes };
}
