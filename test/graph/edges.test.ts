import { describe, expect, it } from 'vitest';
import { actorGraph, OUTSIDE_ID } from '../../src/report/graph/actorGraph.ts';
import { logGraph } from '../../src/report/graph/logGraph.ts';
import { type Drawable, drawableNamed, pair, sentBy, threeAlarms, withRamDisk } from './support.ts';

const keyOf = (from: string, to: string, type: string): string => `${from} -> ${to}: ${type}`;

/** The messages of a run that its graph has no edge for. */
function notDrawn({ ready, source }: Drawable, all: boolean): string[] {
  const { nodes, edges } = actorGraph(source, { all });
  const nodeOf = new Map(nodes.flatMap(({ id, actors }) => actors.map((actor) => [actor, id] as const)));
  const drawn = new Set(edges.map(({ from, to, type }) => keyOf(from, to, type)));
  const sent = sentBy(ready).map(({ from, to, type }) => {
    return keyOf(nodeOf.get(from) ?? `no node of ${from}`, nodeOf.get(to) ?? `no node of ${to}`, type);
  });
  expect(sent.length).toBeGreaterThan(20);
  return [...new Set(sent)].filter((key) => !drawn.has(key));
}

/** Between them they have an actor of every kind, and send nearly every type. */
const NAMED = [
  'bpf-ringbuf-64k',
  'device-register-page',
  'gup-vs-fork',
  'hwpoison-one-frame',
  'khugepaged-64k',
  'ksm-mixed-sizes',
  'lost-dirty-64k',
  'mixed-page-sizes',
  'order-4-demand',
  'perf-ring-64k',
  'procfs-translate',
  'splice-during-conversion',
  'swap-by-4k-pages',
  'uffd-missing-64k',
];

describe('every message of a run has an edge', () => {
  it.each(NAMED)('of %s', async (name) => {
    const system = await drawableNamed(name);
    expect(notDrawn(system, false)).toEqual([]);
    // Process by process: each speaks to its own mm alone.
    expect(notDrawn(system, true)).toEqual([]);
  });

  it.each([
    ['actors with ports', pair],
    ['a stand-in', withRamDisk],
    ['several of one kind with a timer', threeAlarms],
  ])('of %s', (_, make) => {
    const system = make();
    expect(notDrawn(system, false)).toEqual([]);
    expect(notDrawn(system, true)).toEqual([]);
  });
});

describe('the graph of a log', () => {
  it('has each message once, in the counts of its edges', async () => {
    const { ready, source } = await drawableNamed('gup-vs-fork');
    const sent = sentBy(ready);
    for (const folding of [{}, { all: true }]) {
      const { edges } = logGraph(source, sent, folding);
      expect(edges.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(sent.length);
    }
    const { nodes, edges } = logGraph(source, sent, { all: true });
    expect(nodes.map(({ id }) => id).toSorted()).toEqual(
      [...new Set(sent.flatMap(({ from, to }) => [from, to]))].sort(),
    );
    for (const { from, to, type, count } of edges) {
      expect(count).toBe(sent.filter((one) => one.from === from && one.to === to && one.type === type).length);
    }
  });

  it('of one actor has what it was sent and what it sent', async () => {
    const { ready, source } = await drawableNamed('gup-vs-fork');
    const sent = sentBy(ready);
    const actor = sent.find(({ to }) => to.startsWith('mmu:'))?.to ?? '';
    const { edges, nodes } = logGraph(source, sent, { actor });
    const own = sent.filter(({ from, to }) => from === actor || to === actor);
    expect(edges.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(own.length);
    expect(nodes.flatMap(({ actors }) => actors).toSorted()).toEqual(
      [...new Set(own.flatMap(({ from, to }) => [from, to]))].sort(),
    );
    expect(nodes.some(({ id }) => id === OUTSIDE_ID)).toBe(false);
  });
});
