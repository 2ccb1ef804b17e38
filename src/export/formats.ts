/** Every form that a log is exported in: one table. */
import { causesDot } from './causesDot.ts';
import { chromeTrace } from './chromeJson.ts';
import { csvOf } from './csv.ts';
import { mailChart } from './mailChart.ts';
import { mermaidChart } from './mermaidChart.ts';
import { writeParquet } from './parquet.ts';
import { perfettoTrace } from './perfetto.ts';
import { eventsOf, type ToExport } from './stretch.ts';
import { textChart } from './textChart.ts';

/** A form. */
export interface ExportFormat {
  readonly name: string;
  readonly says: string;
  /** The ending of its files. */
  readonly ending: string;
  /** Whether it is no text, and so nothing for a terminal. */
  readonly isBinary: boolean;
  /** Whether it shows metrics, for which states are folded. */
  readonly hasMetrics: boolean;
  /** What it is made of, in order; absent where `write` makes it. */
  readonly pieces?: (toExport: ToExport) => Iterable<string | Uint8Array>;
  readonly write?: (toExport: ToExport, sink: (bytes: Uint8Array) => void) => void;
}

/** The forms, in the order of the help. */
export const EXPORT_FORMATS: readonly ExportFormat[] = [
  {
    name: 'perfetto',
    says: 'trace for ui.perfetto.dev: actors as tracks, handling as slices, messages as flows, metrics as counters',
    ending: '.perfetto-trace',
    isBinary: true,
    hasMetrics: true,
    pieces: perfettoTrace,
  },
  {
    name: 'chrome',
    says: 'the same as JSON, for chrome://tracing and whatever reads its format',
    ending: '.json',
    isBinary: false,
    hasMetrics: true,
    pieces: chromeTrace,
  },
  {
    name: 'mermaid',
    says: 'sequence chart in Mermaid',
    ending: '.mmd',
    isBinary: false,
    hasMetrics: false,
    pieces: (toExport) => [mermaidChart(mailChart(toExport))],
  },
  {
    name: 'text',
    says: 'sequence chart in plain text, for a mail',
    ending: '.txt',
    isBinary: false,
    hasMetrics: false,
    pieces: (toExport) => [textChart(mailChart(toExport))],
  },
  {
    name: 'dot',
    says: 'causes as a graph for Graphviz',
    ending: '.dot',
    isBinary: false,
    hasMetrics: false,
    pieces: (toExport) => [causesDot(toExport)],
  },
  {
    name: 'csv',
    says: 'events as comma-separated values',
    ending: '.csv',
    isBinary: false,
    hasMetrics: false,
    pieces: csvOf,
  },
  {
    name: 'parquet',
    says: 'table of events for data frames and SQL',
    ending: '.parquet',
    isBinary: true,
    hasMetrics: false,
    write: (toExport, sink) => {
      toExport.tally.events = writeParquet(() => eventsOf(toExport), sink).rows;
    },
  },
];

/**
 * The form of that name, or of that ending of a file.
 *
 * @example
 * ```ts
 * exportFormat('dot')?.ending; // '.dot'
 * exportFormat('a/b.csv')?.name; // 'csv'
 * exportFormat('a/b.png'); // null
 * ```
 */
export function exportFormat(nameOrPath: string): ExportFormat | null {
  const named = EXPORT_FORMATS.find(({ name }) => name === nameOrPath);
  return named ?? EXPORT_FORMATS.find(({ ending }) => nameOrPath.endsWith(ending)) ?? null;
}
