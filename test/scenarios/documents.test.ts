/** Documents that are made of the scenarios: their schema, the list of formulas, and the findings; and what they are made of. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ExpectedVerdict } from '../../src/scenarios/expected.ts';
import { readScenarios } from '../../src/scenarios/catalogue.node.ts';
import { formulas } from '../../src/scenarios/formulas/all.node.ts';
import { withFindings } from '../../src/scenarios/report/findings.ts';
import { scenarioSchemaText } from '../../src/scenarios/schema.ts';

const writes = process.env['UPDATE_DOCS'] === '1';
const pathOf = (name: string): URL => new URL(`../../${name}`, import.meta.url);
const read = (name: string): string => readFileSync(pathOf(name), 'utf8');

/** A document is what is made of it, or is written anew where that is asked for. */
function hold(name: string, made: string): void {
  if (writes) writeFileSync(pathOf(name), made);
  expect(read(name)).toBe(made);
}

const { verdicts } = JSON.parse(read('fixtures/scenarios/expected.json')) as { verdicts: ExpectedVerdict[] };
const scenarios = readScenarios();

function formulasTable(): string {
  const rows = formulas.map(({ name, says, source, operands }) => {
    const list = operands.map((operand) => {
      const usual = operand.usual === undefined ? '' : ` (${String(operand.usual)})`;
      return `\`${operand.name}\` ${operand.says}${usual}`;
    });
    return `| \`${name}\` | ${says} | ${list.join('<br>')} | ${source} |`;
  });
  return ['| formula | gives | operands | after |', '|---|---|---|---|', ...rows].join('\n');
}

describe('documents of the scenarios', () => {
  it('has the schema of the files', () => {
    hold('docs/scenario.schema.json', scenarioSchemaText());
  });

  it('lists every formula', () => {
    const text = read('docs/scenarios.md');
    const made = text.replace(
      /<!-- formulas -->\n[\s\S]*?<!-- end -->/,
      () => `<!-- formulas -->\n${formulasTable()}\n<!-- end -->`,
    );
    hold('docs/scenarios.md', made);
  });

  it('has in its findings what the catalogue came to', () => {
    hold('docs/findings.md', withFindings(read('docs/findings.md'), verdicts));
  });
});

describe('what the catalogue came to', () => {
  it('is the expected verdict of every scenario, in their order', () => {
    const kept = verdicts.map(({ id, verdict, question }) => ({ id, verdict, question }));
    expect(kept).toEqual(scenarios.map(({ id, expected, question }) => ({ id, verdict: expected, question })));
  });

  it('has figures for whatever was decided by figures', () => {
    const bare = verdicts.filter(
      ({ verdict, figures }) => verdict !== 'cannot be modelled' && Object.keys(figures).length === 0,
    );
    expect(bare.map(({ id }) => id)).toEqual([]);
  });
});
