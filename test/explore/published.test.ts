/** States are counted as Stateright and TLC count those of the same systems. */
import { describe, expect, it } from 'vitest';
import { classic } from '../../src/explore/classics/index.ts';
import { exploreAll } from '../../src/explore/search/explore.ts';
import { published } from './support/published.ts';

describe('published counts', () => {
  it.each(published)('of $name are met: $source', ({ model, states, made, depth }) => {
    const result = exploreAll(model);
    expect(result.complete).toBe(true);
    expect(result.states).toBe(states);
    expect(result.discoveries).toEqual([]);
    // TLC counts the initial states among those that it makes, and states rather than steps.
    if (made !== null) expect(result.transitions + model.initial().length).toBe(made);
    if (depth !== null) expect(result.maxDepth + 1).toBe(depth);
    expect(exploreAll(model, { strategy: 'depth-first' }).states).toBe(states);
  });

  it('of a lost update are met: Stateright, examples/increment.rs says 13 for two threads', () => {
    expect(exploreAll(classic('lost-update')).states).toBe(13);
  });
});
