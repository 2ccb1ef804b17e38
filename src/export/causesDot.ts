/** Causes of a stretch as a graph in the DOT language of Graphviz: a node for each event, an arrow from each cause. */
import type { LogRecord } from '../log/record.ts';
import { payloadLine } from '../report/recordText.ts';
import { formatCount } from '../report/format.ts';
import { checkLength, eventsOf, type ToExport } from './stretch.ts';

/** Graphviz takes minutes for more, and nobody reads them. */
export const GRAPH_EVENTS_MOST = 1000;
const PAYLOAD_CHARACTERS = 40;
/** Fills that differ for all eyes (Okabe and Ito's, made light), one kind after the other. */
const FILLS = ['#d9ecf9', '#fdf0d0', '#d3f0e6', '#f6e3ee', '#e4f4fc', '#fbe3d4', '#f2f2f2'];

const HEAD = [
  '  graph [fontname="Helvetica", labelloc=t, rankdir=TB]',
  '  node [fontname="Helvetica", fontsize=10, shape=box, style="rounded,filled"]',
  '  edge [color="#666666"]',
];

function quoted(lines: readonly string[]): string {
  const text = lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('"', '\\"'));
  return `"${text.join('\\n')}"`;
}

/** The events of a stretch, refused as soon as there are more than can be shown. */
function eventsAtMost(toExport: ToExport): LogRecord[] {
  const records: LogRecord[] = [];
  for (const record of eventsOf(toExport)) {
    records.push(record);
    if (records.length > GRAPH_EVENTS_MOST) {
      const { from, to, actor, type } = toExport;
      const asked = actor === undefined && type === undefined ? to - from + 1 : records.length;
      checkLength(asked, GRAPH_EVENTS_MOST, 'a graph of causes', 'events');
    }
  }
  return records;
}

/**
 * The text of the graph. A cause that lies outside of the stretch is a dashed node with its seq.
 *
 * @throws GranuleError EXPORT_TOO_LONG, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * causesDot(stretchOf(reader, { to: 1 })).includes('e0 -> e1'); // true
 * ```
 */
export function causesDot(toExport: ToExport): string {
  const records = eventsAtMost(toExport);
  const kinds = new Map<string, string>();
  const shown = new Set(records.map(({ seq }) => seq));
  const outside = new Set<number>();
  const nodes = records.map(({ seq, timeCycles, to, type, payload }) => {
    const kind = to.split(':')[0] ?? to;
    const fill = kinds.get(kind) ?? FILLS[kinds.size % FILLS.length] ?? '';
    kinds.set(kind, fill);
    const label = [`${seq}: ${type} → ${to}`, payloadLine(payload, PAYLOAD_CHARACTERS)].filter((line) => line !== '');
    return `  e${seq} [label=${quoted(label)}, tooltip=${quoted([`${formatCount(timeCycles)} cycles`])}, fillcolor="${fill}"]`;
  });
  const edges = records.flatMap(({ seq, cause }) => {
    if (cause < 0) return [];
    if (!shown.has(cause)) outside.add(cause);
    return [`  e${cause} -> e${seq}`];
  });
  const others = [...outside].map((seq) => `  e${seq} [label="${seq}", style="rounded,dashed"]`);
  const title = quoted([`${toExport.title}, seq ${toExport.from} to ${toExport.to}`]);
  return `${[`digraph causes {`, `  label=${title}`, ...HEAD, ...nodes, ...others, ...edges, '}'].join('\n')}\n`;
}
