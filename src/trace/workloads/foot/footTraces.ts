/** The traces of a workload's processes, made in memory. */
import { invariant } from '../../../errors.ts';
import { RUN_FETCH, type RunBlock, type RunSource } from '../../../mm/runs.ts';
import { traceFromBlocks, traceFromSteps } from '../../memoryTrace.ts';
import { BLOCK_RUNS } from '../../runBuilder.ts';
import { PROGRAM_BYTES, PROGRAM_PATH, workloadImage } from './footImage.ts';
import { type Workload, type WorkloadFile, workloadSteps } from './footSteps.ts';

/** Fetches in a run at most (`src/mm/runs.ts`). */
const FETCHES_OF_A_RUN = 65_536;
/** More cycles than a fault takes that copies 64K. */
const FAULT_CYCLES_MOST = 100_000;
/** How the name of a trace tells the page size that it is laid out for. */
const LAID_OUT: Record<number, string> = { 4096: '', 16384: '~16K', 65536: '~64K' };

/** The traces of a workload, by what its processes are to each other. */
export interface WorkloadTraces {
  parent: RunSource;
  /** The process that is measured where the workload forks. */
  child: RunSource | null;
  files: WorkloadFile[];
}

/** A block's columns, cut or filled up with zeros to `count` runs. */
function resized(block: RunBlock, count: number): RunBlock {
  const fit = <T extends Uint8Array | Int32Array | Uint32Array>(from: T, to: T): T => {
    to.set(from.subarray(0, Math.min(from.length, count)));
    return to;
  };
  return {
    ...block,
    count,
    kind: fit(block.kind, new Uint8Array(count)),
    page: fit(block.page, new Int32Array(count)),
    accesses: fit(block.accesses, new Uint32Array(count)),
    references: fit(block.references, new Uint32Array(count)),
    continued: fit(block.continued, new Uint8Array(count)),
  };
}

/**
 * A trace that goes on fetching at the same place for so many cycles at least: a parent that waits for its child and
 * keeps its memory meanwhile.
 *
 * @example
 * ```ts
 * const trace = traceFromSteps([{ access: 'X', addr: 0x400000 }]);
 * lingering(trace, 1_000_000).runs; // 17
 * ```
 */
export function lingering(trace: RunSource, cycles: number): RunSource {
  const count = Math.ceil(trace.runs / trace.blockRuns);
  const blocks = Array.from({ length: count }, (_, index) => trace.block(index));
  const [page] = blocks[0].page;
  let left = Math.ceil(cycles / FETCHES_OF_A_RUN);
  let last = blocks.pop();
  while (last !== undefined) {
    const added = Math.min(left, BLOCK_RUNS - last.count);
    const block = resized(last, last.count + added);
    for (let run = last.count; run < block.count; run++) {
      block.kind[run] = RUN_FETCH;
      block.page[run] = page;
      block.accesses[run] = FETCHES_OF_A_RUN;
      block.references[run] = FETCHES_OF_A_RUN;
    }
    blocks.push(block);
    left -= added;
    const firstRun = block.firstRun + block.count;
    last = left === 0 ? undefined : { ...resized({ ...block, kind: new Uint8Array() }, 0), firstRun, calls: [] };
  }
  return traceFromBlocks(blocks, trace);
}

/**
 * The traces of a workload for processes of a page size. Their names begin with `name` and tell the page size.
 *
 * @example
 * ```ts
 * const { parent, child } = workloadTraces({ kind: 'seq', lengthBytes: 2 ** 20 }, 65536);
 * parent.name; // 'foot-seq~64K'
 * child; // null
 * ```
 */
export function workloadTraces(work: Workload, pageBytes: number, name = `foot-${work.kind}`): WorkloadTraces {
  const { parent, child, files } = workloadSteps(work, pageBytes);
  const image = workloadImage(pageBytes);
  const all = [{ path: PROGRAM_PATH, sizeBytes: PROGRAM_BYTES }, ...files];
  const laidOut = LAID_OUT[pageBytes];
  invariant(laidOut !== undefined, `${pageBytes} is a page size`);
  const options = { command: `foot ${work.kind}`, image, files: all };
  const first = traceFromSteps(parent, { ...options, name: name + laidOut });
  if (child === null) return { parent: first, child: null, files };
  const second = traceFromSteps(child, { ...options, name: `${name}-child${laidOut}` });
  // Every reference of the child may be a fault.
  return { parent: lingering(first, second.references * FAULT_CYCLES_MOST), child: second, files };
}
