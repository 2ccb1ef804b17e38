/** How far a long command has come: one line on a terminal's standard error, rewritten in place; elsewhere a line now and then. */
import { formatSeconds } from '../report/format.ts';
import type { OutputStream } from './io.ts';

/** Between two lines: ten a second are as many as an eye follows. */
const INTERVAL_MS = 100;
/** No estimate before this: the first moments say little about the rest. */
const ESTIMATE_AFTER_MS = 500;
/** Between two lines in a file that somebody may follow. */
const LINE_INTERVAL_MS = 30_000;
const ERASE_LINE = '\r\u001b[K';

/** What a command says of itself while it works. */
export interface ProgressReport {
  /** Done and to do, in one unit; leave `total` out where it is unknown. */
  done: number;
  total?: number;
  /** What else to show: counts, rates. */
  text: string;
}

/** Where a progress line differs from the usual one. */
export interface ProgressOptions {
  /** Write whole lines, now and then, to what is no terminal: for commands that take hours. */
  lines?: boolean;
}

/**
 * Writes progress to a terminal, and nothing to anything else unless lines are asked for. `now` is in milliseconds.
 *
 * @example
 * ```ts
 * const progress = new Progress(new TextStream());
 * progress.report({ done: 1, total: 2, text: '1 of 2 files' });
 * progress.shown; // 0
 * ```
 */
export class Progress {
  /** Times that the line was written, since it was last taken away. */
  shown = 0;
  readonly #stream: OutputStream;
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #intervalMs: number;
  #lastMs: number;

  constructor(
    stream: OutputStream,
    now: () => number = () => performance.now(),
    { lines = false }: ProgressOptions = {},
  ) {
    this.#stream = stream;
    this.#now = now;
    this.#startMs = now();
    const elsewhere = lines ? LINE_INTERVAL_MS : Number.POSITIVE_INFINITY;
    this.#intervalMs = stream.isTTY === true ? INTERVAL_MS : elsewhere;
    this.#lastMs = stream.isTTY === true ? Number.NEGATIVE_INFINITY : this.#startMs;
  }

  /** Whether anybody would see a report: lets a caller do without making one. */
  get wanted(): boolean {
    return this.#now() - this.#lastMs >= this.#intervalMs;
  }

  /** Shows a report, unless the last one is too fresh. */
  report(report: ProgressReport): void {
    if (!this.wanted) return;
    const now = this.#now();
    this.#lastMs = now;
    const line = `${this.#share(report)}${report.text}${this.#estimate(report, now)}`;
    if (this.#stream.isTTY !== true) {
      this.#stream.write(`${line}\n`);
      return;
    }
    this.shown += 1;
    // A terminal that does not know its width says 0.
    const width = this.#stream.columns || line.length;
    this.#stream.write(ERASE_LINE + line.slice(0, width));
  }

  /** Takes the line away: call it before anything else is written. */
  end(): void {
    if (this.shown > 0) this.#stream.write(ERASE_LINE);
    this.shown = 0;
  }

  #share({ done, total }: ProgressReport): string {
    if (total === undefined || total === 0) return '';
    return `${String(Math.min(100, Math.floor((100 * done) / total))).padStart(3)} %  `;
  }

  #estimate({ done, total }: ProgressReport, now: number): string {
    const spentMs = now - this.#startMs;
    if (total === undefined || done === 0 || done >= total || spentMs < ESTIMATE_AFTER_MS) return '';
    return `, ${formatSeconds(Math.ceil((spentMs * (total - done)) / done / 1000))} left`;
  }
}
