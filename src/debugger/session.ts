/** Where somebody is in a recorded run, where they have been, and what they left there. */
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { RunSource } from '../mm/runs.ts';
import type { QueryNames } from '../query/cursor.ts';
import { namesOf } from '../query/query.ts';
import { type SystemView, viewOf } from '../timeline/systemView.ts';
import { Points } from './points.ts';

/** Rows of each table unless told otherwise. */
const ROWS_SHOWN = 40;
/** Moments that the history keeps. */
const HISTORY_MOST = 1000;

/** A log, ready to be gone about in. */
export interface Debugged {
  readonly reader: LogReader;
  /** By pid; null where they are not at hand: events can be looked at then, states cannot. */
  readonly traces: ReadonlyMap<number, RunSource> | null;
  /** How the log is called in what is said. */
  readonly name: string;
}

/** Something that was said of a moment. */
export interface Note {
  readonly seq: number;
  readonly text: string;
}

/**
 * One debugging of a log. A moment is the one after an event: the state once that event was handled. The moment before the first
 * event has the seq before that of the first.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * session.seq; // -1
 * session.moveTo(3);
 * session.record?.seq; // 3
 * session.goBack(); // true
 * session.seq; // -1
 * ```
 */
export class Session {
  readonly name: string;
  readonly reader: LogReader;
  readonly points = new Points();
  readonly bookmarks = new Map<string, number>();
  readonly notes: Note[] = [];
  /** Whether a move tells what the event changed. */
  showsChanges = true;
  /** Rows of each table at most. */
  rows = ROWS_SHOWN;
  /** The line that Enter repeats; empty for none. */
  again = '';
  /** Where the last look for a change ended, so that the same look again goes on from there. */
  lookedFor: { readonly what: string; readonly seq: number } | null = null;
  readonly #traces: ReadonlyMap<number, RunSource> | null;
  #names: QueryNames | null = null;
  #seq: number;
  #visited: number[];
  #place = 0;

  constructor({ reader, traces, name }: Debugged) {
    this.name = name;
    this.reader = reader;
    this.#traces = traces;
    this.#seq = reader.firstSeq - 1;
    this.#visited = [this.#seq];
  }

  /** The event after which one is. */
  get seq(): number {
    return this.#seq;
  }

  /** The moment before the first event. */
  get startSeq(): number {
    return this.reader.firstSeq - 1;
  }

  /** That event; null before the first. */
  get record(): LogRecord | null {
    return this.#seq < this.reader.firstSeq ? null : this.reader.read(this.#seq);
  }

  /**
   * The event after which one is.
   *
   * @throws GranuleError USAGE before the first
   */
  get present(): LogRecord {
    const { record } = this;
    if (record !== null) return record;
    throw new GranuleError('USAGE', 'no event has happened yet', 'debug', 'Take a step first, or name an event.');
  }

  /** Whether states can be had. */
  get hasStates(): boolean {
    return this.#traces !== null;
  }

  /**
   * Folds the states of the run.
   *
   * @throws GranuleError TRACE_MISSING where its traces are not at hand
   */
  get view(): SystemView {
    if (this.#traces === null) {
      throw new GranuleError('TRACE_MISSING', 'states cannot be had without the traces of the run', this.name);
    }
    return viewOf(this.reader, this.#traces);
  }

  /** All actors of the run; those that received something where its traces are not at hand. */
  get actors(): readonly string[] {
    return this.hasStates ? this.view.run.actors : this.reader.actors().map(({ id }) => id);
  }

  /** The names that expressions may use. */
  get names(): QueryNames {
    this.#names ??= namesOf(this.reader, this.actors);
    return this.#names;
  }

  /** The moments that one has been at, oldest first, and which of them is the present one. */
  get history(): { readonly visited: readonly number[]; readonly place: number } {
    return { visited: this.#visited, place: this.#place };
  }

  /** Goes to a moment, which becomes the newest of the history; moments that one had gone back from are forgotten. */
  moveTo(seq: number): void {
    if (seq === this.#seq) return;
    this.#seq = seq;
    const kept = this.#visited.slice(Math.max(0, this.#place + 2 - HISTORY_MOST), this.#place + 1);
    this.#visited = [...kept, seq];
    this.#place = kept.length;
  }

  /** Goes to the moment before in the history; false where there is none. */
  goBack(): boolean {
    return this.#goTo(this.#place - 1);
  }

  /** Goes to the moment that one went back from; false where there is none. */
  goForward(): boolean {
    return this.#goTo(this.#place + 1);
  }

  #goTo(place: number): boolean {
    const seq = this.#visited[place];
    if (seq === undefined) return false;
    this.#place = place;
    this.#seq = seq;
    return true;
  }
}
