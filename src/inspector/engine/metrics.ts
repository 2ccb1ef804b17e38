/** Metrics of the whole system over the run: values of its states at moments along it. */
import { METRICS } from '../../report/metricTable.ts';
import { cheapSeqs, systemMetrics } from '../../report/systemMetrics.ts';
import type { OpenRun } from './openRun.ts';
import type { Args } from './requests.ts';

/** Values at some moments: for each metric of `METRICS` a value for each seq. */
export interface MetricSamples {
  readonly seqs: readonly number[];
  readonly timeCycles: readonly number[];
  readonly values: readonly Float64Array[];
}

/**
 * Seqs along a stretch at which sampling is cheap, some `count` of them.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * sampleSeqs(run, { run: 'A', from: 0, to: 10, count: 3 }); // [ 0, 5, 10 ]
 * ```
 */
export function sampleSeqs({ reader }: OpenRun, args: Args<'sampleSeqs'>): number[] {
  return cheapSeqs(reader, args);
}

/**
 * Every metric at some moments.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * metricsAt(run, { run: 'A', seqs: [reader.lastSeq] }).values.length === METRICS.length; // true
 * ```
 */
export function metricsAt(run: OpenRun, { seqs }: Args<'metrics'>): MetricSamples {
  const { view, reader } = run;
  const values = METRICS.map(() => new Float64Array(seqs.length));
  for (const [at, seq] of seqs.entries()) {
    for (const [metric, sum] of systemMetrics(view, run.lanes, seq).entries()) values[metric][at] = sum;
  }
  const timeCycles = seqs.map((seq) => (seq < reader.firstSeq ? 0 : reader.read(seq).timeCycles));
  return { seqs, timeCycles, values };
}
