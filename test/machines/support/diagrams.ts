/** The parts of docs/actors.md that follow from the machines: statecharts as Mermaid, and messages in and out. */
import { type ActorKind, acceptedBy, machines, vocabulary } from '../../../machines/index.ts';
import { mermaidOfChart } from '../../../src/report/graph/mermaid.ts';
import { statechartOf } from '../../../src/report/graph/statechart.ts';

/** The statechart of a kind as a Mermaid diagram. */
export function diagramOf(kind: ActorKind): string {
  return `\`\`\`mermaid\n${mermaidOfChart(statechartOf(machines[kind], kind), 'outline')}\`\`\``;
}

/** The message types that a kind takes and sends, with the other side. */
export function messagesOf(kind: ActorKind): string {
  const rows = Object.entries(vocabulary);
  const taken = acceptedBy(kind).map((type) => `${type} (${vocabulary[type].from.join(', ')})`);
  const sent = rows.filter(([, row]) => row.from.includes(kind)).map(([type, row]) => `${type} (${row.to.join(', ')})`);
  return `Takes: ${taken.join(', ')}.\n\nSends: ${sent.toSorted().join(', ')}.`;
}

/** The generated part of a kind's section. */
export function sectionOf(kind: ActorKind): string {
  return `<!-- statechart:${kind} -->\n${diagramOf(kind)}\n\n${messagesOf(kind)}\n<!-- end -->`;
}
