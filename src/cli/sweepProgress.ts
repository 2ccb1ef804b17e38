/** Running a sweep with progress, and an early end on Ctrl-C. */
import { formatCount, formatRate } from '../report/format.ts';
import type { Sweep } from '../sweep/sweep.node.ts';
import type { Cli } from './cli.ts';
import { Interruption } from './interruption.ts';

/** Between two looks at signals and progress. */
const TICK_MS = 100;

/** How a sweep went. */
export interface SweepRun {
  /** Ctrl-C ended it before its time. */
  interrupted: boolean;
  seconds: number;
}

/**
 * Runs a sweep to its end, or until Ctrl-C.
 *
 * @throws GranuleError as `Sweep.run`
 * @example
 * ```ts
 * const sweep = new Sweep({ ready: [], folders: [], workers: 1, logs: null, journal: null });
 * (await runShown(new Cli(textIo('/')), sweep, 0)).interrupted; // false
 * ```
 */
export async function runShown(cli: Cli, sweep: Sweep, points: number): Promise<SweepRun> {
  const progress = cli.progress({ lines: true });
  const interruption = new Interruption();
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let stopping: Promise<void> | null = null;
  const timer = setInterval(() => {
    if (interruption.asked) stopping ??= sweep.stop();
    if (!progress.wanted) return;
    const rate = formatRate(sweep.events / seconds(), 'events');
    const text = `${formatCount(sweep.done)} of ${formatCount(points)} points, ${rate}`;
    progress.report({ done: sweep.references, total: sweep.totalReferences, text });
  }, TICK_MS);
  try {
    await sweep.run();
    return { interrupted: sweep.done < points, seconds: seconds() };
  } finally {
    clearInterval(timer);
    progress.end();
    interruption.end();
  }
}
