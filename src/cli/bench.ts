/** The benchmark: `npm run bench`, with `-- --json` a list of {"name","value","unit","reach","holds"}. */
import { benchText, FULL_SIZE, runBench } from '../report/bench.ts';
import { Progress } from './progress.ts';

const progress = new Progress(process.stderr);
const yardsticks = await runBench(FULL_SIZE, (text) => progress.report({ done: 0, text: `measuring ${text}` }));
progress.end();
process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(yardsticks)}\n` : benchText(yardsticks));
process.exitCode = yardsticks.some(({ holds }) => holds === false) ? 1 : 0;
