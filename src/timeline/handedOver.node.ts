/** A log and its traces, handed to another thread: files by their path, what is in memory in memory that both see. */
import { openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunBlock, RunSource } from '../mm/runs.ts';
import { builtIns, catalogueOfRegistry } from '../topology/definitions/catalogue.ts';
import { catalogueOfFiles } from '../topology/modules.node.ts';
import { openTrace } from '../trace/gtrReader.ts';

/** A trace of which nothing is in a file: all of it but the function that finds a block. */
type TraceInMemory = Omit<RunSource, 'block'> & { readonly blocks: readonly RunBlock[] };

/** What a thread opens a trace by. */
type HandedTrace = { readonly path: string } | { readonly inMemory: TraceInMemory };

/** What a thread opens a log and its traces by: data that `postMessage` takes. */
export interface HandedOver {
  readonly log: { readonly path: string } | { readonly bytes: Uint8Array; readonly name: string };
  /** Modules with the definitions that the run used. */
  readonly modules: readonly { readonly name: string; readonly path: string }[];
  readonly traces: readonly { readonly pids: readonly number[]; readonly trace: HandedTrace }[];
}

function shared<T extends Uint8Array | Int32Array | Uint32Array | Float64Array>(array: T): T {
  const copy = new (array.constructor as new (buffer: SharedArrayBuffer) => T)(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}

function sharedBlock({ kind, page, accesses, references, continued, ...rest }: RunBlock): RunBlock {
  return {
    ...rest,
    kind: shared(kind),
    page: shared(page),
    accesses: shared(accesses),
    references: shared(references),
    continued: shared(continued),
  };
}

function handedTrace(source: RunSource): HandedTrace {
  if ('path' in source && typeof source.path === 'string') return { path: source.path };
  const { hash, name, command, runs, references, blockRuns, image, files } = source;
  const blocks: RunBlock[] = [];
  for (let index = 0; index * blockRuns < runs; index++) blocks.push(sharedBlock(source.block(index)));
  const pages = shared(source.pages);
  return { inMemory: { hash, name, command, runs, references, blockRuns, pages, image, files, blocks } };
}

/**
 * Makes a log and its traces ready to be handed over. A trace in memory is copied once, however many threads get it.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * (await openHandedOver(handOver(reader, traces))).reader.headHash === reader.headHash; // true
 * ```
 */
export function handOver(reader: LogReader, traces: ReadonlyMap<number, RunSource>): HandedOver {
  const { storage } = reader;
  const pidsOf = new Map<RunSource, number[]>();
  for (const [pid, source] of traces) {
    const pids = pidsOf.get(source);
    if (pids === undefined) pidsOf.set(source, [pid]);
    else pids.push(pid);
  }
  return {
    log:
      storage.path === undefined
        ? { bytes: shared(storage.read(0, storage.size())), name: storage.name }
        : { path: storage.path },
    modules: catalogueOfRegistry(reader.registry).modules.map(({ name, path }) => ({ name, path })),
    traces: [...pidsOf].map(([source, pids]) => ({ pids, trace: handedTrace(source) })),
  };
}

function openHandedTrace(trace: HandedTrace): RunSource {
  if ('path' in trace) return openTrace(trace.path);
  const { blocks, ...rest } = trace.inMemory;
  return { ...rest, block: (index) => blocks[index] };
}

/**
 * Opens what was handed over.
 *
 * @throws GranuleError what opening a log or a trace throws
 * @example
 * ```ts
 * await openHandedOver({ log: { path: 'none.glog' }, modules: [], traces: [] }); // throws FILE_NOT_FOUND
 * ```
 */
export async function openHandedOver({
  log,
  modules,
  traces,
}: HandedOver): Promise<{ reader: LogReader; traces: Map<number, RunSource> }> {
  const { registry } = modules.length === 0 ? builtIns : await catalogueOfFiles(modules);
  const storage = 'path' in log ? openLogFile(log.path) : memoryStorage(log.bytes, log.name);
  const opened = new Map<number, RunSource>();
  for (const { pids, trace } of traces) {
    const source = openHandedTrace(trace);
    for (const pid of pids) opened.set(pid, source);
  }
  return { reader: LogReader.open(storage, zlibCompression, registry), traces: opened };
}
