/** What the page asks and what it is told: the whole of the protocol between the page and the engine. */
import type { LogRecord } from '../../log/record.ts';
import type { MetricSamples } from './metrics.ts';
import type { MemoryView } from './memory/memoryOf.ts';
import type { ActorMap } from './views/actorMap.ts';
import type { AlignedSeq } from './views/alignSeqs.ts';
import type { Chart, ChartNow } from './views/chart.ts';
import type { ChoiceHere } from './views/choices.ts';
import type { ComparisonShown } from './views/compare.ts';
import type { ForkAsked, SettingNow } from './views/fork.ts';
import type { InFlight } from './views/inFlight.ts';
import type { SearchPage } from './views/search.ts';

/** A run that is open in the inspector, by a short name: `A`, `B`, and so on. */
export type RunName = string;

/** A file that was dropped, or lies inside the page. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A lane of the timeline: one actor. */
export interface LaneInfo {
  readonly id: string;
  /** `mm`, `tlb`, `file`, a kind of a definition; the part of the id before the colon. */
  readonly kind: string;
  /** Messages that it received in the whole run. */
  readonly received: number;
}

/** Where the segments of a log begin; all lists are of the same length. */
export interface SegmentsInfo {
  readonly firstSeq: readonly number[];
  readonly records: readonly number[];
  readonly minTimeCycles: readonly number[];
  readonly maxTimeCycles: readonly number[];
}

/** What is known of a run as soon as its log is open. */
export interface RunInfo {
  readonly run: RunName;
  /** Of the log: its path, or that of the file that was dropped. */
  readonly name: string;
  readonly topology: string;
  readonly kernelPageBytes: number;
  readonly headHash: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstTimeCycles: number;
  readonly lastTimeCycles: number;
  readonly lanes: readonly LaneInfo[];
  readonly types: readonly { readonly id: string; readonly count: number }[];
  readonly segments: SegmentsInfo;
  /** Where it was forked from another run. */
  readonly parent: { readonly headHash: string; readonly seq: number } | null;
  /** What the user must know of it: that it was cut, or that a trace is missing, so that states cannot be shown. */
  readonly notes: readonly string[];
  /** False where states cannot be folded; the events can be looked at all the same. */
  readonly hasStates: boolean;
}

/** How many messages a lane received in each segment that holds any. */
export interface LaneDensity {
  readonly segments: Uint32Array;
  readonly counts: Uint32Array;
}

/** The events of one segment, column by column. Lanes and types are indexes into those of the run's info. */
export interface Tile {
  readonly segment: number;
  readonly firstSeq: number;
  readonly to: Uint32Array;
  /** -1 for what came from outside. */
  readonly from: Int32Array;
  readonly type: Uint16Array;
  /** Seq; -1 for none. */
  readonly cause: Float64Array;
  readonly timeCycles: Float64Array;
}

/** An event in a list. */
export interface EventRow {
  readonly seq: number;
  readonly timeCycles: number;
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly cause: number;
  /** The payload on one line. */
  readonly text: string;
}

/** What one event did. */
export interface EventDetail {
  readonly record: LogRecord;
  /** States of the receiver's statechart before and after; null where states cannot be shown. */
  readonly change: {
    readonly from: unknown;
    readonly to: unknown;
    readonly transitions: readonly { readonly from: string; readonly to: string; readonly event: string }[];
    /** Messages that its handling sent. */
    readonly sent: number;
    /** Paths into the receiver's state, with what was there. */
    readonly changes: readonly { readonly path: string; readonly before: string; readonly after: string }[];
  } | null;
  /** What its handling sent: the events that it caused, as far as they were delivered. */
  readonly effects: readonly EventRow[];
}

/** How a value in the tree differs from what it was at the moment that it is held against. */
export type TreeMark = 'same' | 'changed' | 'inside' | 'added';

/** One row of the state tree. */
export interface TreeNode {
  /** As people read it: a field, `[0]`, `[va=0x400000]`. */
  readonly label: string;
  /** Path from the state's root, as `lastChange` takes it. */
  readonly path: string;
  /** The value, or what there is of it on one line. */
  readonly text: string;
  readonly mark: TreeMark;
  /** What was there before, where it changed. */
  readonly before?: string;
  /** Values inside; 0 for a leaf. */
  readonly children: number;
}

/** The rows below one path of an actor's state. */
export interface TreeLevel {
  readonly actor: string;
  readonly seq: number;
  readonly path: string;
  readonly nodes: readonly TreeNode[];
  /** Rows that there are beyond those given. */
  readonly more: number;
}

/** When a value last changed. */
export interface ChangeFound {
  readonly event: EventRow;
  readonly before: string;
  readonly after: string;
}

/** Events of a cause chain, or of what came of an event. */
export interface CauseNode extends EventRow {
  /** Messages between it and the event asked about: negative for causes, 0 for itself, positive for effects. */
  readonly depth: number;
}

/** A run that goes on while it is looked at. */
export interface LiveState {
  readonly run: RunName;
  readonly state: 'running' | 'paused' | 'ended';
  /** Events so far. */
  readonly events: number;
}

/** Every request: what it is asked with, and what it is answered. */
export interface Requests {
  /** The runs that are open. */
  runs: { args: object; result: readonly RunInfo[] };
  /** The run that goes on, after it was told to pause, to go on, or to deliver some events more and pause; null: none does. */
  live: { args: { order?: 'pause' | 'resume' | 'step'; events?: number }; result: LiveState | null };
  density: { args: { run: RunName; lanes: readonly number[] }; result: readonly LaneDensity[] };
  /** The same for all lanes of each kind together, in the order of the kinds given. */
  kindDensity: { args: { run: RunName; kinds: readonly string[] }; result: readonly LaneDensity[] };
  tile: { args: { run: RunName; segment: number }; result: Tile };
  /** Events from a seq on, or backwards from it; only those of one actor or type where they are named. */
  events: {
    args: { run: RunName; from: number; count: number; backwards?: boolean; actor?: string; type?: string };
    result: readonly EventRow[];
  };
  event: { args: { run: RunName; seq: number }; result: EventDetail };
  seqAtTime: { args: { run: RunName; timeCycles: number }; result: number };
  tree: {
    args: {
      run: RunName;
      actor: string;
      seq: number;
      path: string;
      /** The moment that it is held against, of the same run or of another; by default the event before. */
      against?: number;
      againstRun?: RunName;
      count?: number;
    };
    result: TreeLevel;
  };
  /** The states of statecharts: of all actors given, on one line each. */
  values: { args: { run: RunName; seq: number; actors: readonly string[] }; result: readonly string[] };
  lastChange: { args: { run: RunName; actor: string; path: string; seq: number }; result: ChangeFound | null };
  /** VMAs, page tables, TLBs, page cache or page blocks of an actor. `from`: address of the first group, or number of a page block. */
  memory: { args: { run: RunName; actor: string; seq: number; from: number }; result: MemoryView | null };
  /** Moments along a stretch at which metrics are cheap to have. */
  sampleSeqs: { args: { run: RunName; from: number; to: number; count: number }; result: readonly number[] };
  metrics: { args: { run: RunName; seqs: readonly number[] }; result: MetricSamples };
  /** Causes back to the outside, and effects to a depth. */
  causes: { args: { run: RunName; seq: number; depth: number }; result: readonly CauseNode[] };
  /** The actors as a graph, each apart or by kind. */
  actorMap: { args: { run: RunName; apart: boolean }; result: ActorMap };
  inFlight: { args: { run: RunName; seq: number }; result: InFlight };
  chart: { args: { run: RunName; actor: string }; result: Chart };
  chartNow: { args: { run: RunName; actor: string; seq: number }; result: ChartNow };
  /** One page of what a search finds, from a seq on; null for the first. */
  search: {
    args: { run: RunName; text: string; language: 'query' | 'text'; actor: string; type: string; from: number | null };
    result: SearchPage;
  };
  /** Plays a fork in memory, and opens it under the next free letter. */
  fork: { args: ForkAsked; result: RunInfo };
  /** The messages that could come next behind an event. */
  choices: { args: { run: RunName; seq: number }; result: readonly ChoiceHere[] };
  /** Settings that a fork can change behind an event. */
  settings: { args: { run: RunName; seq: number }; result: readonly SettingNow[] };
  compare: { args: { a: RunName; b: RunName; figures: boolean }; result: ComparisonShown };
  /** The moment of run `b` that belongs to one of run `a`. */
  align: { args: { a: RunName; b: RunName; seq: number }; result: AlignedSeq };
}

/** The name of a request. */
export type RequestName = keyof Requests;

/** What a request is asked with. */
export type Args<N extends RequestName> = Requests[N]['args'];

/** What a request is answered. */
export type Result<N extends RequestName> = Requests[N]['result'];

/** An error as it goes to the page. */
export interface AskFailed {
  readonly code: string;
  readonly message: string;
  readonly where: string;
  readonly next: string;
}
