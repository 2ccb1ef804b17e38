/** The header of a run's log: everything that is needed to run it again, and nothing that depends on the machine. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { vocabulary } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import type { LogMeta } from '../log/headerFrame.ts';
import { messageVersions, type VersionRegistry } from '../log/upcast.ts';
import type { RunSource } from '../mm/runs.ts';
import { workloadName } from '../trace/workloads/workload.ts';
import { layoutOf } from './build.ts';
import { builtIns, type Catalogue, type ModuleReference } from './definitions/catalogue.ts';
import { parseTopology, type Topology, type TopologyProcess } from './schema.ts';

/** Version of granule that writes the logs; a test holds it against package.json. */
export const GRANULE_VERSION = '0.1.0';

/** The message types of granule's own with their versions. */
export const messageRegistry: VersionRegistry = builtIns.registry;

/** That of what granule has itself, once it was asked for: it never changes, and most runs have no other. */
let builtInFingerprint: string | null = null;

/** Names a trace in a log: content hash, and how it was laid out. */
export interface TraceReference {
  pid: number;
  hash: string;
  name: string;
  layoutBytes: number;
  references: number;
  runs: number;
}

/** Where a fork began. */
export interface ForkParent {
  headHash: string;
  /** Of the last record that both share; -1: none. */
  seq: number;
  /** The log holds its own records alone, and goes on from its parent's; absent: it holds those that both share too. */
  holds?: 'suffix';
  /** What it sends from outside (`src/timeline/outside.ts`), and what else it changes (`src/timeline/edits.ts`). */
  sends?: readonly unknown[];
  edits?: readonly unknown[];
}

/**
 * The fingerprint of the code that made a log: its version and vocabulary, and the definitions and modules that a topology brought
 * along. Two logs with one fingerprint replay alike.
 *
 * @example
 * ```ts
 * codeFingerprint().startsWith('0.1.0+'); // true
 * ```
 */
export function codeFingerprint(catalogue: Catalogue = builtIns): string {
  if (catalogue === builtIns && builtInFingerprint !== null) return builtInFingerprint;
  const fingerprint = fingerprintOf(catalogue);
  if (catalogue === builtIns) builtInFingerprint = fingerprint;
  return fingerprint;
}

function fingerprintOf(catalogue: Catalogue): string {
  const rows: unknown[] = Object.entries(vocabulary).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const type of [...catalogue.messages.keys()].sort()) rows.push([type, catalogue.row(type)]);
  for (const kind of [...catalogue.actors.keys()].sort()) rows.push([kind, catalogue.actors.get(kind)?.version]);
  for (const name of [...catalogue.policies.keys()].sort()) rows.push([name, catalogue.policies.get(name)?.version]);
  for (const { name, hash } of catalogue.modules) rows.push([name, hash]);
  return `${GRANULE_VERSION}+${bytesToHex(sha256(utf8ToBytes(JSON.stringify(rows)))).slice(0, 16)}`;
}

/**
 * What a process runs, in a word or two.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '4K', workload: { pattern: 'seq', lengthBytes: '1M' } } as const;
 * parseTopology({ name: 'one', processes: [process] }, 'example').processes.map(programName); // ['seq']
 * ```
 */
export function programName({ trace, workload }: Pick<TopologyProcess, 'trace' | 'workload'>): string {
  return workload === undefined ? trace : workloadName(workload);
}

/**
 * The header for a run of a topology on traces given by pid.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * logMeta(topology, traces).kind; // 'run'
 * ```
 */
export function logMeta(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  parent: ForkParent | null = null,
  catalogue: Catalogue = builtIns,
): LogMeta {
  const references = topology.processes.map((process): TraceReference => {
    const trace = traces.get(process.pid);
    return {
      pid: process.pid,
      hash: trace?.hash ?? '',
      name: programName(process),
      layoutBytes: layoutOf(process, topology.kernelPageSize),
      references: trace?.references ?? 0,
      runs: trace?.runs ?? 0,
    };
  });
  return {
    kind: 'run',
    granule: GRANULE_VERSION,
    code: codeFingerprint(catalogue),
    ...(catalogue.modules.length === 0 ? {} : { modules: catalogue.modules.map(({ name, hash }) => ({ name, hash })) }),
    topology,
    traces: references,
    seed: topology.seed,
    chooser: topology.chooser,
    messageVersions: messageVersions(catalogue.registry),
    parent,
  };
}

/** What a header says. */
export interface OpenedMeta {
  topology: Topology;
  traces: TraceReference[];
  code: string;
  parent: ForkParent | null;
  /** Modules whose definitions the run used. */
  modules: ModuleReference[];
}

/**
 * Reads the header of a log of a run.
 *
 * @throws GranuleError LOG_NOT_A_LOG where the header is not that of a run; TOPOLOGY_INVALID where its topology is not one
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * openMeta(logMeta(topology, traces)).traces[0]?.pid; // 1
 * ```
 */
export function openMeta(meta: LogMeta): OpenedMeta {
  if (meta['kind'] !== 'run' || !Array.isArray(meta['traces'])) {
    throw new GranuleError('LOG_NOT_A_LOG', 'its header is not that of a run', 'log header: kind');
  }
  return {
    topology: parseTopology(meta['topology'], 'log header: topology'),
    traces: meta['traces'] as TraceReference[],
    code: String(meta['code']),
    parent: (meta['parent'] ?? null) as ForkParent | null,
    modules: (meta['modules'] ?? []) as ModuleReference[],
  };
}
