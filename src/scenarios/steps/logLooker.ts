/** Finds events in the log of a run: how many there are of a kind, and which one made a figure what it is. */
import { GranuleError } from '../../errors.ts';
import type { LogReader } from '../../log/logReader.ts';
import { compileQuery, compileValue, namesOf } from '../../query/query.ts';
import { runQuery } from '../../query/run.ts';
import { statesOf } from '../../query/states.ts';
import type { SystemView } from '../../timeline/systemView.ts';
import type { Figure } from '../figures.ts';
import { type Evidence, eventEvidence, type MeasuredFigure } from './step.ts';

/**
 * Looks into the log of a run.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new LogLooker(reader, viewOf(reader, traces), 'logs/one.glog').count('FAULT').value; // 1
 * ```
 */
export class LogLooker {
  readonly #reader: LogReader;
  readonly #log: string;
  readonly #view: SystemView;

  constructor(reader: LogReader, view: SystemView, log: string) {
    this.#reader = reader;
    this.#view = view;
    this.#log = log;
  }

  /** The end of the log. */
  get last(): Evidence {
    return eventEvidence(this.#log, this.#reader.lastSeq);
  }

  /** The event that last changed what a figure is; the end of the log for what is of no one actor, or never changed. */
  changeOf({ actor, path }: Figure): Evidence {
    if (actor === null || path === null) return this.last;
    const query = compileQuery(`to == '${actor}' && changed(state('${actor}').context.${path})`);
    for (const { seq } of runQuery(this.#reader, this.#view, query, { backwards: true, limit: 1 }))
      return eventEvidence(this.#log, seq);
    return this.last;
  }

  /** How many events a query finds, and the first of them. */
  count(text: string): MeasuredFigure {
    const query = compileQuery(text, namesOf(this.#reader, this.#view.run.actors));
    let count = 0;
    let first = -1;
    for (const { seq } of runQuery(this.#reader, this.#view, query)) {
      if (first < 0) first = seq;
      count += 1;
    }
    return { value: count, evidence: first < 0 ? this.last : eventEvidence(this.#log, first) };
  }

  /** A value of the states at the end of the log, and the event that last changed it. */
  value(text: string): MeasuredFigure {
    const names = namesOf(this.#reader, this.#view.run.actors);
    const compiled = compileValue(text, names);
    const value = compiled.value(this.#reader.read(this.#reader.lastSeq), statesOf(this.#view));
    const known = value ?? 'none';
    if (typeof known !== 'number' && typeof known !== 'string' && typeof known !== 'boolean')
      throw new GranuleError('SCENARIO_FIGURE', 'it is no number, word or truth', text);
    const actor = /state\('?([^')]+)'?\)/.exec(text)?.[1];
    const query = actor === undefined ? null : compileQuery(`to == '${actor}' && changed(${text})`);
    if (query !== null) {
      for (const { seq } of runQuery(this.#reader, this.#view, query, { backwards: true, limit: 1 }))
        return { value: known, evidence: eventEvidence(this.#log, seq) };
    }
    return { value: known, evidence: this.last };
  }
}
