/** What is printed at the end of a run. */
import type { RunSource } from '../mm/runs.ts';
import { liveStates } from '../report/actorStates.ts';
import { faultLines } from '../report/faultText.ts';
import { formatBytes, formatCount, formatRate, formatSeconds } from '../report/format.ts';
import { type RunSummary, summarize } from '../report/runSummary.ts';
import { runText } from '../report/runText.ts';
import { defaultCosts } from '../arch/costs.ts';
import { programName } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import type { Cli } from './cli.ts';
import type { Played } from './play.ts';

/** What was played, and how to print it. */
export interface ReportRequest {
  topology: Topology;
  traces: ReadonlyMap<number, RunSource>;
  /** Path of the log; null for none. */
  out: string | null;
  json: boolean;
}

/**
 * Prints the end of a run: processes, files, the log, and commands to go on with.
 *
 * @example
 * ```ts
 * nextCommands('run.glog', { seq: 7, actor: 'mm:1' }, 99)[0]; // 'granule state run.glog --at 7 --actor mm:1'
 * ```
 */
export function printRun(cli: Cli, played: Played, request: ReportRequest): void {
  const { topology, out } = request;
  const { outcome, wallSeconds, references } = played;
  const programs = new Map(topology.processes.map((process) => [process.pid, programName(process)]));
  const summary = summarize(liveStates(outcome.system), { programs });
  if (request.json) {
    cli.json(runJson(played, request, summary));
    return;
  }
  const { records, logBytes, headHash, timeCycles } = outcome;
  const perSecond = topology.costs['cyclesPerSecond'] ?? defaultCosts.cyclesPerSecond;
  cli.out.write(runText(summary, cli.out.columns));
  for (const law of outcome.lawsLeftOut) cli.out.write(`not looked at: ${law}\n`);
  const { faults: states } = outcome.system.checkpointState();
  for (const line of faultLines(topology.faultPlan, { states, stoppedBy: outcome.stoppedBy }))
    cli.out.write(`${line}\n`);
  if (outcome.stoppedBy !== null) cli.out.write(`${stopText(topology, outcome.stoppedBy, records)}\n`);
  cli.out.write(
    `virtual time ${formatSeconds(timeCycles / perSecond)} (${formatCount(timeCycles)} cycles); ` +
      `${formatCount(records)} events in ${formatSeconds(wallSeconds)}, ` +
      `${formatRate(references / wallSeconds, 'refs')}\n`,
  );
  if (out === null) return;
  cli.out.write(`log ${out}: ${formatBytes(logBytes)}, head hash ${headHash}\n\ntry next:\n`);
  for (const command of nextCommands(out, played.notable, records - 1)) cli.out.write(`  ${command}\n`);
}

/** The name of the plan that ended a run, or its operator. */
function stopName({ faultPlan }: Topology, rule: number): string {
  return faultPlan[rule]?.named?.plan ?? 'stop';
}

function stopText(topology: Topology, rule: number, records: number): string {
  const behind = records === 0 ? 'before its first event' : `behind event ${records - 1}`;
  return `power failed ${behind}: faultPlan.${rule}, ${stopName(topology, rule)}`;
}

function faultsJson({ faultPlan }: Topology, { system }: Played['outcome']): object[] {
  const { faults } = system.checkpointState();
  return faultPlan.map(({ op, named }, index) => ({
    plan: named?.plan ?? null,
    op,
    matched: faults[index]?.matched ?? 0,
  }));
}

function runJson(played: Played, { topology, out }: ReportRequest, summary: RunSummary): object {
  const { outcome, wallSeconds, references } = played;
  const { records, logBytes, headHash, timeCycles } = outcome;
  return {
    topology: topology.name,
    log: out === null ? null : { path: out, bytes: logBytes, headHash },
    events: records,
    timeCycles,
    ...(outcome.stoppedBy === null
      ? {}
      : { stoppedBy: { rule: outcome.stoppedBy, plan: stopName(topology, outcome.stoppedBy) } }),
    ...(topology.faultPlan.length === 0 ? {} : { faults: faultsJson(topology, outcome) }),
    references,
    wallSeconds,
    referencesPerSecond: references / wallSeconds,
    ...summary,
    ...(outcome.lawsLeftOut.length === 0 ? {} : { lawsLeftOut: outcome.lawsLeftOut }),
  };
}

/**
 * Commands that look into a log at an event.
 *
 * @example
 * ```ts
 * nextCommands('run.glog', null, 99).at(-1); // 'granule replay run.glog'
 * ```
 */
export function nextCommands(log: string, notable: { seq: number; actor: string } | null, lastSeq: number): string[] {
  const { seq, actor } = notable ?? { seq: Math.floor(lastSeq / 2), actor: null };
  const only = actor === null ? '' : ` --actor ${actor}`;
  const after = Math.min(lastSeq, seq + 10);
  return [
    `granule state ${log} --at ${seq}${only}`,
    `granule log ${log} --from ${Math.max(0, seq - 5)} --to ${Math.min(lastSeq, seq + 5)} --changes`,
    `granule why ${log} ${seq}`,
    `granule diff ${log} --from ${Math.max(0, seq - 1)} --to ${after}${only}`,
    `granule replay ${log}`,
  ];
}
