/** What a system is made of, what it keeps in a checkpoint, and how far it is told to run. */

import type { AnyStateMachine } from 'xstate';
import type { Chooser } from './chooser.ts';
import type { Timekeeping } from './clock.ts';
import type { Address, Envelope, MessageRecord } from './envelope.ts';
import type { FaultPlan, FaultRuleState } from './faultPlan.ts';
import type { ActorSpec } from './hosting.ts';
import type { ActorStreams } from './wires.ts';
import type { Interpreter } from './xstateAdapter.ts';
import type { StandIn } from './standIn.ts';
import type { ActorSnapshot } from './xstateInternals.ts';

/** A run that goes on longer than this is taken for one that never ends. Ten times the longest run that is planned for. */
export const DEFAULT_MAX_EVENTS = 100_000_000;

/** What a run may use up. */
export interface RunLimits {
  /** Records of the whole run. */
  readonly maxEvents: number;
  /** Messages that wait at one time. */
  readonly maxPending: number;
}

/** Takes a delivery before the actor handles it, as it is: nothing of the envelope may be changed or kept for writing. */
export type OnDelivery = (seq: number, timeCycles: number, envelope: Envelope) => void;

/** What makes a system. */
export interface SystemOptions {
  /** Created in this order. */
  readonly actors: readonly ActorSpec[];
  /** Default: {@link timeOrder}. A chooser belongs to one system. */
  readonly chooser?: Chooser;
  /** What moves the clock on; default `cycles`. */
  readonly timekeeping?: Timekeeping;
  readonly faultPlan?: FaultPlan;
  readonly limits?: Partial<RunLimits>;
  /** The log: called with each delivery before the actor handles it. What it throws ends the run. */
  readonly onDelivery?: OnDelivery;
  /** The same with a record, for those who keep it; called after `onDelivery`. */
  readonly onRecord?: (record: MessageRecord) => void;
  /** Who runs the statecharts: tables compiled from them (default), or XState itself. The run is the same. */
  readonly interpreter?: Interpreter;
  /** For tests: freeze each message and each context, and refuse messages that are not plain data. */
  readonly freeze?: boolean;
  /** Go on from a checkpoint instead of creating the actors anew. */
  readonly resume?: { readonly state: SystemState; readonly snapshots: ReadonlyMap<Address, ActorSnapshot> };
}

/** All that a run needs to go on beside the snapshots of its actors: plain data. */
export interface SystemState {
  readonly nowCycles: number;
  readonly nextSeq: number;
  readonly nextEnvelopeId: number;
  /** In order of id. */
  readonly pending: readonly Envelope[];
  readonly chooser: readonly number[];
  readonly faults: readonly FaultRuleState[];
}

/** When `run` is to stop; it also stops when nothing is left to deliver. */
export interface RunUntil {
  /** Stops once the record of this seq has been handled. */
  readonly untilSeq?: number;
  /** Stops when everything left is due later than this. */
  readonly untilTimeCycles?: number;
  /** Records of this call. */
  readonly maxEvents?: number;
  readonly onProgress?: (progress: { readonly nextSeq: number; readonly nowCycles: number }) => void;
}

/** How a call of `run` ended. `idle`: the chooser had nothing to deliver; `stopped`: a rule of the fault plan ended the run. */
export interface RunResult {
  readonly delivered: number;
  readonly reason: 'idle' | 'stopped' | 'seq' | 'time' | 'events';
}

/** What the runtime knows of an actor. */
export interface ActorView extends ActorStreams {
  readonly id: Address;
  readonly machine: AnyStateMachine;
  readonly snapshot: ActorSnapshot;
  /** What it stands in for, and how its state may be read; undefined for a kind of granule's own. */
  readonly standIn: StandIn | undefined;
}
