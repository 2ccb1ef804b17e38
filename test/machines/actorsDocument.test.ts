/** docs/actors.md is held to the machines: its diagrams and message lists are generated. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ActorKind, machines } from '../../machines/index.ts';
import { sectionOf } from './support/diagrams.ts';

const PATH = new URL('../../docs/actors.md', import.meta.url);

describe('docs/actors.md', () => {
  const kinds = Object.keys(machines) as ActorKind[];

  it('shows every statechart as it is (UPDATE_DOCS=1 writes it anew)', () => {
    let text = readFileSync(PATH, 'utf8');
    for (const kind of kinds) {
      const pattern = new RegExp(`<!-- statechart:${kind} -->[\\s\\S]*?<!-- end -->`);
      expect(text, `there is a place for ${kind}`).toMatch(pattern);
      if (process.env['UPDATE_DOCS'] === '1') text = text.replace(pattern, () => sectionOf(kind));
    }
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(PATH, text);
    for (const kind of kinds) expect(text).toContain(sectionOf(kind));
  });
});
