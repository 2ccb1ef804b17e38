/** A log of a run, opened to be folded: the topology of its header built again, its actors ready to handle messages. */
import { kindOf, plainContext, reviveContext, unpackedContext } from '../../machines/index.ts';
import { GranuleError, invariant } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import { type LogRecord, messageOf } from '../log/record.ts';
import { upcastFrom } from '../log/upcast.ts';
import type { RunSource } from '../mm/runs.ts';
import { type ActorEnv, createActorEnv } from '../runtime/actorEnv.ts';
import { type Message, OUTSIDE } from '../runtime/envelope.ts';
import { type ActorSpec, handleMessage, type HostedActor } from '../runtime/hosting.ts';
import { contextKind, type StandIn } from '../runtime/standIn.ts';
import { LiveState } from '../runtime/liveState.ts';
import { actorStateOf, type AdaptedMachine, adaptMachine, type Step } from '../runtime/xstateAdapter.ts';
import type { ActorSnapshot, ActorStub, Send } from '../runtime/xstateInternals.ts';
import type { BuiltTopology } from '../topology/build.ts';
import { type Catalogue, catalogueOfRegistry } from '../topology/definitions/catalogue.ts';
import { openMeta, type OpenedMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { Interventions } from './edits.ts';
import { builtOfEras } from './settings.ts';
import { checkJoined } from './parents.ts';
import { checkTraces } from './traces.ts';

/** An actor's state as plain data: the form of diffs and display, and, with large structures packed, of checkpoints. */
export interface PlainState {
  readonly value: unknown;
  readonly status: string;
  readonly context: Record<string, unknown>;
}

/** How handling a message ends a run: the log then ends with that message. */
const ENDS_A_RUN: ReadonlySet<string> = new Set(['ACTOR_THREW', 'MESSAGE_UNDECLARED', 'MESSAGE_INVALID']);

/** What a fold needs of an actor. */
interface Player {
  readonly spec: ActorSpec;
  readonly adapted: AdaptedMachine;
  readonly env: ActorEnv;
}

/**
 * The state of a snapshot as plain data.
 *
 * @example
 * ```ts
 * const machine = createMachine({ initial: 'idle', context: { n: 1 }, states: { idle: {} } });
 * plainState(adaptMachine(machine).initial(undefined, createActorEnv('a')).snapshot).context; // { n: 1 }
 * ```
 */
export function plainState(snapshot: ActorSnapshot): PlainState {
  const { value, status, context } = actorStateOf(snapshot);
  return { value, status, context: plainContext(context) };
}

/**
 * A state as a checkpoint stores it, whole or in part, in the form of `plainState`. What is no state of an actor stays as it is.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const context = { linux: PageTable.empty(4096).toPacked() };
 * unpackedState('mmu:1', { value: 'idle', status: 'active', context }).context.linux.runs; // []
 * ```
 */
export function unpackedState(actor: string, state: unknown, standIn?: StandIn): unknown {
  const kind = contextKind({ actor, standIn });
  if (kind === null || !isPlainState(state) || state.context === null) return state;
  return { ...state, context: unpackedContext(kind, state.context) };
}

/**
 * The message that a record of the log delivered.
 *
 * @throws GranuleError LOG_DAMAGED where the payload is no object
 * @example
 * ```ts
 * const record = { seq: 9, timeCycles: 0, to: 'mm:1', from: 'zone', cause: 8, type: 'GOT', payload: { request: 1 } };
 * messageIn(record); // { type: 'GOT', request: 1 }
 * ```
 */
export function messageIn(record: LogRecord): Message {
  return messageOf(record.type, record.payload, record.seq);
}

/** What came from outside by the topology, in the present versions of messages: as records are lifted in reading. */
function liftedTopology(topology: Topology, { meta, registry }: LogReader): Topology {
  const upcast = upcastFrom(meta.messageVersions ?? {}, registry);
  if (upcast === undefined) return topology;
  const messages = topology.messages.map(({ to, type, atCycles, ...fields }) => ({
    to,
    type,
    atCycles,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an upcaster gives the fields of a message
    ...(upcast(type, fields) as Record<string, never>),
  }));
  return { ...topology, messages };
}

/**
 * A log with its traces.
 *
 * @throws GranuleError LOG_NOT_A_LOG, TOPOLOGY_INVALID for a header that is not that of a run; TRACE_MISSING, TRACE_CHANGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new RecordedRun(reader, traces).initial('process:1').value; // 'new'
 * ```
 */
export class RecordedRun {
  readonly reader: LogReader;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly meta: OpenedMeta;
  /** The kinds and messages that the log was opened with. */
  readonly catalogue: Catalogue;
  /** The topology of the header, with messages in their present versions. */
  readonly topology: Topology;
  readonly built: BuiltTopology;
  /** What a fork changed. */
  readonly interventions: Interventions;
  /** Ids of the actors in the order of creation. */
  readonly actors: readonly string[];
  readonly #specs: ReadonlyMap<string, ActorSpec>;
  readonly #stubs = new Map<string, ActorStub>();
  readonly #players = new Map<string, Player>();
  readonly #initial = new Map<string, ActorSnapshot>();

  constructor(reader: LogReader, traces: ReadonlyMap<number, RunSource>) {
    this.reader = reader;
    this.traces = traces;
    this.meta = openMeta(reader.meta);
    checkJoined(reader, this.meta.parent);
    checkTraces(this.meta.traces, traces, reader.storage.name);
    this.catalogue = catalogueOfRegistry(reader.registry);
    const topology = liftedTopology(this.meta.topology, reader);
    this.topology = topology;
    this.interventions = new Interventions({ topology, parent: this.meta.parent });
    this.built = builtOfEras(topology, this.interventions.eras, traces, this.catalogue);
    this.#specs = new Map(this.built.actors.map((spec) => [spec.id, spec]));
    this.actors = [...this.#specs.keys()];
  }

  /** How many events the run may have had. */
  get maxEvents(): number {
    return this.interventions.topologyAt(Number.POSITIVE_INFINITY).limits.events;
  }

  /** Whether there is such an actor. */
  has(actor: string): boolean {
    return this.#specs.has(actor);
  }

  /** Refuses a seq that no state belongs to; -1 is the state before the first record. */
  checkSeq(seq: number): void {
    const { firstSeq, lastSeq, storage } = this.reader;
    if (Number.isSafeInteger(seq) && seq >= firstSeq - 1 && seq <= lastSeq) return;
    const held = lastSeq < firstSeq ? 'no records' : `${firstSeq} to ${lastSeq}`;
    throw new GranuleError('SEQ_OUT_OF_RANGE', `there is no seq ${seq}`, `${storage.name} holds ${held}`);
  }

  /** @throws GranuleError ACTOR_UNKNOWN */
  #player(actor: string): Player {
    let player = this.#players.get(actor);
    if (player !== undefined) return player;
    const spec = this.#specs.get(actor);
    if (spec === undefined || actor === OUTSIDE) {
      throw new GranuleError('ACTOR_UNKNOWN', `there is no actor ${actor}`, this.reader.storage.name);
    }
    const adapted = adaptMachine(spec.machine);
    player = { spec, adapted, env: createActorEnv(actor, this.#stubs) };
    this.#players.set(actor, player);
    return player;
  }

  /**
   * The machine of an actor, hosted.
   *
   * @throws GranuleError ACTOR_UNKNOWN
   */
  adapted(actor: string): Pick<HostedActor, 'adapted' | 'env' | 'guard' | 'adjust'> {
    const { adapted, env, spec } = this.#player(actor);
    return { adapted, env, guard: spec.guard, adjust: spec.adjust };
  }

  /**
   * What an actor stands in for, and how the plain form of its state may be read; undefined for a kind of granule's own.
   *
   * @throws GranuleError ACTOR_UNKNOWN
   */
  standIn(actor: string): StandIn | undefined {
    const { spec } = this.#player(actor);
    const { standIn } = spec;
    if (standIn === undefined || typeof standIn.shows !== 'function') return standIn;
    const { shows } = standIn;
    return { ...standIn, shows: (plain: Record<string, unknown>) => shows(this.#revived(actor, spec, plain) as never) };
  }

  /** Whether there is an actor of that id, and its machine takes messages of that type. */
  accepts(actor: string, type: string): boolean {
    return this.#specs.has(actor) && this.#player(actor).adapted.accepts(type);
  }

  /**
   * The state in which an actor began.
   *
   * @throws GranuleError ACTOR_UNKNOWN
   */
  initial(actor: string): ActorSnapshot {
    let snapshot = this.#initial.get(actor);
    if (snapshot === undefined) {
      const { spec, adapted, env } = this.#player(actor);
      snapshot = adapted.initial(spec.input, env).snapshot;
      this.#initial.set(actor, snapshot);
    }
    return snapshot;
  }

  /**
   * The snapshot of a state that a checkpoint holds.
   *
   * @throws GranuleError ACTOR_UNKNOWN, LOG_DAMAGED
   */
  revive(actor: string, state: unknown): ActorSnapshot {
    const { adapted, spec } = this.#player(actor);
    if (!isPlainState(state)) throw new GranuleError('LOG_DAMAGED', `a checkpoint holds no state of ${actor}`);
    const context = this.#revived(actor, spec, state.context);
    return adapted.snapshotOf({ value: state.value, status: state.status, context, output: undefined } as never);
  }

  #revived(actor: string, { revive }: ActorSpec, plain: Record<string, unknown>): Record<string, unknown> {
    const { resources } = this.built;
    if (revive !== undefined) {
      const context = revive(plain);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
      const keeps = 'resources' in (this.initial(actor).context as object);
      return keeps && !('resources' in context) ? { ...context, resources } : context;
    }
    const kind = kindOf(actor);
    invariant(kind !== null, `${actor} has a kind`);
    return reviveContext(kind, plain, resources);
  }

  /**
   * A state of an actor to fold records into, one after the other.
   *
   * @throws GranuleError ACTOR_UNKNOWN
   */
  live(actor: string, snapshot: ActorSnapshot): LiveState {
    return new LiveState(this.#player(actor).adapted.compiled, snapshot);
  }

  /**
   * What handling a record makes of an actor's state; `handle` with a snapshot at both ends.
   *
   * @throws GranuleError ACTOR_THREW for any record but the last
   */
  handle(snapshot: ActorSnapshot, record: LogRecord): Step {
    const state = this.live(record.to, snapshot);
    const sends = this.advance(state, record);
    return { snapshot: state.snapshot, sends };
  }

  /**
   * Folds a record into a state, and gives what its handling sends. An actor in a final state handles nothing; nor is there a
   * state after the record whose handling ended the run by throwing: that one leaves it as it was.
   *
   * @throws GranuleError ACTOR_THREW for any record but the last
   */
  advance(state: LiveState, record: LogRecord): readonly Send[] {
    if (!state.isActive) return [];
    return this.#handled(this.#hosted(record.to, state), messageIn(record), record.seq);
  }

  /**
   * Folds what an actor received in the records `from` to `to` into a state, in place: no snapshot is made, and what is sent is
   * dropped. `after` is told each seq, and whether to go on is its answer.
   *
   * @throws GranuleError as `advance`; LOG_DAMAGED
   */
  foldInto(state: LiveState, actor: string, from: number, to: number, after: (seq: number) => boolean): void {
    const hosted = this.#hosted(actor, state);
    this.reader.messages(actor, from, to, (message, seq) => {
      if (state.isActive) this.#handled(hosted, message, seq);
      return after(seq);
    });
  }

  #hosted(actor: string, state: LiveState): HostedActor {
    return { id: actor, ...this.adapted(actor), state };
  }

  #handled(actor: HostedActor, message: Message, seq: number): readonly Send[] {
    try {
      return handleMessage(actor, message, seq);
    } catch (error) {
      const isEnd = error instanceof GranuleError && ENDS_A_RUN.has(error.code) && seq === this.reader.lastSeq;
      if (!isEnd) throw error;
      return [];
    }
  }
}

/**
 * Whether a value has the form of an actor's state.
 *
 * @example
 * ```ts
 * isPlainState({ value: 'idle', status: 'active', context: {} }); // true
 * ```
 */
export function isPlainState(state: unknown): state is PlainState {
  if (typeof state !== 'object' || state === null) return false;
  return 'value' in state && 'status' in state && 'context' in state && typeof state.context === 'object';
}
