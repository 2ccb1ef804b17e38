/** docs/wires.md lists the operators and the named plans that there are. */
import { expect, it } from 'vitest';
import { builtInFaultPlans } from '../../src/topology/faultPlans/index.ts';
import { parametersOf } from '../../src/topology/faultPlans/describe.ts';
import { OPERATORS } from '../../src/topology/faultPlans/schema.ts';
import { projectFile } from '../support/tree.ts';

/** Cells of the rows of the table under a head. */
function rowsUnder(head: string): string[][] {
  const { text } = projectFile('docs/wires.md');
  const table = text.split('\n\n').find((block) => block.startsWith(head)) ?? '';
  const rows = table.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

it('lists every operator, in their order', () => {
  expect(rowsUnder('| op |').map(([name]) => name)).toEqual(OPERATORS.map((name) => `\`${name}\``));
});

it('lists every named plan with its parameters and what it says of itself', () => {
  const expected = [...builtInFaultPlans.values()].map((plan) => {
    const names = parametersOf(plan).map(({ name }) => `\`${name}\``);
    return [`\`${plan.name}\``, names.join(', '), plan.says];
  });
  expect(rowsUnder('| plan |')).toEqual(expected);
});
