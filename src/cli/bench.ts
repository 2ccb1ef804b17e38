/**
 * The benchmark: `npm run bench`, with `-- --json` a list of {"name","value","unit","reach","holds"}. With `-- --scale` the
 * benchmark of size in its place, with `-- --inspector` that of the web inspector, with `-- --debugger` the commands of the
 * debugger, with `-- --wires` what it costs to watch alone, with `-- --explore` searches of orders. Where peak memory is
 * measured, a child process does the work: its peak is then its own.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchText, FULL_SIZE, runBench } from '../report/bench.ts';
import { longLogYardsticks, SCALE_LOG } from '../report/benchLongLog.ts';
import { peakYardstick } from '../report/benchPeak.ts';
import { GROWTH_BASE, growthByTen, LARGE_RUN, largeRunYardsticks } from '../report/benchScale.ts';
import { wireYardsticks } from '../report/benchWires.ts';
import type { Yardstick } from '../report/yardstick.ts';
import { EXPLORED_STATES, exploreYardsticks } from './benchExplore.ts';
import { DEBUGGER_EVENTS, debuggerYardsticks } from './benchDebugger.ts';
import { INSPECTED, inspectorYardsticks } from './benchInspector.ts';
import { Progress } from './progress.ts';

/** What a child is told. */
const LARGE_RUN_FLAG = '--large-run';
const PEAK_FLAG = '--peak';
const PEAK_TRACE = 'sqlite-kernel';
/** The heap may take all of what the run may; a young generation of this size saves a fifth of the run's CPU time. */
const HEAP = ['--max-old-space-size=4096', '--max-semi-space-size=128'];
/** Of each pair of sizes; the median counts. */
const REPEATS = 3;

const progress = new Progress(process.stderr);
const report = (text: string): void => progress.report({ done: 0, text: `measuring ${text}` });

/** The yardsticks that a child measures. */
function measuredBy(...args: readonly string[]): Yardstick[] {
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Yardstick[];
}

function measurePeaks(): Yardstick[] {
  report('peak memory');
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  const path = join(folder, 'run.glog');
  try {
    return ['run', 'replay'].flatMap((what) => measuredBy(fileURLToPath(import.meta.url), PEAK_FLAG, what, path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measureScale(): Yardstick[] {
  report('a run of 10 million events');
  const large = measuredBy(...HEAP, fileURLToPath(import.meta.url), LARGE_RUN_FLAG);
  report('growth by ten');
  const growth = growthByTen(GROWTH_BASE, REPEATS);
  report('a log of ten million events');
  return [...large, ...growth, ...longLogYardsticks(SCALE_LOG)];
}

async function measured(): Promise<Yardstick[]> {
  if (process.argv.includes('--scale')) return measureScale();
  if (process.argv.includes('--inspector')) return inspectorYardsticks(INSPECTED, report);
  if (process.argv.includes('--debugger')) return debuggerYardsticks(DEBUGGER_EVENTS);
  if (process.argv.includes('--explore')) return exploreYardsticks(EXPLORED_STATES);
  if (process.argv.includes('--wires')) return wireYardsticks(FULL_SIZE);
  return [...(await runBench(FULL_SIZE, report)), ...measurePeaks()];
}

const [, , flag, what, path] = process.argv;
if (flag === LARGE_RUN_FLAG) process.stdout.write(JSON.stringify(largeRunYardsticks(LARGE_RUN)));
else if (flag === PEAK_FLAG && path !== undefined) {
  process.stdout.write(JSON.stringify([peakYardstick(what === 'run' ? 'run' : 'replay', PEAK_TRACE, path)]));
} else {
  const yardsticks = await measured();
  progress.end();
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(yardsticks)}\n` : benchText(yardsticks));
  process.exitCode = yardsticks.some(({ holds }) => holds === false) ? 1 : 0;
}
