/** A run that is open in the inspector: its log, the view that folds it, and the names of its lanes and types. */
import { kindOf } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import type { LogReader } from '../../log/logReader.ts';
import type { RunSource } from '../../mm/runs.ts';
import { SystemView, viewOf } from '../../timeline/systemView.ts';
import { openMeta, type OpenedMeta } from '../../topology/meta.ts';
import type { RunInfo, RunName } from './requests.ts';

/** What a run is opened with. */
export interface RunToOpen {
  readonly run: RunName;
  readonly name: string;
  readonly reader: LogReader;
  /** By pid. A run whose traces are missing can be looked at, but its states cannot be folded. */
  readonly traces: ReadonlyMap<number, RunSource>;
  /** What was wrong with the traces or definitions, where something was. */
  readonly notes?: readonly string[];
}

/**
 * An open run. Lanes are the actors in the order of their first message, types the message types in the log's order.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new OpenRun({ run: 'A', name: 'made', reader, traces }).laneOf('outside'); // -1
 * ```
 */
export class OpenRun {
  readonly run: RunName;
  readonly name: string;
  readonly reader: LogReader;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly meta: OpenedMeta;
  readonly lanes: readonly string[];
  readonly types: readonly string[];
  readonly #view: SystemView | null;
  readonly #notes: readonly string[];
  readonly #laneOf: ReadonlyMap<string, number>;
  readonly #typeOf: ReadonlyMap<string, number>;

  /** @throws GranuleError LOG_NOT_A_LOG, TOPOLOGY_INVALID */
  constructor({ run, name, reader, traces, notes = [] }: RunToOpen) {
    this.run = run;
    this.name = name;
    this.reader = reader;
    this.traces = traces;
    this.meta = openMeta(reader.meta);
    this.lanes = reader.actors().map(({ id }) => id);
    this.types = reader.types().map(({ id }) => id);
    this.#laneOf = new Map(this.lanes.map((id, lane) => [id, lane]));
    this.#typeOf = new Map(this.types.map((id, type) => [id, type]));
    const { view, problems } = viewOrProblems(reader, traces);
    this.#view = view;
    const cut = reader.recovery === null ? [] : [`the log is not whole: ${reader.recovery.reason}`];
    this.#notes = [...cut, ...notes, ...problems];
  }

  /**
   * Folds states of this run.
   *
   * @throws GranuleError TRACE_MISSING where they cannot be folded, with the reason
   */
  get view(): SystemView {
    if (this.#view !== null) return this.#view;
    throw new GranuleError('TRACE_MISSING', this.#notes.join('; '), this.name);
  }

  /** Whether states can be folded. */
  get hasStates(): boolean {
    return this.#view !== null;
  }

  /** Whether messages may be lost, held or doubled on their way. */
  get mayLose(): boolean {
    return this.meta.topology.faultPlan.length > 0;
  }

  /** Index of an actor's lane; -1 for one that received nothing. */
  laneOf(actor: string): number {
    return this.#laneOf.get(actor) ?? -1;
  }

  /** Index of a type. */
  typeOf(type: string): number {
    return this.#typeOf.get(type) ?? -1;
  }

  /** What the page is told of it. */
  info(): RunInfo {
    const { reader, meta } = this;
    const { segments } = reader.directory;
    const counts = new Map(reader.actors().map(({ id, count }) => [id, count]));
    return {
      run: this.run,
      name: this.name,
      topology: meta.topology.name,
      kernelPageBytes: meta.topology.kernelPageSize,
      headHash: reader.headHash,
      firstSeq: reader.firstSeq,
      lastSeq: reader.lastSeq,
      firstTimeCycles: segments[0]?.minTimeCycles ?? 0,
      lastTimeCycles: segments.at(-1)?.maxTimeCycles ?? 0,
      lanes: this.lanes.map((id) => ({ id, kind: laneKind(id), received: counts.get(id) ?? 0 })),
      types: reader.types(),
      segments: {
        firstSeq: segments.map(({ firstSeq }) => firstSeq),
        records: segments.map(({ records }) => records),
        minTimeCycles: segments.map(({ minTimeCycles }) => minTimeCycles),
        maxTimeCycles: segments.map(({ maxTimeCycles }) => maxTimeCycles),
      },
      parent: meta.parent === null ? null : { headHash: meta.parent.headHash, seq: meta.parent.seq },
      notes: this.#notes,
      hasStates: this.hasStates,
    };
  }
}

/**
 * The kind of an actor, also of one that is not built in.
 *
 * @example
 * ```ts
 * laneKind('smmu:0'); // 'smmu'
 * ```
 */
export function laneKind(id: string): string {
  return kindOf(id) ?? id.split(':')[0] ?? id;
}

function viewOrProblems(
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
): { view: SystemView | null; problems: string[] } {
  try {
    return { view: viewOf(reader, traces), problems: [] };
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    return { view: null, problems: [`states cannot be shown: ${error.code}: ${error.message}`] };
  }
}
