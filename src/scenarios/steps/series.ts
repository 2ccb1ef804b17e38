/** Values over a run: a field of the states of all actors of a kind, added up at moments of the log. */
import { kindOf } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import type { LogReader } from '../../log/logReader.ts';
import { cheapSeqs } from '../../report/systemMetrics.ts';
import type { SystemView } from '../../timeline/systemView.ts';
import type { Series } from './step.ts';

/** Moments of a series: more than the columns of a chart in a mail, and few enough to fold quickly. */
const SERIES_MOMENTS = 120;

/**
 * Samples `KIND.FIELD` over a log, as `file.rereadPages`.
 *
 * @throws GranuleError SCENARIO_INVALID for what is no KIND.FIELD
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * sampleSeries(reader, viewOf(reader, traces), 'mm.minorFaults').values.at(-1); // 1
 * ```
 */
export function sampleSeries(reader: LogReader, view: SystemView, what: string): Series {
  const [kind, field, ...more] = what.split('.');
  if (kind === undefined || field === undefined || more.length > 0)
    throw new GranuleError('SCENARIO_INVALID', 'a series is KIND.FIELD', what);
  const actors = view.run.actors.filter((id) => kindOf(id) === kind);
  const seqs = cheapSeqs(reader, { from: reader.firstSeq, to: reader.lastSeq, count: SERIES_MOMENTS });
  const values = seqs.map((seq) =>
    actors.reduce((sum, id) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
      const value = (view.snapshot(id, seq).context as Record<string, unknown>)[field];
      return typeof value === 'number' ? sum + value : sum;
    }, 0),
  );
  return { timeCycles: seqs.map((seq) => reader.read(seq).timeCycles), values };
}
