/** `granule validate`: the model held against what real kernels answered. */
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { addValidateAbi } from './validateAbi.ts';
import { addValidateFootprint } from './validateFootprint.ts';
import { addValidateInterfaces } from './validateInterfaces.ts';
import { addValidatePrograms } from './validatePrograms.ts';

const EXAMPLES = `
Examples:
  granule validate abi abi-64K.ndjson.gz --on 4K
  granule validate footprint footprint.ndjson
  granule validate interfaces interfaces.json
  granule validate programs programs.ndjson

Each has a help of its own: granule validate abi --help.`;

/**
 * Adds the command and its subcommands.
 *
 * @example
 * ```ts
 * addValidate(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addValidate(program: Command, cli: Cli): void {
  const group = program
    .command('validate')
    .description('hold the model against what real kernels answered')
    .addHelpText('after', EXAMPLES);
  addValidateAbi(group, cli);
  addValidateFootprint(group, cli);
  addValidateInterfaces(group, cli);
  addValidatePrograms(group, cli);
}
