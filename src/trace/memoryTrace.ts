import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

import { GranuleError, invariant } from '../errors.ts';
import { RUN_PAGE_SHIFT } from '../mm/runs.ts';
import type { ImageSegment, RunBlock, RunSource, TraceCall, TraceFile } from '../mm/runs.ts';
import { ContentFeed } from './contentHash.ts';
import type { TraceContent } from './contentHash.ts';
import { BLOCK_RUNS } from './runBuilder.ts';
import { TraceWorld } from './traceWorld.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;

/**
 * One step of a trace made in memory: an access or a system call. X fetches, R loads, W stores, M loads and then stores;
 * `sizeBytes` is 1 when left out. Addresses are in bytes, below 2^53.
 *
 * @example
 * ```ts
 * const step: TraceStep = { access: 'W', addr: 0x10000, sizeBytes: 8 };
 * step.access; // 'W'
 * ```
 */
export type TraceStep = { access: 'X' | 'R' | 'W' | 'M'; addr: number; sizeBytes?: number } | TraceCall;

/**
 * What a trace made in memory may be given; what is left out is inferred as an import infers it.
 *
 * @example
 * ```ts
 * const options: MemoryTraceOptions = { name: 'two pages', image: [] };
 * options.name; // 'two pages'
 * ```
 */
export interface MemoryTraceOptions {
  name?: string;
  command?: string;
  image?: ImageSegment[];
  files?: TraceFile[];
}

/**
 * A trace from a list of steps, without any file: for tests and made-up patterns. It runs in a browser too, and its hash
 * is the one that a .gtr of the same content has.
 *
 * @throws GranuleError TRACE_EMPTY when no step is an access
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'X', addr: 0x1000 }, { access: 'W', addr: 0x5ffc, sizeBytes: 8 }]);
 * trace.runs; // 3
 * ```
 */
export function traceFromSteps(steps: Iterable<TraceStep>, options: MemoryTraceOptions = {}): RunSource {
  const blocks: RunBlock[] = [];
  const world = new TraceWorld((block) => blocks.push(block));
  for (const step of steps) takeStep(world, step);
  world.builder.end();
  if (world.builder.references === 0) throw new GranuleError('TRACE_EMPTY', 'no step is an access');
  const command = options.command ?? '';
  const facts = { command, linked: false, program: null, interpreter: null };
  const image = options.image ?? world.image(facts);
  const files = options.files ?? world.files(facts);
  return traceFromBlocks(blocks, { name: options.name ?? 'made', command, pages: world.pages(), image, files });
}

/**
 * A trace from blocks of runs that are there already; every block but the last holds `BLOCK_RUNS` runs.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0 }]);
 * const copy = traceFromBlocks([trace.block(0)], trace);
 * copy.hash === trace.hash; // true
 * ```
 */
export function traceFromBlocks(
  blocks: RunBlock[],
  content: { name: string; command: string; pages: Float64Array; image: ImageSegment[]; files: TraceFile[] },
): RunSource {
  let references = 0;
  let runs = 0;
  for (const block of blocks) {
    invariant(block.firstRun === runs && runs % BLOCK_RUNS === 0, 'blocks come in order, and whole');
    runs += block.count;
    for (const count of block.references) references += count;
  }
  const { name, command, pages, image, files } = content;
  return {
    hash: contentHash(blocks, () => ({ command, pages, image, files })),
    name,
    command,
    runs,
    references,
    blockRuns: BLOCK_RUNS,
    pages,
    image,
    files,
    block: (index) => {
      invariant(index >= 0 && index < blocks.length, `the trace has a block ${index}`);
      return blocks[index];
    },
  };
}

/**
 * The content hash of a trace, in hex: what `RunSource.hash` is. What it holds beside its blocks is asked for behind the last.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'R', addr: 0 }]);
 * contentHash([trace.block(0)], () => trace) === trace.hash; // true
 * ```
 */
export function contentHash(blocks: Iterable<RunBlock>, content: () => TraceContent): string {
  const hash = sha256.create();
  const feed = new ContentFeed((bytes) => void hash.update(bytes));
  for (const block of blocks) feed.block(block);
  feed.end(content());
  return bytesToHex(hash.digest());
}

/**
 * Gives one step to whoever follows a trace as it is made.
 *
 * @example
 * ```ts
 * const world = new TraceWorld(() => {});
 * takeStep(world, { access: 'R', addr: 0x1000 });
 * world.builder.runs; // 1
 * ```
 */
export function takeStep(world: TraceWorld, step: TraceStep): void {
  if ('op' in step) {
    noteFiles(world, step);
    world.call(step);
    return;
  }
  const { access, addr, sizeBytes = 1 } = step;
  invariant(Number.isSafeInteger(addr) && addr >= 0 && sizeBytes >= 1, 'an access has an address and a size');
  const page = Math.floor(addr / PAGE_BYTES);
  const offset = addr - page * PAGE_BYTES;
  if (access === 'X') world.builder.fetch(page, offset, sizeBytes);
  else if (access === 'R') world.builder.load(page, offset, sizeBytes);
  else if (access === 'W') world.builder.store(page, offset, sizeBytes);
  else world.builder.modify(page, offset, sizeBytes);
}

/** An import learns the sizes of files from the descriptors; here the calls say it themselves. */
function noteFiles(world: TraceWorld, call: TraceCall): void {
  if (call.op === 'read') world.sizes.read(call.file, call.offsetBytes + call.lengthBytes);
  else if (call.op === 'write') world.sizes.written(call.file, call.offsetBytes + call.lengthBytes);
  else if (call.op === 'truncate' || call.op === 'ftruncate') world.sizes.truncated(call.file, call.sizeBytes);
}
