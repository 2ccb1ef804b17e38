/** Two runs compared: where they part, their timelines from there on, and the difference of every figure. */
import type { ComparedRun, RunDivergence } from '../timeline/compare.ts';
import { firstDivergence, sharedUpTo } from '../timeline/compare.ts';
import { type ActorTimeline, alignTimelines } from '../timeline/align.ts';
import { type Change, diff } from '../timeline/diff.ts';
import { Interventions } from '../timeline/edits.ts';
import { statesAt } from '../timeline/state.ts';
import { openMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { forkLines } from './forkText.ts';
import { type RunSummary, summarize } from './runSummary.ts';

/** Events shown around the place where runs part by the commands that are named. */
const EVENTS_AROUND = 5;

/** A figure of both runs. */
export interface MetricDifference {
  /** `run`, `process 100`, `all processes`, `files`, `memory`, `disk`, ...: a part of the summary. */
  readonly of: string;
  /** `minorFaults`, `counts.l2Misses`, `residentBytes`, ... */
  readonly name: string;
  /** Null where a run has no such figure. */
  readonly a: number | string | null;
  readonly b: number | string | null;
  /** `b` minus `a`; null where they are no numbers. */
  readonly difference: number | null;
}

/** How many events of a type each run has. */
export interface TypeCounts {
  readonly type: string;
  readonly a: number;
  readonly b: number;
}

/** A run as a comparison names it. */
export interface ComparedFacts {
  readonly name: string;
  readonly headHash: string;
  readonly topology: string;
  readonly events: number;
  readonly timeCycles: number;
  /** What it changed, when it is a fork. */
  readonly changed: readonly string[];
}

/** What a comparison finds. Everything is plain data. */
export interface Comparison {
  readonly a: ComparedFacts;
  readonly b: ComparedFacts;
  /** Up to here both are the same by lineage; -1 where neither comes of the other, nor both of a third. */
  readonly sharedUpTo: number;
  /** What differs in the topologies, as they are at the ends of the runs. */
  readonly settings: readonly Change[];
  /** Null: the runs are the same. */
  readonly divergence: RunDivergence | null;
  /** From the divergence on, actors that differ most first; empty when there is none or it was not asked for. */
  readonly timelines: readonly ActorTimeline[];
  /** Of the whole runs; types of which both have as many are left out. */
  readonly types: readonly TypeCounts[];
  /** Every figure, of those that are alike too. */
  readonly metrics: readonly MetricDifference[];
  /** Commands to go on with. */
  readonly next: readonly string[];
}

/** What a comparison may leave out. */
export interface CompareOptions {
  readonly timelines?: boolean;
  /** Folds every actor of both runs to their ends. */
  readonly metrics?: boolean;
}

type Figure = number | string;

/** The figures below a part of a summary, by path. */
function figuresOf(part: object, prefix = ''): [string, Figure][] {
  return Object.entries(part).flatMap(([name, value]): [string, Figure][] => {
    if (typeof value === 'number' || typeof value === 'string') return [[`${prefix}${name}`, value]];
    if (typeof value === 'boolean') return [[`${prefix}${name}`, String(value)]];
    const isPart = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isPart ? figuresOf(value as object, `${prefix}${name}.`) : [];
  });
}

/** Every figure of a run by `part` and name. */
function figuresOfRun({ processes, ...parts }: RunSummary, run: object): Map<string, Map<string, Figure>> {
  const found = new Map<string, Map<string, Figure>>([['run', new Map(figuresOf(run))]]);
  const all = new Map<string, Figure>();
  for (const { pid, ...process } of processes) {
    const figures = figuresOf(process);
    found.set(`process ${pid}`, new Map(figures));
    for (const [name, value] of figures) {
      if (typeof value === 'number' && name !== 'pageBytes') all.set(name, Number(all.get(name) ?? 0) + value);
    }
  }
  found.set('all processes', all);
  for (const [name, part] of Object.entries(parts)) {
    if (typeof part === 'number') found.get('run')?.set(name, part);
    else found.set(name, new Map(figuresOf(part)));
  }
  return found;
}

function metricsOf(a: ReturnType<typeof figuresOfRun>, b: typeof a): MetricDifference[] {
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((of) => {
    const [ofA, ofB] = [a.get(of) ?? new Map<string, Figure>(), b.get(of) ?? new Map<string, Figure>()];
    return [...new Set([...ofA.keys(), ...ofB.keys()])].map((name): MetricDifference => {
      const [valueA, valueB] = [ofA.get(name) ?? null, ofB.get(name) ?? null];
      const areNumbers = typeof valueA === 'number' && typeof valueB === 'number';
      return { of, name, a: valueA, b: valueB, difference: areNumbers ? valueB - valueA : null };
    });
  });
}

/** The topology with the settings that hold at the end: a fork may have changed some on the way. */
function settingsAtEnd({ reader }: ComparedRun): Topology {
  return new Interventions(openMeta(reader.meta)).topologyAt(Number.POSITIVE_INFINITY);
}

function factsOf({ reader, name }: ComparedRun): ComparedFacts {
  const { records: events, lastSeq, headHash } = reader;
  const timeCycles = events === 0 ? 0 : reader.read(lastSeq).timeCycles;
  const { topology, parent } = openMeta(reader.meta);
  return { name, headHash, topology: topology.name, events, timeCycles, changed: forkLines(parent) };
}

function figuresAtEnd({ reader, traces }: ComparedRun, { events, timeCycles }: ComparedFacts) {
  const programs = new Map(openMeta(reader.meta).traces.map(({ pid, name }) => [pid, name]));
  return figuresOfRun(summarize(statesAt(reader, traces, reader.lastSeq), { programs }), { events, timeCycles });
}

function typeCounts(a: ComparedRun, b: ComparedRun): TypeCounts[] {
  const [ofA, ofB] = [a, b].map(({ reader }) => new Map(reader.types().map(({ id, count }) => [id, count])));
  return [...new Set([...(ofA?.keys() ?? []), ...(ofB?.keys() ?? [])])]
    .map((type) => ({ type, a: ofA?.get(type) ?? 0, b: ofB?.get(type) ?? 0 }))
    .filter((counts) => counts.a !== counts.b)
    .sort((one, other) => Math.abs(other.b - other.a) - Math.abs(one.b - one.a));
}

function commandsFor(a: ComparedRun, b: ComparedRun, divergence: RunDivergence | null): string[] {
  if (divergence === null) return [];
  const { seq, recordA, recordB } = divergence;
  const before = seq - 1;
  const log = (name: string): string =>
    `granule log ${name} --from ${Math.max(0, seq - EVENTS_AROUND)} --to ${seq + EVENTS_AROUND} --changes`;
  return [
    ...(recordA === null ? [] : [`granule why ${a.name} ${seq}`]),
    ...(recordB === null ? [] : [`granule why ${b.name} ${seq}`]),
    log(a.name),
    log(b.name),
    ...(before < 0 ? [] : [`granule compare ${a.name} ${b.name} --at-a ${before} --at-b ${before}`]),
  ];
}

/**
 * Compares two runs: of one topology, of a fork and its parent, or of different topologies. It can take as long as going through
 * both logs, and its memory does not grow with them.
 *
 * @throws GranuleError LOG_DAMAGED; what opening a run to fold it throws, for the figures
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const { log } = forkRun(reader, traces, { edits: [{ op: 'delay', seq: 10, delayCycles: 5000 }] });
 * const found = compareRuns({ reader, traces, name: 'a.glog' }, { reader: log, traces, name: 'b.glog' });
 * found.metrics.find(({ name }) => name === 'timeCycles')?.difference > 0; // true
 * ```
 */
export function compareRuns(a: ComparedRun, b: ComparedRun, options: CompareOptions = {}): Comparison {
  const { timelines = true, metrics = true } = options;
  const [factsA, factsB] = [factsOf(a), factsOf(b)];
  const divergence = firstDivergence(a.reader, b.reader);
  const apart = (timeline: ActorTimeline): number => timeline.onlyA + timeline.onlyB;
  return {
    a: factsA,
    b: factsB,
    sharedUpTo: sharedUpTo(a.reader, b.reader),
    settings: diff(settingsAtEnd(a), settingsAtEnd(b)),
    divergence,
    timelines:
      divergence === null || !timelines
        ? []
        : alignTimelines(a.reader, b.reader, divergence.seq).sort((one, other) => apart(other) - apart(one)),
    types: typeCounts(a, b),
    metrics: metrics ? metricsOf(figuresAtEnd(a, factsA), figuresAtEnd(b, factsB)) : [],
    next: commandsFor(a, b, divergence),
  };
}
