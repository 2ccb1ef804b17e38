/** A fork, played to its end: its log holds what it did by itself, and names the log that it goes on from. */
import type { LogMeta } from '../log/headerFrame.ts';
import { noCompression } from '../log/discardStorage.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { type Compression, type LogStorage, memoryStorage } from '../log/storage.ts';
import type { RunSource } from '../mm/runs.ts';
import type { System } from '../runtime/system.ts';
import { Checkpointer, type CheckpointSpacing } from '../topology/checkpointer.ts';
import { customLaws } from '../topology/definitions/customLaws.ts';
import { Laws } from '../topology/laws.ts';
import type { BuiltTopology } from '../topology/build.ts';
import { type ForkParent, logMeta } from '../topology/meta.ts';
import { driveSteps, type RunOutcome, type RunProgress } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';
import { Interventions } from './edits.ts';
import { resumedAt } from './fork.ts';
import { beginningOf, type ForkChange, type ForkPlan, planFork } from './forkPlan.ts';
import { builtOfEras, withSettings } from './settings.ts';
import { type SystemView, viewOf } from './systemView.ts';

/** What a fork is asked for. */
export interface ForkRequest {
  /** The last record that it shares with its parent; -1: none, so that everything may change. By default as near as its changes let. */
  readonly at?: number;
  readonly edits: readonly ForkChange[];
  /** Makes the storage that its log goes to, once all is checked; memory unless given. */
  readonly storage?: () => LogStorage;
  /** Opens it again for reading, where a storage that was written and closed is read by another. */
  readonly reopened?: () => LogStorage;
  readonly compression?: Compression;
  /** How near to each other its checkpoints may be; for tests. */
  readonly spacing?: CheckpointSpacing;
  /** Looks at the laws after every event. */
  readonly checked?: boolean;
  /** With `at` -1, where a changed topology needs others than its parent: the traces, by pid. */
  readonly traces?: (topology: Topology) => ReadonlyMap<number, RunSource>;
}

/** A fork that was played. */
export interface ForkedRun {
  /** Its log, with the records of its parents before its own. */
  readonly log: LogReader;
  readonly at: number;
  readonly plan: ForkPlan;
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly outcome: RunOutcome;
}

/** The parts of a fork that are known before it is played. */
interface Prepared {
  readonly view: SystemView;
  readonly at: number;
  readonly plan: ForkPlan;
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly meta: LogMeta;
  readonly interventions: Interventions;
  readonly built: BuiltTopology;
}

/** The topology of the fork's header: that of its parent, and with no record shared, the changed one. */
function topologyOf({ run }: SystemView, at: number, { edits }: ForkPlan): Topology {
  const { topology } = run;
  if (at >= run.reader.firstSeq) return topology;
  return withSettings(
    topology,
    edits.flatMap((edit) => (edit.op === 'set' ? edit.changes : [])),
  );
}

function prepared(reader: LogReader, traces: ReadonlyMap<number, RunSource>, request: ForkRequest): Prepared {
  const view = viewOf(reader, traces);
  const at = request.at ?? beginningOf(request.edits);
  const plan = planFork(view, at, request.edits);
  const topology = topologyOf(view, at, plan);
  const own = at < reader.firstSeq && request.traces !== undefined ? request.traces(topology) : traces;
  const { edits, sends } = view.run.interventions;
  const isShared = ({ afterSeq }: { afterSeq: number }): boolean => afterSeq < at;
  const parent: ForkParent = {
    headHash: reader.headHash,
    seq: at,
    ...(at < reader.firstSeq ? {} : { holds: 'suffix' as const }),
    sends: [...sends.filter(isShared), ...plan.sends],
    edits: [...edits.filter(isShared), ...plan.edits],
  };
  const { catalogue } = view.run;
  const meta = { ...reader.meta, ...logMeta(topology, own, parent, catalogue) };
  const interventions = new Interventions({ topology, parent });
  const built = builtOfEras(topology, interventions.eras, own, catalogue);
  return { view, at, plan, topology, traces: own, meta, interventions, built };
}

/** The system where the fork begins, with what it changes done; what comes behind goes to the log. */
function begun(ready: Prepared, writer: LogWriter, checkpoints: Checkpointer): System {
  const { view, at, topology, interventions } = ready;
  const { actors, messages } = ready.built;
  const { system, steering } = resumedAt(view, at, {
    actors,
    interventions,
    ...(at < view.run.reader.firstSeq ? { anew: { topology, messages } } : {}),
    onDelivery: (seq, timeCycles, envelope) => {
      // The first own checkpoint has to hold those too that changed between the parent's last one and the fork.
      checkpoints.note(envelope);
      if (seq <= at) return;
      writer.appendDelivery(seq, timeCycles, envelope.to, envelope.from, envelope.cause, envelope.message);
    },
  });
  interventions.after(at, system, steering);
  return system;
}

/**
 * A fork in steps, for whoever has something else to do between them; 'stop' ends it early, with its log closed.
 *
 * @throws GranuleError as `forkRun`
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * forkSteps(reader, traces, { at: 9, edits: [] }).next().done; // true
 * ```
 */
export function* forkSteps(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  request: ForkRequest,
): Generator<RunProgress, ForkedRun, 'stop' | undefined> {
  const ready = prepared(reader, traces, request);
  const { view, at, plan, topology } = ready;
  const { compression = noCompression, checked = false } = request;
  const storage = request.storage?.() ?? memoryStorage();
  const writer = new LogWriter(storage, compression, ready.meta, at + 1);
  const checkpoints = new Checkpointer(writer, request.spacing);
  const { catalogue } = view.run;
  let outcome: RunOutcome;
  try {
    const system = begun(ready, writer, checkpoints);
    const maxEvents = ready.interventions.topologyAt(Number.POSITIVE_INFINITY).limits.events;
    const laws = checked ? new Laws(customLaws(catalogue)) : undefined;
    yield* driveSteps(system, {
      checkpoints,
      maxEvents,
      limitName: `${topology.name}: limits.events`,
      ...(laws === undefined ? {} : { laws }),
    });
    const { headHash, records, bytes: logBytes } = writer.close();
    const stoppedBy = system.stopped?.rule ?? null;
    const lawsLeftOut = laws?.leftOut(system) ?? [];
    outcome = { lawsLeftOut, headHash, records, logBytes, timeCycles: system.nowCycles, stoppedBy, system };
  } catch (error) {
    if (!writer.isClosed) writer.close();
    throw error;
  }
  const own = LogReader.open(request.reopened?.() ?? storage, compression, reader.registry);
  const log = at < reader.firstSeq ? own : LogReader.join(own, reader, at);
  return { log, at, plan, topology, traces: ready.traces, outcome };
}

/**
 * Forks a recorded run behind the record `at`, with changes, and plays it to its end. The fork's log holds its own records alone;
 * what comes back is its log together with its parent's. With `at` -1 it shares none, and is a run of the changed topology.
 *
 * @throws GranuleError FORK_CHANGE, FORK_SETTING, SEQ_OUT_OF_RANGE before anything runs; RUN_LIMIT, ACTOR_THREW, LAW_BROKEN, and the
 * log then holds what happened until there
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const slower = forkRun(reader, traces, { at: 9, edits: [{ op: 'set', key: 'costs.diskLatency', value: 9_000_000 }] });
 * slower.log.parent === reader; // true
 * replay(slower.log, traces).divergence; // null
 * ```
 */
export function forkRun(reader: LogReader, traces: ReadonlyMap<number, RunSource>, request: ForkRequest): ForkedRun {
  const steps = forkSteps(reader, traces, request);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
