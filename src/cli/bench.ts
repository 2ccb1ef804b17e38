/**
 * The benchmark: `npm run bench`, with `-- --json` a list of {"name","value","unit","reach","holds"}. With `-- --scale` the
 * benchmark of size in its place, whose large run is a child process: its peak memory is then its own.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { benchText, FULL_SIZE, runBench } from '../report/bench.ts';
import { HOSTILE_SIZE, hostileYardsticks } from '../report/benchHostile.ts';
import { longLogYardsticks, SCALE_LOG } from '../report/benchLongLog.ts';
import { GROWTH_BASE, growthByTen, LARGE_RUN, largeRunYardsticks } from '../report/benchScale.ts';
import type { Yardstick } from '../report/yardstick.ts';
import { Progress } from './progress.ts';

/** What the child is told. */
const LARGE_RUN_FLAG = '--large-run';
/** The heap may take all of what the run may; a young generation of this size saves a fifth of the run's CPU time. */
const HEAP = ['--max-old-space-size=4096', '--max-semi-space-size=128'];
/** Of each pair of sizes; the median counts. */
const REPEATS = 3;

const progress = new Progress(process.stderr);
const report = (text: string): void => progress.report({ done: 0, text: `measuring ${text}` });

function measureScale(): Yardstick[] {
  report('a run of 10 million events');
  const child = [...HEAP, fileURLToPath(import.meta.url), LARGE_RUN_FLAG];
  const large = JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' })) as Yardstick[];
  report('growth by ten');
  const growth = growthByTen(GROWTH_BASE, REPEATS);
  report('random accesses to 1 GiB');
  const hostile = hostileYardsticks(HOSTILE_SIZE);
  report('a log of ten million events');
  return [...large, ...growth, ...hostile, ...longLogYardsticks(SCALE_LOG)];
}

if (process.argv.includes(LARGE_RUN_FLAG)) process.stdout.write(JSON.stringify(largeRunYardsticks(LARGE_RUN)));
else {
  const yardsticks = process.argv.includes('--scale') ? measureScale() : await runBench(FULL_SIZE, report);
  progress.end();
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(yardsticks)}\n` : benchText(yardsticks));
  process.exitCode = yardsticks.some(({ holds }) => holds === false) ? 1 : 0;
}
