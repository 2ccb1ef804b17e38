/** Writes a run down so that every command can open it: topology, trace and log side by side in a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { logMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { GtrWriter } from '../trace/gtrWriter.ts';
import { type AbiProgram, abiScript, abiTopology, type AbiWorld, runAbi } from './abiRun.ts';

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new GranuleError('OUTPUT_UNWRITABLE', (error as Error).message, folder);
  }
}

function writeTopology(topology: Topology, path: string): void {
  try {
    writeFileSync(path, `${JSON.stringify(topology, null, 2)}\n`);
  } catch (error) {
    throw new GranuleError('OUTPUT_UNWRITABLE', (error as Error).message, path);
  }
}

async function writeTrace(trace: RunSource, path: string): Promise<void> {
  const gtr = await GtrWriter.create(path);
  for (let run = 0; run < trace.runs; run += trace.blockRuns) {
    gtr.add(trace.block(run / trace.blockRuns));
    await gtr.ready();
  }
  await gtr.finish(trace);
}

/** A log that is kept, ready to be written. */
export interface KeptLog {
  path: string;
  writer: LogWriter;
}

/**
 * Keeps a topology as `NAME.json` and the traces of its processes under the names it gives them, and opens `NAME.glog`.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
 * @example
 * ```ts
 * const setting = { kernelPageBytes: 4096, pageBytes: 65536, thpAlwaysBytes: [] };
 * const { topology, traces } = footprintSystem({ kind: 'seq', lengthBytes: 2 ** 20 }, setting);
 * const { path, writer } = await keepLog(topology, traces, '/tmp/kept');
 * writer.close();
 * path; // '/tmp/kept/foot-seq.glog'
 * ```
 */
export async function keepLog(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  folder: string,
): Promise<KeptLog> {
  makeFolder(folder);
  writeTopology(topology, join(folder, `${topology.name}.json`));
  for (const { pid, trace: name } of topology.processes) {
    const trace = traces.get(pid);
    if (trace !== undefined) await writeTrace(trace, join(folder, `${name}.gtr`));
  }
  const path = join(folder, `${topology.name}.glog`);
  return { path, writer: new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces)) };
}

/**
 * Plays a program again and keeps `NAME.json`, `NAME.gtr` and `NAME.glog` in a folder.
 *
 * @returns the path of the log
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
 * @example
 * ```ts
 * const program = { name: 'seq-1', fileBytes: 0, actions: [{ op: 'load' as const, addr: 0x200000000 }] };
 * await keepRun(abiWorld(4096), program, '/tmp/kept'); // '/tmp/kept/seq-1.glog'
 * ```
 */
export async function keepRun(world: AbiWorld, program: AbiProgram, folder: string): Promise<string> {
  const topology = abiTopology(world, program);
  const { path, writer } = await keepLog(topology, new Map([[1, abiScript(program).trace]]), folder);
  runAbi(world, program, { writer, topology });
  return path;
}
