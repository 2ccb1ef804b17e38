/** Opening a run from the bytes of its log and traces, where there are no files: in a page. */
import { crc32 } from '../../log/crc32.ts';
import { LogReader } from '../../log/logReader.ts';
import { memoryStorage } from '../../log/storage.ts';
import type { RunSource } from '../../mm/runs.ts';
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

/**
 * What a run is opened with, of the bytes of its log and of traces. A trace that the log names and that is not among them is said;
 * the events can be looked at all the same.
 *
 * @throws GranuleError LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION, LOG_DAMAGED, TOPOLOGY_INVALID, TRACE_DAMAGED
 * @example
 * ```ts
 * openBytes('A', { name: 'none.glog', bytes: new Uint8Array(0) }, []); // throws LOG_EMPTY
 * ```
 */
export function openBytes(run: RunName, log: NamedBytes, traceFiles: readonly NamedBytes[]): RunToOpen {
  const storage = memoryStorage(log.bytes, log.name);
  const reader = LogReader.open(storage, browserCompression, builtIns.registry);
  const { topology, traces: references, modules } = openMeta(reader.meta);
  const given = traceFiles.map(traceOf);
  const traces = new Map<number, RunSource>();
  const notes: string[] = [];
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
