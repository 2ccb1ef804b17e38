/** The parts of docs/actors.md that follow from the machines: statecharts as Mermaid, and messages in and out. */
import { type ActorKind, acceptedBy, machines, vocabulary } from '../../../machines/index.ts';
import { mermaidOfChart } from '../../../src/report/graph/mermaid.ts';
import { statechartOf } from '../../../src/report/graph/statechart.ts';

/** The statechart of a kind as a Mermaid diagram. */
export function diagramOf(kind: ActorKind): string {
  return `\`\`\`mermaid\n${mermaidOfChart(statechartOf(machines[kind], kind), 'outline')}\`\`\``;
}

/** The kinds at the other end; none of granule's own where a topology brings them along. */
function othersOf(kinds: readonly string[]): string {
  return kinds.length === 0 ? 'of your own' : kinds.join(', ');
}

/** The message types that a kind takes and sends, with the other side. */
export function messagesOf(kind: ActorKind): string {
  const rows = Object.entries(vocabulary);
  const taken = acceptedBy(kind).map((type) => `${type} (${othersOf(vocabulary[type].from)})`);
  const sent = rows.filter(([, row]) => row.from.includes(kind)).map(([type, row]) => `${type} (${othersOf(row.to)})`);
  return `Takes: ${taken.join(', ')}.\n\nSends: ${sent.toSorted().join(', ')}.`;
}

/** The generated part of a kind's section. */
export function sectionOf(kind: ActorKind): string {
  return `<!-- statechart:${kind} -->\n${diagramOf(kind)}\n\n${messagesOf(kind)}\n<!-- end -->`;
}
