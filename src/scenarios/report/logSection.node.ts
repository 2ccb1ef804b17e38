/** A log as a section of a report: what its processes came to, each figure with the event behind it. */
import { basename } from 'node:path';
import type { LogReader } from '../../log/logReader.ts';
import type { RunSource } from '../../mm/runs.ts';
import { formatBytes, formatCount, formatPageSize } from '../../report/format.ts';
import { type ProcessSummary, summarize } from '../../report/runSummary.ts';
import { statesAt } from '../../timeline/state.ts';
import { viewOf } from '../../timeline/systemView.ts';
import { openMeta, programName } from '../../topology/meta.ts';
import { figuresOfRun } from '../figures.ts';
import type { Claim } from '../judge.ts';
import { LogLooker } from '../steps/logLooker.ts';
import { sampleSeries } from '../steps/series.ts';
import type { ReportSection } from './section.ts';

/** Processes that have a sentence each; of more, the figures have all. */
const PROCESSES_SHOWN = 12;

function processText({
  pid,
  program,
  pageBytes,
  counts,
  minorFaults,
  majorFaults,
  residentPeakBytes,
  end,
}: ProcessSummary): string {
  return (
    `Process ${pid} (${program}, ${formatPageSize(pageBytes)} pages): ${formatCount(counts.references)} references, ` +
    `${formatCount(counts.l2Misses)} misses of the second TLB level, ${formatCount(counts.walkReads)} descriptors read in walks, ` +
    `${formatCount(minorFaults)} minor and ${formatCount(majorFaults)} major faults, ` +
    `${formatBytes(residentPeakBytes)} resident at its peak; ${end}.`
  );
}

/**
 * The section of a log.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * logSection('one.glog', reader, traces).claims.length > 0; // true
 * ```
 */
export function logSection(path: string, reader: LogReader, traces: ReadonlyMap<number, RunSource>): ReportSection {
  const { topology } = openMeta(reader.meta);
  const view = viewOf(reader, traces);
  const looker = new LogLooker(reader, view, path);
  const programs = new Map(topology.processes.map((process) => [process.pid, programName(process)]));
  const summary = summarize(statesAt(reader, traces, reader.lastSeq), { programs });
  const figures = figuresOfRun(summary);
  const behind = (text: string, names: readonly string[]): Claim => {
    const found = names.flatMap((name) => {
      const figure = figures.get(name);
      return figure === undefined ? [] : [looker.changeOf(figure)];
    });
    return { text, evidence: [...new Map(found.map((each) => [each.command, each])).values()] };
  };
  const { files, disk } = summary;
  const claims = summary.processes
    .slice(0, PROCESSES_SHOWN)
    .map((process) =>
      behind(processText(process), [`pid${process.pid}.minorFaults`, `pid${process.pid}.residentPeakBytes`]),
    );
  if ((files.files ?? 0) > 0) {
    const text =
      `Page cache of ${formatCount(files.files)} files: ${formatCount(files.droppedPages ?? 0)} pages dropped ` +
      `in ${formatCount(files.drops ?? 0)} drops, ` +
      `${formatCount(files.rereadPages ?? 0)} read again; ${formatBytes(disk.readBytes ?? 0)} read from disk.`;
    claims.push(behind(text, ['disk.readBytes']));
  }
  for (const { pid, fallbacks, fallbackReason } of summary.processes) {
    if (fallbacks === 0) continue;
    claims.push(behind(`Process ${pid} lost its native table: ${fallbackReason}.`, [`pid${pid}.fallbacks`]));
  }
  const lines = [
    { name: 'pages dropped', ...sampleSeries(reader, view, 'file.droppedPages') },
    { name: 'pages read again', ...sampleSeries(reader, view, 'file.rereadPages') },
    { name: 'minor faults', ...sampleSeries(reader, view, 'mm.minorFaults') },
    { name: 'major faults', ...sampleSeries(reader, view, 'mm.majorFaults') },
  ].filter(({ values }) => values.some((value) => value > 0));
  return {
    id: basename(path, '.glog'),
    title: topology.description === '' ? topology.name : topology.description,
    verdict: null,
    expected: null,
    lead: { text: `${formatCount(reader.records)} events of the topology ${topology.name}.`, evidence: [looker.last] },
    claims,
    answers: [],
    figures: [...figures].map(([name, figure]) => ({ name, value: figure.value, evidence: [looker.last] })),
    notes: [],
    charts: lines.length === 0 ? [] : [{ title: 'Over the run', unit: 'pages, faults', lines }],
  };
}
