/** A program that makes given calls and touches given bytes, one after the other, as a trace that a process can run. */
import {
  type ImageSegment,
  RUN_CALL,
  RUN_FETCH,
  RUN_PAGE_SHIFT,
  RUN_READ,
  RUN_WRITE,
  type RunBlock,
  type RunSource,
  type TraceCall,
  type TraceFile,
} from '../mm/runs.ts';
import { traceFromBlocks } from './memoryTrace.ts';
import { BLOCK_RUNS } from './runBuilder.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
/** Between two accesses the program asks for its fault count, as a test program does; it also ends a run. */
const GETRUSAGE: TraceCall = { op: 'other', name: 'getrusage' };

/** One step of a script: a call, a load or store of one byte, or an instruction. */
export type ScriptStep = TraceCall | { op: 'load' | 'store' | 'fetch'; addr: number };

/** A script as a trace. */
export interface Script {
  trace: RunSource;
  /** The step that each run of the trace belongs to, -1 for those between steps. */
  stepOfRun: Int32Array;
}

/** What is there beside the steps. */
export interface ScriptSurroundings {
  name: string;
  image: ImageSegment[];
  files: TraceFile[];
  /** Where the program begins: its first instruction is fetched from here. */
  entry: number;
}

function isAccess(step: ScriptStep): step is Exclude<ScriptStep, TraceCall> {
  return step.op === 'load' || step.op === 'store' || step.op === 'fetch';
}

const ACCESS_KINDS = { load: RUN_READ, store: RUN_WRITE, fetch: RUN_FETCH } as const;

interface Row {
  kind: number;
  /** Index of the page, or of the call among all calls. */
  page: number;
  step: number;
}

/** Every access and every call is a run of its own: nothing of a step is left out, and none runs into the next. */
function rowsOf(steps: readonly ScriptStep[], entry: number, pages: Map<number, number>, calls: TraceCall[]): Row[] {
  const rows: Row[] = [{ kind: RUN_FETCH, page: 0, step: -1 }];
  pages.set(Math.floor(entry / PAGE_BYTES), 0);
  const addCall = (call: TraceCall, step: number): void => {
    rows.push({ kind: RUN_CALL, page: calls.length, step });
    calls.push(call);
  };
  if (steps[0] !== undefined && isAccess(steps[0])) addCall(GETRUSAGE, -1);
  for (const [step, action] of steps.entries()) {
    if (!isAccess(action)) {
      addCall(action, step);
      continue;
    }
    const page = Math.floor(action.addr / PAGE_BYTES);
    const index = pages.get(page) ?? pages.size;
    pages.set(page, index);
    rows.push({ kind: ACCESS_KINDS[action.op], page: index, step });
    const next = steps[step + 1];
    if (next === undefined || isAccess(next)) addCall(GETRUSAGE, -1);
  }
  return rows;
}

function blockOf(rows: readonly Row[], firstRun: number, calls: readonly TraceCall[], firstCall: number): RunBlock {
  const isRun = rows.map(({ kind }) => (kind === RUN_CALL ? 0 : 1));
  return {
    firstRun,
    count: rows.length,
    kind: Uint8Array.from(rows, ({ kind }) => kind),
    page: Int32Array.from(rows, ({ kind, page }) => (kind === RUN_CALL ? page - firstCall : page)),
    accesses: Uint32Array.from(isRun),
    references: Uint32Array.from(isRun),
    continued: new Uint8Array(rows.length),
    calls: calls.slice(firstCall, firstCall + isRun.filter((run) => run === 0).length),
  };
}

/**
 * Makes a trace of a script.
 *
 * @example
 * ```ts
 * const steps: ScriptStep[] = [{ op: 'brk', addr: 0 }, { op: 'load', addr: 0x10000 }];
 * const { trace, stepOfRun } = scriptOf(steps, { name: 'two steps', entry: 0x400000, image: [], files: [] });
 * trace.runs; // 4
 * [...stepOfRun]; // [-1, 0, 1, -1]
 * ```
 */
export function scriptOf(steps: readonly ScriptStep[], { name, entry, image, files }: ScriptSurroundings): Script {
  const pages = new Map<number, number>();
  const calls: TraceCall[] = [];
  const rows = rowsOf(steps, entry, pages, calls);
  const blocks: RunBlock[] = [];
  let firstCall = 0;
  for (let firstRun = 0; firstRun < rows.length; firstRun += BLOCK_RUNS) {
    const block = blockOf(rows.slice(firstRun, firstRun + BLOCK_RUNS), firstRun, calls, firstCall);
    firstCall += block.calls.length;
    blocks.push(block);
  }
  const content = { name, command: name, pages: Float64Array.from(pages.keys()), image, files };
  return { trace: traceFromBlocks(blocks, content), stepOfRun: Int32Array.from(rows, ({ step }) => step) };
}
