import { describe, expect, it } from 'vitest';
import { openTopology } from '../../src/library/openTopology.node.ts';
import { run } from '../../src/library/run.ts';
import { replay } from '../../src/library/timeline.ts';
import { checked, definitionIn, standing, summaryOf } from './support.ts';

describe('in a topology of two recorded programs of 4K and 64K pages', () => {
  it.each([
    ['tlb', 'coalescing-tlb'],
    ['file', 'both-sizes'],
    ['zone', 'best-fit-zone'],
  ] as const)(
    'a stand-in for %s does all that is asked of it, and the programs do what they do',
    async (kind, name) => {
      const ready = await standing('mixed-page-sizes', { [kind]: name }, [await definitionIn(name)]);
      const made = checked(ready);
      expect(made.lawsLeftOut).toEqual([]);
      expect(replay(made)).toMatchObject({ divergence: null, headHash: made.headHash });
      const [own, built] = [made, run(await openTopology('mixed-page-sizes'))].map(summaryOf);
      const done = (summary: typeof own) =>
        summary?.processes.map(({ counts, calls, callsFailed, fallbacks }) => {
          return [counts.references, calls, callsFailed, fallbacks];
        });
      expect(done(own)).toEqual(done(built));
      expect(own?.unfinished).toBe(0);
    },
  );
});
