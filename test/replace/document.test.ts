import { describe, expect, it } from 'vitest';
import { hasFigures, machines } from '../../machines/index.ts';
import { run } from '../../src/library/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { projectFile } from '../support/tree.ts';
import { checked, definitionIn, opened, standing, summaryOf } from './support.ts';
import { refusalOf } from '../support/refusal.ts';

const { text } = projectFile('docs/replace.md');

describe('docs/replace.md', () => {
  it('has topologies that are such', () => {
    const fences = [...text.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, json]) => json ?? '');
    expect(fences.length).toBeGreaterThan(0);
    for (const fence of fences) expect(parseTopology(JSON.parse(fence), 'docs/replace.md').replace).toBeDefined();
  });

  it('lists the kinds that have figures, and what they are', async () => {
    const rows = new Map(
      [...text.matchAll(/^\| `([a-z]+)` \| (`[a-zA-Z]+`.*)\|$/gm)].map(([, kind, cells]) => [kind, cells]),
    );
    expect([...rows.keys()].filter((kind) => kind !== undefined && hasFigures(kind)).sort()).toEqual(
      Object.keys(machines).filter(hasFigures).sort(),
    );
    const { files, memory, disk } = summaryOf(checked(await opened('both-sizes')));
    const named = (kind: string) =>
      [...(rows.get(kind) ?? '').matchAll(/`([a-zA-Z]+)`/g)].map(([, name]) => name ?? '').sort();
    expect(named('file')).toEqual(
      Object.keys(files)
        .filter((name) => name !== 'files')
        .sort(),
    );
    expect(named('disk')).toEqual(Object.keys(disk).sort());
    expect(named('zone')).toEqual([...Object.keys(memory), 'usedPages'].sort());
  });

  it('quotes a refusal as it is', async () => {
    const ready = await standing('reclaim-beside-a-stream', { file: 'both-sizes' }, [await definitionIn('both-sizes')]);
    const quoted = /^```text\n(TOPOLOGY_NO_TAKER[\s\S]*?)^```/m.exec(text)?.[1] ?? '';
    expect(refusalOf(() => run(ready))).toBe(quoted.trim().replaceAll('\n', ' '));
  });
});
