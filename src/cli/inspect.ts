/** `granule inspect`: the page over one log or more. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { Engine } from '../inspector/engine/engine.ts';
import { serveInspector } from '../inspector/server.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface InspectOptions {
  parent: string[];
  uses: string[];
  traces?: string;
  port?: number;
  browser: boolean;
}

/** Runs that have a letter. */
const RUNS_MAX = 26;

const EXAMPLES = `
Examples:
  granule inspect mixed-page-sizes.glog
  granule inspect before.glog after.glog --no-browser

The page is served on 127.0.0.1 alone, under an address that holds a random token, until the command is ended with Ctrl-C.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addInspect(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addInspect(program: Command, cli: Cli): void {
  program
    .command('inspect')
    .description('open logs in the web inspector')
    .argument('<LOG...>', 'logs; more than one are opened side by side')
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--port <N>', 'port to serve on; by default one that is free', wholeNumber)
    .option('--no-browser', 'do not open a browser, only print the address')
    .addHelpText('after', EXAMPLES)
    .action(async (logs: string[], options: InspectOptions) => inspectCommand(cli, logs, options));
}

async function inspectCommand(cli: Cli, logs: string[], options: InspectOptions): Promise<void> {
  if (logs.length > RUNS_MAX) throw new GranuleError('USAGE', `at most ${RUNS_MAX} logs`, 'granule inspect');
  const engine = new Engine();
  for (const [at, log] of logs.entries()) {
    const reader = await openLog(cli, log, options.uses, options.parent);
    const { traces, notes } = tracesOrNotes(() => tracesOf(cli, reader, options.traces));
    engine.open({ run: String.fromCharCode(65 + at), name: basename(log), reader, traces, notes });
  }
  const server = await serveInspector({ engine, ...(options.port === undefined ? {} : { port: options.port }) });
  cli.out.write(`${server.url}\n`);
  await cli.out.flush();
  if (options.browser) openBrowser(server.url);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
}

function tracesOrNotes(open: () => Map<number, RunSource>): { traces: Map<number, RunSource>; notes: string[] } {
  try {
    return { traces: open(), notes: [] };
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    return { traces: new Map(), notes: [error.format()] };
  }
}

function openBrowser(url: string): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
