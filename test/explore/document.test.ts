/** docs/search.md is held to the searches: its tables are made here. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classic, classics, MENDED } from '../../src/explore/classics/index.ts';
import type { Model } from '../../src/explore/model.ts';
import { explore, exploreAll, runExploration } from '../../src/explore/search/explore.ts';
import {
  ACTIONS_MAX,
  EVENTUALLY_MAX,
  OWNER_CLASSES_MAX,
  STATES_DEFAULT,
  STATES_MAX,
  WALK_STEPS_DEFAULT,
} from '../../src/explore/search/limits.ts';
import { STRATEGIES, type Strategy } from '../../src/explore/search/types.ts';
import { STEPS, WALKS } from './support/classicFacts.ts';
import { published } from './support/published.ts';

const PATH = new URL('../../docs/search.md', import.meta.url);
const broken = Object.keys(classics).filter((name) => !name.endsWith(MENDED));

const row = (cells: readonly unknown[]): string => `| ${cells.join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n');
}

const factor = (all: number, few: number): string => (all / few).toFixed(1);

function reductionRow(name: string, model: Model<never, never>): unknown[] {
  const all = exploreAll(model, { livelocks: false });
  const few = exploreAll(model, { strategy: 'reduced' });
  const states = [all.states, few.states, factor(all.states, few.states)];
  return [name, ...states, all.transitions, few.transitions, factor(all.transitions, few.transitions)];
}

function reduction(): string {
  const head = ['system', 'states', 'reduced', 'factor', 'transitions', 'reduced', 'factor'];
  const own = Object.entries(classics).map(([name, model]) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- states go from the model to the model alone
    return reductionRow(`\`${name}\``, model as unknown as Model<never, never>);
  });
  return table(head, [...own, ...published.map(({ name, model }) => reductionRow(name, model))]);
}

/** The number of the first walk that finds something, from 1. */
function firstWalk(name: string, strategy: Strategy): string {
  for (let walk = 0; walk < WALKS; walk++) {
    const options = { strategy, seed: 1, firstWalk: walk, walks: 1, maxDepth: STEPS };
    if (runExploration(explore(classic(name), options)).discoveries.length > 0) return String(walk + 1);
  }
  return 'none';
}

function classicRows(): string {
  const rows = broken.map((name) => {
    const result = exploreAll(classic(name));
    const [found] = result.discoveries;
    const { states, transitions } = result;
    const walks = [firstWalk(name, 'random'), firstWalk(name, 'pct')];
    const mended = exploreAll(classic(`${name}${MENDED}`));
    const steps = found?.path.keys.length ?? 0;
    const fault = `${found?.property}: ${found?.fault}`;
    return [
      `\`${name}\``,
      fault,
      states,
      transitions,
      steps,
      ...walks,
      `${mended.states}, ${mended.discoveries.length}`,
    ];
  });
  const head = ['classic', 'found', 'states', 'transitions', 'shortest way', 'random walk', 'pct walk'];
  return table([...head, 'states and faults, mended'], rows);
}

function publishedRows(): string {
  const rows = published.map(({ name, source, model, states, made, depth }) => {
    const result = exploreAll(model);
    const own = [result.states, result.transitions + model.initial().length, result.maxDepth + 1];
    return [name, source, states, made ?? '-', depth ?? '-', ...own];
  });
  const increment = exploreAll(classic('lost-update'));
  const threads = ['`lost-update`', 'Stateright: examples/increment.rs', 13, '-', '-', increment.states];
  rows.push([...threads, increment.transitions + 1, increment.maxDepth + 1]);
  const head = ['system', 'published by', 'states', 'made', 'depth', 'here: states', 'made', 'depth'];
  return table(head, rows);
}

describe('docs/search.md', () => {
  it.each([
    ['reduction', reduction],
    ['classics', classicRows],
    ['published', publishedRows],
  ] as const)('has the table of %s as it is (UPDATE_DOCS=1 writes it anew)', (name, make) => {
    const pattern = new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- end -->`);
    const section = `<!-- ${name} -->\n\n${make()}\n\n<!-- end -->`;
    let text = readFileSync(PATH, 'utf8');
    if (process.env['UPDATE_DOCS'] === '1') {
      text = text.replace(pattern, () => section);
      writeFileSync(PATH, text);
    }
    expect(pattern.exec(text)?.[0]).toBe(section);
  });

  it('names every strategy and every limit', () => {
    const text = readFileSync(PATH, 'utf8');
    for (const strategy of STRATEGIES) expect(text).toContain(`\n| \`${strategy}\` |`);
    const number = (value: number): string => value.toLocaleString('en');
    expect(text).toContain(`| states of a search | ${number(STATES_MAX / 2)}; ${number(STATES_DEFAULT)} when`);
    expect(text).toContain(`| actions of a state | ${number(ACTIONS_MAX)} |`);
    expect(text).toContain(`| owners that a reduction tells apart | ${OWNER_CLASSES_MAX} |`);
    expect(text).toContain(`| properties \`eventually\` | ${EVENTUALLY_MAX} |`);
    expect(text).toContain(`| steps of a walk | ${number(WALK_STEPS_DEFAULT)} when`);
  });
});
