/**
 * Granule as a library, for Node and for browsers: topologies, runs, their logs, and time travel over them.
 *
 * What reads or writes files is in `granule/node`; the statecharts themselves are in `granule/machines`.
 */

// Describe a system of actors, run it, go through its past
export {
  defineTopology,
  type TopologyDefinition,
  type TopologyOptions,
} from './topology/definitions/defineTopology.ts';
export { run, type RunOptions, type Runnable, type ReadyTopology } from './library/run.ts';
export { replay, timeline, Timeline } from './library/timeline.ts';
export { type FinishedRun, logBytes, type OpenOptions, openRecording, type Recording } from './library/recording.ts';

// Actors and messages of your own
export { defineActor } from './topology/definitions/defineActor.ts';
export {
  type AnyMessageDefinition,
  defineMessage,
  type MessageDefinition,
  type MessagesWith,
  type Schema,
} from './topology/definitions/defineMessage.ts';
export type {
  ActorDefinition,
  ActorLaw,
  ActorStart,
  BuiltInContext,
  BuiltInInput,
  Look,
  Place,
  PlacedActor,
  PortDefinition,
  Ports,
  SendBy,
  SendOptions,
  Shows,
  Transition,
} from './topology/definitions/actorTypes.ts';
export {
  definePageCachePolicy,
  type PageCachePolicyDefinition,
  type PageCachePolicyOptions,
} from './topology/definitions/definePageCachePolicy.ts';
export {
  defineProperty,
  type PropertyDefinition,
  type PropertyEvent,
  type PropertyOptions,
  type PropertySight,
  type PropertyWatch,
  type WhenItHolds,
} from './topology/definitions/defineProperty.ts';
export { builtIns, Catalogue, catalogueOf } from './topology/definitions/catalogue.ts';
export { z } from 'zod';

// What hardware and laws see of a page table
export { type DeviceTranslation, deviceTranslation } from '../machines/notifiers/mmuNotify.ts';

// What can go wrong
export { type ErrorCode, errorTable, GranuleError } from './errors.ts';

// The parts that these are made of
export { buildTopology, layoutOf } from './topology/build.ts';
export { codeFingerprint, GRANULE_VERSION, logMeta, messageRegistry, openMeta } from './topology/meta.ts';
export { type RunOutcome, type RunRequest, runTopology, systemOf } from './topology/run.ts';
export { parseTopology, type Topology, type TopologyInput } from './topology/schema.ts';

// Wires: what goes wrong on them, and what is seen of them
export { type FaultPlanDefinition, type FaultPlanParts, defineFaultPlan } from './topology/faultPlans/define.ts';
export { builtInFaultPlans, type FaultPlans } from './topology/faultPlans/index.ts';
export type { FaultPlan, FaultRule, WirePattern } from './runtime/faultPlan.ts';
export type { Observed } from './runtime/observed.ts';
export type { ActorState } from './runtime/stateStreams.ts';
export type { System } from './runtime/system.ts';

// Metrics over the streams of a system
export { type Bucket, type Buckets, countBy, histogram, type Quantiles, quantiles } from './metrics/counts.ts';
export { gauge, type Latency, latency, type LatencyPair, type Reading } from './metrics/latency.ts';
export { type EventWindow, rate, type Rate, windowed, type WindowSize } from './metrics/windows.ts';
export type { Timed } from './metrics/stepwise.ts';

// Traces in memory
export type { ImageSegment, RunBlock, RunSource, TraceCall, TraceFile } from './mm/runs.ts';
export { type MemoryTraceOptions, traceFromSteps, type TraceStep } from './trace/memoryTrace.ts';

// The log
export { noCompression } from './log/discardStorage.ts';
export { LogReader } from './log/logReader.ts';
export { LogWriter } from './log/logWriter.ts';
export type { LogRecord } from './log/record.ts';
export { type Compression, type LogStorage, memoryStorage } from './log/storage.ts';
export { type Verification, verifyLog } from './log/verifyLog.ts';

// Time travel, function by function
export { changesOf, type RecordChange } from './timeline/changes.ts';
export { type Change, diff } from './timeline/diff.ts';
export { type Divergence, formatDivergence } from './timeline/divergence.ts';
export { compareStates, firstDivergence, type RunDivergence } from './timeline/compare.ts';
export { forkAt, forkMeta } from './timeline/fork.ts';
export { choicesAt, type ForkChange, type ForkChoice } from './timeline/forkPlan.ts';
export { type ForkedRun, type ForkRequest, forkRun, forkSteps } from './timeline/forkRun.ts';
export { withParents } from './timeline/parents.ts';
export { changeableSettings, type ChangeableSetting } from './timeline/settings.ts';
export { type Comparison, compareRuns } from './report/comparison.ts';
export { lastChange, type LastChange } from './timeline/lastChange.ts';
export { applyPatches, patchesBetween } from './timeline/patches.ts';
export { runInMemory } from './timeline/inMemory.ts';
export { replay as replayLog, type Replayed, type ReplayOptions } from './timeline/replay.ts';
export { type StateAt, stateAt, statesAt } from './timeline/state.ts';
export { SystemView, viewOf } from './timeline/systemView.ts';
export { causeChain, effects } from './timeline/why.ts';

// Queries
export { type Count, countHits } from './query/counts.ts';
export type { QueryNames } from './query/cursor.ts';
export type { States } from './query/evaluate.ts';
export { type CompiledQuery, type CompiledValue, compileQuery, compileValue, namesOf } from './query/query.ts';
export { type Hit, type QueryOptions, runQuery } from './query/run.ts';
export { statesOf } from './query/states.ts';
