/** `granule faults`: the fault plans that come with granule; and the option that adds one to a run. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { builtInFaultPlans } from '../topology/faultPlans/index.ts';
import { parametersOf } from '../topology/faultPlans/describe.ts';
import { didYouMean } from '../topology/faultPlans/near.ts';
import type { FaultPlanDefinition } from '../topology/faultPlans/define.ts';
import type { Cli } from './cli.ts';

interface FaultsOptions {
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule faults
  granule faults allocation-failure-at
  granule run mixed-page-sizes --fault slow-disk:cycles=5000000 --fault cpu-stall:cpu=1

In a topology: "faultPlan": [{ "plan": "lost-tlbi", "nth": 3 }]. --json prints a list of
{"name","says","linux","source","parameters":[{"name","says","isRequired","byDefault"}]}.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addFaults(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addFaults(program: Command, cli: Cli): void {
  program
    .command('faults')
    .description('list the named fault plans, with their parameters')
    .argument('[PLAN]', 'one of them, with what Linux does about such a fault')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((name: string | undefined, options: FaultsOptions) => faults(cli, name, options));
}

function faults(cli: Cli, name: string | undefined, { json }: FaultsOptions): void {
  const plans = [...builtInFaultPlans.values()].filter((plan) => name === undefined || plan.name === name);
  if (plans.length === 0) {
    const hint = didYouMean(name ?? '', builtInFaultPlans.keys());
    throw new GranuleError('USAGE', `there is no fault plan "${name}"${hint}`, 'granule faults');
  }
  if (json === true) {
    cli.json(plans.map((plan) => shown(plan)));
    return;
  }
  for (const plan of plans) cli.out.write(planText(plan, name !== undefined));
}

function shown(plan: FaultPlanDefinition): object {
  const { name, says, linux, source } = plan;
  return { name, says, linux, source, parameters: parametersOf(plan) };
}

function planText(plan: FaultPlanDefinition, isWhole: boolean): string {
  const lines = [plan.name, `  ${plan.says}`];
  for (const { name, says, isRequired, byDefault } of parametersOf(plan)) {
    const value = isRequired ? ' (required)' : byDefault === '' ? '' : ` (${byDefault})`;
    lines.push(`    ${name}${value}: ${says}`);
  }
  if (isWhole) lines.push(`  Linux: ${plan.linux}`, `  Source: ${plan.source}`);
  return `${lines.join('\n')}\n`;
}
