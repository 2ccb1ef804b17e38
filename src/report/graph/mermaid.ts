/** Writes graphs and statecharts as Mermaid, for documents whose readers draw it. */
import type { ActorGraph } from './actorGraph.ts';
import { type ActorGroup, groupNames } from './groups.ts';
import { labelWords, type Link, linksOf, nodeText } from './links.ts';
import { type ChartState, type ChartTransition, reactionText, type Statechart } from './statechart.ts';

/** Fill, and line of each group; dark text stands on all of them. */
const FILLS: Readonly<Record<ActorGroup, string>> = {
  outside: 'fill:#f2f2f2,stroke:#767676',
  programs: 'fill:#d9ecf9,stroke:#0072b2',
  spaces: 'fill:#fdf0d0,stroke:#b97a00',
  memory: 'fill:#d3f0e6,stroke:#009e73',
  files: 'fill:#f6e3ee,stroke:#cc79a7',
  hardware: 'fill:#e4f4fc,stroke:#56b4e9',
  own: 'fill:#fbe3d4,stroke:#d55e00,stroke-width:2px',
};

/** Text between quotes: Mermaid reads `#quot;` and the like in the place of characters that would end it. */
function quoted(lines: readonly string[]): string {
  const text = lines.map((line) => line.replaceAll('#', '#35;').replaceAll('"', '#quot;').replaceAll('<', '#lt;'));
  return `"${text.join('<br/>')}"`;
}

/**
 * The types of a label, with at most so many named for each direction and port.
 *
 * @example
 * ```ts
 * labelLines([{ from: 'a', to: 'b', type: 'ASK', port: 'tables', origin: 'bound', count: null }], 2); // ['tables: ASK']
 * ```
 */
export function labelLines(edges: Link['forth'], most: number): string[] {
  return labelWords(edges, most).map((words) => words.join(' '));
}

/**
 * An actor graph as a Mermaid flowchart. Each direction is an arrow of its own; dotted ones go to addresses that messages bring.
 *
 * @example
 * ```ts
 * const node = { kind: 'disk', group: 'hardware', standIn: null, says: '' } as const;
 * const nodes = [{ ...node, id: 'disk', actors: ['disk'] }];
 * mermaidOfGraph({ title: 'one', nodes, edges: [] }, 2).includes('n0["disk"]'); // true
 * ```
 */
export function mermaidOfGraph(graph: ActorGraph, most = Number.POSITIVE_INFINITY): string {
  const names = new Map(graph.nodes.map(({ id }, at) => [id, `n${at}`]));
  const lines = ['---', `title: ${JSON.stringify(graph.title)}`, '---', 'flowchart TB'];
  for (const node of graph.nodes) {
    const { name, notes } = nodeText(node);
    const text = quoted([name, ...notes]);
    const name0 = names.get(node.id) ?? '';
    const shape = node.group === 'outside' ? `([${text}])` : node.actors.length > 1 ? `[[${text}]]` : `[${text}]`;
    lines.push(`  ${name0}${shape}:::${node.standIn === null ? node.group : 'own'}`);
  }
  const arrow = (from: string, to: string, edges: Link['forth']): void => {
    if (edges.length === 0) return;
    const line = edges.every(({ origin }) => origin === 'addressed') ? '-.->' : '-->';
    lines.push(`  ${names.get(from) ?? ''} ${line}|${quoted(labelLines(edges, most))}| ${names.get(to) ?? ''}`);
  };
  for (const { from, to, forth, back } of linksOf(graph)) {
    arrow(from, to, forth);
    arrow(to, from, back);
  }
  const used = new Set(graph.nodes.map(({ group, standIn }) => (standIn === null ? group : 'own')));
  for (const group of Object.keys(groupNames) as ActorGroup[]) {
    if (used.has(group)) lines.push(`  classDef ${group} ${FILLS[group]},color:#1a1a1a`);
  }
  return `${lines.join('\n')}\n`;
}

/** Mermaid's names of states hold no hyphens and no points. */
function nameOf(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9]/g, '_');
}

/** Colons and semicolons end what they stand in. */
function labelText(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll(':', '#58;').replaceAll(';', '#59;');
}

/** What an outline says of a transition: its messages, or its guard where there are none. */
function outlineText({ on, guard }: ChartTransition): string[] {
  const messages = on.filter((type) => type !== 'always');
  if (messages.length === on.length) return messages;
  return [...messages, guard === null ? 'at once' : `[${guard}]`];
}

interface Writing {
  readonly chart: Statechart;
  readonly detail: 'outline' | 'full';
}

function transitionLines({ chart, detail }: Writing, from: ChartState): string[] {
  const own = chart.transitions.filter((transition) => transition.from === from.id);
  if (detail === 'full') {
    return own.map((transition) => {
      return `${nameOf(transition.from)} --> ${nameOf(transition.to)}: ${labelText(reactionText(transition))}`;
    });
  }
  const labels = new Map<string, string[]>();
  for (const transition of own) {
    labels.set(transition.to, [...(labels.get(transition.to) ?? []), ...outlineText(transition)]);
  }
  return Array.from(labels, ([to, names]) => `${nameOf(from.id)} --> ${nameOf(to)}: ${[...new Set(names)].join(', ')}`);
}

/** The lines that a state shows below its name. */
function factLines({ detail }: Writing, { id, entry, exit, reactions }: ChartState): string[] {
  if (detail === 'outline' || id === '') return [];
  const facts = [
    ...(entry.length === 0 ? [] : [`entry / ${entry.join(', ')}`]),
    ...(exit.length === 0 ? [] : [`exit / ${exit.join(', ')}`]),
    ...reactions.map(reactionText),
  ];
  return facts.map((fact) => `${nameOf(id)}: ${labelText(fact)}`);
}

function stateLines(writing: Writing, state: ChartState, indent: string): string[] {
  const lines: string[] = [];
  if (state.initial !== null) lines.push(`${indent}[*] --> ${nameOf(state.initial)}`);
  for (const [at, child] of state.states.entries()) {
    const name = nameOf(child.id);
    if (child.states.length > 0) {
      const alias = writing.detail === 'full' && name !== child.key ? `${quoted([child.key])} as ${name}` : name;
      lines.push(`${indent}state ${alias} {`, ...stateLines(writing, child, `${indent}  `), `${indent}}`);
    } else lines.push(`${indent}${name}: ${child.key}`);
    lines.push(...factLines(writing, child).map((line) => indent + line));
    if (state.type === 'parallel' && at < state.states.length - 1) lines.push(`${indent}--`);
  }
  for (const child of state.states) {
    lines.push(...transitionLines(writing, child).map((line) => indent + line));
    if (writing.detail === 'full' && child.type === 'final') lines.push(`${indent}${nameOf(child.id)} --> [*]`);
  }
  return lines;
}

/**
 * A statechart as a Mermaid state diagram. An `outline` has states and the messages between them; in `full` there are guards and
 * actions, and what each state does without leaving.
 *
 * @example
 * ```ts
 * mermaidOfChart(statechartOf(machines.disk, 'disk'), 'outline').includes('idle --> busy: [busy]'); // true
 * ```
 */
export function mermaidOfChart(chart: Statechart, detail: 'outline' | 'full'): string {
  const writing = { chart, detail };
  const { root } = chart;
  const wrap = root.type === 'parallel';
  const inner = stateLines(writing, root, wrap ? '    ' : '  ');
  const lines = wrap ? ['  state machine {', ...inner, '  }'] : inner;
  const always = detail === 'outline' ? [] : root.reactions.map(reactionText);
  const note = always.length === 0 ? [] : noteLines(root, always);
  return `${['stateDiagram-v2', ...lines, ...note].join('\n')}\n`;
}

/** What the machine does in any state stands beside its first one. */
function noteLines(root: ChartState, texts: readonly string[]): string[] {
  const beside = root.type === 'parallel' ? 'machine' : nameOf(root.initial ?? root.states[0]?.id ?? '');
  if (beside === '') return [];
  return [
    `  note right of ${beside}`,
    '    in any state:',
    ...texts.map((text) => `    ${labelText(text)}`),
    '  end note',
  ];
}
