/** `granule fork`: a recorded run leaves its recording, with a change, and runs on to its end. */
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import type { LogReader } from '../log/logReader.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import type { RunSource } from '../mm/runs.ts';
import { forkLines } from '../report/forkText.ts';
import { formatBytes, formatCount, formatSeconds } from '../report/format.ts';
import { liveStates } from '../report/actorStates.ts';
import { summarize } from '../report/runSummary.ts';
import { firstDivergence } from '../timeline/compare.ts';
import { beginningOf, type ForkChange } from '../timeline/forkPlan.ts';
import { type ForkedRun, forkSteps } from '../timeline/forkRun.ts';
import { layoutOf } from '../topology/build.ts';
import { loadTraces } from '../topology/load.node.ts';
import { openMeta, programName } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { type Cli, collect, wholeNumber } from './cli.ts';
import { listChanges } from './forkList.ts';
import { forkChanges } from './forkWords.ts';
import { Interruption, INTERRUPTED_EXIT } from './interruption.ts';
import { openLog, PARENT_HELP, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';
import { outputPath, stemOf } from './outputPath.ts';

interface ForkOptions {
  at?: number;
  list?: boolean;
  drop: string[];
  delay: string[];
  replace: string[];
  send: string[];
  set: string[];
  choice?: number;
  checked?: boolean;
  out?: string;
  force?: boolean;
  uses: string[];
  parent: string[];
  traces?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule fork run.glog --at 1000 --list                        what waits there, and which settings can change
  granule fork run.glog --drop 1004                             the message that event 1004 delivers never arrives
  granule fork run.glog --delay 1004 50000                      it arrives 50000 cycles later
  granule fork run.glog --replace 1004 access=write
  granule fork run.glog --at 1000 --send STOP to=process:200 delayCycles=100
  granule fork run.glog --at 1000 --set pageCache=sticky-order --set costs.diskLatency=30000
  granule fork run.glog --at 1000 --choice 2                    deliver the message that --list numbers 2 next
  granule fork run.glog --at start --set cpus=4                 everything may change; no event is shared

The log goes to NAME-fork.glog in this folder. It holds only what happened behind the fork: keep it beside the log that it was forked
from, or name that with --parent. Without --at, a fork begins just before the first message that it changes.`;

function momentOf(text: string): number {
  return text === 'start' || text === '-1' ? -1 : wholeNumber(text);
}

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addFork(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addFork(program: Command, cli: Cli): void {
  program
    .command('fork')
    .description('run on from any event of a log, with a message, a setting, a policy or a choice changed')
    .argument('<LOG>', 'a .glog')
    .option('--at <SEQ>', 'behind this event; "start": before the first', momentOf)
    .option('--list', 'list what can be changed there, and run nothing')
    .option('--drop <SEQ>', 'the message that this event delivers never arrives; may be given again', collect, [])
    .option('--delay <SEQ CYCLES...>', 'it arrives so many cycles later; may be given again', collect, [])
    .option('--replace <SEQ FIELD=VALUE...>', 'it has other fields; may be given again', collect, [])
    .option('--send <TYPE FIELD=VALUE...>', 'send a message from outside, to=ACTOR; may be given again', collect, [])
    .option('--set <PATH=VALUE>', 'change a setting of the topology; may be given again', collect, [])
    .option('--choice <N>', 'deliver this one of the messages that --list numbers next', wholeNumber)
    .option('--checked', 'look at the laws of memory and translation after every event; slower')
    .option('--out <FILE>', 'where to write the log')
    .option('--force', 'write NAME-fork.glog even when it is there')
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((log: string, options: ForkOptions) => fork(cli, log, options));
}

async function fork(cli: Cli, log: string, options: ForkOptions): Promise<void> {
  const reader = await openLog(cli, log, options.uses, options.parent);
  const traces = tracesOf(cli, reader, options.traces);
  const edits = forkChanges(options);
  if (options.list === true) {
    listChanges(cli, reader, traces, { at: options.at ?? beginningOf(edits), json: options.json === true });
    return;
  }
  if (options.at === undefined && edits.length === 0) {
    const next = 'Give --at SEQ, or a message to change with --drop, --delay or --replace.';
    throw new GranuleError('USAGE', 'where the fork begins is missing', 'granule fork', next);
  }
  const out = outputPath(cli, `${stemOf(log)}-fork`, options);
  const { forked, seconds } = await play(cli, reader, traces, { edits, out, options });
  print(cli, reader, forked, { log, out, seconds, json: options.json === true });
}

/** With no record shared, a topology may want its programs laid out for other pages, or other programs. */
function tracesFor(
  cli: Cli,
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  folder: string | undefined,
): (topology: Topology) => ReadonlyMap<number, RunSource> {
  const recorded = new Map(openMeta(reader.meta).traces.map((reference) => [reference.pid, reference]));
  return (topology) => {
    const isAsRecorded = topology.processes.every((process) => {
      const reference = recorded.get(process.pid);
      const layoutBytes = layoutOf(process, topology.kernelPageSize);
      return reference?.name === programName(process) && reference.layoutBytes === layoutBytes;
    });
    if (isAsRecorded) return traces;
    const folders = [...(folder === undefined ? [] : [cli.path(folder)]), dirname(reader.storage.name), cli.io.cwd];
    return loadTraces(topology, { folders });
  };
}

async function play(
  cli: Cli,
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  { edits, out, options }: { edits: readonly ForkChange[]; out: string; options: ForkOptions },
): Promise<{ forked: ForkedRun; seconds: number }> {
  const { at, checked = false } = options;
  const progress = cli.progress();
  const interruption = new Interruption();
  const started = performance.now();
  try {
    const steps = forkSteps(reader, traces, {
      edits,
      checked,
      storage: () => createLogFile(out),
      reopened: () => openLogFile(out),
      compression: zlibCompression,
      traces: tracesFor(cli, reader, traces, options.traces),
      ...(at === undefined ? {} : { at }),
    });
    let step = steps.next();
    while (step.done !== true) {
      const { nextSeq } = step.value;
      progress.report({ done: nextSeq, total: reader.records, text: `${formatCount(nextSeq)} events` });
      await interruption.pause();
      step = steps.next(interruption.asked ? 'stop' : undefined);
    }
    if (interruption.asked) {
      cli.exitCode = INTERRUPTED_EXIT;
      cli.note(`ended by a signal; the log is closed, and holds what happened until then: ${out}`);
    }
    return { forked: step.value, seconds: (performance.now() - started) / 1000 };
  } finally {
    progress.end();
    interruption.end();
  }
}

function print(
  cli: Cli,
  parent: LogReader,
  { log, at, topology, outcome }: ForkedRun,
  how: { log: string; out: string; seconds: number; json: boolean },
): void {
  const { headHash, records, logBytes, timeCycles } = outcome;
  const lines = forkLines(openMeta(log.meta).parent);
  const divergence = firstDivergence(parent, log);
  if (how.json) {
    const programs = new Map(topology.processes.map((process) => [process.pid, programName(process)]));
    const parted =
      divergence === null ? null : { seq: divergence.seq, actor: divergence.actor, field: divergence.field };
    const own = { path: how.out, bytes: logBytes, headHash, ownFirstSeq: at + 1, ownEvents: records };
    const run = { events: log.records, timeCycles, changed: lines, divergence: parted, wallSeconds: how.seconds };
    const summary = summarize(liveStates(outcome.system), { programs });
    cli.json({ parent: { path: how.log, headHash: parent.headHash, seq: at }, log: own, ...run, ...summary });
    return;
  }
  const own =
    records === 0 ? 'no events of its own' : `${formatCount(records)} events of its own (${at + 1} to ${log.lastSeq})`;
  for (const line of lines) cli.out.write(`${line}\n`);
  cli.out.write(
    `log ${how.out}: ${own}, ${formatBytes(logBytes)}, in ${formatSeconds(how.seconds)}\nhead hash ${headHash}\n`,
  );
  const parted =
    divergence === null
      ? 'its events are those of its parent'
      : `first difference from its parent: event ${divergence.seq} (${divergence.actor}): ${divergence.field}`;
  cli.out.write(`${parted}\n\ntry next:\n  granule compare ${how.log} ${how.out}\n`);
  if (divergence !== null) cli.out.write(`  granule log ${how.out} --from ${divergence.seq} --changes\n`);
  cli.out.write(`  granule replay ${how.out}\n`);
}
