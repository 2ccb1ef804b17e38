/**
 * The benchmark: `npm run bench`, with `-- --json` a list of {"name","value","unit","reach","holds"}, with `-- --scale` what
 * takes many minutes as well.
 */
import { benchText, FULL_SIZE, runBench } from '../report/bench.ts';
import { longLogYardsticks, SCALE_LOG } from '../report/benchLongLog.ts';
import { Progress } from './progress.ts';

const progress = new Progress(process.stderr);
const yardsticks = await runBench(FULL_SIZE, (text) => progress.report({ done: 0, text: `measuring ${text}` }));
if (process.argv.includes('--scale')) {
  progress.report({ done: 0, text: 'measuring a log of ten million events' });
  yardsticks.push(...longLogYardsticks(SCALE_LOG));
}
progress.end();
process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(yardsticks)}\n` : benchText(yardsticks));
process.exitCode = yardsticks.some(({ holds }) => holds === false) ? 1 : 0;
