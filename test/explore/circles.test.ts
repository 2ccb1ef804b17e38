/** What can go on for ever: properties that hold at some time, and livelocks. */
import { describe, expect, it } from 'vitest';
import { exploreAll } from '../../src/explore/search/explore.ts';
import { at3, type Graph, graphModel } from './support/graphModel.ts';

describe('a property "eventually"', () => {
  const judge = (edges: Graph['edges'], strategy: 'breadth-first' | 'depth-first' = 'breadth-first') =>
    exploreAll(graphModel({ edges, properties: [at3] }), { strategy }).discoveries;

  it.each(['breadth-first', 'depth-first'] as const)('does not hold where a way ends without it: %s', (strategy) => {
    const edges = {
      0: [
        ['a', 1],
        ['b', 3],
      ],
      3: [['a', 1]],
    } as const;
    expect(judge(edges, strategy)).toMatchObject([{ path: { keys: ['a'] }, fault: 'it is 1' }]);
  });

  it('holds where it held on the way, also if another way joins later', () => {
    expect(judge({ 0: [['a', 3]], 3: [['a', 1]] })).toEqual([]);
  });

  it('does not hold where a fair way goes in a circle without it', () => {
    const [found] = judge({ 0: [['a', 1]], 1: [['a', 0]] });
    expect(found).toMatchObject({ kind: 'eventually', circleLength: 2 });
  });

  it('is not held up by a circle that leaves out for ever what is possible all along', () => {
    expect(
      judge({
        0: [
          ['a', 0],
          ['b', 3],
        ],
      }),
    ).toEqual([]);
    expect(
      judge({
        0: [
          ['a', 1],
          ['b', 3],
        ],
        1: [['a', 0]],
      }),
    ).toHaveLength(1);
  });

  it('is judged by walks at their ends', () => {
    const model = graphModel({
      edges: {
        0: [
          ['a', 1],
          ['b', 3],
        ],
        3: [['a', 1]],
      },
      properties: [at3],
    });
    expect(exploreAll(model, { strategy: 'random', walks: 20 }).discoveries).toMatchObject([{ path: { keys: ['a'] } }]);
  });

  it('is named as not judged by a reduced search', () => {
    const result = exploreAll(graphModel({ edges: {}, properties: [at3] }), { strategy: 'reduced' });
    expect(result).toMatchObject({ discoveries: [], unjudged: ['comes-to-3'] });
  });
});

describe('a livelock', () => {
  const circle = { 0: [['a', 1]], 1: [['b', 2]], 2: [['a', 1]] } as const;

  it('is a circle in which progress stays the same', () => {
    const [found] = exploreAll(graphModel({ edges: circle, progress: () => 0 })).discoveries;
    expect(found).toMatchObject({ kind: 'livelock', circleLength: 2, path: { keys: ['a', 'b', 'a'] } });
  });

  it('is none where progress rises and falls in it, or where nobody says what progress is', () => {
    expect(exploreAll(graphModel({ edges: circle, progress: (state) => state })).discoveries).toEqual([]);
    expect(exploreAll(graphModel({ edges: circle })).discoveries).toEqual([]);
  });

  it('is none where one only waits for another who can act', () => {
    const edges = {
      0: [
        ['a', 0],
        ['b', 1],
      ],
      1: [],
    } as const;
    expect(exploreAll(graphModel({ edges, progress: () => 0 })).discoveries).toEqual([]);
  });

  it('goes through a circle that is fair, though not every one of its parts is', () => {
    const edges = {
      0: [
        ['a', 1],
        ['b', 2],
      ],
      1: [
        ['a', 0],
        ['b', 2],
      ],
      2: [
        ['a', 0],
        ['b', 0],
      ],
    } as const;
    const [found] = exploreAll(graphModel({ edges, progress: () => 0 })).discoveries;
    const keys = found?.path.keys ?? [];
    expect(new Set(keys.slice(keys.length - (found?.circleLength ?? 0)))).toEqual(new Set(['a', 'b']));
  });
});
