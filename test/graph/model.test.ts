import { describe, expect, it } from 'vitest';
import { machines } from '../../machines/index.ts';
import { chartOfKind, chartsOf } from '../../src/report/graph/kindCharts.ts';
import { actorGraph, type MessageEdge } from '../../src/report/graph/actorGraph.ts';
import { labelWords, linksOf, nodeText } from '../../src/report/graph/links.ts';
import { statechartOf, statesOf } from '../../src/report/graph/statechart.ts';
import { builtIns, catalogueOf } from '../../src/topology/definitions/catalogue.ts';
import { asker, askerLogic, askerMachine } from '../topology/definitions/support.ts';
import { graphNamed, pair, ramDisk, threeAlarms, withRamDisk } from './support.ts';

const between = (edges: readonly MessageEdge[], from: string, to: string): Partial<MessageEdge>[] =>
  edges
    .filter((edge) => edge.from === from && edge.to === to)
    .map(({ type, port, origin }) => ({ type, port, origin }));

describe('a graph', () => {
  it('makes one node of those of a kind, and one of each where all are wanted', async () => {
    const folded = await graphNamed('mixed-page-sizes');
    expect(folded.nodes.find(({ id }) => id === 'mm')).toMatchObject({ actors: ['mm:100', 'mm:200'], group: 'spaces' });
    const all = await graphNamed('mixed-page-sizes', { all: true });
    expect(all.nodes.length).toBe(folded.nodes.reduce((sum, { actors }) => sum + actors.length, 0));
    expect(all.nodes.every(({ id, actors }) => actors.length === 1 && actors[0] === id)).toBe(true);
    expect(between(all.edges, 'process:100', 'mm:200')).toEqual([]);
    expect(between(all.edges, 'mmu:100', 'mm:100').map(({ type }) => type)).toContain('FAULT');
    expect(between(all.edges, 'mmu:100', 'mm:200')).toEqual([]);
  });

  it('of one actor has it, and those that it is linked with, and no link that is not its own', async () => {
    const { title, nodes, edges } = await graphNamed('mixed-page-sizes', { actor: 'mm:100' });
    expect(title).toBe('mixed-page-sizes: mm:100');
    expect(edges.every(({ from, to }) => from === 'mm:100' || to === 'mm:100')).toBe(true);
    expect(nodes.flatMap(({ actors }) => actors)).not.toContain('mmu:200');
    expect(nodes.find(({ kind }) => kind === 'file')?.actors.length).toBe(38);
  });

  it('has no edge to a node that is not there', async () => {
    for (const name of ['plain-4k', 'reclaim-beside-a-stream', 'procfs-translate']) {
      const { nodes, edges } = await graphNamed(name);
      const ids = new Set(nodes.map(({ id }) => id));
      expect(edges.filter(({ from, to }) => !ids.has(from) || !ids.has(to))).toEqual([]);
    }
  });
});

describe("the edges of one's own actors", () => {
  it('are by port, and go to an address where a message brings it', () => {
    const { nodes, edges } = actorGraph(pair().source);
    expect(nodes.find(({ id }) => id === 'asker:a')).toMatchObject({ group: 'own', says: asker.says, standIn: null });
    expect(between(edges, 'asker:a', 'squarer:b')).toEqual([{ type: 'PING', port: 'other', origin: 'bound' }]);
    expect(between(edges, 'squarer:b', 'asker:a')).toEqual([{ type: 'PONG', port: 'back', origin: 'addressed' }]);
    expect(between(edges, 'outside', 'asker:a')).toEqual([{ type: 'POKE', port: null, origin: 'outside' }]);
  });

  it('of a stand-in are those of the kind that it stands in for', () => {
    const { nodes, edges } = actorGraph(withRamDisk().source);
    const disks = nodes.filter(({ kind }) => kind === 'disk');
    expect(disks).toMatchObject([{ id: 'disk', standIn: 'ram-disk', says: ramDisk.says }]);
    expect(disks.map((disk) => nodeText(disk).notes)).toEqual([['is a ram-disk']]);
    expect(between(edges, 'file:/data', 'disk').map(({ type }) => type)).toEqual(['READ_BLOCKS', 'WRITE_BLOCKS']);
    expect(between(edges, 'disk', 'file:/data').map(({ type, port }) => [type, port])).toContainEqual([
      'IO_DONE',
      'done',
    ]);
  });

  it('have timers, once for all of a kind', () => {
    const { nodes, edges } = actorGraph(threeAlarms().source);
    expect(nodes.find(({ kind }) => kind === 'alarm')?.actors).toEqual(['alarm:1', 'alarm:2', 'alarm:3']);
    expect(between(edges, 'alarm', 'alarm')).toEqual([{ type: 'PING', port: 'self', origin: 'bound' }]);
  });
});

describe('labels', () => {
  const edge = (type: string, port: string | null = null): MessageEdge => {
    return { from: 'a', to: 'b', type, port, origin: 'bound', count: null };
  };

  it('name what fits, and count the rest', () => {
    const edges = ['FAULT', 'TABLE_DONE', 'WALKED'].map((type) => edge(type));
    expect(labelWords(edges, 2)).toEqual([['FAULT,', 'TABLE_DONE', '+1']]);
    expect(labelWords(edges)).toEqual([['FAULT,', 'TABLE_DONE,', 'WALKED']]);
    expect(labelWords([edge('A_VERY_LONG_NAME_OF_A_TYPE'), edge('B')], 2)).toEqual([
      ['A_VERY_LONG_NAME_OF_A_TYPE', '+1'],
    ]);
  });

  it('have a line for each port, and one link for both directions', () => {
    expect(labelWords([edge('A', 'in'), edge('B', 'out')], 2)).toEqual([
      ['in:', 'A'],
      ['out:', 'B'],
    ]);
    const links = linksOf({ edges: [edge('A'), { ...edge('B'), from: 'b', to: 'a' }] });
    expect(links.map(({ forth, back }) => [forth.length, back.length])).toEqual([[1, 1]]);
  });
});

describe('a statechart', () => {
  it('has every state, and every transition with its guard and actions', () => {
    for (const [kind, { root }] of Object.entries(machines)) {
      const chart = statechartOf({ root }, kind);
      const count = (node: typeof root): number =>
        Object.values(node.states).reduce((sum, inner) => sum + 1 + count(inner), 0);
      expect(statesOf(chart.root).length, kind).toBe(count(root));
      const ids = new Set(['', ...statesOf(chart.root).map(({ id }) => id)]);
      expect(
        chart.transitions.filter(({ from, to }) => !ids.has(from) || !ids.has(to)),
        kind,
      ).toEqual([]);
    }
    const process = statechartOf(machines.process, 'process');
    expect(process.transitions).toContainEqual({
      from: 'in-syscall.active',
      to: 'in-syscall.asleep',
      on: ['SLEEP'],
      guard: null,
      actions: ['block'],
    });
  });

  it("of one's own machine is the machine, and of transition logic one state with what it takes", () => {
    const catalogue = catalogueOf([asker, askerMachine, askerLogic]);
    const drawn = chartOfKind(catalogue, 'asker-machine');
    expect(statesOf(drawn.root).map(({ key }) => key)).toEqual(['idle', 'waiting']);
    expect(drawn.transitions.map(({ on, actions }) => [...on, ...actions].length)).toEqual([2, 2]);
    for (const kind of ['asker', 'asker-logic']) {
      const [only, ...others] = statesOf(chartOfKind(catalogue, kind).root);
      expect(others).toEqual([]);
      expect(only?.reactions).toEqual([{ on: ['POKE', 'PONG'], guard: null, actions: [] }]);
    }
  });

  it('is drawn of the kinds that a system has, a stand-in in the place of what it stands in for', () => {
    const { ready } = withRamDisk();
    const { topology, catalogue } = ready;
    const titles = chartsOf(catalogue, { topology, ids: ['disk', 'zone', 'tlb:0', 'tlb:1'] }).map(({ title }) => title);
    expect(titles).toEqual(['ram-disk, for disk', 'zone', 'tlb']);
    expect(chartsOf(builtIns, null).length).toBe(Object.keys(machines).length);
  });

  it('of a kind that is not there is refused with those that are', () => {
    expect(() => chartOfKind(builtIns, 'buddy')).toThrow(/there is no kind "buddy"/);
  });
});
