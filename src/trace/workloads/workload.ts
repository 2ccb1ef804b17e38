/**
 * The trace of a workload: what a process runs that is written out in its topology.
 *
 * All but the workloads of foot.c run in the small program that written-out programs have; each pattern has a range of 1 TiB to
 * itself. The same workload gives the same trace on every machine: what is drawn comes from seeds, in whole numbers.
 */
import type { RunSource, TraceFile } from '../../mm/runs.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { PROGRAM_IMAGE, programFiles, programTraceSteps } from '../programSteps.ts';
import { generatedSource } from './generatedSource.ts';
import { interleaved } from './mixture.ts';
import { FIRST_RANGE, RANGE_BYTES } from './pattern.ts';
import { patternOf } from './registry.ts';
import type { MixtureWorkload, PatternWorkload, Workload, WorkloadStage } from './workloadSchema.ts';

/** How the name of a trace tells the page size that it is laid out for. */
const LAID_OUT: Record<number, string> = { 4096: '', 16384: '~16K', 65536: '~64K' };

/**
 * A short name: that of the pattern, or of all patterns of a mixture or sequence.
 *
 * @example
 * ```ts
 * workloadName(workloadSchema.parse({ sequence: [{ pattern: 'seq', lengthBytes: '1M' }] })); // 'sequence of seq'
 * ```
 */
export function workloadName(workload: Workload): string {
  if ('pattern' in workload) return workload.pattern;
  const parts = 'mixture' in workload ? workload.mixture : workload.sequence;
  const names = parts.map((part) => {
    if ('pattern' in part) return part.pattern;
    return 'program' in part ? 'program' : 'parts';
  });
  return `${'mixture' in workload ? 'mixture' : 'sequence'} of ${names.join(', ')}`;
}

/** Gives each pattern its range, in the order in which they are written. */
class Ranges {
  readonly pageBytes: number;
  #count = 0;

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  next(): number {
    this.#count += 1;
    return FIRST_RANGE + (this.#count - 1) * RANGE_BYTES;
  }
}

type Part = Workload | WorkloadStage | MixtureWorkload['mixture'][number];

function stepsOfPart(part: Part, ranges: Ranges): Iterable<TraceStep> {
  if ('program' in part) return programTraceSteps(part.program);
  if ('pattern' in part) {
    const place = { pageBytes: ranges.pageBytes, base: ranges.next() };
    return patternOf(part.pattern).steps(part, place);
  }
  if ('mixture' in part) {
    const parts = part.mixture.map((one) => ({ share: one.share, steps: stepsOfPart(one, ranges) }));
    return interleaved(parts, part.sliceAccesses);
  }
  return chained(part.sequence.map((one) => stepsOfPart(one, ranges)));
}

function* chained(parts: readonly Iterable<TraceStep>[]): Generator<TraceStep> {
  for (const part of parts) yield* part;
}

function filesOf(part: Part): TraceFile[] {
  if ('program' in part) return programFiles(part.program);
  if ('pattern' in part) return patternOf(part.pattern).files?.(part) ?? [];
  return ('mixture' in part ? part.mixture : part.sequence).flatMap(filesOf);
}

/** Each file once, with the largest size that a part gives it, by name. */
function mergedFiles(files: readonly TraceFile[]): TraceFile[] {
  const sizes = new Map<string, number>();
  for (const { path, sizeBytes } of files) sizes.set(path, Math.max(sizeBytes, sizes.get(path) ?? 0));
  const sorted = [...sizes].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([path, sizeBytes]) => ({ path, sizeBytes }));
}

/**
 * Makes the trace of a workload, laid out for a page size.
 *
 * @throws GranuleError TRACE_EMPTY where no part touches anything
 * @example
 * ```ts
 * const workload = workloadSchema.parse({ pattern: 'random', lengthBytes: '64K', accesses: 100 });
 * workloadTrace(workload, 4096).references; // 232
 * ```
 */
export function workloadTrace(workload: Workload, pageBytes: number): RunSource {
  const name = `${workloadName(workload)}${LAID_OUT[pageBytes] ?? ''}`;
  if ('pattern' in workload) {
    const { trace } = patternOf(workload.pattern);
    if (trace !== undefined) return trace(workload, pageBytes, workload.pattern);
  }
  return generatedSource({
    name,
    command: `workload ${JSON.stringify(workload)}`,
    image: [...PROGRAM_IMAGE],
    files: mergedFiles(filesOf(workload)),
    steps: () => stepsOfPart(workload, new Ranges(pageBytes)),
  });
}

/**
 * How many children a workload forks.
 *
 * @example
 * ```ts
 * forksOf(workloadSchema.parse({ pattern: 'fork-server', heapBytes: '1M', forks: 3 })); // 3
 * ```
 */
export function forksOf(workload: Workload | PatternWorkload): number {
  return 'pattern' in workload ? (patternOf(workload.pattern).forks?.(workload) ?? 0) : 0;
}
