/** A search on several threads sees what one sees. */
import { describe, expect, it } from 'vitest';
import { classic } from '../../src/explore/classics/index.ts';
import { modelOf } from '../../src/explore/search/modelSource.node.ts';
import { exploreInParallel } from '../../src/explore/search/parallel.node.ts';
import { SharedTable } from '../../src/explore/search/sharedTable.ts';
import { exploreAll } from '../../src/explore/search/explore.ts';
import { followPath } from '../../src/explore/search/ways.ts';

const CLASSICS = new URL('../../src/explore/classics/index.ts', import.meta.url).href;
const PUBLISHED = new URL('./support/published.ts', import.meta.url).href;

describe('a search on two threads', () => {
  it('sees every state once, and takes every transition', async () => {
    const source = { module: PUBLISHED, export: 'twoPhaseCommit', args: [5] };
    const result = await exploreInParallel(source, { strategy: 'depth-first' }, { workers: 2 });
    expect(result).toMatchObject({ states: 8832, transitions: 58_145, complete: true, stoppedBy: null });
  });

  it.each(['depth-first', 'bounded', 'random', 'pct', 'reduced'] as const)(
    'finds what one finds: %s',
    async (strategy) => {
      const options = { strategy, walks: 200, seed: 1 };
      const source = { module: CLASSICS, export: 'classic', args: ['store-buffering'] };
      const result = await exploreInParallel(source, options, { workers: 2 });
      const alone = exploreAll(classic('store-buffering'), options);
      expect(result.discoveries.map(({ property }) => property)).toEqual(['one-sees']);
      for (const { path } of result.discoveries) followPath(classic('store-buffering'), path);
      expect(result).toMatchObject({ states: alone.states, transitions: alone.transitions, ends: alone.ends });
      expect(result.coverage).toEqual(alone.coverage);
    },
  );

  it('ends when the caller says so, or a fault is found that was waited for', async () => {
    const source = { module: PUBLISHED, export: 'twoPhaseCommit', args: [6] };
    const stopped = await exploreInParallel(
      source,
      { strategy: 'depth-first' },
      { workers: 2, shouldStop: () => true },
    );
    expect(stopped).toMatchObject({ complete: false, stoppedBy: 'caller' });
    const aba = { module: CLASSICS, export: 'classic', args: ['aba'] };
    const found = await exploreInParallel(aba, { strategy: 'random', stopAtFirst: true, walks: 1e6 }, { workers: 2 });
    expect(found).toMatchObject({ stoppedBy: 'discovery' });
  });

  it('refuses a source that makes no model', async () => {
    const refused = { code: 'EXPLORE_MODEL_UNKNOWN' };
    await expect(modelOf({ module: CLASSICS, export: 'none' })).rejects.toMatchObject(refused);
    await expect(modelOf({ module: CLASSICS, export: 'MENDED' })).rejects.toMatchObject(refused);
    await expect(modelOf({ module: CLASSICS, export: 'classic', args: ['none'] })).rejects.toMatchObject(refused);
  });
});

describe('the shared table', () => {
  it('finds each fingerprint new once, and is full at some time', () => {
    const table = SharedTable.forStates(1000);
    const other = new SharedTable(table.buffer);
    for (let index = 0; index < 1000; index++) expect(table.see(index * 9_007_199_254)).toBe(true);
    for (let index = 0; index < 1000; index++) expect(other.see(index * 9_007_199_254)).toBe(false);
    expect(other.size).toBe(1000);
    expect(() => {
      for (let index = 0; index < 5000; index++) other.see(index);
    }).toThrow('full');
  });
});
