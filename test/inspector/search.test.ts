import { beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../src/inspector/engine/engine.ts';
import type { FoundEvent, SearchAsked, SearchPage } from '../../src/inspector/engine/views/search.ts';
import { summaryLine } from '../../src/inspector/engine/stateTree.ts';
import { compileQuery } from '../../src/query/query.ts';
import { runQuery } from '../../src/query/run.ts';
import { payloadLine } from '../../src/report/recordText.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';

const engine = new Engine();

beforeAll(() => {
  const topology = loadTopology('mixed-page-sizes');
  const traces = loadTraces(topology, { folders: [] });
  engine.open({ run: 'A', name: 'mixed', reader: runInMemory(topology, traces), traces });
});

/** All pages of a search, and how many there were. */
function pages(asked: Partial<SearchAsked>): { hits: FoundEvent[]; pages: number } {
  const whole = { text: '', language: 'query', actor: '', type: '', ...asked } as const;
  const hits: FoundEvent[] = [];
  let from: number | null = null;
  for (let page = 1; ; page++) {
    const found: SearchPage = engine.ask('search', { run: 'A', ...whole, from });
    hits.push(...found.hits);
    if (found.next === null) return { hits, pages: page };
    from = found.next;
  }
}

const seqsOf = (hits: readonly { readonly seq: number }[]): number[] => hits.map(({ seq }) => seq);

describe('a search', () => {
  it('for words finds every event whose line has them all, page after page', () => {
    const { reader } = engine.run('A');
    const expected = [...reader.range()].filter(({ type, from, to, payload }) => {
      const line = `${type} ${from} ${to} ${payloadLine(payload)}`.toLowerCase();
      return line.includes('walk') && line.includes('mmu:200');
    });
    const found = pages({ text: 'walk mmu:200', language: 'text' });
    expect(seqsOf(found.hits)).toEqual(seqsOf(expected));
    expect(found.pages).toBeGreaterThan(1);
  });

  it.each([
    "FAULT && to == 'mm:200'",
    'FAULT preceded by WALK within 20 events',
    "state('mm:200').context.rssFilePages > 20 && to == 'mm:200'",
    'last 7 FAULT',
    'first 3 WALK followed by FAULT within 10 events',
  ])('by the query %s finds in pages what the query finds at once', (text) => {
    const { reader, view } = engine.run('A');
    const expected = [...runQuery(reader, view, compileQuery(text))];
    expect(expected.length).toBeGreaterThan(0);
    expect(seqsOf(pages({ text }).hits)).toEqual(seqsOf(expected));
  });

  it('keeps to the actor and the type that are chosen beside it', () => {
    const { hits } = pages({ text: 'va', language: 'text', actor: 'mm:100', type: 'FAULT' });
    expect(hits.length).toBeGreaterThan(0);
    expect(hits.every(({ to, type }) => to === 'mm:100' && type === 'FAULT')).toBe(true);
  });

  it('says where a query is wrong', () => {
    expect(() => pages({ text: 'FUALT' })).toThrow(/FAULT/);
  });
});

describe('what stands for a value with others inside', () => {
  it('is all of it where that is short, and else how much there is', () => {
    expect(summaryLine([1, 2], 'context.list')).toBe('[1,2]');
    expect(summaryLine({}, 'context.empty')).toBe('{}');
    expect(
      summaryLine(
        Array.from({ length: 1234 }, () => 0),
        'context.list',
      ),
    ).toBe('[1,234 items]');
    const { nodes } = engine.ask('tree', { run: 'A', actor: 'mm:200', seq: 5000, path: 'context' });
    expect(nodes.filter(({ children, text }) => children > 0 && text.length > 40)).toEqual([]);
  });
});
