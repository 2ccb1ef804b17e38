/** What a topology would run, told without running it. */
import type { RunSource } from '../mm/runs.ts';
import { layoutOf } from '../topology/build.ts';
import type { ParameterInUse } from '../topology/form/parameters.ts';
import { programName } from '../topology/meta.ts';
import { partSchemas } from '../topology/parts/index.ts';
import type { Topology } from '../topology/schema.ts';
import { ruleText } from './faultText.ts';
import { formatBytes, formatCount, formatPageSize } from './format.ts';
import { formatTable } from './table.ts';

/** Rows of a table that are shown; `--json` has all. */
const ROWS_SHOWN = 30;

/** A process as it would run. */
export interface ProcessAccount {
  pid: number;
  pageSize: number;
  layout: number;
  /** The trace, or the program written out. */
  runs: string;
  references: number;
  cpu: number | null;
  startCycles: number;
}

/** What would run. */
export interface TopologyAccount {
  topology: string;
  description: string;
  architecture: string;
  kernelPageSize: number;
  cpus: number;
  core: string;
  memory: number;
  nativeTables: boolean;
  chooser: string;
  seed: number;
  /** Actors by kind. */
  actors: Record<string, number>;
  processes: ProcessAccount[];
  /** Facilities that were asked for. */
  parts: string[];
  messages: number;
  faultPlan: string[];
  parameters: readonly ParameterInUse[];
}

/**
 * The account of a topology whose system was built.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const traces = loadTraces(topology, { folders: [] });
 * const { actors } = buildTopology(topology, traces);
 * topologyAccount(topology, { traces, ids: actors.map(({ id }) => id), parameters: [] }).actors['zone']; // 1
 * ```
 */
export function topologyAccount(
  topology: Topology,
  built: { traces: ReadonlyMap<number, RunSource>; ids: readonly string[]; parameters: readonly ParameterInUse[] },
): TopologyAccount {
  const { name, description, architecture = 'arm64', kernelPageSize, cpus, core, memory, nativeTables } = topology;
  const actors = new Map<string, number>();
  for (const id of built.ids) {
    const [kind = id] = id.split(':');
    actors.set(kind, (actors.get(kind) ?? 0) + 1);
  }
  const processes = topology.processes.map((process): ProcessAccount => {
    const { pid, pageSize, trace, program, cpu = null, startCycles } = process;
    const runs = program === undefined ? programName(process) : `${trace}, ${program.length} steps`;
    const references = built.traces.get(pid)?.references ?? 0;
    return { pid, pageSize, layout: layoutOf(process, kernelPageSize), runs, references, cpu, startCycles };
  });
  const parts = Object.keys(partSchemas).filter((part) => topology[part as keyof typeof partSchemas] !== undefined);
  const machine = { architecture, kernelPageSize, cpus, core, memory, nativeTables };
  const { chooser, seed, messages, faultPlan } = topology;
  return {
    topology: name,
    description,
    ...machine,
    chooser,
    seed,
    actors: Object.fromEntries([...actors].sort(([a], [b]) => (a < b ? -1 : 1))),
    processes,
    parts,
    messages: messages.length,
    faultPlan: faultPlan.map((rule) => ruleText(rule)),
    parameters: built.parameters,
  };
}

function processTable(processes: readonly ProcessAccount[]): string {
  const rows = processes.slice(0, ROWS_SHOWN).map(({ pid, pageSize, layout, cpu, startCycles, references, runs }) => {
    const sizes = [formatPageSize(pageSize), formatPageSize(layout)];
    const start = formatCount(startCycles);
    return [String(pid), ...sizes, cpu === null ? 'any' : String(cpu), start, formatCount(references), runs];
  });
  const table = formatTable([['pid', 'page', 'layout', 'cpu', 'start', 'references', 'runs'], ...rows], {
    align: ['right', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  const left = processes.length - rows.length;
  return left === 0 ? table : `${table}and ${formatCount(left)} more\n`;
}

/**
 * The account as text.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const account = topologyAccount(topology, { traces: new Map(), ids: ['zone'], parameters: [] });
 * accountText(account).startsWith('topology'); // true
 * ```
 */
export function accountText(account: TopologyAccount): string {
  const { topology, description, kernelPageSize, cpus, core, memory, nativeTables, actors, parts } = account;
  const kinds = Object.entries(actors).map(([kind, count]) => (count === 1 ? kind : `${formatCount(count)} ${kind}`));
  const total = Object.values(actors).reduce((sum, count) => sum + count, 0);
  const tables = nativeTables ? 'native tables' : 'no native tables';
  const machine = [
    `${account.architecture}, ${formatPageSize(kernelPageSize)} pages, ${tables}`,
    `${formatCount(cpus)} ${cpus === 1 ? 'CPU' : 'CPUs'} (${core}), ${formatBytes(memory)}`,
  ];
  const rows = [
    ['topology', description === '' ? topology : `${topology}: ${description}`],
    ['kernel', machine.join('; ')],
    ['chooser', `${account.chooser}, seed ${account.seed}`],
    ['actors', `${formatCount(total)}: ${kinds.join(', ')}`],
    ['parts', parts.length === 0 ? 'none asked for' : parts.join(', ')],
  ];
  if (account.messages > 0) rows.push(['messages', `${formatCount(account.messages)} from outside`]);
  for (const [at, rule] of account.faultPlan.entries()) rows.push([at === 0 ? 'fault plan' : '', rule]);
  for (const [at, { name, value, isSet, says }] of account.parameters.entries()) {
    const about = `${name} = ${String(value)}${isSet ? '' : ', its default'}${says === '' ? '' : `: ${says}`}`;
    rows.push([at === 0 ? 'parameters' : '', about]);
  }
  return `${formatTable(rows, { align: ['left', 'left'], header: false })}\n${processTable(account.processes)}`;
}
