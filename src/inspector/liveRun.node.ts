/** A run that is looked at while it goes on: what the page may order, and the log as far as it was written. */
import { GranuleError } from '../errors.ts';
import { GrowingLog } from '../log/growingLog.ts';
import type { LogRecord } from '../log/record.ts';
import type { Compression, LogStorage } from '../log/storage.ts';
import type { VersionRegistry } from '../log/upcast.ts';
import type { RunSource } from '../mm/runs.ts';
import type { StepRequest } from '../topology/run.ts';
import type { Engine } from './engine/engine.ts';
import type { Args, LiveState } from './engine/requests.ts';
import type { Extra } from './server.node.ts';

/** The name of the run in the page. */
const RUN = 'A';
/** A run that stands looks so often whether a signal came. */
const LOOK_MS = 50;
/** Events of a step that is ordered without a number, and those of one order at most. */
const STEP_EVENTS = 1;
const STEP_MOST = 1_000_000;
const SLICE_EVENTS = 64;

/** What a live run is opened with. */
export interface LiveSetting {
  readonly engine: Engine;
  readonly name: string;
  /** Where the log is being written; its header is there. */
  readonly storage: LogStorage;
  readonly compression: Compression;
  readonly registry: VersionRegistry;
  readonly traces: ReadonlyMap<number, RunSource>;
  /** Whether it begins paused, behind its first event. */
  readonly isPaused?: boolean;
}

/**
 * Stands between the loop that delivers events and the page. The loop tells it of records and asks it before each step; the page asks
 * for the state and gives orders by way of `extra`. Nothing of it reaches the run: events come in the same order, only later.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const topology = parseTopology({ name: 'one', processes: [process] }, 'example');
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, logMeta(topology, traces));
 * const setting = { engine: new Engine(), name: 'one', storage, compression: noCompression, registry: {}, traces };
 * const live = new LiveRun(setting);
 * live.extra('live', { order: 'pause' }); // { run: 'A', state: 'paused', events: 0 }
 * ```
 */
export class LiveRun {
  readonly #setting: LiveSetting;
  readonly #growing: GrowingLog;
  #state: LiveState['state'];
  #events = 0;
  /** Events in the reader that the engine has. */
  #shown = -1;
  /** Events that are still to be delivered while it is paused. */
  #ordered = 0;
  #wake: () => void = () => undefined;

  constructor(setting: LiveSetting) {
    this.#setting = setting;
    this.#growing = new GrowingLog(setting.storage, setting.compression);
    this.#state = setting.isPaused === true ? 'paused' : 'running';
  }

  /** Takes a record as it is delivered. */
  note(record: LogRecord): void {
    this.#growing.note(record);
    this.#events = record.seq + 1;
  }

  /** Answers what the page asks of the run that goes on; undefined for what the engine answers. */
  readonly extra: Extra = (name, args) => {
    if (name === 'live') {
      this.#obey(args ?? {});
      return this.status();
    }
    if (name === 'runs') this.refresh();
    return undefined;
  };

  /** Where the run is. */
  status(): LiveState {
    return { run: RUN, state: this.#state, events: this.#events };
  }

  #obey({ order, events = STEP_EVENTS }: Args<'live'>): void {
    if (order === undefined || this.#state === 'ended') return;
    if (!Number.isSafeInteger(events) || events < 1 || events > STEP_MOST) {
      throw new GranuleError('USAGE', `a step has 1 to ${STEP_MOST} events`, 'inspector');
    }
    this.#state = order === 'resume' ? 'running' : 'paused';
    this.#ordered = order === 'step' ? this.#ordered + events : 0;
    this.#wake();
  }

  /** Lets the engine have the log as it is now. */
  refresh(): void {
    if (this.#state === 'ended' || this.#events === this.#shown || this.#events === 0) return;
    const { engine, name, traces, registry } = this.#setting;
    engine.open({ run: RUN, name, reader: this.#growing.open(registry), traces });
    this.#shown = this.#events;
  }

  /**
   * Waits while the run is paused; then says what the next step is to be.
   *
   * @param isInterrupted whether a signal came
   */
  async turn(isInterrupted: () => boolean): Promise<StepRequest> {
    while (this.#state === 'paused' && this.#ordered === 0 && !isInterrupted()) await this.#moment();
    if (isInterrupted()) return 'stop';
    if (this.#state !== 'paused') return undefined;
    // A long step is taken in short ones, so that the page is answered in between.
    const events = Math.min(this.#ordered, SLICE_EVENTS);
    this.#ordered -= events;
    return events;
  }

  /** Until something was ordered, or it is time to look for a signal. */
  async #moment(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The run is over: from now on the engine has the whole log, which is given here. */
  end(open: () => Parameters<Engine['open']>[0]['reader']): void {
    const { engine, name, traces } = this.#setting;
    engine.open({ run: RUN, name, reader: open(), traces });
    this.#state = 'ended';
  }
}
