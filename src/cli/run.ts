/** `granule run`: plays a topology to its end and keeps its log. */
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { formatCount } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { withFaults } from '../topology/faultPlans/withFaults.ts';
import { settingsOf } from '../topology/form/form.node.ts';
import { checkedTraces, loadTopology, topologyNames } from '../topology/load.node.ts';
import type { Catalogue } from '../topology/definitions/catalogue.ts';
import { loadSystem } from '../topology/loadSystem.node.ts';
import { logMeta } from '../topology/meta.ts';
import { systemOf } from '../topology/run.ts';
import { choosers, type Topology } from '../topology/schema.ts';
import { atPlace, type Cli, collect, interpreterOption, wholeNumber } from './cli.ts';
import { INTERRUPTED_EXIT } from './interruption.ts';
import { play, type Played } from './play.ts';
import { type Inspected, inspectRun } from './liveRun.ts';
import { USES_HELP } from './openLog.ts';
import { outputPath, stemOf } from './outputPath.ts';
import { printRun } from './runReport.ts';

interface RunOptions {
  out?: string;
  force?: boolean;
  seed?: number;
  chooser?: Topology['chooser'];
  trace: string[];
  set: string[];
  fault: string[];
  traces?: string;
  log: boolean;
  checked?: boolean;
  interpreter: Interpreter;
  uses: string[];
  json?: boolean;
  list?: boolean;
  inspect?: boolean;
  paused?: boolean;
  browser: boolean;
}

const EXAMPLES = `
Examples:
  granule run --list
  granule run mixed-page-sizes
  granule run my-topology.json --out run.glog --seed 7 --chooser seeded-random
  granule run mixed-page-sizes --trace 100=recorded.gtr --no-log --json
  granule run my-topology.yaml --set page=16K
  granule run mixed-page-sizes --inspect --paused
  granule run mixed-page-sizes --fault slow-disk:cycles=5000000 --fault lost-tlbi:nth=2

The log goes to NAME.glog in this folder, or to NAME-2.glog and so on when that is there. --out replaces what is there,
once the run is over. Ctrl-C ends the run; the log then holds what happened until then.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addRun(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addRun(program: Command, cli: Cli): void {
  program
    .command('run')
    .description('play a topology to its end and keep its log')
    .argument('[TOPOLOGY]', 'a file (.json, .yaml, or a module), or the name of a topology that comes with granule')
    .option('--list', 'list the topologies that come with granule')
    .option('--out <FILE>', 'where to write the log')
    .option('--force', 'write NAME.glog even when it is there')
    .option('--no-log', 'keep no log')
    .option('--checked', 'look at the laws of memory and translation after every event; slower')
    .option('--seed <N>', 'seed of the chooser, over that of the topology', wholeNumber)
    .addOption(new Option('--chooser <NAME>', 'who is next').choices([...choosers]))
    .addOption(interpreterOption())
    .option('--trace <PID=FILE>', 'trace of a process, over that of the topology; may be given again', collect, [])
    .option('--fault <PLAN[:NAME=VALUE,...]>', 'add a named fault plan; may be given again', collect, [])
    .option('--traces <DIR>', 'folder to look for traces in, before those that come with granule')
    .option('--set <NAME=VALUE>', 'a parameter of the topology; may be given again', collect, [])
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--inspect', 'show the run in the web inspector as it goes, and its log until Ctrl-C')
    .option('--paused', 'with --inspect: begin paused, behind the first event')
    .option('--no-browser', 'with --inspect: do not open a browser, only print the address')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, options: RunOptions) => run(cli, name, options));
}

async function run(cli: Cli, name: string | undefined, options: RunOptions): Promise<void> {
  if (options.list === true) {
    list(cli, options.json === true);
    return;
  }
  if (name === undefined) {
    throw new GranuleError(
      'USAGE',
      'a topology is missing',
      'granule run',
      'Give a file, or a name of "granule run --list".',
    );
  }
  const { cwd } = cli.io;
  const loaded = await loadSystem(name, { cwd, uses: options.uses, set: settingsOf(options.set) });
  const { catalogue } = loaded;
  const topology = withFaults(changed(loaded.topology, options, cli), options.fault, catalogue.faultPlans);
  const folders = [...(options.traces === undefined ? [] : [cli.path(options.traces)]), cwd, ...loaded.folders];
  const traces = atPlace(loaded, () => checkedTraces(topology, { folders }));
  // Built here once more for its checks alone: what cannot run leaves no log behind.
  atPlace(loaded, () => systemOf({ topology, traces, catalogue }));
  const out = options.log ? outputPath(cli, stemOf(name), options) : null;
  const checked = options.checked === true;
  const { interpreter } = options;
  const { played, inspected } = await record(cli, topology, traces, { catalogue, out, checked, interpreter, options });
  if (played.interrupted) {
    cli.exitCode = INTERRUPTED_EXIT;
    const kept = out === null ? '' : `; the log is closed, and holds what happened until then: ${out}`;
    cli.note(`ended by a signal after ${formatCount(played.outcome.records)} events${kept}`);
  }
  printRun(cli, played, { topology, traces, out, json: options.json === true });
  if (inspected !== null) await stayOpen(cli, inspected, played.interrupted);
}

function list(cli: Cli, json: boolean): void {
  const topologies = topologyNames().map((name) => ({ name, description: loadTopology(name).description }));
  if (json) cli.json(topologies);
  else {
    const rows = topologies.map(({ name, description }) => [name, description]);
    cli.out.write(formatTable(rows, { align: ['left', 'left'], header: false }));
  }
}

/** The topology with what the command line changes in it: the log's header then tells what was really run. */
function changed(topology: Topology, options: RunOptions, cli: Cli): Topology {
  const byPid = new Map(options.trace.map((text) => traceOption(text)));
  for (const pid of byPid.keys()) {
    if (topology.processes.some((process) => process.pid === pid)) continue;
    throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', `there is no process:${pid}`, `--trace ${pid}=...`);
  }
  return {
    ...topology,
    seed: options.seed ?? topology.seed,
    chooser: options.chooser ?? topology.chooser,
    processes: topology.processes.map((process) => {
      const file = byPid.get(process.pid);
      if (file === undefined) return process;
      const { program: _program, workload: _workload, ...others } = process;
      return { ...others, trace: cli.path(file) };
    }),
  };
}

function traceOption(text: string): [number, string] {
  const match = /^(\d+)=(.+)$/.exec(text);
  if (match === null) throw new GranuleError('USAGE', `"${text}" is no PID=FILE`, '--trace');
  return [Number(match[1]), match[2] ?? ''];
}

/** How to record. */
interface RecordRequest {
  readonly out: string | null;
  readonly catalogue: Catalogue;
  readonly checked: boolean;
  readonly interpreter: Interpreter;
  readonly options: RunOptions;
}

async function record(
  cli: Cli,
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  { out, options, ...request }: RecordRequest,
): Promise<{ played: Played; inspected: Inspected | null }> {
  const { catalogue } = request;
  const inspects = options.inspect === true;
  const storage = out === null ? (inspects ? memoryStorage() : null) : createLogFile(out);
  const writer =
    storage === null ? null : new LogWriter(storage, zlibCompression, logMeta(topology, traces, null, catalogue));
  let inspected: Inspected | null = null;
  try {
    if (inspects && storage !== null) {
      const how = { isPaused: options.paused === true, opensBrowser: options.browser };
      inspected = await inspectRun(cli, { name: topology.name, storage, out, traces, catalogue, ...how });
    }
    const live = inspected === null ? {} : { live: inspected.live };
    const played = await play(cli, { topology, traces, writer, ...request, ...live });
    inspected?.end();
    return { played, inspected };
  } catch (error) {
    await inspected?.close();
    if (out !== null && storage !== null && writer !== null && writer.nextSeq > 0 && existsSync(storage.name))
      cli.note(`the log holds what happened until then: ${storage.name}`);
    throw error;
  }
}

/** The page has the log until the user has enough of it. */
async function stayOpen(cli: Cli, inspected: Inspected, isInterrupted: boolean): Promise<void> {
  if (!isInterrupted) {
    await cli.out.flush();
    cli.note('the inspector shows the log until Ctrl-C');
    await inspected.untilSignal();
  }
  await inspected.close();
}
