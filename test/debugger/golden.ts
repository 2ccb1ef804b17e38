/** Golden logs, opened to be debugged. */
import { Session } from '../../src/debugger/session.ts';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { loadTracesOfLog } from '../../src/topology/load.node.ts';
import { messageRegistry, openMeta } from '../../src/topology/meta.ts';
import { fixture } from '../cli/harness.ts';

/** A new session over a golden log, with nothing folded yet. */
export function debugged(name: string): Session {
  const reader = LogReader.open(openLogFile(fixture(`golden/${name}.glog`)), zlibCompression, messageRegistry);
  const { traces, topology } = openMeta(reader.meta);
  const programs = new Map(topology.processes.map((process) => [process.pid, process]));
  return new Session({ reader, traces: loadTracesOfLog(traces, { folders: [], programs }), name: `${name}.glog` });
}
