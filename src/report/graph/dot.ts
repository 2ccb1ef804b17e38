/** Writes graphs and statecharts in the DOT language of Graphviz. */
import type { ActorGraph } from './actorGraph.ts';
import type { ActorGroup } from './groups.ts';
import { type Link, linksOf, nodeText } from './links.ts';
import { labelLines } from './mermaid.ts';
import { type ChartState, reactionText, type Statechart } from './statechart.ts';

const FILLS: Readonly<Record<ActorGroup, readonly [fill: string, line: string]>> = {
  outside: ['#f2f2f2', '#767676'],
  programs: ['#d9ecf9', '#0072b2'],
  spaces: ['#fdf0d0', '#b97a00'],
  memory: ['#d3f0e6', '#009e73'],
  files: ['#f6e3ee', '#cc79a7'],
  hardware: ['#e4f4fc', '#56b4e9'],
  own: ['#fbe3d4', '#d55e00'],
};

/** A quoted name: backslashes and quotes are escaped, lines end with `\n` (centred) or `\l` (to the left). */
function quoted(lines: readonly string[], end: '\\n' | '\\l' = '\\n'): string {
  const text = lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('"', '\\"'));
  return end === '\\n' ? `"${text.join('\\n')}"` : `"${text.map((line) => `${line}\\l`).join('')}"`;
}

const HEAD = [
  '  graph [fontname="Helvetica", labelloc=t]',
  '  node [fontname="Helvetica", shape=box, style="rounded,filled"]',
  '  edge [fontname="Helvetica", fontsize=10, color="#666666"]',
];

/**
 * An actor graph as DOT.
 *
 * @example
 * ```ts
 * dotOfGraph({ title: 'none', nodes: [], edges: [] }).startsWith('digraph "none" {'); // true
 * ```
 */
export function dotOfGraph(graph: ActorGraph, most = Number.POSITIVE_INFINITY): string {
  const title = quoted([graph.title]);
  const nodes = graph.nodes.map((node) => {
    const { name, notes } = nodeText(node);
    const own = node.group === 'own' || node.standIn !== null;
    const [fill, line] = FILLS[own ? 'own' : node.group];
    const peripheries = own ? ', peripheries=2' : '';
    return `  ${quoted([node.id])} [label=${quoted([name, ...notes])}, fillcolor="${fill}", color="${line}"${peripheries}]`;
  });
  const arrow = (from: string, to: string, edges: Link['forth']): string[] => {
    if (edges.length === 0) return [];
    const style = edges.every(({ origin }) => origin === 'addressed') ? ', style=dashed' : '';
    return [`  ${quoted([from])} -> ${quoted([to])} [label=${quoted(labelLines(edges, most))}${style}]`];
  };
  const edges = linksOf(graph).flatMap(({ from, to, forth, back }) => [
    ...arrow(from, to, forth),
    ...arrow(to, from, back),
  ]);
  return `${[`digraph ${title} {`, `  label=${title}`, ...HEAD, ...nodes, ...edges, '}'].join('\n')}\n`;
}

function factsOf({ entry, exit, reactions }: ChartState): string[] {
  return [
    ...(entry.length === 0 ? [] : [`entry / ${entry.join(', ')}`]),
    ...(exit.length === 0 ? [] : [`exit / ${exit.join(', ')}`]),
    ...reactions.map(reactionText),
  ];
}

function stateLines(state: ChartState, indent: string): string[] {
  const name = quoted([state.id]);
  if (state.states.length === 0) {
    const label = [state.key, ...factsOf(state)];
    const text = label.length === 1 ? quoted(label) : quoted(label, '\\l');
    return [`${indent}${name} [label=${text}${state.type === 'final' ? ', peripheries=2' : ''}]`];
  }
  const dashed = state.type === 'parallel' ? 'dashed' : 'rounded';
  return [
    `${indent}subgraph ${quoted([`cluster ${state.id}`])} {`,
    `${indent}  label=${quoted([state.key, ...factsOf(state)], '\\l')}; style=${dashed}; labeljust=l`,
    ...startLines(state, `${indent}  `),
    ...state.states.flatMap((inner) => stateLines(inner, `${indent}  `)),
    `${indent}}`,
  ];
}

function startLines({ id, initial }: ChartState, indent: string): string[] {
  if (initial === null) return [];
  const start = quoted([`${id} start`]);
  return [`${indent}${start} [shape=point, width=0.12, label=""]`];
}

/** Graphviz draws to a cluster by an edge to one of its nodes that ends at its border. */
function leafOf(state: ChartState): string {
  const first = state.states.find(({ id }) => id === state.initial) ?? state.states[0];
  return first === undefined ? state.id : leafOf(first);
}

/**
 * A statechart as DOT, with a cluster for each state that has others in it.
 *
 * @example
 * ```ts
 * dotOfChart(statechartOf(machines.disk, 'disk')).includes('"busy" -> "idle" [label="always [free]"]'); // true
 * ```
 */
export function dotOfChart(chart: Statechart): string {
  const states = new Map<string, ChartState>();
  const learn = (state: ChartState): void => {
    states.set(state.id, state);
    state.states.forEach(learn);
  };
  learn(chart.root);
  const end = (id: string, side: 'ltail' | 'lhead'): { node: string; clip: string } => {
    const state = states.get(id);
    if (state === undefined || state.states.length === 0) return { node: quoted([id]), clip: '' };
    return { node: quoted([leafOf(state)]), clip: `, ${side}=${quoted([`cluster ${id}`])}` };
  };
  const starts = [...states.values()].flatMap(({ id, initial }) => {
    if (initial === null) return [];
    const to = end(initial, 'lhead');
    return [`  ${quoted([`${id} start`])} -> ${to.node} [arrowsize=0.7${to.clip}]`];
  });
  const arrows = chart.transitions.map((transition) => {
    const from = end(transition.from, 'ltail');
    const to = end(transition.to, 'lhead');
    return `  ${from.node} -> ${to.node} [label=${quoted([reactionText(transition)])}${from.clip}${to.clip}]`;
  });
  const title = quoted([chart.title]);
  const { root } = chart;
  const label = `  label=${quoted([chart.title, ...factsOf(root)], '\\l')}; labeljust=l; compound=true`;
  const inner = [...startLines(root, '  '), ...root.states.flatMap((state) => stateLines(state, '  '))];
  return `${[`digraph ${title} {`, label, ...HEAD, ...inner, ...starts, ...arrows, '}'].join('\n')}\n`;
}
