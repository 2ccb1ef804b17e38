import { describe, expect, it } from 'vitest';
import { chartOfKind, chartsOf } from '../../src/report/graph/kindCharts.ts';
import { actorGraph, type ActorGraph } from '../../src/report/graph/actorGraph.ts';
import { dotOfChart, dotOfGraph } from '../../src/report/graph/dot.ts';
import { mermaidOfChart, mermaidOfGraph } from '../../src/report/graph/mermaid.ts';
import { statesOf } from '../../src/report/graph/statechart.ts';
import { builtIns, catalogueOf } from '../../src/topology/definitions/catalogue.ts';
import { asker, askerLogic, askerMachine, squarer } from '../topology/definitions/support.ts';
import { flowchartFaults, stateDiagramFaults } from './mermaidSyntax.ts';
import { graphNamed, pair, withRamDisk } from './support.ts';

const hostile: ActorGraph = {
  title: 'a "title": <b>',
  nodes: [
    { id: 'file:/a"b#1', kind: 'file', actors: ['file:/a"b#1'], group: 'files', standIn: null, says: '' },
    { id: 'disk', kind: 'disk', actors: ['disk'], group: 'hardware', standIn: 'a<b', says: '' },
  ],
  edges: [{ from: 'disk', to: 'file:/a"b#1', type: 'X', port: 'back', origin: 'addressed', count: null }],
};

async function graphs(): Promise<ActorGraph[]> {
  const named = ['plain-4k', 'mixed-page-sizes', 'procfs-translate', 'reclaim-beside-a-stream'];
  const all = await graphNamed('gup-vs-fork', { all: true });
  return [...(await Promise.all(named.map((name) => graphNamed(name)))), all, actorGraph(pair().source), hostile];
}

const charts = () => chartsOf(catalogueOf([asker, askerLogic, askerMachine, squarer]), null);

describe('Mermaid', () => {
  it('of graphs has the form of a flowchart, with an arrow for each direction', async () => {
    for (const graph of await graphs()) {
      const text = mermaidOfGraph(graph);
      expect(flowchartFaults(text), graph.title).toEqual([]);
      expect(flowchartFaults(mermaidOfGraph(graph, 2)), graph.title).toEqual([]);
      const directions = new Set(graph.edges.map(({ from, to }) => `${from}\n${to}`));
      expect(text.match(/ (?:-->|-\.->)\|/g)?.length).toBe(directions.size);
      for (const { type } of graph.edges) expect(text).toContain(type);
    }
    expect(mermaidOfGraph(hostile)).toContain('n0["file:/a#quot;b#35;1"]');
    expect(mermaidOfGraph(hostile)).toContain('n1 -.->|"back: X"| n0');
  });

  it('marks what stands in, what is of our own, and several', () => {
    expect(mermaidOfGraph(actorGraph(withRamDisk().source))).toContain('["disk<br/>is a ram-disk"]:::own');
    expect(mermaidOfGraph(actorGraph(pair().source))).toContain('["asker:a"]:::own');
  });

  it('of statecharts has the form of a state diagram, with every state and transition', () => {
    for (const chart of charts()) {
      const text = mermaidOfChart(chart, 'full');
      expect(stateDiagramFaults(text), chart.title).toEqual([]);
      expect(stateDiagramFaults(mermaidOfChart(chart, 'outline')), chart.title).toEqual([]);
      const finals = statesOf(chart.root).filter(({ type }) => type === 'final').length;
      const started = [chart.root, ...statesOf(chart.root)].filter(({ initial }) => initial !== null).length;
      expect(text.match(/ --> /g)?.length, chart.title).toBe(chart.transitions.length + finals + started);
    }
  });

  it('is judged by a reader that refuses what Mermaid refuses', () => {
    const good = mermaidOfGraph(hostile);
    expect(flowchartFaults(good.replace('#quot;', '"'))).not.toEqual([]);
    expect(flowchartFaults(good.replace('| n0', '| n7'))).toEqual(['n7 is used and not declared']);
    const chart = mermaidOfChart(chartOfKind(builtIns, 'process'), 'full');
    expect(stateDiagramFaults(chart.replace(/ --> (\w+): /, ' --> $1: a: '))).not.toEqual([]);
    expect(stateDiagramFaults(`${chart}}\n`)).toContain('a brace too many');
    expect(stateDiagramFaults(chart.replace(' {\n', '\n'))).not.toEqual([]);
  });
});

/** Statements of DOT, with strings taken out after they were looked at. */
function dotFaults(text: string): string[] {
  const bare = text.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, 'S');
  const lines = bare.trimEnd().split('\n');
  const attributes = String.raw`\[\w+=(?:S|[\w.]+)(?:, ?\w+=(?:S|[\w.]+))*\]`;
  const forms = [
    /^digraph S \{$/,
    /^label=S(?:; \w+=\w+)*$/,
    new RegExp(`^(?:graph|node|edge) ${attributes}$`),
    new RegExp(`^S ${attributes}$`),
    new RegExp(`^S -> S ${attributes}$`),
    /^subgraph S \{$/,
    /^\}$/,
  ];
  const opened = lines.filter((line) => line.endsWith('{')).length;
  const closed = lines.filter((line) => line.trim() === '}').length;
  const faults = lines.filter((line) => !forms.some((form) => form.test(line.trim())));
  return opened === closed ? faults : [...faults, 'braces'];
}

describe('DOT', () => {
  it('of graphs and statecharts is made of statements that Graphviz reads', async () => {
    for (const graph of await graphs()) expect(dotFaults(dotOfGraph(graph)), graph.title).toEqual([]);
    for (const chart of charts()) expect(dotFaults(dotOfChart(chart)), chart.title).toEqual([]);
    expect(dotOfGraph(hostile)).toContain('"disk" -> "file:/a\\"b#1" [label="back: X", style=dashed]');
  });

  it('has a box for each state, and a cluster for each that has others in it', () => {
    for (const chart of chartsOf(builtIns, null)) {
      const text = dotOfChart(chart);
      const outer = statesOf(chart.root).filter(({ states }) => states.length > 0);
      expect(text.match(/subgraph "cluster /g)?.length ?? 0, chart.title).toBe(outer.length);
      for (const { id } of statesOf(chart.root)) expect(text).toContain(id);
    }
  });
});
