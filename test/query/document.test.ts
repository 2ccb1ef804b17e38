import { describe, expect, it } from 'vitest';
import { compileQuery } from '../../src/query/query.ts';
import { messageRegistry } from '../../src/topology/meta.ts';
import { fencesIn } from '../support/fences.ts';
import { projectFile } from '../support/tree.ts';

describe('docs/query.md', () => {
  const { text } = projectFile('docs/query.md');
  const names = { types: Object.keys(messageRegistry) };

  it('shows clauses that are queries, of messages that there are', () => {
    const lines = fencesIn(text).filter(({ language }) => language === 'text');
    const queries = lines.flatMap((fence) => fence.text.trimEnd().split('\n'));
    expect(queries.length).toBeGreaterThan(5);
    for (const query of queries) expect(compileQuery(query, names).isOneEvent, query).toBe(false);
  });

  it('shows conditions that are conditions, in its tables', () => {
    const cells = [...text.matchAll(/^\| (`.*?) \| /gm)].map(([, cell]) => cell ?? '');
    const shown = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, one]) => one ?? ''));
    const whole = shown.filter((one) => /^(?:state|before|changed|became|FAULT|type|to|payload)\b/.test(one));
    expect(whole.length).toBeGreaterThan(8);
    for (const one of whole) expect(compileQuery(one.replaceAll(String.raw`\|`, '|')).text, one).not.toBe('');
  });
});
