/** Runs a topology to its end: the flat loop, and its log. */
import { machines } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { RunSource } from '../mm/runs.ts';
import { type Chooser, seededRandom, sendingOrder, timeOrder } from '../runtime/chooser.ts';
import type { Timekeeping } from '../runtime/clock.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import { standInsOf } from '../runtime/standIn.ts';
import { createSystem, type System } from '../runtime/system.ts';
import type { OnDelivery, SystemOptions } from '../runtime/systemOptions.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { buildTopology, type OutsideMessage } from './build.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import { customLaws } from './definitions/customLaws.ts';
import { Checkpointer } from './checkpointer.ts';
import { Laws } from './laws.ts';
import { faultPlanOf } from './lifecycle.ts';
import type { Topology } from './schema.ts';

/** Machines that are known to change no message once it is sent: it may be logged a little later. */
const KEEP_MESSAGES: ReadonlySet<unknown> = new Set(Object.values(machines));
/** Events between two looks at cost and limits, and of whoever drives a run: each may stand for millions of references. */
const STEP_EVENTS = 64;

/** What a run is given. */
export interface RunRequest {
  topology: Topology;
  /** The trace of each process, by pid. */
  traces: ReadonlyMap<number, RunSource>;
  /** The definitions that the topology names; granule's own alone where it is not given. */
  catalogue?: Catalogue;
  writer: LogWriter | null;
  onProgress?: (progress: RunProgress) => void;
  /** Told of the system before anything is sent to it, so that observers can be attached. */
  onSystem?: (system: System) => void;
  /** Takes every delivery once it is logged, before its actor handles it. */
  onDelivery?: OnDelivery;
  /** The same as records, for those who keep them. */
  onRecord?: (record: MessageRecord, system: System) => void;
  /** Who is next, in the place of the chooser that the topology names: to follow an order that was found. */
  chooser?: Chooser;
  /** Deep-freezes messages and contexts: for tests. */
  freeze?: boolean;
  /** Who runs the statecharts; the run is the same. */
  interpreter?: Interpreter;
  /** Events of the first step, for who drives the run step by step. */
  firstStep?: number;
  /** The checked mode: laws 7 and 8 are looked at after every event (`src/topology/laws.ts`). */
  checked?: boolean;
}

/** How a run ended. */
export interface RunOutcome {
  headHash: string;
  records: number;
  logBytes: number;
  timeCycles: number;
  /** A rule of the fault plan ended it, as a power failure does: which one, by its index. Null: it ended by itself. */
  stoppedBy: number | null;
  system: System;
  /** In the checked mode: laws that were not looked at, since stand-ins do not show what they read; with the reasons. */
  lawsLeftOut: readonly string[];
}

/**
 * The chooser that a topology names.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * chooserOf(topology).name; // 'time-order'
 * ```
 */
export function chooserOf(topology: Topology): Chooser {
  if (topology.chooser === 'explored') return sendingOrder();
  return topology.chooser === 'seeded-random' ? seededRandom(topology.seed) : timeOrder();
}

/**
 * What moves the clock of a topology's runs on.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * timekeepingOf(topology); // 'cycles'
 * ```
 */
export function timekeepingOf({ chooser }: Pick<Topology, 'chooser'>): Timekeeping {
  return chooser === 'explored' ? 'deliveries' : 'cycles';
}

/**
 * A system built from a topology, its outside messages queued.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * systemOf({ topology, traces }).run().reason; // 'idle'
 * ```
 */
export function systemOf(
  request: Pick<RunRequest, 'topology' | 'traces' | 'catalogue' | 'chooser' | 'freeze' | 'interpreter' | 'onSystem'>,
  taps: Pick<SystemOptions, 'onDelivery' | 'onRecord'> = {},
): System {
  return hosted(request, taps).system;
}

/** The system, and whether all its machines are known to keep messages as they were sent. */
function hosted(
  request: Parameters<typeof systemOf>[0],
  taps: Pick<SystemOptions, 'onDelivery' | 'onRecord'>,
): { readonly system: System; readonly keepsMessages: boolean } {
  const { topology, traces } = request;
  const built = buildTopology(topology, traces, request.catalogue);
  const system = createSystem({
    actors: built.actors,
    chooser: request.chooser ?? chooserOf(topology),
    timekeeping: timekeepingOf(topology),
    faultPlan: faultPlanOf(topology),
    limits: { maxEvents: topology.limits.events },
    ...taps,
    ...(request.interpreter === undefined ? {} : { interpreter: request.interpreter }),
    freeze: request.freeze ?? false,
  });
  request.onSystem?.(system);
  for (const { to, atCycles, message } of outsideInOrder(topology, built.messages))
    system.send(to, message, { delayCycles: atCycles });
  return { system, keepsMessages: built.actors.every(({ machine }) => KEEP_MESSAGES.has(machine)) };
}

/**
 * What a topology sends from outside, in the order in which its loop takes it: where each delivery is one cycle, by the times.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * outsideInOrder(topology, []); // []
 * ```
 */
export function outsideInOrder(
  topology: Pick<Topology, 'chooser'>,
  messages: readonly OutsideMessage[],
): readonly OutsideMessage[] {
  if (timekeepingOf(topology) === 'cycles') return messages;
  return messages.toSorted((left, right) => left.atCycles - right.atCycles);
}

/** Where a run is. */
export interface RunProgress {
  nextSeq: number;
  nowCycles: number;
  system: System;
}

/** What a run is driven with. */
export interface DriveRequest {
  checkpoints: Checkpointer | null;
  /** Events at most, and the place that names the limit. */
  maxEvents: number;
  limitName: string;
  /** Looks at the laws after every event; absent in a normal run. */
  laws?: Laws;
  /** Events of the first step; of the others whoever takes the steps says it. */
  firstStep?: number;
}

/** What whoever takes the steps may send: the end, or how many events the next step has. */
export type StepRequest = 'stop' | number | undefined;

/** Delivers some events; false where none is left. */
function deliverSome(system: System, laws: Laws | undefined, most: number): boolean {
  if (laws === undefined) return system.run({ untilSeq: system.nextSeq + most - 1 }).reason === 'seq';
  for (let events = 0; events < most; events++) {
    const record = system.step();
    if (record === null) return false;
    laws.check(record, system);
  }
  return true;
}

/**
 * Delivers until nothing is left, with checkpoints on the way. Yields every few events; whoever takes the steps may send
 * 'stop' to end there, or how many events the next step is to have. The events are the same whatever the steps are.
 *
 * @throws GranuleError RUN_LIMIT at the event limit, ACTOR_THREW where a machine did, LAW_BROKEN where a law is broken
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
 * const steps = driveSteps(system, { checkpoints: null, maxEvents: 1_000_000, limitName: 'example' });
 * steps.next().done; // false
 * steps.next('stop').done; // true
 * ```
 */
export function* driveSteps(system: System, request: DriveRequest): Generator<RunProgress, void, StepRequest> {
  let events = request.firstStep ?? STEP_EVENTS;
  for (;;) {
    if (!deliverSome(system, request.laws, events)) return;
    if (system.nextSeq >= request.maxEvents) {
      throw new GranuleError('RUN_LIMIT', `${system.nextSeq} events delivered`, request.limitName);
    }
    request.checkpoints?.writeWhenDue(system);
    const asked: StepRequest = yield { nextSeq: system.nextSeq, nowCycles: system.nowCycles, system };
    if (asked === 'stop') return;
    events = asked ?? STEP_EVENTS;
  }
}

/**
 * A run in steps, for whoever has something else to do between them. The log is closed at the end, an early one too.
 *
 * @throws GranuleError as `runTopology`
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const steps = runSteps({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
 * steps.next('stop').done; // false
 * ```
 */
export function* runSteps(request: RunRequest): Generator<RunProgress, RunOutcome, StepRequest> {
  const { writer, topology } = request;
  const checkpoints = writer === null ? null : new Checkpointer(writer);
  const { onRecord, onDelivery } = request;
  const { system, keepsMessages }: ReturnType<typeof hosted> = hosted(request, {
    onDelivery: (seq, timeCycles, envelope) => {
      if (writer !== null) {
        if (keepsMessages) writer.takeDelivery(seq, timeCycles, envelope);
        else writer.appendDelivery(seq, timeCycles, envelope.to, envelope.from, envelope.cause, envelope.message);
        checkpoints?.note(envelope);
      }
      onDelivery?.(seq, timeCycles, envelope);
    },
    ...(onRecord === undefined ? {} : { onRecord: (record: MessageRecord) => onRecord(record, system) }),
  });
  const { firstStep = STEP_EVENTS } = request;
  const limit = { maxEvents: topology.limits.events, limitName: `${topology.name}: limits.events`, firstStep };
  const standIns = standInsOf(system);
  const laws = request.checked === true ? new Laws(customLaws(request.catalogue, standIns), standIns) : undefined;
  try {
    yield* driveSteps(system, { checkpoints, ...limit, ...(laws === undefined ? {} : { laws }) });
  } catch (error) {
    writer?.close();
    throw error;
  } finally {
    system.complete();
  }
  const totals = writer?.close() ?? { headHash: '', records: system.nextSeq, bytes: 0 };
  const { headHash, records, bytes: logBytes } = totals;
  const stoppedBy = system.stopped?.rule ?? null;
  const lawsLeftOut = laws?.leftOut(system) ?? [];
  return { headHash, records, logBytes, timeCycles: system.nowCycles, stoppedBy, system, lawsLeftOut };
}

/**
 * Runs a topology until nothing is left to deliver.
 *
 * @throws GranuleError RUN_LIMIT at the event limit of the topology, ACTOR_THREW where a machine did; the log holds what
 * happened until then
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const outcome = runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
 * outcome.records > 1000; // true
 * ```
 */
export function runTopology(request: RunRequest): RunOutcome {
  const steps = runSteps(request);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    request.onProgress?.(step.value);
  }
}
