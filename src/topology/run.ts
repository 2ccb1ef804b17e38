/** Runs a topology to its end: the flat loop, its log, and the checkpoints that make the log quick to open anywhere. */
import { plainContext } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { RunSource } from '../mm/runs.ts';
import { type Chooser, seededRandom, timeOrder } from '../runtime/chooser.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { FaultPlan } from '../runtime/faultPlan.ts';
import { createSystem, type System } from '../runtime/system.ts';
import { actorStateOf } from '../runtime/xstateAdapter.ts';
import { buildTopology } from './build.ts';
import type { Topology } from './schema.ts';

/** Events between checkpoints: folding that many takes a few milliseconds, and a checkpoint costs about as much to write. */
export const CHECKPOINT_EVENTS = 4096;
/** The pseudo-actor whose state is the loop's own: pending messages, clock and chooser. */
export const SYSTEM_STATE = '@system';

/** What a run is given. */
export interface RunRequest {
  topology: Topology;
  /** The trace of each process, by pid. */
  traces: ReadonlyMap<number, RunSource>;
  writer: LogWriter | null;
  onProgress?: (progress: { nextSeq: number; nowCycles: number; system: System }) => void;
  onRecord?: (record: MessageRecord) => void;
  /** Deep-freezes messages and contexts: for tests. */
  freeze?: boolean;
  /** Called with the system before it runs, so that observers can be attached. */
  onSystem?: (system: System) => void;
}

/** How a run ended. */
export interface RunOutcome {
  headHash: string;
  records: number;
  logBytes: number;
  timeCycles: number;
  system: System;
}

/** The chooser that a topology names. */
export function chooserOf(topology: Topology): Chooser {
  return topology.chooser === 'seeded-random' ? seededRandom(topology.seed) : timeOrder();
}

/** A system built from a topology, its outside messages queued. */
export function systemOf(
  request: Pick<RunRequest, 'topology' | 'traces' | 'freeze'>,
  onRecord?: (record: MessageRecord) => void,
): System {
  const { topology, traces } = request;
  const built = buildTopology(topology, traces);
  const system = createSystem({
    actors: built.actors,
    chooser: chooserOf(topology),
    faultPlan: topology.faultPlan as unknown as FaultPlan,
    limits: { maxEvents: topology.limits.events },
    ...(onRecord === undefined ? {} : { onRecord }),
    freeze: request.freeze ?? false,
  });
  for (const { to, atCycles, message } of built.messages) system.send(to, message, { delayCycles: atCycles });
  return system;
}

/** Writes the state of every actor that changed since the last checkpoint. */
class Checkpointer {
  private readonly seen = new Map<string, unknown>();
  private readonly writer: LogWriter;

  constructor(writer: LogWriter) {
    this.writer = writer;
  }

  write(system: System): void {
    const states: { actor: string; state: unknown }[] = [];
    for (const [actor, snapshot] of system.snapshots()) {
      if (this.seen.get(actor) === snapshot) continue;
      this.seen.set(actor, snapshot);
      const { value, status, context } = actorStateOf(snapshot);
      states.push({ actor, state: { value, status, context: plainContext(context) } });
    }
    states.push({ actor: SYSTEM_STATE, state: system.checkpointState() });
    this.writer.checkpoint(system.nextSeq - 1, states);
  }
}

/**
 * Runs a topology until nothing is left to deliver.
 *
 * @throws GranuleError RUN_LIMIT at the event limit of the topology, ACTOR_THREW where a machine did; the log holds what
 * happened until then
 */
export function runTopology(request: RunRequest): RunOutcome {
  const { writer, onProgress } = request;
  const system = systemOf(request, (record) => {
    writer?.append(record);
    request.onRecord?.(record);
  });
  request.onSystem?.(system);
  const checkpoints = writer === null ? null : new Checkpointer(writer);
  try {
    for (;;) {
      const result = system.run({ untilSeq: system.nextSeq + CHECKPOINT_EVENTS - 1 });
      onProgress?.({ nextSeq: system.nextSeq, nowCycles: system.nowCycles, system });
      if (result.reason === 'idle') break;
      if (system.nextSeq >= request.topology.limits.events) {
        throw new GranuleError(
          'RUN_LIMIT',
          `${system.nextSeq} events delivered`,
          `${request.topology.name}: limits.events`,
        );
      }
      checkpoints?.write(system);
    }
  } catch (error) {
    writer?.close();
    throw error;
  }
  const totals = writer?.close() ?? { headHash: '', records: system.nextSeq, bytes: 0 };
  const { headHash, records, bytes: logBytes } = totals;
  return { headHash, records, logBytes, timeCycles: system.nowCycles, system };
}
