/** Writes a run down so that every command can open it: topology, trace and log side by side in a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
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
  makeFolder(folder);
  const topology = abiTopology(world, program);
  const { trace } = abiScript(program);
  writeTopology(topology, join(folder, `${program.name}.json`));
  const gtr = await GtrWriter.create(join(folder, `${program.name}.gtr`));
  for (let run = 0; run < trace.runs; run += trace.blockRuns) {
    gtr.add(trace.block(run / trace.blockRuns));
    await gtr.ready();
  }
  await gtr.finish(trace);
  const path = join(folder, `${program.name}.glog`);
  const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, new Map([[1, trace]])));
  runAbi(world, program, { writer, topology });
  return path;
}
