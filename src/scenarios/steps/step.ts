/** What a step comes to: figures, the events behind them, and series. Plain data, so that it goes between threads. */
import type { FigureValue } from '../expression.ts';

/** Where a figure can be looked at. */
export interface Evidence {
  /** The log, relative to the folder of the scenarios; null where the figure is of no run. */
  readonly log: string | null;
  /** The event that made the figure what it is; null where there is no log. */
  readonly seq: number | null;
  /** The command that shows it, to be given in the folder of the scenarios. */
  readonly command: string;
}

/** A figure with what is behind it. */
export interface MeasuredFigure {
  readonly value: FigureValue;
  readonly evidence: Evidence;
}

/** Values over a run. */
export interface Series {
  readonly timeCycles: readonly number[];
  readonly values: readonly number[];
}

/** What a step came to. */
export interface StepResult {
  readonly figures: Readonly<Record<string, MeasuredFigure>>;
  readonly series: Readonly<Record<string, Series>>;
  /** Logs that it kept, relative to the folder of the scenarios. */
  readonly logs: readonly string[];
  /** What one line says of it: a run of so many events, checks of so many answers. */
  readonly account: string;
  readonly seconds: number;
}

/**
 * The evidence of an event of a log.
 *
 * @example
 * ```ts
 * eventEvidence('logs/S-36-naive.glog', 3121).command; // 'granule debug logs/S-36-naive.glog --at 3121'
 * ```
 */
export function eventEvidence(log: string, seq: number): Evidence {
  return { log, seq, command: `granule debug ${log} --at ${seq}` };
}
