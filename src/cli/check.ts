/** `granule check`: whether a topology can run, and what would, without running it. */
import { relative } from 'node:path';
import type { Command } from 'commander';
import { accountText, topologyAccount } from '../report/topologyAccount.ts';
import { settingsOf } from '../topology/form/form.node.ts';
import { checkedTraces } from '../topology/load.node.ts';
import { loadSystem } from '../topology/loadSystem.node.ts';
import { systemOf } from '../topology/run.ts';
import { atPlace, type Cli, collect } from './cli.ts';
import { USES_HELP } from './openLog.ts';

interface CheckOptions {
  set: string[];
  uses: string[];
  traces?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule check mixed-page-sizes
  granule check my-topology.yaml --set page=16K
  granule check my-topology.json --json

It says all that is wrong with a file at once, each with line and column, and then exits with 2.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addCheck(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addCheck(program: Command, cli: Cli): void {
  program
    .command('check')
    .description('say whether a topology can run, and what would, without running it')
    .argument('<TOPOLOGY>', 'a file (.json, .yaml, or a module), or the name of a topology that comes with granule')
    .option('--set <NAME=VALUE>', 'a parameter of the topology; may be given again', collect, [])
    .option('--traces <DIR>', 'folder to look for traces in, before those that come with granule')
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: CheckOptions) => check(cli, name, options));
}

async function check(cli: Cli, name: string, options: CheckOptions): Promise<void> {
  const { cwd } = cli.io;
  const form = await loadSystem(name, { cwd, uses: options.uses, set: settingsOf(options.set) });
  const { topology, parameters, catalogue } = form;
  const folders = [...(options.traces === undefined ? [] : [cli.path(options.traces)]), cwd, ...form.folders];
  const traces = atPlace(form, () => checkedTraces(topology, { folders }));
  // All of a system but its first step: the wires check their rules only when they are laid.
  const system = atPlace(form, () => systemOf({ topology, traces, catalogue }));
  const ids = system.actors;
  const account = topologyAccount(topology, { traces, ids, parameters });
  const { file, bases } = form;
  if (options.json === true) {
    cli.json({ file, bases, ...account });
    return;
  }
  cli.out.write(accountText(account));
  const shown = bases.map((base) => relative(cwd, base));
  if (shown.length > 0) cli.out.write(`\nextends ${shown.join(', which extends ')}\n`);
  cli.out.write(
    `\nnothing is wrong with it; try next: ${['granule run', name, ...options.set.map((text) => `--set ${text}`)].join(' ')}\n`,
  );
}
