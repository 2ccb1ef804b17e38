/** The parts of docs/actors.md that follow from the machines: statecharts as Mermaid, and messages in and out. */
import type { AnyStateNode } from 'xstate';
import { type ActorKind, acceptedBy, machines, vocabulary } from '../../../machines/index.ts';

/** Mermaid's names hold no hyphens. */
function nameOf(node: AnyStateNode): string {
  return node.path.join('_').replaceAll('-', '_');
}

function transitionsOf(node: AnyStateNode): string[] {
  const labels = new Map<string, string[]>();
  const add = (target: string, label: string): void => {
    labels.set(target, [...(labels.get(target) ?? []), label]);
  };
  for (const [type, candidates] of node.transitions) {
    for (const { target } of candidates) for (const to of target ?? []) add(nameOf(to), type);
  }
  for (const { target, guard } of node.always ?? []) {
    for (const to of target ?? []) add(nameOf(to), typeof guard === 'string' ? `[${guard}]` : 'at once');
  }
  return [...labels].map(([target, names]) => `${nameOf(node)} --> ${target}: ${[...new Set(names)].join(', ')}`);
}

function linesOf(node: AnyStateNode, indent: string): string[] {
  const children = Object.values(node.states);
  const lines: string[] = [];
  if (node.type === 'compound') {
    const first = node.initial.target[0];
    if (first !== undefined) lines.push(`${indent}[*] --> ${nameOf(first)}`);
  }
  for (const [at, child] of children.entries()) {
    const nested = Object.keys(child.states).length > 0;
    if (nested) lines.push(`${indent}state ${nameOf(child)} {`, ...linesOf(child, `${indent}  `), `${indent}}`);
    else lines.push(`${indent}${nameOf(child)}: ${child.key}`);
    if (node.type === 'parallel' && at < children.length - 1) lines.push(`${indent}--`);
  }
  for (const child of children) lines.push(...transitionsOf(child).map((line) => indent + line));
  return lines;
}

/** The statechart of a kind as a Mermaid diagram. */
export function diagramOf(kind: ActorKind): string {
  const { root } = machines[kind];
  const inner = root.type === 'parallel' ? ['  state machine {', ...linesOf(root, '    '), '  }'] : linesOf(root, '  ');
  return ['```mermaid', 'stateDiagram-v2', ...inner, '```'].join('\n');
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
