/** `granule schema`: the JSON Schema of topology files, for editors. */
import type { Command } from 'commander';
import { topologySchemaText } from '../topology/form/jsonSchema.ts';
import type { Cli } from './cli.ts';

const EXAMPLES = `
Examples:
  granule schema > topology.schema.json

A JSON file names it by  "$schema": "./topology.schema.json",  a YAML file by a first line
  # yaml-language-server: $schema=./topology.schema.json
and the editor then completes fields and values, and says what they mean. The package has it as
node_modules/granule/docs/topology.schema.json.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addSchema(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addSchema(program: Command, cli: Cli): void {
  program
    .command('schema')
    .description('print the JSON Schema of topology files, with which an editor completes them')
    .addHelpText('after', EXAMPLES)
    .action(() => cli.out.write(topologySchemaText()));
}
