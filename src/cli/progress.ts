/** How far a long command has come: one line on a terminal's standard error, rewritten in place. */
import { formatSeconds } from '../report/format.ts';
import type { OutputStream } from './io.ts';

/** Between two lines: ten a second are as many as an eye follows. */
const INTERVAL_MS = 100;
/** No estimate before this: the first moments say little about the rest. */
const ESTIMATE_AFTER_MS = 500;
const ERASE_LINE = '\r\u001b[K';

/** What a command says of itself while it works. */
export interface ProgressReport {
  /** Done and to do, in one unit; leave `total` out where it is unknown. */
  done: number;
  total?: number;
  /** What else to show: counts, rates. */
  text: string;
}

/**
 * Writes progress to a terminal, and nothing at all to anything else. `now` is in milliseconds.
 *
 * @example
 * ```ts
 * const progress = new Progress(new TextStream());
 * progress.report({ done: 1, total: 2, text: '1 of 2 files' });
 * progress.shown; // 0
 * ```
 */
export class Progress {
  /** Lines written so far. */
  shown = 0;
  readonly #stream: OutputStream;
  readonly #now: () => number;
  readonly #startMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(stream: OutputStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
    this.#startMs = now();
  }

  /** Whether anybody would see a report: lets a caller do without making one. */
  get wanted(): boolean {
    return this.#stream.isTTY === true && this.#now() - this.#lastMs >= INTERVAL_MS;
  }

  /** Shows a report, unless the last one is too fresh. */
  report(report: ProgressReport): void {
    if (!this.wanted) return;
    const now = this.#now();
    this.#lastMs = now;
    this.shown += 1;
    const line = `${this.#share(report)}${report.text}${this.#estimate(report, now)}`;
    const width = this.#stream.columns ?? line.length;
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
